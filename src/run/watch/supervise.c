#include "run/watch/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"
#include "run/privilege/stdio.h"
#include "run/watch/watch.h"

/* On cgroup v1 pids.events wakes nobody (tried on 6.18): it is looked at, where a user can read of
 * it. */
enum { V1_LOOK_MS = 2000 };

/* How long the end of the process that had the caller's descriptors is waited for. */
enum { STDIO_END_MS = 100 };

/* ---- the loop ---- */

/* The command of a login in a shared container has ended. */
static bool on_command(struct gk_watch *w)
{
	siginfo_t info = { 0 };
	if (waitid(P_PIDFD, (id_t)w->s->enter.pidfd, &info, WEXITED | WNOHANG) < 0 ||
		info.si_pid == 0)
		return false;
	/* As wait(2) tells it; W_EXITCODE is glibc's own. */
	w->status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status;
	w->have_status = true;
	w->s->enter.pid = 0;
	return true;
}

/* Who is left of a login in a shared container when its command has ended. */
static void count_left(struct gk_watch *w)
{
	const struct gk_container *c = &w->s->container;
	if (w->s->joined && w->s->plan->banner && gk_container_is_last(c))
		w->left = gk_cgroup_count_inner(&c->cgroup, c->init);
}

/* Returns true when the session is over. */
static bool on_link(struct gk_watch *w, short revents)
{
	struct gk_message m = { 0 };
	ssize_t n = read(w->s->link, &m, sizeof m);
	if (n == (ssize_t)sizeof m && m.kind == GK_MSG_STATUS) {
		w->status = m.value;
		w->have_status = true;
		/* init waits for this: when it ends, all do. */
		if (w->s->plan->banner)
			w->left = gk_cgroup_count_inner(&w->s->cgroup, w->s->init);
		return true;
	}
	/* Its end was closed without a status: init was killed. */
	return n == 0 || (revents & (POLLHUP | POLLERR));
}

static void watch_session(struct gk_watch *w)
{
	enum {
		LINK,
		PARENT,
		STDIO,
		SIGNALS,
		TERMINAL,
		TASKS,
		USER_TASKS,
		MEMORY,
		NETWORK,
		OUTER,
		MASTER,
		COUNT
	};
	for (;;) {
		int64_t wait = gk_watch_check_time(w);
		struct pollfd p[COUNT] = {
			[LINK] = { .fd = w->have_status ? -1 :
					w->s->joined    ? w->s->enter.pidfd :
							  w->s->link,
				.events = POLLIN },
			[PARENT] = { .fd = w->ending.step == GK_RUNNING && w->s->caller ?
					w->s->caller->parent_pidfd :
					-1,
				.events = POLLIN },
			[STDIO] = { .fd = w->s->stdio ? w->s->stdio->link : -1, .events = POLLIN },
			[SIGNALS] = { .fd = w->s->signals, .events = POLLIN },
			/* For its hang-up, where the caller was gone before he could be watched. */
			[TERMINAL] = { .fd = w->ending.step == GK_RUNNING ? w->terminal : -1 },
			[TASKS] = { .fd = w->bites.fd[GK_LIMIT_EVENT_TASKS], .events = POLLPRI },
			[USER_TASKS] = { .fd = w->bites.fd[GK_LIMIT_EVENT_USER_TASKS],
				.events = POLLPRI },
			[MEMORY] = { .fd = w->bites.fd[GK_LIMIT_EVENT_MEMORY], .events = POLLPRI },
			[NETWORK] = { .fd = w->s->network.keeper, .events = POLLIN },
			[OUTER] = { .fd = -1 },
			[MASTER] = { .fd = -1 },
		};
		int again = w->relay.outer < 0 ? -1 : gk_relay_poll(&w->relay, &p[OUTER]);
		if (again >= 0 && (wait < 0 || again < wait))
			wait = again;
		bool looks = gk_watch_cgroup(w)->v1 && w->terminal >= 0, due;
		if (looks && (wait < 0 || wait > V1_LOOK_MS))
			wait = V1_LOOK_MS;
		if (w->ending.step != GK_RUNNING && w->ending.step != GK_KILLED)
			wait = GK_SHUTDOWN_STEP_MS;
		int timeout = wait < 0 ? -1 : wait > 3600000 ? 3600000 : (int)wait + 1;
		if (poll(p, COUNT, timeout) < 0 && errno != EINTR)
			gk_watch_begin_end(w, "poll");
		if (w->relay.outer >= 0 && !gk_relay_move(&w->relay, &p[OUTER]))
			gk_watch_begin_end(w, "hangup");
		if (p[SIGNALS].revents)
			gk_watch_on_signal(w);
		if (p[STDIO].revents)
			gk_watch_on_stdio(w);
		if (p[NETWORK].revents)
			gk_network_ended(&w->s->network, w->s->plan);
		/* A relay comes by here with every few KiB. */
		due = (looks && gk_now_ms() - w->looked_ms >= V1_LOOK_MS) ||
			gk_limit_events_wait(&w->bites, &w->of_container) == 0;
		if (due ||
			((p[TASKS].revents | p[USER_TASKS].revents | p[MEMORY].revents) & POLLPRI))
			gk_watch_check_limits(w);
		if (due)
			w->looked_ms = gk_now_ms();
		if (p[PARENT].revents)
			gk_watch_begin_end(w, "caller-gone");
		if (p[LINK].revents && !w->s->joined && on_link(w, p[LINK].revents))
			return;
		if (p[LINK].revents && w->s->joined)
			(void)on_command(w);
		if (w->s->joined && w->have_status && gk_watch_own_have_ended(w))
			return;
		if (p[TERMINAL].revents)
			gk_watch_begin_end(w, "hangup");
		gk_watch_advance(w);
	}
}

