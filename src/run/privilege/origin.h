#ifndef GK_RUN_PRIVILEGE_ORIGIN_H
#define GK_RUN_PRIVILEGE_ORIGIN_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the environment that parent gave to a process of uid is sshd's work, and what it says
 * about where the login comes from can be believed: parent is sshd's user side, whose own parent is
 * the same program with uid 0, or it is a server that has uid 0 itself (dropbear). Whoever starts
 * gocker-shell by hand can say in SSH_CONNECTION what he likes; he can't be such a process: sshd's
 * user side changed its uid, so that it can't be traced (ptrace(2), PR_SET_DUMPABLE). Needs
 * CAP_SYS_PTRACE; false without. */
bool gk_origin_is_proven(pid_t parent, uid_t uid);

#endif
