/* The mount table inside, held against the plan. */
#ifndef GK_RUN_BUILD_VERIFY_H
#define GK_RUN_BUILD_VERIFY_H

#include <stdbool.h>

#include "base/err.h"
#include "plan/plan.h"

/* Reads /proc/self/mountinfo in the new root. Each mount that was made (made[i] for
 * plan->mounts[i]) must be there with at least its flags, and nothing else but what lies below a
 * tree of the plan; `/..` must be `/`. Returns 0 or -EPERM. */
int gk_verify_mounts(const struct gk_plan *plan, const bool *made, struct gk_err *err);

#endif
