#include "run/watch/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "run/build/session.h"
#include "run/cgroup/leave.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"
#include "run/store/bind.h"
#include "run/store/container.h"
#include "run/watch/limit-event.h"
#include "run/watch/logind.h"
#include "run/watch/shutdown.h"

enum {
	READY_TIMEOUT_MS = 40000, /* more than a session may take (session.c) */
	FIRST_LOGIN_MS = 10000,   /* how long the login that wanted it may take to join */
	LOCK_TIMEOUT_MS = 100,    /* the holder watches nothing while it waits */
	DRAIN_MS = 100,           /* how often a container that is stopped is looked at */
	LOOK_MS = 3600000,
};

struct holding {
	struct gk_session s;
	struct gk_gate gate;
	uint64_t linger_s;  /* the policy's, or none where logind ends what a logout leaves */
	uint64_t linger_ms; /* UINT64_MAX: for ever */
	int logind;         /* gk_logind_open */
	int64_t started_ms;
	int64_t unused_ms; /* since when no login is there; -1 while one is */
	bool joined;       /* there was a login */
	bool draining;     /* ends with its last process */
	struct gk_shutdown ending;
	struct gk_limit_events limits;
};

/* What the holder reports to the login that started it. */
struct report {
	int code;
	struct gk_err err;
};

/* ---- the end ---- */

static void log_end(const struct holding *h, const char *reason)
{
	gk_log(LOG_INFO, "event=end id=%s reason=%s", h->s.plan->session_id, reason);
}

/* Nobody joins any more. This asks for no lock: the container ends in any case, and a login that
 * has just come through the gate finds that init has ended and makes another one, or is ended with
 * the others. */
static void shut(struct holding *h)
{
	if (h->gate.fd >= 0)
		gk_gate_shut(&h->gate);
}

static void begin_end(struct holding *h, const char *reason)
{
	if (h->ending.step != GK_RUNNING)
		return;
	shut(h);
	gk_shutdown_begin(&h->ending, h->s.plan->session_id, reason, h->s.init_pidfd, 0);
}

/* After the last login. Returns whether the container is over: with no linger whatever is left in
 * it is killed, as at the end of a login that shares with none. Where a login has the lock, it is
 * tried again: that login is about to join. */
static bool end_unused(struct holding *h)
{
	struct gk_err ignored = GK_ERR_INIT;
	gk_autoclose int lock = gk_container_lock(h->s.slot.uid, LOCK_TIMEOUT_MS, &ignored);
	/* Where there can be no lock any more, there is no login either that has it. */
	if (lock == -ETIMEDOUT)
		return false;
	if (gk_gate_is_used(&h->gate)) {
		h->joined = true;
		h->unused_ms = -1;
		return false;
	}
	gk_gate_shut(&h->gate);
	gk_close_fd(&lock);
	if (h->linger_ms && gk_cgroup_has_inner(&h->s.cgroup, h->s.init)) {
		gk_shutdown_begin(&h->ending, h->s.plan->session_id, "linger", h->s.init_pidfd, 0);
		return false;
	}
	log_end(h, h->linger_ms ? "linger" : "last-login");
	return true;
}

/* ---- the loop ---- */

