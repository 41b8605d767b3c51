/* A trial login: the whole way of a login up to a command that does nothing, for one user. */
#ifndef GK_CLI_ENABLE_TRIAL_H
#define GK_CLI_ENABLE_TRIAL_H

#include "base/err.h"
#include "cli/enable/reach.h"

/* Tries what gocker-shell would do for the user: policy, image, home, limits, container, shell. It
 * counts against none of his limits and shows in none of his sessions' places; his home is opened,
 * nothing in it is read or written. Returns 0, or -errno with err. Nothing of it is left, and
 * nothing of it is logged. At most 30 seconds. */
int gk_trial_shell(const char *user, struct gk_err *err);

/* The same, and tries before the command what is reached from inside: at most GK_REACH_MOST places,
 * whose ends are filled in. */
int gk_trial_reach(const char *user, struct gk_reach *list, size_t n, struct gk_err *err);

/* The same through the PAM door, by libpam with gocker's own line alone, in the service
 * gocker-trial. At most 60 seconds. */
int gk_trial_pam(const char *user, struct gk_err *err);

/* The same for somebody who must be let through uncontained: root. */
int gk_trial_pam_free(const char *user, struct gk_err *err);

/* What a trial must come to. */
enum gk_trial_end {
	GK_TRIAL_CONTAINED,
	GK_TRIAL_FREE,           /* let through uncontained */
	GK_TRIAL_ACCOUNT_REFUSED /* the account part returns PAM_PERM_DENIED; no session is opened
				  */
};

/* The account and session parts of a service's real stack, with all its modules, as the service
 * would run them for the user; nothing is authenticated. The session counts against none of the
 * user's limits and is not recorded in utmp by gocker; what the other modules do for a login, they
 * do. Returns 0, or -errno with err. At most 60 seconds. */
int gk_trial_stack(
	const char *service, const char *user, enum gk_trial_end end, struct gk_err *err);

#endif
