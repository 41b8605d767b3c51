/* The holder of a container that a user's logins share (share = user): the parent of its init, and
 * no login's. It ends the container when nobody needs it any more; its own death ends it too. */
#ifndef GK_RUN_WATCH_HOLDER_H
#define GK_RUN_WATCH_HOLDER_H

#include <stdint.h>

#include "base/err.h"
#include "plan/plan.h"
#include "run/privilege/cleanse.h"
#include "run/store/record.h"

struct gk_holder {
	const struct gk_plan *plan; /* the container's (gk_plan_make_container) */
	const struct gk_caller *caller;
	struct gk_slot slot; /* taken by gk_container_find */
	uint64_t digest;     /* of the policy */
};

/* Makes the container: starts the holder, a process of no session and of no cgroup of the login's,
 * and waits until the container can be joined. To be called under the lock, by a process that is
 * out of its user's reach. The slot is the holder's from then on. Returns 0 or -errno. */
int gk_holder_start(struct gk_holder *h, struct gk_err *err);

/* What a signal to a holder asks for besides SIGTERM, which ends the container by steps
 * (run/watch/shutdown.h): that nobody joins any more and that it ends with its last process. */
#define GK_HOLDER_DRAIN SIGUSR1

#endif
