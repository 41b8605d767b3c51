#include "run/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/bites.h"
#include "run/creds.h"
#include "run/relay.h"
#include "run/seccomp.h"

/* How an unwanted session is ended, milliseconds after the first step. */
enum { TERM_AFTER_MS = 1000, KILL_AFTER_MS = 3000 };
/* When a time limit is announced, seconds before. */
enum { WARN_BEFORE_S = 60 };
/* On cgroup v1 pids.events wakes nobody (tried on 6.18): it is looked at, where a user can read of it. */
enum { V1_LOOK_MS = 2000 };

enum ending { RUNNING, HUNG_UP, TERMINATED, KILLED };

struct watch {
	struct gk_session *s;
	struct gk_relay relay;
	int terminal;	/* write-only, for messages; -1 without one */
	struct gk_bites bites;
	enum ending ending;
	int64_t started_ms, ending_since_ms;
	bool warned;
	time_t own_output, output_before; /* our own words on the terminal are no output of its user */
	int status;
	bool have_status;
};

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- messages on the terminal ---- */

static void say(struct watch *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct watch *w, const char *fmt, ...)
{
	char text[512];
	struct stat before, after;
	va_list ap;
	if (w->terminal < 0)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0 || fstat(w->terminal, &before) < 0)
		return;
	(void)!write(w->terminal, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
	if (fstat(w->terminal, &after) < 0)
		return;
	if (before.st_mtim.tv_sec != w->own_output)
		w->output_before = before.st_mtim.tv_sec;
	w->own_output = after.st_mtim.tv_sec;
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

static void check_limits(struct watch *w)
{
	char text[256];
	while (gk_bites_next(&w->bites, w->s->plan->session_id, w->s->plan->policy, text, sizeof text))
		say(w, "\r\ngocker: %s\r\n", text);
}

/* ---- ending from outside ---- */

static void signal_init(const struct watch *w, int sig)
{
	(void)gk_sys_pidfd_send_signal(w->s->init_pidfd, sig);
}

static void begin_end(struct watch *w, const char *why)
{
	if (w->ending != RUNNING)
		return;
	gk_log(LOG_INFO, "event=end id=%s reason=%s", w->s->plan->session_id, why);
	w->ending = HUNG_UP;
	w->ending_since_ms = now_ms();
	signal_init(w, SIGHUP);
	signal_init(w, SIGCONT);
}

static void advance_end(struct watch *w)
{
	int64_t since = now_ms() - w->ending_since_ms;
	if (w->ending == HUNG_UP && since >= TERM_AFTER_MS) {
		w->ending = TERMINATED;
		signal_init(w, SIGTERM);
		signal_init(w, SIGCONT);
	} else if (w->ending == TERMINATED && since >= KILL_AFTER_MS) {
		w->ending = KILLED;
		signal_init(w, SIGKILL);
	}
}

/* ---- time limits ---- */

/* How long there was neither input nor output on the terminal, in ms; the kernel keeps both in the
 * inode's times, in steps of 8 seconds. */
static int64_t idle_ms(const struct watch *w)
{
	struct stat st;
	if (w->terminal < 0 || fstat(w->terminal, &st) < 0)
		return 0;
	time_t output = st.st_mtim.tv_sec;
	if (output == w->own_output)
		output = w->output_before;
	time_t last = st.st_atim.tv_sec > output ? st.st_atim.tv_sec : output;
	time_t now = time(NULL);
	return now > last ? (int64_t)(now - last) * 1000 : 0;
}

/* What is left of a time limit in ms; a warning goes out once it is short. */
static int64_t time_left(struct watch *w, uint64_t limit_s, int64_t used_ms, const char *what)
{
	int64_t left = (int64_t)limit_s * 1000 - used_ms;
	int64_t warn = (int64_t)WARN_BEFORE_S * 1000;
	if ((int64_t)limit_s * 1000 < 2 * warn)
		warn = (int64_t)limit_s * 500;
	if (left > warn)
		return left - warn;
	if (left > 0) {
		if (!w->warned)
			say(w, "\r\ngocker: this session ends in %" PRId64 " s (%s)\r\n",
				(left + 999) / 1000, what);
		w->warned = true;
		return left;
	}
	say(w, "\r\ngocker: this session has ended (%s)\r\n", what);
	begin_end(w, what);
	return 0;
}

/* Returns the ms until a time limit wants to be looked at again, -1 for never. */
static int64_t check_time(struct watch *w)
{
	const struct gk_policy *policy = w->s->plan->policy;
	int64_t wait = -1;
	if (w->ending == RUNNING && policy->max_duration_s)
		wait = time_left(w, policy->max_duration_s, now_ms() - w->started_ms,
			"max_duration");
	if (w->ending == RUNNING && policy->idle_timeout_s && w->terminal >= 0) {
		int64_t left = time_left(w, policy->idle_timeout_s, idle_ms(w), "idle_timeout");
		wait = wait < 0 || left < wait ? left : wait;
	}
	return wait;
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
	case SIGWINCH:
		gk_relay_resize(&w->relay);
		break;
	case SIGCONT:
		gk_relay_continue(&w->relay);
		break;
	case SIGTSTP:
		if (relayed) {
			gk_relay_suspend(&w->relay);
			(void)kill(getpid(), SIGSTOP);
		}
		break;
	case SIGHUP:
		begin_end(w, "hangup");
		break;
	case SIGTERM:
		/* As a shell's caller expects of TERM: handed on, and made sure of. */
		signal_init(w, SIGTERM);
		begin_end(w, "terminated");
		break;
	case SIGINT:
	case SIGQUIT:
		/* ^C of a terminal that the command does not have as its own stdin. */
		if (!relayed)
			signal_init(w, sig);
		break;
	default:
		break;
	}
}