/* ---- before and after ---- */

static int open_signals(void)
{
	static const int wanted[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT,
		GK_LOGIN_STOP, GK_LOGIN_KILL };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		sigaddset(&set, wanted[i]);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int prepare(struct gk_watch *w, struct gk_err *err)
{
	struct gk_session *s = w->s;
	w->terminal = gk_watch_open_terminal(s);
	if (w->terminal < 0 && s->tty.fd >= 0 && errno == EIO)
		gk_watch_begin_end(w, "hangup");
	const struct gk_cgroup *cg = gk_watch_cgroup(w);
	w->of_container = *s->plan->policy;
	if (s->joined)
		gk_container_limits(&s->container, &w->of_container);
	gk_limit_events_open(&w->bites, cg->leaf_fd, cg->user_fd, &w->of_container);
	int r = 0;
	if (s->tty.mode == GK_TTY_RELAY)
		r = gk_relay_open(&w->relay, s->tty.fd, s->master, err);
	/* A copy of the caller's pipes that is held here would hide their end from sshd. */
	if (r >= 0 && !s->stdio)
		r = gk_fd_null_stdio();
	if (s->joined) /* a descriptor for each process that it may have to end */
		gk_creds_raise_files();
	if (r >= 0)
		r = gk_creds_reduce(s->joined ? 1ULL << CAP_KILL : 0, err);
	if (r >= 0)
		r = gk_seccomp_supervisor(err);
	return r < 0 ? gk_fail_errno(err, r, "cannot prepare the supervision") : 0;
}

static void log_close(const struct gk_watch *w, const struct gk_usage *usage)
{
	char status[32];
	if (!w->have_status)
		snprintf(status, sizeof status, "killed");
	else if (WIFSIGNALED(w->status))
		snprintf(status, sizeof status, "signal:%d", WTERMSIG(w->status));
	else
		snprintf(status, sizeof status, "exit:%d", WEXITSTATUS(w->status));
	gk_session_log_close(w->s, status, gk_now_ms() - w->started_ms, usage);
}

int gk_supervise_prepare(struct gk_session *s, struct gk_err *err)
{
	if (s->signals < 0)
		s->signals = open_signals();
	return s->signals < 0 ? gk_fail_errno(err, s->signals, "cannot prepare the supervision") :
				0;
}

int gk_supervise_start(struct gk_session *s, struct gk_err *err)
{
	return gk_supervise_prepare(s, err) < 0 ? GK_EXIT_GOCKER : gk_session_start(s, err);
}

int gk_supervise(struct gk_session *s, int *ret_status, struct gk_err *err)
{
	struct gk_usage usage;
	gk_autofree struct gk_watch *w = calloc(1, sizeof *w);
	if (!w) {
		(void)gk_session_close(s);
		return gk_fail_errno(err, -ENOMEM, "cannot supervise the session");
	}
	*w = (struct gk_watch){
		.s = s, .relay = { .outer = -1 }, .terminal = -1, .started_ms = gk_now_ms()
	};
	(void)prctl(PR_SET_NAME, "gocker-super", 0, 0, 0);
	int r = prepare(w, err);
	if (r == 0) {
		/* Not before the terminal is open here: a pty that nobody has open for a moment
		 * has hung up for sshd, which reads it no more. */
		if (s->stdio)
			gk_stdio_release(s->stdio);
		watch_session(w);
		gk_watch_check_limits(w); /* the last thing that happened, perhaps */
		count_left(w);
		gk_watch_say_left(w);
		gk_watch_say_last(w);
	}
	/* It ends while the rest is taken down. */
	if (s->stdio)
		gk_stdio_dismiss(s->stdio);
	gk_below_close(&w->own);
	gk_cgroup_usage(gk_watch_cgroup(w), &usage);
	/* What stays in a shared container may write to the terminal for ever. */
	if (s->joined)
		gk_relay_finish(&w->relay);
	/* The relay still reads from it when the session is gone. */
	int master = gk_steal_fd(&s->master);
	(void)gk_session_close(s);
	gk_relay_close(&w->relay);
	gk_close_fd(&master);
	log_close(w, &usage);
	gk_close_fd(&w->terminal);
	gk_limit_events_close(&w->bites);
	if (s->stdio)
		gk_stdio_end(s->stdio, STDIO_END_MS);
	/* No status: init was killed, and with it everything: SIGKILL is how it ended. */
	*ret_status = w->have_status ? w->status : SIGKILL;
	return r;
}

void gk_end_like(int status)
{
	if (WIFSIGNALED(status)) {
		int sig = WTERMSIG(status);
		sigset_t set;
		(void)signal(sig, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, sig);
		(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
		(void)kill(getpid(), sig);
		_exit(128 + sig);
	}
	_exit(WEXITSTATUS(status));
}