/* The milliseconds until `since` + `length` is over. */
static int64_t left_of(int64_t since, uint64_t length)
{
	int64_t used = gk_now_ms() - since;
	return length > INT64_MAX ? LOOK_MS : (int64_t)length <= used ? 0 : (int64_t)length - used;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Returns the milliseconds until it wants to be called again, -1 when the container is over. */
static int64_t check_time(struct holding *h)
{
	uint64_t most_s = h->s.plan->policy->max_duration_s;
	int64_t wait = LOOK_MS;
	if (h->ending.step != GK_RUNNING) {
		gk_shutdown_advance(&h->ending, h->s.init_pidfd);
		return GK_SHUTDOWN_STEP_MS;
	}
	if (most_s && (wait = sooner(wait, left_of(h->started_ms, most_s * 1000))) == 0) {
		begin_end(h, "container_max_duration");
		return GK_SHUTDOWN_STEP_MS;
	}
	if (h->draining)
		return gk_cgroup_has_inner(&h->s.cgroup, h->s.init) ? DRAIN_MS : -1;
	if (h->unused_ms < 0)
		return wait;
	uint64_t linger = h->linger_ms;
	if (!h->joined && linger < FIRST_LOGIN_MS)
		linger = FIRST_LOGIN_MS;
	int64_t left = left_of(h->unused_ms, linger);
	if (left > 0)
		return sooner(wait, left);
	return end_unused(h) ? -1 : sooner(wait, DRAIN_MS);
}

/* An end of all that the user has is one of the container, which is none of their sessions'. */
static void check_logind(struct holding *h)
{
	if (gk_logind_is_ending(h->logind, h->s.plan->who->uid))
		begin_end(h, "terminate-user");
}

static void on_gate(struct holding *h)
{
	bool used = gk_gate_is_used(&h->gate);
	h->joined = h->joined || h->gate.entered;
	h->unused_ms = used ? -1 : gk_now_ms();
	check_logind(h);
	if (used)
		return;
	/* Root has removed it: nobody can come back. */
	if (h->gate.own < 0)
		begin_end(h, "gate-gone");
}

static void on_signal(struct holding *h)
{
	struct signalfd_siginfo info;
	if (read(h->s.signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	if ((int)info.ssi_signo != GK_HOLDER_DRAIN) {
		begin_end(h, "terminated");
	} else if (!h->draining) {
		shut(h);
		log_end(h, "stopped");
		h->draining = true;
	}
}

/* The container's limits are logged once, here; its logins show them on their terminals. */
static void log_limits(struct holding *h)
{
	char text[GK_LIMIT_NOTICE_BYTES];
	while (gk_limit_events_next(
		&h->limits, h->s.plan->session_id, h->s.plan->policy, text, sizeof text))
		;
}

/* check_time's, or sooner where a limit is to be looked at. */
static int64_t wait_for(const struct holding *h, int64_t wait)
{
	int64_t look = gk_limit_events_wait(&h->limits, h->s.plan->policy);
	return wait >= 0 && look >= 0 ? sooner(wait, look) : wait;
}

static void hold(struct holding *h)
{
	enum { INIT, LINK, SIGNALS, GATE, LOGIND, TASKS, USER_TASKS, MEMORY, NETWORK, COUNT };
	for (;;) {
		int64_t wait = wait_for(h, check_time(h));
		if (wait < 0)
			return;
		struct pollfd p[COUNT] = {
			[INIT] = { .fd = h->s.init_pidfd, .events = POLLIN },
			/* Init's end of it closes before the kernel waits for what was killed with
			 * it: of that a zombie may be left whose parent, outside, does not look at
			 * it. */
			[LINK] = { .fd = h->s.link },
			[SIGNALS] = { .fd = h->s.signals, .events = POLLIN },
			[GATE] = { .fd = h->gate.fd, .events = POLLIN },
			[LOGIND] = { .fd = h->logind, .events = POLLIN },
			[TASKS] = { .fd = h->limits.fd[GK_LIMIT_EVENT_TASKS], .events = POLLPRI },
			[USER_TASKS] = { .fd = h->limits.fd[GK_LIMIT_EVENT_USER_TASKS],
				.events = POLLPRI },
			[MEMORY] = { .fd = h->limits.fd[GK_LIMIT_EVENT_MEMORY], .events = POLLPRI },
			[NETWORK] = { .fd = h->s.network.keeper, .events = POLLIN },
		};
		if (poll(p, COUNT, (int)wait + 1) < 0 && errno != EINTR)
			begin_end(h, "poll");
		/* On cgroup v1 nothing wakes it: the end of a login does, and the end of all. */
		log_limits(h);
		if (p[SIGNALS].revents)
			on_signal(h);
		if (p[NETWORK].revents)
			gk_network_ended(&h->s.network, h->s.plan);
		if (p[INIT].revents || p[LINK].revents)
			return;
		if (p[LOGIND].revents)
			check_logind(h);
		if (p[GATE].revents && h->gate.fd >= 0)
			on_gate(h);
	}
}

/* ---- the process ---- */

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, GK_HOLDER_DRAIN);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* What logind does to the processes of a session at its end, gocker does to those of a container at
 * the end of the last one. Where logind's configuration can't be read, it is taken to say so. */
static uint64_t linger_of(const struct gk_plan *plan)
{
	uint64_t linger_s = plan->policy->linger_s;
	int kills = linger_s ? gk_logind_kills(plan->who->name) : 0;
	if (kills == 0)
		return linger_s;
	if (kills < 0)
		gk_log(LOG_WARNING, "event=linger id=%s linger=none reason=\"logind.conf: %s\"",
			plan->session_id, strerror(-kills));
	else
		gk_log(LOG_INFO, "event=linger id=%s linger=none reason=KillUserProcesses",
			plan->session_id);
	return 0;
}

static int prepare(struct holding *h, struct gk_holder *from, int report, struct gk_err *err)
{
	int keep[] = { from->slot.fd, report };
	int r = gk_fd_null_stdio();
	if (r == 0)
		r = gk_fd_keep_only(keep, sizeof keep / sizeof *keep);
	gk_log_forget();
	gk_log_open("gocker-shell");
	gk_take_title(from->caller, "gocker-holder");
	gk_session_init(&h->s, from->plan, from->caller);
	h->s.slot = from->slot;
	h->linger_s = linger_of(from->plan);
	h->linger_ms = h->linger_s == GK_UNLIMITED ? UINT64_MAX : h->linger_s * 1000;
	h->logind = gk_logind_open();
	snprintf(h->s.from, sizeof h->s.from, "-");
	snprintf(h->s.extra, sizeof h->s.extra,
		"kind=container\ndigest=%016" PRIx64 "\nnetns=%" PRIu64 "\nlinger=%" PRIu64 "\n",
		from->digest, gk_container_network(), h->linger_s);
	h->s.shared = true;
	/* Without it the container is the shell door's alone. */
	h->s.stub = gk_bind_program(GK_LIBEXECDIR "/gocker-entry");
	if (r == 0 && h->s.stub < 0 && h->s.stub != -ENOENT)
		r = h->s.stub;
	if (r == 0)
		r = h->s.signals = open_signals();
	if (r >= 0)
		r = gk_leave_for_good(err);
	return r < 0 ? gk_fail_errno(err, r, "cannot start the container's holder") : 0;
}

static int make(struct holding *h, struct gk_holder *from, int report, struct gk_err *err)
{
	int r = prepare(h, from, report, err);
	if (r < 0) {
		(void)gk_session_close(&h->s);
		return r;
	}
	r = gk_session_open(&h->s, err);
	if (r < 0)
		return r;
	if (gk_session_start(&h->s, err) != 0)
		r = -EIO;
	if (r == 0)
		r = gk_session_record(&h->s, err);
	/* The filter lets no FIFO be made. Who could join holds the lock until this is ready. */
	if (r == 0)
		r = gk_gate_open(&h->s.slot, &h->gate, err);
	gk_limit_events_open(
		&h->limits, h->s.cgroup.leaf_fd, h->s.cgroup.user_fd, h->s.plan->policy);
	if (r == 0)
		r = gk_creds_reduce(0, err);
	if (r == 0)
		r = gk_seccomp_supervisor(err);
	if (r < 0 && h->gate.fd >= 0)
		gk_gate_shut(&h->gate);
	if (r < 0)
		(void)gk_session_close(&h->s);
	return r;
}

static void log_close(struct holding *h, const struct gk_usage *usage)
{
	gk_session_log_close(&h->s, "container", gk_now_ms() - h->started_ms, usage);
}

static void run(struct gk_holder *from, int report) __attribute__((noreturn));
static void run(struct gk_holder *from, int report)
{
	static struct holding h = { .gate = GK_GATE_INIT, .logind = -1 };
	struct report said = { 0 };
	struct gk_usage usage;
	char user[256];
	said.code = make(&h, from, report, &said.err);
	if (said.code == 0)
		gk_log(LOG_INFO,
			"event=open id=%s door=- user=\"%s\" uid=%u image=%s tty=no from=\"-\" "
			"share=user",
			h.s.plan->session_id, gk_escape(user, sizeof user, h.s.plan->who->name),
			(unsigned)h.s.plan->who->uid, h.s.plan->policy->image);
	/* Whoever wanted it has given up: another login may have made one meanwhile. */
	bool heard = write(report, &said, sizeof said) == (ssize_t)sizeof said;
	(void)close(report);
	if (said.code != 0)
		_exit(1);
	if (!heard) {
		log_end(&h, "unwanted");
		shut(&h);
		(void)gk_session_close(&h.s);
		_exit(1);
	}
	h.started_ms = h.unused_ms = gk_now_ms();
	hold(&h);
	/* Before init is waited for, whose number a login may have read. */
	shut(&h);
	log_limits(&h);
	gk_limit_events_close(&h.limits);
	gk_cgroup_usage(&h.s.cgroup, &usage);
	(void)gk_session_close(&h.s);
	log_close(&h, &usage);
	_exit(0);
}

/* Of no session and no parent of the login's: who waits for the login's children gets none more. */
static int detach(struct gk_holder *h, int report)
{
	pid_t pid = fork();
	if (pid == 0) {
		pid = setsid() < 0 ? -1 : fork();
		if (pid == 0)
			run(h, report);
		_exit(pid < 0);
	}
	int status = 0;
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status == 0 ? 0 : -EAGAIN;
}

int gk_holder_start(struct gk_holder *h, struct gk_err *err)
{
	int ends[2], n;
	struct report said = { 0 };
	if (pipe2(ends, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot start the container's holder");
	gk_autoclose int from = ends[0], to = ends[1];
	int r = detach(h, to);
	gk_close_fd(&to);
	/* The holder's from here on; its lock is, too. */
	gk_close_fd(&h->slot.fd);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot start the container's holder");
	struct pollfd p = { .fd = from, .events = POLLIN };
	while ((n = poll(&p, 1, READY_TIMEOUT_MS)) < 0 && errno == EINTR)
		;
	if (n == 0)
		return gk_fail(err, -ETIMEDOUT, "the container was not ready within %d seconds",
			READY_TIMEOUT_MS / 1000);
	if (read(from, &said, sizeof said) != (ssize_t)sizeof said)
		return gk_fail(err, -EIO, "the container ended before it was ready");
	if (said.code == 0)
		return 0;
	said.err.msg[sizeof said.err.msg - 1] = '\0';
	said.err.detail[sizeof said.err.detail - 1] = '\0';
	*err = said.err;
	return said.code;
}
