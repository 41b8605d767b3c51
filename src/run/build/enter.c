#include "run/build/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "plan/env.h"
#include "run/privilege/creds.h"
#include "run/build/payload.h"

/* How long a command may take to be ready, as long as a session (session.c). */
enum { READY_TIMEOUT_MS = 30000 };

/* All at once where the kernel can (5.8); a network that is the host's own is joined again. */
#define SESSION_NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWNET)

/* What the command's process keeps besides 0-2. Everything else is closed before anything of the
 * session's is looked at: no path inside can lead to the host through a descriptor of ours. */
struct kept {
	int report, gate, stdio, userns;
	bool moves; /* it is not in the leaf yet */
};

/* Enters the session's namespaces and proves that / is no longer the host's. The leaf comes first:
 * on v2 a cgroup namespace hides what is above it. */
static int go_inside(const struct gk_enter *e, const struct kept *kept, struct gk_err *err)
{
	struct stat host, inside = { 0 };
	if (stat("/", &host) < 0)
		return gk_fail_errno(err, -errno, "cannot examine /");
	int r = kept->moves ? gk_cgroup_join(e->cgroup) : 0;
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

static int keep_only(const struct kept *k)
{
	int keep[] = { k->report, k->gate, k->stdio, k->userns };
	int r = gk_fd_keep_only(keep, sizeof keep / sizeof *keep);
	gk_log_forget();
	return r;
}

/* sshd has told the login that it has a terminal, by its name on the host. */
static bool tells_tty(const struct gk_enter *e)
{
	for (const char *const *v = e->caller->env; e->follow && v && *v; v++)
		if (strncmp(*v, "SSH_TTY=", 8) == 0)
			return true;
	return false;
}

/* The environment with the terminal's name inside. buf and ret keep what is returned. */
static const char *const *with_tty(
	const char *const *env, const char *path, char *buf, size_t size, const char **ret)
{
	size_t n = 0;
	for (; n < GK_ENV_VARS && env[n]; n++)
		ret[n] = env[n];
	snprintf(buf, size, "SSH_TTY=%s", path);
	ret[n] = buf;
	ret[n + 1] = NULL;
	return ret;
}

static int run_inside(
	const struct gk_enter *e, int link, const struct kept *kept, struct gk_err *err)
{
	char pty_path[32] = "", tty[48];
	struct gk_init as_init = { .plan = e->plan,
		.caller = e->caller,
		.tty = e->tty,
		.userns = kept->userns,
		.stdio = kept->stdio,
		.follow = e->follow };
	uint64_t base = e->plan->userns_base;
	gk_autoclose int master = -1;
	int r = go_inside(e, kept, err);
	if (r == 0 && e->tty.mode == GK_TTY_RELAY)
		r = master = gk_tty_open_inner((uid_t)base + e->plan->cred.uid,
			(gid_t)base + GK_TTY_GID, pty_path, sizeof pty_path, err);
	/* A login goes on without it. */
	if (r >= 0)
		(void)gk_agent_attach(&e->agent);
	/* That it is inside, with its terminal. */
	if (r >= 0)
		r = gk_fd_send(link, "i", 1, master);
	gk_close_fd(&master);
	if (r == 0)
		r = keep_only(kept);
	if (r == 0)
		r = gk_creds_bound(e->plan->cred.caps, err);
	if (r < 0) {
		gk_fail_errno(err, r, "cannot enter the session");
		return GK_EXIT_GOCKER;
	}
	const char *env[GK_ENV_VARS + 2];
	struct gk_plan plan = *e->plan;
	if (*pty_path && tells_tty(e))
		plan.env = with_tty(plan.env, pty_path, tty, sizeof tty, env);
	as_init.plan = &plan;
	return gk_payload_exec(
		&as_init, *pty_path ? pty_path : NULL, kept->report, kept->gate, err);
}

struct told {
	int code;
	struct gk_err err;
};

static void child(const struct gk_enter *e, int link, const struct kept *kept)
	__attribute__((noreturn));
static void child(const struct gk_enter *e, int link, const struct kept *kept)
{
	struct told told = { 0 };
	told.code = run_inside(e, link, kept, &told.err);
	(void)!write(kept->report, &told, sizeof told);
	_exit(told.code);
}

/* Returns the child's number, 0 in the child, or -errno. */
static pid_t clone_where(struct gk_enter *e, bool into_leaf)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | (into_leaf ? CLONE_INTO_CGROUP : 0ULL),
		.pidfd = (uint64_t)(uintptr_t)&e->pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = into_leaf ? (unsigned long long)e->cgroup->leaf_fd : 0ULL,
	};
	return gk_sys_clone3(&args);
}

/* The kernel counts who moves to a cgroup, and refuses none (cgroup-v2.rst, "PID"): a user whose
 * programs use up all tasks can still log in and end them. On v1 that is how all come in. */
static pid_t clone_task(struct gk_enter *e, struct kept *kept)
{
	kept->moves = e->cgroup->v1;
	pid_t pid = clone_where(e, !kept->moves);
	if (pid != -EAGAIN || !e->past_limit || kept->moves)
		return pid;
	kept->moves = true;
	return clone_where(e, false);
}

