#include "run/build/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"

enum { READY_TIMEOUT_MS = 25000 }; /* less than a shared container may take (holder.c) */

/* What the process tells of its start. */
struct report {
	int code;
	struct gk_err err;
	struct gk_ports_text ports;
};

/* ---- the process ---- */

static int raise_files(struct gk_err *err)
{
	const rlim_t most = GK_PUBLISH_MOST + GK_CONNECTIONS_MOST * GK_CONNECTION_FDS + 16;
	const struct rlimit files = { most, most };
	return setrlimit(RLIMIT_NOFILE, &files) < 0 ?
		gk_fail_errno(err, -errno, "cannot publish the session's ports") :
		0;
}

/* Gives up everything but what it is for. */
static int confine(const struct gk_forward *f, struct gk_err *err)
{
	const struct gk_credentials nobody = { .uid = f->id, .gid = f->id, .no_new_privs = true };
	int r = setns(f->netns, CLONE_NEWNET) < 0 ? -errno : 0;
	if (r == 0)
		r = gk_creds_bound(0, err);
	if (r == 0)
		r = gk_creds_drop(&nobody, err);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = gk_seccomp_forwarder(err);
	return r < 0 ? gk_fail_errno(err, r, "cannot publish the session's ports") : 0;
}

/* Returns how many listeners it has, or -errno. */
static int prepare(
	const struct gk_forward *f, int kept_ready, int report, int *listeners, struct report *said)
{
	int kept[] = { f->netns, kept_ready, report };
	char byte;
	size_t n = 0;
	(void)prctl(PR_SET_NAME, "gocker-publish", 0, 0, 0);
	/* As everywhere, a write to nobody is an error and no signal. */
	(void)signal(SIGPIPE, SIG_IGN);
	int r = gk_fd_null_stdio();
	if (r == 0)
		r = gk_fd_keep_only(kept, sizeof kept / sizeof *kept);
	if (r == 0)
		r = raise_files(&said->err);
	if (r == 0)
		n = gk_ports_listen(f->plan, listeners, &said->ports);
	/* The keeper ends with the supervisor from here on. */
	if (r == 0 && read(kept_ready, &byte, 1) != 1)
		r = -EIO;
	if (r == 0)
		r = confine(f, &said->err);
	return r < 0 ? gk_fail_errno(&said->err, r, "cannot publish the session's ports") : (int)n;
}

static void forward(const struct gk_forward *f, int kept_ready, int report)
	__attribute__((noreturn));
static void forward(const struct gk_forward *f, int kept_ready, int report)
{
	static int listeners[GK_PUBLISH_MOST];
	struct report said = { 0 };
	const int n = prepare(f, kept_ready, report, listeners, &said);
	said.code = n < 0 ? n : 0;
	/* A supervisor that has ended already is found by the write. */
	if (write(report, &said, sizeof said) != (ssize_t)sizeof said || n <= 0)
		_exit(n < 0);
	(void)close(report);
	(void)close(kept_ready);
	(void)close(f->netns);
	gk_connections_pass(listeners, (size_t)n, &f->session);
}

/* PID 1 of a PID namespace. The supervisor, which has lost its capabilities, can signal it, and so
 * can the kernel for it when the supervisor ends: both have uid 0 (kill(2); the signal of prctl(2),
 * PR_SET_PDEATHSIG, asks for the same permission). The process with another uid ends with it. */
static void keep(const struct gk_forward *f, int report) __attribute__((noreturn));
static void keep(const struct gk_forward *f, int report)
{
	struct gk_err ignored = GK_ERR_INIT;
	int ends[2];
	(void)prctl(PR_SET_NAME, "gocker-network", 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || gk_cgroup_join(f->cg) < 0 ||
		pipe2(ends, O_CLOEXEC) < 0)
		_exit(1);
	pid_t pid = fork();
	if (pid == 0)
		forward(f, ends[0], report);
	/* The change of credentials takes the signal away. */
	if (pid < 0 || gk_fd_null_stdio() < 0 || gk_fd_keep_only(&ends[1], 1) < 0 ||
		gk_creds_reduce(0, &ignored) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		gk_seccomp_supervisor(&ignored) < 0 || write(ends[1], "", 1) != 1)
		_exit(1);
	(void)close(ends[1]);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	_exit(0);
}

/* ---- its start ---- */

static void end(int pidfd)
{
	siginfo_t info;
	(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
}

static int await(int from, struct gk_ports_text *ret_ports, struct gk_err *err)
{
	struct report said;
	struct pollfd p = { .fd = from, .events = POLLIN };
	int n;
	while ((n = poll(&p, 1, READY_TIMEOUT_MS)) < 0 && errno == EINTR)
		;
	if (n <= 0 || read(from, &said, sizeof said) != (ssize_t)sizeof said)
		return gk_fail(
			err, n == 0 ? -ETIMEDOUT : -EIO, "cannot publish the session's ports");
	if (said.code < 0)
		*err = said.err;
	else
		*ret_ports = said.ports;
	return said.code;
}

int gk_forward_start(
	const struct gk_forward *f, struct gk_ports_text *ret_ports, struct gk_err *err)
{
	int ends[2], pidfd = -1;
	struct clone_args args = { .flags = CLONE_NEWPID | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD };
	if (pipe2(ends, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot publish the session's ports");
	gk_autoclose int from = ends[0], to = ends[1];
	pid_t pid = gk_sys_clone3(&args);
	if (pid == 0)
		keep(f, to);
	if (pid < 0)
		return gk_fail_errno(err, (int)pid, "cannot publish the session's ports");
	f->cg->network = (struct gk_cgroup_network){ pid, f->id };
	gk_close_fd(&to);
	int r = await(from, ret_ports, err);
	if (r == 0 && *ret_ports->open)
		return pidfd;
	end(pidfd);
	gk_close_fd(&pidfd);
	return r < 0 ? r : -ENOENT;
}