/* Returns true when the session is over. */
static bool on_link(struct watch *w, short revents)
{
	struct gk_message m = { 0 };
	ssize_t n = read(w->s->link, &m, sizeof m);
	if (n == (ssize_t)sizeof m && m.kind == GK_MSG_STATUS) {
		w->status = m.value;
		w->have_status = true;
		return true;
	}
	/* Its end was closed without a status: init was killed. */
	return n == 0 || (revents & (POLLHUP | POLLERR));
}

static void watch_session(struct watch *w)
{
	enum { LINK, PARENT, SIGNALS, TERMINAL, TASKS, MEMORY, OUTER, MASTER, COUNT };
	for (;;) {
		int64_t wait = check_time(w);
		struct pollfd p[COUNT] = {
			[LINK] = { .fd = w->s->link, .events = POLLIN },
			[PARENT] = { .fd = w->ending == RUNNING && w->s->caller ?
				w->s->caller->parent_pidfd : -1, .events = POLLIN },
			[SIGNALS] = { .fd = w->s->signals, .events = POLLIN },
			/* For its hang-up, where the caller was gone before he could be watched. */
			[TERMINAL] = { .fd = w->ending == RUNNING ? w->terminal : -1 },
			[TASKS] = { .fd = w->bites.fd[GK_BITE_TASKS], .events = POLLPRI },
			[MEMORY] = { .fd = w->bites.fd[GK_BITE_MEMORY], .events = POLLPRI },
			[OUTER] = { .fd = -1 },
			[MASTER] = { .fd = -1 },
		};
		int again = w->relay.outer < 0 ? -1 : gk_relay_poll(&w->relay, &p[OUTER]);
		if (again >= 0 && (wait < 0 || again < wait))
			wait = again;
		bool looks = w->s->cgroup.v1 && w->terminal >= 0;
		if (looks && (wait < 0 || wait > V1_LOOK_MS))
			wait = V1_LOOK_MS;
		if (w->ending != RUNNING && w->ending != KILLED)
			wait = 250;
		int timeout = wait < 0 ? -1 : wait > 3600000 ? 3600000 : (int)wait + 1;
		if (poll(p, COUNT, timeout) < 0 && errno != EINTR)
			begin_end(w, "poll");
		if (w->relay.outer >= 0 && !gk_relay_move(&w->relay, &p[OUTER]))
			begin_end(w, "hangup");
		if (p[SIGNALS].revents)
			on_signal(w);
		if (looks || ((p[TASKS].revents | p[MEMORY].revents) & POLLPRI))
			check_limits(w);
		if (p[PARENT].revents)
			begin_end(w, "caller-gone");
		if (p[LINK].revents && on_link(w, p[LINK].revents))
			return;
		if (p[TERMINAL].revents)
			begin_end(w, "hangup");
		if (w->ending != RUNNING)
			advance_end(w);
	}
}

