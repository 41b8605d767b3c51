/* One more command in a session that lives: its cgroup, its namespaces, its confinement. */
#ifndef GK_RUN_BUILD_ENTER_H
#define GK_RUN_BUILD_ENTER_H

#include <sys/types.h>

#include "base/err.h"
#include "plan/plan.h"
#include "run/cgroup/cgroup.h"
#include "run/privilege/cleanse.h"
#include "run/build/tty.h"

struct gk_enter {
	const struct gk_plan *plan; /* who it runs as, and what */
	const struct gk_caller *caller;
	const struct gk_cgroup *cgroup; /* of the session */
	int init_pidfd;                 /* verified to be of that cgroup */
	struct gk_tty tty;              /* GK_TTY_RELAY: with a terminal of the session's own */

	int pidfd;  /* out: the command */
	int master; /* out: of its terminal, or -1 */
};

/* Starts the command and returns when its execve succeeded: 0, or the exit code (125, 126, 127)
 * with err. The command is a child of this process, which stays outside; it is in the session's
 * leaf, so that its limits hold, and ends with the session's init, as all in that PID namespace do.
 */
int gk_enter_start(struct gk_enter *e, struct gk_err *err);

#endif
