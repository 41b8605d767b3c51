/* The delegated scope that holds the sessions of the shell door on a host with systemd. */
#ifndef GK_RUN_CGROUP_SCOPE_H
#define GK_RUN_CGROUP_SCOPE_H

#include <stdbool.h>

#include "base/err.h"

/* Where systemd puts the scope below the cgroup v2 mount. */
#define GK_SCOPE_PATH "/sys/fs/cgroup/gocker.slice/gocker.scope"
/* The group in it of the process that keeps it from going away while there is no session. */
#define GK_SCOPE_ANCHOR "anchor"

/* Whether systemd manages this host's cgroups (sd_booted(3): /run/systemd/system exists). */
bool gk_scope_host_has_systemd(void);

/* Whether the scope is there with a living anchor. */
bool gk_scope_is_held(void);

/* Opens the scope's directory. When make is set and it is gone, or its anchor is (it would then
 * vanish under a login that comes as the last session ends), the helper GK_LIBEXECDIR/gocker-scope
 * makes it, bounded in time: the only moment at which a login causes a D-Bus call, and not in
 * this process. Returns an fd or -errno. */
int gk_scope_open(bool make, struct gk_err *err);

#endif