static int clone_child(struct gk_enter *e, int link, struct kept *kept, struct gk_err *err)
{
	gk_autoclose int self = gk_sys_pidfd_open(getpid());
	/* For children only; this process stays in the host's. */
	if (self < 0 || setns(e->init_pidfd, CLONE_NEWPID) < 0)
		return gk_fail_errno(err, self < 0 ? self : -errno, "cannot enter the session");
	pid_t pid = clone_task(e, kept);
	if (pid == 0) {
		/* Held here as well, the gate would never be seen to close. */
		gk_close_fd(&e->gate);
		child(e, link, kept);
	}
	if (pid < 0) {
		e->pidfd = -1;
		return gk_fail_errno(err, pid,
			pid == -EAGAIN ? "the session is at its limit of tasks" :
					 "cannot enter the session");
	}
	e->pid = pid;
	/* Later ones (the relay's guard) are the host's, and can be made when the session is gone.
	 */
	return setns(self, CLONE_NEWPID) < 0 ?
		gk_fail_errno(err, -errno, "cannot enter the session") :
		0;
}

/* Waits for what the command's process says on fd. Returns 0, or the exit code with err. */
static int await(int fd, struct gk_err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;
	while ((n = poll(&p, 1, READY_TIMEOUT_MS)) < 0 && errno == EINTR)
		;
	if (n > 0)
		return 0;
	gk_fail(err, -ETIMEDOUT, "the command was not ready within %d seconds",
		READY_TIMEOUT_MS / 1000);
	return GK_EXIT_GOCKER;
}

/* Reads why the command could not be started, if so: the end of the pipe is its execve. */
static int read_report(const struct gk_enter *e, struct gk_err *err)
{
	struct told told = { 0 };
	ssize_t n = read(e->report, &told, sizeof told);
	if (n == 0)
		return 0;
	if (n == (ssize_t)sizeof told) {
		told.err.msg[sizeof told.err.msg - 1] = '\0';
		told.err.detail[sizeof told.err.detail - 1] = '\0';
		*err = told.err;
		return told.code ? told.code : GK_EXIT_GOCKER;
	}
	gk_fail(err, -EIO, "the command could not be started");
	return GK_EXIT_GOCKER;
}

int gk_enter_begin(struct gk_enter *e, struct gk_err *err)
{
	int pair[2], report[2], gate[2];
	if (pipe2(report, O_CLOEXEC) < 0) {
		gk_fail_errno(err, -errno, "cannot start the command");
		return GK_EXIT_GOCKER;
	}
	e->report = report[0];
	gk_autoclose int to = report[1];
	if (pipe2(gate, O_CLOEXEC) < 0) {
		gk_fail_errno(err, -errno, "cannot start the command");
		return GK_EXIT_GOCKER;
	}
	e->gate = gate[1];
	gk_autoclose int outside = gate[0];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		gk_fail_errno(err, -errno, "cannot start the command");
		return GK_EXIT_GOCKER;
	}
	e->link = pair[0];
	gk_autoclose int theirs = pair[1];
	struct kept kept = { .report = to,
		.gate = outside,
		.stdio = e->stdio,
		.userns = e->plan->userns_base ? e->init_pidfd : -1 };
	if (clone_child(e, theirs, &kept, err) < 0)
		return GK_EXIT_GOCKER;
	gk_close_fd(&to);
	gk_close_fd(&outside);
	gk_close_fd(&theirs);
	char byte;
	int code = await(e->link, err);
	if (code != 0)
		return code;
	if (gk_fd_recv(e->link, &byte, 1, &e->master) == 1 &&
		(e->tty.mode != GK_TTY_RELAY || e->master >= 0))
		return 0;
	code = await(e->report, err);
	if (code == 0)
		code = read_report(e, err);
	/* Killed before it could say why. */
	gk_fail(err, -EIO, "the command could not be started");
	return code ? code : GK_EXIT_GOCKER;
}

int gk_enter_go(struct gk_enter *e, struct gk_err *err)
{
	(void)!write(e->gate, "", 1); /* one that is no more has reported why */
	gk_close_fd(&e->gate);
	int code = await(e->report, err);
	if (code == 0)
		code = read_report(e, err);
	gk_close_fd(&e->report);
	gk_close_fd(&e->link);
	return code;
}

int gk_enter_start(struct gk_enter *e, struct gk_err *err)
{
	int code = gk_enter_begin(e, err);
	return code ? code : gk_enter_go(e, err);
}

void gk_enter_end(struct gk_enter *e)
{
	siginfo_t info;
	gk_close_fd(&e->gate);
	if (e->pid > 0 && e->pidfd >= 0) {
		(void)gk_sys_pidfd_send_signal(e->pidfd, SIGKILL);
		while (waitid(P_PIDFD, (id_t)e->pidfd, &info, WEXITED) < 0 && errno == EINTR)
			;
	}
	e->pid = 0;
	gk_close_fd(&e->pidfd);
	gk_close_fd(&e->report);
	gk_close_fd(&e->link);
}
