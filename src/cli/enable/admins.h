/* Who can still repair the host: administrators outside of containers. */
#ifndef GK_CLI_ENABLE_ADMINS_H
#define GK_CLI_ENABLE_ADMINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "plan/config.h"
#include "plan/identity.h"

/* What contains them, besides gocker-shell in the passwd entry. */
struct gk_admin_view {
	bool pam; /* the PAM door, */
	const struct gk_config
		*config;         /* but for whom this spares (NULL: can't be read, so nobody) */
	const char *break_glass; /* and for the members of this group, if not NULL */
	const char *without;     /* an account that is not to be counted, or NULL */
};

/* Whether the account has this group; false for no group. */
bool gk_is_member(const struct gk_identity *who, const char *group);

/* The first of sudo, admin and wheel that the account is a member of, else NULL. */
const char *gk_admin_group_of(const struct gk_identity *who);

/* How many members of sudo, admin and wheel, whose group it is by the passwd entry or by the
 * group's, can log in, are not uid 0 and are contained by nothing. */
size_t gk_admins_free(const struct gk_admin_view *view, struct gk_arena *arena);

/* The view of a host as it stands: the PAM door by the lines in sshd's stack. */
struct gk_admin_view gk_admin_view_now(const struct gk_config *config, struct gk_arena *arena);

#endif
