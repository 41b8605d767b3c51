/* A login in a container that all of its user's logins share (share = user): which of the processes
 * and terminals in it are this login's. */
#include "keeper.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "run/store/container.h"
#include "run/watch/below.h"
#include "run/watch/limit-event.h"

/* The first major number of ptys (devices.txt); the container has no more than it counts. */
enum { PTY_MAJOR = 136 };

/* Each look reads all of the container's processes, and the user decides how often it is woken. */
enum { LOOK_MS = 1000 };

/* sshd's user side, and the one process that it forks for a command. */
enum { SSHD_TASKS = 2 };

bool gk_keeper_is_shared(const struct gk_keeper *k)
{
	return k->login.policy.share == GK_SHARE_USER && k->login.policy.contain &&
		!gk_keeper_is_trial(k);
}

int gk_keeper_init(const struct gk_keeper *k)
{
	return k->session.joined ? k->session.container.init_pidfd : k->session.init_pidfd;
}

const struct gk_cgroup *gk_keeper_cgroup(const struct gk_keeper *k)
{
	return k->session.joined ? &k->session.container.cgroup : &k->session.cgroup;
}

int gk_keeper_check_room(const struct gk_keeper *k, struct gk_err *err)
{
	const struct gk_cgroup *cg = gk_keeper_cgroup(k);
	struct gk_policy limits = k->login.policy;
	char text[GK_LIMIT_NOTICE_BYTES];
	if (k->mode != GK_LINK_DROP)
		return 0;
	gk_container_limits(&k->session.container, &limits);
	return gk_limit_has_room(cg->leaf_fd, cg->user_fd, SSHD_TASKS, &limits, text, sizeof text) ?
		0 :
		gk_fail(err, -EAGAIN, "%s", text);
}

static void add_pty(pid_t pid, dev_t tty, void *arg)
{
	bool *own = arg;
	(void)pid;
	if (major(tty) == PTY_MAJOR && minor(tty) < GK_TERMINALS_MAX)
		own[minor(tty)] = true;
}

void gk_keeper_find_ptys(struct gk_keeper *k)
{
	int64_t now = gk_now_ms();
	if (!gk_keeper_is_shared(k) || (k->ptys_found_ms && now - k->ptys_found_ms < LOOK_MS))
		return;
	k->ptys_found_ms = now;
	memset(k->own_pty, 0, sizeof k->own_pty);
	/* One that the caller has brought from outside has its number on the host. */
	if (k->outer_tty < 0)
		gk_below_each(gk_keeper_cgroup(k), k->login.caller.parent, add_pty, k->own_pty);
}
