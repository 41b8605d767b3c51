/* Two filters of the module's own, for what a daemon forks. Both need CAP_SYS_ADMIN or
 * no_new_privs, and hold for everything below (seccomp(2)). */
#ifndef GK_PAM_FILTER_H
#define GK_PAM_FILTER_H

/* Neither this process nor any below it executes anything. Returns 0 or -errno. */
int gk_filter_execute_nothing(void);

/* Neither types into a terminal (TIOCSTI, TIOCLINUX: EPERM), by a call of whatever architecture the
 * kernel knows. Everything else is allowed. Returns 0 or -errno. */
int gk_filter_type_nothing(void);

#endif