/* ---- before and after ---- */

/* Gives up the caller's fds: a held copy of a pipe would hide its end from sshd. */
static int let_go_of_stdio(void)
{
	gk_autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	return 0;
}

static int open_signals(void)
{
	static const int wanted[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		sigaddset(&set, wanted[i]);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int prepare(struct watch *w, struct gk_err *err)
{
	struct gk_session *s = w->s;
	w->terminal = open_terminal(s);
	if (w->terminal < 0 && s->tty.fd >= 0 && errno == EIO)
		begin_end(w, "hangup");
	gk_bites_open(&w->bites, s->cgroup.leaf_fd);
	int r = 0;
	if (s->tty.mode == GK_TTY_RELAY)
		r = gk_relay_open(&w->relay, s->tty.fd, s->master, err);
	if (r >= 0)
		r = let_go_of_stdio();
	if (r >= 0)
		r = gk_creds_reduce(0, err);
	if (r >= 0)
		r = gk_seccomp_supervisor(err);
	return r < 0 ? gk_fail_errno(err, r, "cannot prepare the supervision") : 0;
}

static void log_close(const struct watch *w, const struct gk_usage *usage)
{
	const struct gk_plan *plan = w->s->plan;
	char user[256], status[32];
	if (!w->have_status)
		snprintf(status, sizeof status, "killed");
	else if (WIFSIGNALED(w->status))
		snprintf(status, sizeof status, "signal:%d", WTERMSIG(w->status));
	else
		snprintf(status, sizeof status, "exit:%d", WEXITSTATUS(w->status));
	gk_log(LOG_INFO,
		"event=close id=%s user=\"%s\" uid=%u status=%s duration_ms=%" PRId64
		" pids_peak=%" PRId64 " pids_hits=%" PRId64 " oom_kills=%" PRId64,
		plan->session_id, gk_escape(user, sizeof user, plan->who->name),
		(unsigned)plan->who->uid, status, now_ms() - w->started_ms,
		(int64_t)usage->pids_peak, (int64_t)usage->pids_max_hits, (int64_t)usage->oom_kills);
}

int gk_supervise_start(struct gk_session *s, struct gk_err *err)
{
	s->signals = open_signals();
	if (s->signals >= 0)
		return gk_session_start(s, err);
	gk_fail_errno(err, s->signals, "cannot prepare the supervision");
	return GK_EXIT_GOCKER;
}

int gk_supervise(struct gk_session *s, int *ret_status, struct gk_err *err)
{
	struct gk_usage usage;
	gk_autofree struct watch *w = calloc(1, sizeof *w);
	if (!w) {
		(void)gk_session_close(s);
		return gk_fail_errno(err, -ENOMEM, "cannot supervise the session");
	}
	*w = (struct watch){ .s = s, .relay = { .outer = -1 }, .terminal = -1,
		.started_ms = now_ms() };
	(void)prctl(PR_SET_NAME, "gocker-super", 0, 0, 0);
	int r = prepare(w, err);
	if (r == 0) {
		watch_session(w);
		check_limits(w); /* the last thing that happened, perhaps */
	}
	gk_cgroup_usage(&s->cgroup, &usage);
	/* The relay still reads from it when the session is gone. */
	int master = gk_steal_fd(&s->master);
	(void)gk_session_close(s);
	gk_relay_close(&w->relay);
	gk_close_fd(&master);
	log_close(w, &usage);
	gk_close_fd(&w->terminal);
	gk_bites_close(&w->bites);
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
