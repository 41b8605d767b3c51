/* A login that joins the container which its user's logins share (share = user). */
#ifndef GK_RUN_BUILD_JOIN_H
#define GK_RUN_BUILD_JOIN_H

#include <stdint.h>

#include "base/arena.h"
#include "run/build/session.h"

/* The container as it is made where there is none. */
struct gk_join {
	struct gk_plan plan; /* gk_plan_make_container */
	uint64_t digest;     /* of the policy (gk_policy_container_digest) */
	char id[GK_ID_BYTES];
};

/* Plans the container that a login with this plan joins; of request the host's root alone is used.
 * Returns 0 or -errno. */
int gk_join_plan(const struct gk_request *request, const struct gk_identity *who,
	const struct gk_policy *policy, struct gk_arena *arena, struct gk_join *ret,
	struct gk_err *err);

/* As gk_session_open: takes a slot for the login, finds the user's container or has it made, and
 * enters it. When it returns 0 a process that will be the payload is inside, which it has verified,
 * and waits; through the PAM door, whose logins have no payload, the container is there. A
 * container that ends meanwhile is left for the next one. On failure everything of the login's is
 * undone and nothing of the user's ran. */
int gk_join_open(struct gk_session *s, const struct gk_join *join, struct gk_err *err);

#endif
