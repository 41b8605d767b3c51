/* Step 9: dropping every privilege, and proving it. */
#ifndef GK_RUN_CREDS_H
#define GK_RUN_CREDS_H

#include <stdint.h>

#include "base/err.h"
#include "plan/plan.h"

/* Drops to the plan's ids: bounding set, groups, gid, uid, all capability sets; then proves it by
 * trying to regain what must be gone and by reading back. The parent-death signal is lost on the
 * way (prctl(2)). Returns 0 or -errno; on failure the process must not go on. */
int gk_creds_drop(const struct gk_credentials *cred, struct gk_err *err);

/* Keeps uid 0 but only the capabilities in caps (bits), bounding set included, and sets
 * no_new_privs: for the supervisor (0) and init (CAP_KILL). */
int gk_creds_reduce(uint64_t caps, struct gk_err *err);

#endif
