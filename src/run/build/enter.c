#include "run/build/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/build/payload.h"

/* All at once where the kernel can (5.8); a network that is the host's own is joined again. */
#define SESSION_NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWNET)

/* Enters the session's namespaces and proves that / is no longer the host's. The leaf comes first:
 * on v2 a cgroup namespace hides what is above it. */
static int go_inside(const struct gk_enter *e, struct gk_err *err)
{
	struct stat host, inside = { 0 };
	if (stat("/", &host) < 0)
		return gk_fail_errno(err, -errno, "cannot examine /");
	int r = e->cgroup->v1 ? gk_cgroup_join(e->cgroup) : 0;
	if (r == 0 && setns(e->init_pidfd, SESSION_NAMESPACES) < 0)
		r = -errno;
	if (r == 0 && (chdir("/") < 0 || stat("/", &inside) < 0))
		r = -errno;
	if (r < 0)
		return gk_fail_errno(err, r, "cannot enter the session");
	if (inside.st_dev == host.st_dev && inside.st_ino == host.st_ino)
		return gk_fail(err, -EXDEV, "the session's root was not entered; nothing was run");
	return 0;
}

/* Closes all but 0-2, the report pipe and, where there is a user namespace to enter, the pidfd that
 * leads to it, before anything of the session's is looked at: no path inside can lead to the host
 * through a descriptor of ours. The payload closes the pidfd. */
static int keep_only(int report, int *userns)
{
	unsigned after = (unsigned)report + 1;
	int r = 0;
	if (*userns >= 0) {
		/* Above the report, so that what lies between them can go as well. */
		*userns = fcntl(*userns, F_DUPFD_CLOEXEC, report + 1);
		r = *userns < 0               ? -errno :
			*userns == report + 1 ? 0 :
						gk_sys_close_range(after, (unsigned)*userns - 1);
		after = (unsigned)*userns + 1;
	}
	if (r == 0 && report > 3)
		r = gk_sys_close_range(3, (unsigned)report - 1);
	gk_log_forget();
	return r < 0 ? r : gk_sys_close_range(after, ~0U);
}

static int run_inside(const struct gk_enter *e, int link, int report, struct gk_err *err)
{
	char pty_path[32] = "";
	struct gk_init as_init = { .plan = e->plan,
		.caller = e->caller,
		.tty = e->tty,
		.userns = e->plan->userns_base ? e->init_pidfd : -1,
		.stdio = -1 };
	uint64_t base = e->plan->userns_base;
	int r = go_inside(e, err);
	if (r == 0 && e->tty.mode == GK_TTY_RELAY) {
		gk_autoclose int master = gk_tty_open_inner((uid_t)base + e->plan->cred.uid,
			(gid_t)base + GK_TTY_GID, pty_path, sizeof pty_path, err);
		r = master < 0 ? master : gk_fd_send(link, "m", 1, master);
	}
	if (r == 0)
		r = keep_only(report, &as_init.userns);
	if (r == 0)
		r = gk_creds_bound(e->plan->cred.caps, err);
	if (r < 0) {
		gk_fail_errno(err, r, "cannot enter the session");
		return GK_EXIT_GOCKER;
	}
	return gk_payload_exec(&as_init, *pty_path ? pty_path : NULL, report, -1, err);
}

struct told {
	int code;
	struct gk_err err;
};

static void child(const struct gk_enter *e, int link, int report) __attribute__((noreturn));
static void child(const struct gk_enter *e, int link, int report)
{
	struct told told = { 0 };
	told.code = run_inside(e, link, report, &told.err);
	(void)!write(report, &told, sizeof told);
	_exit(told.code);
}

static int clone_child(struct gk_enter *e, int link, int report, struct gk_err *err)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | (e->cgroup->v1 ? 0ULL : CLONE_INTO_CGROUP),
		.pidfd = (uint64_t)(uintptr_t)&e->pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = e->cgroup->v1 ? 0ULL : (unsigned long long)e->cgroup->leaf_fd,
	};
	/* For children only; this process stays in the host's. */
	if (setns(e->init_pidfd, CLONE_NEWPID) < 0)
		return gk_fail_errno(err, -errno, "cannot enter the session");
	pid_t pid = gk_sys_clone3(&args);
	if (pid == 0)
		child(e, link, report);
	if (pid < 0)
		return gk_fail_errno(err, pid,
			pid == -EAGAIN ? "the session is at its limit of tasks" :
					 "cannot enter the session");
	return 0;
}

int gk_enter_start(struct gk_enter *e, struct gk_err *err)
{
	int pair[2], report[2];
	e->pidfd = e->master = -1;
	if (pipe2(report, O_CLOEXEC) < 0) {
		gk_fail_errno(err, -errno, "cannot start the command");
		return GK_EXIT_GOCKER;
	}
	gk_autoclose int from = report[0], to = report[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		gk_fail_errno(err, -errno, "cannot start the command");
		return GK_EXIT_GOCKER;
	}
	gk_autoclose int ours = pair[0], theirs = pair[1];
	if (clone_child(e, theirs, to, err) < 0)
		return GK_EXIT_GOCKER;
	gk_close_fd(&to);
	gk_close_fd(&theirs);
	char byte;
	if (e->tty.mode == GK_TTY_RELAY)
		(void)gk_fd_recv(ours, &byte, 1, &e->master);
	struct told told = { 0 };
	ssize_t n = read(from, &told, sizeof told);
	if (n == (ssize_t)sizeof told) {
		*err = told.err;
		return told.code ? told.code : GK_EXIT_GOCKER;
	}
	if (n == 0 && (e->tty.mode != GK_TTY_RELAY || e->master >= 0))
		return 0;
	gk_fail(err, -EIO, "the command could not be started");
	return GK_EXIT_GOCKER;
}
