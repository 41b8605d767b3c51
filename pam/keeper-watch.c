#include "keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "run/watch/below.h"
#include "run/watch/limit-event.h"
#include "run/watch/shutdown.h"

/* How often an ending session is looked at: at the end of most logins nobody is left inside. */
enum { LOOK_MS = 20 };
/* On cgroup v1 pids.events wakes nobody: it is looked at. */
enum { V1_LOOK_MS = 2000 };
/* sshd's user side, which carries the terminal, is inside itself: it gets the last words out first.
 */
enum { LAST_WORDS_MS = 500 };

struct watch {
	struct gk_keeper *k;
	struct gk_limit_events bites;
	struct gk_shutdown ending;
	int64_t started_ms;
	struct gk_policy limits; /* what the notices say: a shared container keeps its own */
	struct gk_below own;     /* what a login in a shared container has to end */
	bool over;               /* the caller has asked for the end, or is gone */
	bool dead;               /* init has ended, and all with it */
	int left;                /* processes at a logout of which its user is told */
};

/* ---- limits ---- */

static void check_limits(struct watch *w)
{
	char text[GK_LIMIT_NOTICE_BYTES];
	/* Those of a shared container are logged by its holder, once for all logins. */
	const char *id = gk_keeper_is_shared(w->k) ? NULL : w->k->login.id;
	while (gk_limit_events_next(&w->bites, id, &w->limits, text, sizeof text))
		gk_keeper_say(w->k, text);
}

static void signal_own(struct watch *w, int sig)
{
	/* The number of a caller that is gone may be another's. */
	pid_t top = w->over ? 0 : w->k->login.caller.parent;
	gk_below_signal(&w->own, gk_keeper_cgroup(w->k), top, sig);
}

/* After a step of the end, which init hands to all where the container is the login's own. */
static void follow_step(struct watch *w, enum gk_shutdown_step before)
{
	if (!gk_keeper_is_shared(w->k) || w->ending.step == before || w->dead)
		return;
	switch (w->ending.step) {
	case GK_HUNG_UP: signal_own(w, SIGHUP); break;
	case GK_TERMINATED: signal_own(w, SIGTERM); break;
	case GK_KILLED: signal_own(w, SIGKILL); break;
	default: break;
	}
}

/* Whom the steps are told: nobody, where init is not this login's. */
static int told(const struct watch *w)
{
	return gk_keeper_is_shared(w->k) ? -1 : w->k->session.init_pidfd;
}

static void begin_end(struct watch *w, const char *why, int after_ms)
{
	enum gk_shutdown_step before = w->ending.step;
	gk_shutdown_begin(&w->ending, w->k->login.id, why, told(w), after_ms);
	follow_step(w, before);
}

static void advance(struct watch *w)
{
	enum gk_shutdown_step before = w->ending.step;
	gk_shutdown_advance(&w->ending, told(w));
	follow_step(w, before);
}

static int64_t time_left(
	struct watch *w, enum gk_time_limit kind, uint64_t limit_s, int64_t used_ms)
{
	char text[128];
	int64_t left = gk_time_left(&w->ending, kind, limit_s, used_ms, text, sizeof text);
	if (text[0])
		gk_keeper_say(w->k, text);
	if (left == 0)
		begin_end(w, gk_time_limit_name(kind), LAST_WORDS_MS);
	return left;
}

/* Returns how long to wait at most, in ms; -1 for as long as it takes. */
static int check_time(struct watch *w)
{
	const struct gk_policy *policy = &w->k->login.policy;
	int64_t wait = -1;
	if (w->over || w->dead)
		return w->dead ? -1 : LOOK_MS;
	if (w->ending.step == GK_RUNNING && policy->max_duration_s)
		wait = time_left(
			w, GK_LIMIT_DURATION, policy->max_duration_s, gk_now_ms() - w->started_ms);
	if (w->ending.step == GK_RUNNING && policy->idle_timeout_s) {
		int64_t idle = gk_keeper_idle_ms(w->k);
		/* A terminal may be opened at any time. */
		int64_t left = idle < 0 ? gk_time_warning_ms(policy->idle_timeout_s) / 2 :
					  time_left(w, GK_LIMIT_IDLE, policy->idle_timeout_s, idle);
		wait = wait < 0 || left < wait ? left : wait;
	}
	if (gk_keeper_cgroup(w->k)->v1 && (wait < 0 || wait > V1_LOOK_MS))
		wait = V1_LOOK_MS;
	int64_t look = gk_limit_events_wait(&w->bites, &w->limits);
	if (look >= 0 && (wait < 0 || look < wait))
		wait = look;
	if (w->ending.step != GK_RUNNING)
		wait = GK_SHUTDOWN_STEP_MS;
	gk_keeper_say_again(w->k);
	wait = gk_pending_notice_wait(&w->k->owed, wait);
	wait = gk_pending_notice_wait(&w->k->first, wait);
	return wait < 0 ? -1 : wait > 3600000 ? 3600000 : (int)wait + 1;
}

/* ---- the loop ---- */

/* As behind the other door (run/watch/supervise.c), but for sshd's logins, whose terminal is closed
 * before the session. */
static void count_left(struct watch *w)
{
	const struct gk_keeper *k = w->k;
	bool told = gk_keeper_has_outer(k) && strcmp(k->login.policy.banner, "none") != 0 &&
		!gk_keeper_is_trial(k) && w->ending.step == GK_RUNNING && !w->dead;
	if (told && (!gk_keeper_is_shared(k) || gk_container_is_last(&k->session.container)))
		w->left = gk_cgroup_count_inner(gk_keeper_cgroup(k), k->session.init);
}

