/* In a container that logins share: the processes of one login, which are those below one process,
 * its command or its daemon. What has left its parent (a tmux server) is nobody's. */
#ifndef GK_RUN_WATCH_BELOW_H
#define GK_RUN_WATCH_BELOW_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "run/cgroup/cgroup.h"

/* Zeroed before its first use. */
struct gk_below {
	struct gk_below_process {
		pid_t pid;
		int pidfd;
	} * processes;
	size_t n, room;
};

/* Calls fn for each process of the cgroup that is top or below it, with its terminal (proc(5)). A
 * top of 0 is nobody. */
void gk_below_each(const struct gk_cgroup *cg, pid_t top,
	void (*fn)(pid_t pid, dev_t tty, void *arg), void *arg);

/* Signals those that are found now, and those that were found before and have lost their parent
 * since. To be killed they are stopped first, until there are no new ones: what dies first would
 * let its parent start the next. top must not have been waited for, or be 0. As many are found as
 * there is memory and RLIMIT_NOFILE for. */
void gk_below_signal(struct gk_below *b, const struct gk_cgroup *cg, pid_t top, int sig);

/* Whether all that were found have ended. */
bool gk_below_has_ended(const struct gk_below *b);

/* Leaves it as it was before its first use. */
void gk_below_close(struct gk_below *b);

#endif
