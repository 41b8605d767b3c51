/* Which sections of a configuration make policies that no login can have a plan for. */
#ifndef GK_CLI_CHECK_PLAN_H
#define GK_CLI_CHECK_PLAN_H

#include "base/arena.h"
#include "plan/config.h"

/* Adds a warning for each section but [gocker] that refuses the logins of a user to whom it and
 * [default] apply (a volume over /proc, net_deny without network = private), with the line that
 * does it, or the section's where no single line does. Returns 0 or -ENOMEM. */
int gk_check_plans(
	const struct gk_config *config, struct gk_arena *arena, struct gk_faults *warnings);

#endif
