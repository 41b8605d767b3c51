/* A login, as each door decides it. */
#ifndef GK_RUN_BUILD_LOGIN_H
#define GK_RUN_BUILD_LOGIN_H

#include "base/arena.h"
#include "base/err.h"
#include "plan/config.h"
#include "plan/plan.h"
#include "run/build/join.h"
#include "run/privilege/cleanse.h"

/* From top to bottom in the order in which a door learns it; zeros at first. */
struct gk_login {
	struct gk_arena arena; /* holds whatever the others point to */
	struct gk_caller caller;
	struct gk_config config;
	struct gk_identity who;
	struct gk_policy policy; /* of config, for who */
	struct gk_request request;
	char id[GK_ID_BYTES]; /* of the session */
	struct gk_plan plan;
	bool joins;          /* it is one of several in a container: share = user */
	struct gk_join join; /* that container */
};

/* Who and config are known: sets l->policy. Returns 0 or the -errno of gk_policy_for. */
int gk_login_policy(struct gk_login *l, struct gk_err *err);

/* Chooses l->id, for the request as well. Returns 0 or -errno. */
int gk_login_new_id(struct gk_login *l);

/* The last step of a decision: from who, policy and request to the plan, with what the host and the
 * image say (gk_image_facts), and where the login joins to the plan of the container. Returns 0 or
 * -errno with the reason for whoever is refused. */
int gk_login_plan(struct gk_login *l, struct gk_err *err);

#endif
