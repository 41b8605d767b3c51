/* What a configuration names that this host does not have. */
#ifndef GK_CLI_CHECK_HOST_H
#define GK_CLI_CHECK_HOST_H

#include "base/arena.h"
#include "plan/config.h"

/* Adds a warning with its line for each group, user, image, shell and volume source of the
 * configuration that this host does not have, and for each shell that is a program of another
 * machine's. Sources with {user} are not looked for; what is inside images only root can see.
 * Returns 0 or -ENOMEM. */
int gk_check_host(
	const struct gk_config *config, struct gk_arena *arena, struct gk_faults *warnings);

#endif
