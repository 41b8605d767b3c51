/* What logind wants of a user's processes, for a container that no login's end ends (share = user
 * with linger). Read from its files and not over D-Bus: no login waits for a bus, and none is
 * needed. */
#ifndef GK_RUN_WATCH_LOGIND_H
#define GK_RUN_WATCH_LOGIND_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether logind ends what this user leaves running at a logout: KillUserProcesses= and the like in
 * logind.conf(5), unless the user lingers (loginctl(1), enable-linger). Always 0 on a host without
 * systemd. A default that was compiled in is not seen: it is "no" on Debian and Fedora. Returns 1,
 * 0 or -errno where the configuration cannot be read. */
int gk_logind_kills(const char *user);

/* An inotify descriptor for gk_logind_is_ending, or -1. */
int gk_logind_open(void);

/* Whether an administrator ends all that the user has (`loginctl terminate-user`). To be called
 * when the descriptor is readable, and after a login, which is when logind makes the user's file.
 */
bool gk_logind_is_ending(int inotify, uid_t uid);

#endif
