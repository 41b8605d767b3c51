/* What a configuration names that this host does not have. */
#ifndef GK_CLI_CHECK_HOST_H
#define GK_CLI_CHECK_HOST_H

#include <stdbool.h>

#include "base/arena.h"
#include "plan/config.h"
#include "plan/hostroot.h"

/* Adds a warning with its line for each group, user, image, shell and volume source of the
 * configuration that this host does not have, and for each shell that is a program of another
 * machine's; and for each line of host.allow that does not do what it says. Sources with {user} are
 * not looked for; what is inside images only root can see. Returns 0 or -ENOMEM. */
int gk_check_host(
	const struct gk_config *config, struct gk_arena *arena, struct gk_faults *warnings);

/* Adds a warning while there is room for more. Returns 0, or -ENOMEM, also for a reason or a hint
 * that is NULL. */
int gk_check_warn(struct gk_faults *warnings, unsigned line, const char *reason, const char *hint,
	struct gk_arena *arena);

/* Calls tell for each line of the administrator's allow-list that names nothing on this host, and
 * for each thing that a line of it names and that stays out, with what to do. */
void gk_check_allow(const struct gk_hostroot *host, struct gk_arena *arena,
	void (*tell)(void *arg, const char *reason, const char *hint), void *arg);

/* Whether some section has network = private, by pasta or by the bridge. */
bool gk_check_wants_network(const struct gk_config *config);
bool gk_check_wants_bridge(const struct gk_config *config);

#endif