static void say_left(struct watch *w)
{
	char text[128];
	struct gk_keeper *k = w->k;
	if (w->left <= 0)
		return;
	gk_notice_left(w->left, gk_keeper_is_shared(k) ? k->session.container.linger_s : 0, text,
		sizeof text);
	gk_keeper_say_last(k, text);
}

static void on_signal(struct watch *w)
{
	struct signalfd_siginfo info;
	if (read(w->k->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	if (info.ssi_signo == SIGUSR1) {
		/* The module closes. What is left inside has a while to end, as on a lost
		 * connection, which looks the same from here. */
		w->over = true;
		count_left(w);
		/* In a shared container what hangs on the terminal has been hung up on, and the
		 * rest stays. */
		if (!gk_keeper_is_shared(w->k))
			begin_end(w, NULL, 0);
		return;
	}
	if (info.ssi_signo == SIGUSR2) {
		begin_end(w, "killed", 0);
		w->ending.step = GK_KILLED;
		signal_own(w, SIGKILL);
		return;
	}
	/* TERM and HUP: an administrator ends the session. */
	begin_end(w, "terminated", 0);
}

/* The container's death is the login's end for its user; the daemon sees its child die and closes.
 */
static void on_death(struct watch *w)
{
	w->dead = true;
	begin_end(w, "init-killed", 0);
}

/* Whether there is nobody left whom the end of the login would have to reach. */
static bool is_empty(const struct watch *w)
{
	if (gk_keeper_is_shared(w->k))
		return w->ending.step == GK_RUNNING || gk_below_has_ended(&w->own);
	return !gk_cgroup_has_inner(&w->k->session.cgroup, w->k->session.init);
}

static bool is_finished(const struct watch *w)
{
	return w->over && (w->dead || w->ending.step == GK_KILLED || is_empty(w));
}

static void loop(struct watch *w)
{
	enum { CALLER, SIGNALS, INIT, TASKS, USER_TASKS, MEMORY, NETWORK, COUNT };
	while (!is_finished(w)) {
		int wait = check_time(w);
		struct pollfd p[COUNT] = {
			[CALLER] = { .fd = w->over ? -1 : w->k->login.caller.parent_pidfd,
				.events = POLLIN },
			[SIGNALS] = { .fd = w->k->signals, .events = POLLIN },
			[INIT] = { .fd = w->dead ? -1 : gk_keeper_init(w->k), .events = POLLIN },
			[TASKS] = { .fd = w->bites.fd[GK_LIMIT_EVENT_TASKS], .events = POLLPRI },
			[USER_TASKS] = { .fd = w->bites.fd[GK_LIMIT_EVENT_USER_TASKS],
				.events = POLLPRI },
			[MEMORY] = { .fd = w->bites.fd[GK_LIMIT_EVENT_MEMORY], .events = POLLPRI },
			[NETWORK] = { .fd = w->k->session.network.keeper, .events = POLLIN },
		};
		if (poll(p, COUNT, wait) < 0 && errno != EINTR)
			return;
		if (gk_keeper_cgroup(w->k)->v1 ||
			gk_limit_events_wait(&w->bites, &w->limits) == 0 ||
			((p[TASKS].revents | p[USER_TASKS].revents | p[MEMORY].revents) & POLLPRI))
			check_limits(w);
		if (p[INIT].revents)
			on_death(w);
		if (p[SIGNALS].revents)
			on_signal(w);
		if (p[NETWORK].revents)
			gk_network_ended(&w->k->session.network, w->k->session.plan);
		if (p[CALLER].revents) {
			w->over = true;
			if (!gk_keeper_is_shared(w->k))
				begin_end(w, "caller-gone", 0);
		}
		advance(w);
	}
}

int gk_keeper_open_signals(struct gk_keeper *k, struct gk_err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (gk_keeper_is_shared(k))
		sigaddset(&set, SIGUSR2);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->signals < 0 ? gk_fail_errno(err, -errno, "cannot wait for the end of the login") :
				0;
}

static void log_close(const struct watch *w)
{
	struct gk_usage usage;
	struct gk_traffic traffic;
	char user[256], counters[320];
	gk_cgroup_usage(gk_keeper_cgroup(w->k), &usage);
	gk_session_traffic(&w->k->session, &traffic);
	gk_usage_words(&usage, counters, sizeof counters);
	gk_log(LOG_INFO,
		"event=close id=%s door=pam user=\"%s\" uid=%u duration_ms=%" PRId64
		" %s net_in=%" PRId64 " net_out=%" PRId64,
		w->k->login.id, gk_escape(user, sizeof user, w->k->login.who.name),
		(unsigned)w->k->login.who.uid, gk_now_ms() - w->started_ms, counters,
		(int64_t)traffic.in, (int64_t)traffic.out);
}

void gk_keeper_watch(struct gk_keeper *k)
{
	struct watch w = { .k = k, .started_ms = gk_now_ms() };
	const struct gk_cgroup *cg = gk_keeper_cgroup(k);
	char unpublished[GK_PORTS_NOTICE];
	const char *shut = gk_keeper_is_shared(k) ? k->session.container.unpublished :
						    k->session.network.ports.shut;
	if (gk_ports_notice(shut, unpublished, sizeof unpublished))
		gk_keeper_say_first(k, unpublished);
	w.limits = k->login.policy;
	if (gk_keeper_is_shared(k))
		gk_container_limits(&k->session.container, &w.limits);
	gk_limit_events_open(&w.bites, cg->leaf_fd, cg->user_fd, &w.limits);
	loop(&w);
	gk_keeper_end_log(k);
	check_limits(&w);
	say_left(&w);
	log_close(&w);
	gk_below_close(&w.own);
	gk_close_fd(&k->signals);
	gk_limit_events_close(&w.bites);
}
