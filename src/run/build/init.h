/* Step 10: PID 1 of a session, and the payload that it starts. */
#ifndef GK_RUN_BUILD_INIT_H
#define GK_RUN_BUILD_INIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "plan/plan.h"
#include "run/cgroup/cgroup.h"
#include "run/privilege/cleanse.h"
#include "run/build/rootfs.h"
#include "run/build/tty.h"

/* What init and the supervisor tell each other: one datagram each over a socket pair. */
enum gk_message_kind {
	GK_MSG_BIND = 1, /* supervisor: value is the number of a tree of the plan, with its mount,
			    and path the real path of a home */
	GK_MSG_READY, /* init: the root stands; with the inner pty's master where one is relayed */
	GK_MSG_GO,    /* supervisor: start the payload */
	GK_MSG_STARTED, /* init: the payload's execve succeeded */
	GK_MSG_FAILED,  /* init: value is the exit code (125, 126, 127), err says why */
	GK_MSG_STATUS,  /* init: value is the payload's raw wait status */
};
struct gk_message {
	int kind;
	int value;
	union {
		struct gk_err err;
		char path[1024];
	};
};

/* All that init needs; it shares the supervisor's memory by copy only. */
struct gk_init {
	const struct gk_plan *plan;
	const struct gk_caller *caller;
	const struct gk_cgroup *cgroup;
	struct gk_rootfs_sources sources;
	struct gk_tty tty;
	int link;             /* init's end of the socket pair */
	int userns;           /* what the payload, and then init, enters; with plan->userns_base */
	int stdio;            /* what the payload asks for 0-2 (gk_stdio); -1: it has them */
	int netns;            /* a network that is there already, or -1 */
	bool follow;          /* the payload ends with the process that started it */
	int supervisor_pidfd; /* to notice a supervisor that died before the death signal was set */
};

/* What a signal queued for init (pidfd_send_signal(2), SI_QUEUE) carries that is for the payload's
 * process group, or for the payload alone; any other goes to all that lives inside. */
enum { GK_SIGNAL_GROUP = 1, GK_SIGNAL_PAYLOAD };

/* Runs in the child of the clone and never returns. Without a payload (PAM door: plan->exec_path is
 * NULL) it stays until it is killed. */
void gk_init_main(struct gk_init *init) __attribute__((noreturn));

#endif
