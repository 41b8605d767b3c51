#include "run/watch/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/watch/below.h"
#include "run/watch/limit-event.h"
#include "run/privilege/creds.h"
#include "run/watch/shutdown.h"
#include "run/watch/relay.h"
#include "run/privilege/seccomp.h"
#include "run/privilege/stdio.h"
#include "run/watch/notice.h"

/* On cgroup v1 pids.events wakes nobody (tried on 6.18): it is looked at, where a user can read of
 * it. */
enum { V1_LOOK_MS = 2000 };

/* How long the end of the process that had the caller's descriptors is waited for. */
enum { STDIO_END_MS = 100 };

struct watch {
	struct gk_session *s;
	struct gk_relay relay;
	int terminal; /* write-only, for messages; -1 without one */
	struct gk_limit_events bites;
	struct gk_policy of_container; /* what the notices about its limits say */
	struct gk_shutdown ending;
	struct gk_below own; /* of a login in a shared container, to be ended with it */
	bool whole;          /* it ends with all of them, and not its command alone */
	int64_t started_ms;
	int64_t looked_ms;             /* when pids.events was looked at on cgroup v1 */
	struct gk_terminal words;      /* what was said on it */
	struct gk_pending_notice owed; /* and what it did not take yet */
	int status;
	bool have_status;
	int left;     /* processes that end with the login */
	bool stopped; /* the session, with this process, by job control */
};

static const struct gk_cgroup *cgroup_of(const struct watch *w)
{
	return w->s->joined ? &w->s->container.cgroup : &w->s->cgroup;
}

/* ---- messages on the terminal ---- */

static void say(struct watch *w, const char *text)
{
	if (w->terminal >= 0 &&
		(w->owed.again_ms || !gk_notice_write(&w->words, w->terminal, text)))
		gk_pending_notice_add(&w->owed, text);
}

/* What it has turned away, until it takes it; at the end of a session for a tenth of a second. */
static void say_again(struct watch *w)
{
	if (gk_pending_notice_is_due(&w->owed))
		gk_pending_notice_tried(
			&w->owed, gk_notice_write(&w->words, w->terminal, w->owed.text));
}

/* At a logout; an end from outside has been told already. */
static void say_left(struct watch *w)
{
	char text[64];
	if (w->left <= 0 || w->ending.step != GK_RUNNING)
		return;
	snprintf(text, sizeof text, "%d process%s ended with this login", w->left,
		w->left == 1 ? "" : "es");
	say(w, text);
}

static void say_last(struct watch *w)
{
	enum { LAST_MS = 100 };
	for (int64_t end = gk_now_ms() + LAST_MS, left; w->owed.again_ms; say_again(w)) {
		left = end - gk_now_ms();
		if (left <= 0)
			return;
		(void)poll(NULL, 0, (int)gk_pending_notice_wait(&w->owed, left));
	}
}

