/* One more command in a session that lives: its cgroup, its namespaces, its confinement. */
#ifndef GK_RUN_BUILD_ENTER_H
#define GK_RUN_BUILD_ENTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "plan/plan.h"
#include "run/cgroup/cgroup.h"
#include "run/privilege/cleanse.h"
#include "run/build/agent.h"
#include "run/build/tty.h"

struct gk_enter {
	const struct gk_plan *plan; /* who it runs as, and what */
	const struct gk_caller *caller;
	const struct gk_cgroup *cgroup; /* of the session */
	int init_pidfd;                 /* verified to be of that cgroup */
	struct gk_tty tty;              /* GK_TTY_RELAY: with a terminal of the session's own */
	int stdio;             /* what the command asks for 0-2 (gk_stdio); -1: it has them */
	bool follow;           /* the command ends with this process */
	struct gk_agent agent; /* of a login in a shared container */
	bool past_limit;       /* also where the session has as many tasks as it may */

	pid_t pid;  /* out: the command, 0: none */
	int pidfd;  /* out: the command */
	int master; /* out: of its terminal, or -1 */

	int link, report, gate; /* between gk_enter_begin and gk_enter_go */
};
#define GK_ENTER_INIT \
	((struct gk_enter){ .init_pidfd = -1, \
		.tty = { .fd = -1 }, \
		.stdio = -1, \
		.agent = GK_AGENT_INIT, \
		.pidfd = -1, \
		.master = -1, \
		.link = -1, \
		.report = -1, \
		.gate = -1 })

/* Starts the command and returns when its execve succeeded: 0, or the exit code (125, 126, 127)
 * with err. The command is a child of this process, which stays outside; it is in the session's
 * leaf, so that its limits hold, and ends with the session's init, as all in that PID namespace do.
 */
int gk_enter_start(struct gk_enter *e, struct gk_err *err);

/* The same in two steps. After the first one the command's process is inside, which it has
 * verified, and waits; its terminal is there. Until the second one nothing of the user's runs, and
 * never should this process end. Both return as gk_enter_start; gk_enter_end is to follow a
 * failure. */
int gk_enter_begin(struct gk_enter *e, struct gk_err *err);
int gk_enter_go(struct gk_enter *e, struct gk_err *err);

/* Kills the command, unless it was waited for (pid is 0 then), and closes all but init_pidfd and
 * master. */
void gk_enter_end(struct gk_enter *e);

#endif
