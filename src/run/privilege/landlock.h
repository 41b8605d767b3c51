/* Landlock: what a session's programs can reach, where the kernel can be told (landlock(7)). */
#ifndef GK_RUN_PRIVILEGE_LANDLOCK_H
#define GK_RUN_PRIVILEGE_LANDLOCK_H

#include <stdbool.h>

#include "base/err.h"

/* Whether this kernel can keep a process from abstract unix sockets: Landlock ABI 6, Linux 6.12,
 * and not turned off at boot. */
bool gk_landlock_can_scope(void);

/* Keeps this process, which has no_new_privs, and all that it starts from abstract unix sockets
 * that other processes made: connect(2) and sendto(2) fail with EPERM. It can't be undone. Where
 * the kernel can't, nothing happens. Returns 0 or -errno with err. */
int gk_landlock_scope(struct gk_err *err);

#endif