/* An open description of our own, so that a full or stopped terminal never holds the loop up. */
static int open_terminal(const struct gk_session *s)
{
	char self[64];
	if (s->tty.fd < 0)
		return -1;
	snprintf(self, sizeof self, "/proc/self/fd/%d", s->tty.fd);
	return open(self, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* ---- limits that bite ---- */

/* Those of a shared container are logged by its holder, once for all logins. */
static void check_limits(struct watch *w)
{
	char text[256];
	const char *id = w->s->joined ? NULL : w->s->plan->session_id;
	while (gk_limit_events_next(&w->bites, id, &w->of_container, text, sizeof text))
		say(w, text);
}

/* ---- ending from outside ---- */

/* Whose end is that of the session: init, which passes signals on to all inside. A login in a
 * shared container has its command alone to end; what else is in there may be another login's, or
 * is meant to stay. */
static int pidfd_of(const struct watch *w)
{
	return w->s->joined ? w->s->enter.pidfd : w->s->init_pidfd;
}

static void signal_init(const struct watch *w, int sig)
{
	(void)gk_sys_pidfd_send_signal(pidfd_of(w), sig);
}

/* The command's process group. Its leader has not been waited for, so that the number is its own.
 */
static void signal_group(const struct watch *w, int sig)
{
	if (w->s->enter.pid > 0)
		(void)kill(-w->s->enter.pid, sig);
}

/* After a step of the end, which init hands to all where the container is the login's own. A
 * caller that is gone takes along what hangs on the terminal; an administrator and the time limits
 * end all that is below the command. */
static void follow_step(struct watch *w, enum gk_shutdown_step before)
{
	static const int signals[] = {
		[GK_HUNG_UP] = SIGHUP, [GK_TERMINATED] = SIGTERM, [GK_KILLED] = SIGKILL
	};
	enum gk_shutdown_step now = w->ending.step;
	if (w->s->joined && w->whole && now != before && now >= GK_HUNG_UP)
		gk_below_signal(&w->own, cgroup_of(w), w->s->enter.pid, signals[now]);
}

/* Whom the steps are told: nobody, where what is below the command gets them. */
static int told(const struct watch *w)
{
	return w->s->joined && w->whole ? -1 : pidfd_of(w);
}

static void begin_end(struct watch *w, const char *why)
{
	enum gk_shutdown_step before = w->ending.step;
	gk_shutdown_begin(&w->ending, w->s->plan->session_id, why, told(w), 0);
	follow_step(w, before);
}

static void end_whole(struct watch *w, const char *why)
{
	w->whole = true;
	begin_end(w, why);
}

static void kill_whole(struct watch *w)
{
	end_whole(w, "killed");
	w->ending.step = GK_KILLED;
	gk_below_signal(&w->own, cgroup_of(w), w->s->enter.pid, SIGKILL);
}

static void advance(struct watch *w)
{
	enum gk_shutdown_step before = w->ending.step;
	gk_shutdown_advance(&w->ending, told(w));
	follow_step(w, before);
}

/* The command of a login in a shared container has ended: whether there is nothing else to end. */
static bool own_have_ended(const struct watch *w)
{
	return !w->whole || w->ending.step == GK_KILLED || gk_below_has_ended(&w->own);
}

/* ---- time limits ---- */

/* How long there was neither input nor output on the terminal, in ms. */
static int64_t idle_ms(const struct watch *w)
{
	struct stat st;
	if (w->terminal < 0 || fstat(w->terminal, &st) < 0)
		return 0;
	time_t last = gk_terminal_used(&w->words, &st), now = time(NULL);
	return now > last ? (int64_t)(now - last) * 1000 : 0;
}

static int64_t time_left(
	struct watch *w, enum gk_time_limit kind, uint64_t limit_s, int64_t used_ms)
{
	char text[128];
	int64_t left = gk_time_left(&w->ending, kind, limit_s, used_ms, text, sizeof text);
	if (text[0])
		say(w, text);
	if (left == 0)
		end_whole(w, gk_time_limit_name(kind));
	return left;
}

/* Returns the ms until a time limit wants to be looked at again, -1 for never. */
static int64_t check_time(struct watch *w)
{
	const struct gk_policy *policy = w->s->plan->policy;
	int64_t wait = -1;
	if (w->ending.step == GK_RUNNING && policy->max_duration_s)
		wait = time_left(
			w, GK_LIMIT_DURATION, policy->max_duration_s, gk_now_ms() - w->started_ms);
	if (w->ending.step == GK_RUNNING && policy->idle_timeout_s && w->terminal >= 0) {
		int64_t left = time_left(w, GK_LIMIT_IDLE, policy->idle_timeout_s, idle_ms(w));
		wait = wait < 0 || left < wait ? left : wait;
	}
	say_again(w);
	return gk_pending_notice_wait(&w->owed, wait);
}

/* ---- the loop ---- */

static void on_signal(struct watch *w)
{
	struct signalfd_siginfo info;
	if (read(w->s->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	int sig = (int)info.ssi_signo;
	bool relayed = w->relay.outer >= 0;
	switch (sig) {
	case SIGWINCH: gk_relay_resize(&w->relay); break;
	case SIGCONT:
		gk_relay_continue(&w->relay);
		if (w->stopped)
			signal_init(w, SIGCONT);
		w->stopped = false;
		break;
	case SIGTSTP:
		/* A login in a shared container stays awake for its time limits. */
		if (relayed && !w->s->joined) {
			gk_relay_suspend(&w->relay);
			/* The whole job stops, as any does: a session that ran on would run past
			 * its time limits and its caller's end, which nobody watches meanwhile. */
			signal_init(w, SIGTSTP);
			w->stopped = true;
			(void)kill(getpid(), SIGSTOP);
		}
		break;
	case SIGHUP: begin_end(w, "hangup"); break;
	case GK_LOGIN_STOP: end_whole(w, "terminated"); break;
	case GK_LOGIN_KILL: kill_whole(w); break;
	case SIGTERM:
		/* As a shell's caller expects of TERM: handed on, and made sure of. */
		signal_init(w, SIGTERM);
		begin_end(w, "terminated");
		break;
	case SIGINT:
	case SIGQUIT:
		/* ^C of a terminal that the command does not have as its own stdin. */
		if (!relayed && w->s->joined)
			signal_group(w, sig);
		else if (!relayed)
			signal_init(w, sig);
		break;
	default: break;
	}
}

/* To the command as its caller's process group would get it: sshd sends what a client asks for as
 * the user (RFC 4254, 6.9), whose process in that group is gk_stdio's. */
static void on_stdio(struct watch *w)
{
	siginfo_t info = { .si_code = SI_QUEUE, .si_value.sival_int = GK_SIGNAL_GROUP };
	int sig = gk_stdio_signal(w->s->stdio);
	if (sig > 0 && w->s->joined) {
		signal_group(w, sig);
	} else if (sig > 0) {
		info.si_signo = sig;
		(void)gk_sys_pidfd_queue_signal(w->s->init_pidfd, sig, &info);
	}
	if (sig >= 0)
		return;
	gk_log(LOG_INFO, "event=end id=%s reason=killed", w->s->plan->session_id);
	signal_init(w, SIGKILL);
	gk_close_fd(&w->s->stdio->link);
}

/* The command of a login in a shared container has ended. */
static bool on_command(struct watch *w)
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

/* Returns true when the session is over. */
static bool on_link(struct watch *w, short revents)
{
	struct gk_message m = { 0 };
	ssize_t n = read(w->s->link, &m, sizeof m);
	if (n == (ssize_t)sizeof m && m.kind == GK_MSG_STATUS) {
		w->status = m.value;
		w->have_status = true;
		/* init waits for this: when it ends, all do. */
		if (w->s->plan->banner)
			w->left = gk_cgroup_count_others(&w->s->cgroup, w->s->init);
		return true;
	}
	/* Its end was closed without a status: init was killed. */
	return n == 0 || (revents & (POLLHUP | POLLERR));
}

static void watch_session(struct watch *w)
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
		OUTER,
		MASTER,
		COUNT
	};
	for (;;) {
		int64_t wait = check_time(w);
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
			[OUTER] = { .fd = -1 },
			[MASTER] = { .fd = -1 },
		};
		int again = w->relay.outer < 0 ? -1 : gk_relay_poll(&w->relay, &p[OUTER]);
		if (again >= 0 && (wait < 0 || again < wait))
			wait = again;
		bool looks = cgroup_of(w)->v1 && w->terminal >= 0, due;
		if (looks && (wait < 0 || wait > V1_LOOK_MS))
			wait = V1_LOOK_MS;
		if (w->ending.step != GK_RUNNING && w->ending.step != GK_KILLED)
			wait = GK_SHUTDOWN_STEP_MS;
		int timeout = wait < 0 ? -1 : wait > 3600000 ? 3600000 : (int)wait + 1;
		if (poll(p, COUNT, timeout) < 0 && errno != EINTR)
			begin_end(w, "poll");
		if (w->relay.outer >= 0 && !gk_relay_move(&w->relay, &p[OUTER]))
			begin_end(w, "hangup");
		if (p[SIGNALS].revents)
			on_signal(w);
		if (p[STDIO].revents)
			on_stdio(w);
		/* A relay comes by here with every few KiB. */
		due = looks && gk_now_ms() - w->looked_ms >= V1_LOOK_MS;
		if (due ||
			((p[TASKS].revents | p[USER_TASKS].revents | p[MEMORY].revents) & POLLPRI))
			check_limits(w);
		if (due)
			w->looked_ms = gk_now_ms();
		if (p[PARENT].revents)
			begin_end(w, "caller-gone");
		if (p[LINK].revents && !w->s->joined && on_link(w, p[LINK].revents))
			return;
		if (p[LINK].revents && w->s->joined)
			(void)on_command(w);
		if (w->s->joined && w->have_status && own_have_ended(w))
			return;
		if (p[TERMINAL].revents)
			begin_end(w, "hangup");
		advance(w);
	}
}

/* ---- before and after ---- */

/* On fd, or on a new one where that is -1. */
static int open_signals(int fd, bool joined)
{
	static const int wanted[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT,
		GK_LOGIN_STOP, GK_LOGIN_KILL };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted - (joined ? 0 : 2); i++)
		sigaddset(&set, wanted[i]);
	fd = signalfd(fd, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int prepare(struct watch *w, struct gk_err *err)
{
	struct gk_session *s = w->s;
	w->terminal = open_terminal(s);
	if (w->terminal < 0 && s->tty.fd >= 0 && errno == EIO)
		begin_end(w, "hangup");
	const struct gk_cgroup *cg = cgroup_of(w);
	w->of_container = *s->plan->policy;
	if (s->joined)
		gk_container_limits(&s->container, &w->of_container);
	gk_limit_events_open(&w->bites, cg->leaf_fd, cg->user_fd);
	int r = 0;
	if (s->tty.mode == GK_TTY_RELAY)
		r = gk_relay_open(&w->relay, s->tty.fd, s->master, err);
	/* A copy of the caller's pipes that is held here would hide their end from sshd. */
	if (r >= 0 && !s->stdio)
		r = gk_fd_null_stdio();
	if (r >= 0 && s->joined)
		r = open_signals(s->signals, true);
	if (s->joined) /* a descriptor for each process that it may have to end */
		gk_creds_raise_files();
	if (r >= 0)
		r = gk_creds_reduce(s->joined ? 1ULL << CAP_KILL : 0, err);
	if (r >= 0)
		r = gk_seccomp_supervisor(err);
	return r < 0 ? gk_fail_errno(err, r, "cannot prepare the supervision") : 0;
}

static void log_close(const struct watch *w, const struct gk_usage *usage)
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
		s->signals = open_signals(-1, false);
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
	gk_autofree struct watch *w = calloc(1, sizeof *w);
	if (!w) {
		(void)gk_session_close(s);
		return gk_fail_errno(err, -ENOMEM, "cannot supervise the session");
	}
	*w = (struct watch){
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
		check_limits(w); /* the last thing that happened, perhaps */
		say_left(w);
		say_last(w);
	}
	/* It ends while the rest is taken down. */
	if (s->stdio)
		gk_stdio_dismiss(s->stdio);
	gk_below_close(&w->own);
	gk_cgroup_usage(cgroup_of(w), &usage);
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
