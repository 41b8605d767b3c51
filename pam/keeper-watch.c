#include "keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
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
	bool over; /* the caller has asked for the end, or is gone */
	bool dead; /* init has ended, and all with it */
};

/* ---- limits ---- */

static void check_limits(struct watch *w)
{
	char text[256];
	while (gk_limit_events_next(&w->bites, w->k->id, &w->k->policy, text, sizeof text))
		gk_keeper_say(w->k, text);
}

static void begin_end(struct watch *w, const char *why, int after_ms)
{
	gk_shutdown_begin(&w->ending, w->k->id, why, w->k->session.init_pidfd, after_ms);
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
	const struct gk_policy *policy = &w->k->policy;
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
	if (w->k->session.cgroup.v1 && (wait < 0 || wait > V1_LOOK_MS))
		wait = V1_LOOK_MS;
	if (w->ending.step != GK_RUNNING)
		wait = GK_SHUTDOWN_STEP_MS;
	gk_keeper_say_again(w->k);
	wait = gk_pending_notice_wait(&w->k->owed, wait);
	return wait < 0 ? -1 : wait > 3600000 ? 3600000 : (int)wait + 1;
}

/* ---- the loop ---- */

static void on_signal(struct watch *w)
{
	struct signalfd_siginfo info;
	if (read(w->k->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	if (info.ssi_signo == SIGUSR1) {
		/* The module closes. What is left inside has a while to end, as on a lost
		 * connection, which looks the same from here. */
		w->over = true;
		begin_end(w, NULL, 0);
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

static bool is_finished(const struct watch *w)
{
	return w->over &&
		(w->dead || w->ending.step == GK_KILLED ||
			!gk_cgroup_has_inner(&w->k->session.cgroup, w->k->session.init));
}

static void loop(struct watch *w)
{
	enum { CALLER, SIGNALS, INIT, TASKS, USER_TASKS, MEMORY, COUNT };
	while (!is_finished(w)) {
		int wait = check_time(w);
		struct pollfd p[COUNT] = {
			[CALLER] = { .fd = w->over ? -1 : w->k->caller.parent_pidfd,
				.events = POLLIN },
			[SIGNALS] = { .fd = w->k->signals, .events = POLLIN },
			[INIT] = { .fd = w->dead ? -1 : w->k->session.init_pidfd,
				.events = POLLIN },
			[TASKS] = { .fd = w->bites.fd[GK_LIMIT_EVENT_TASKS], .events = POLLPRI },
			[USER_TASKS] = { .fd = w->bites.fd[GK_LIMIT_EVENT_USER_TASKS],
				.events = POLLPRI },
			[MEMORY] = { .fd = w->bites.fd[GK_LIMIT_EVENT_MEMORY], .events = POLLPRI },
		};
		if (poll(p, COUNT, wait) < 0 && errno != EINTR)
			return;
		if (w->k->session.cgroup.v1 ||
			((p[TASKS].revents | p[USER_TASKS].revents | p[MEMORY].revents) & POLLPRI))
			check_limits(w);
		if (p[INIT].revents)
			on_death(w);
		if (p[SIGNALS].revents)
			on_signal(w);
		if (p[CALLER].revents) {
			w->over = true;
			begin_end(w, "caller-gone", 0);
		}
		gk_shutdown_advance(&w->ending, w->k->session.init_pidfd);
	}
}

int gk_keeper_open_signals(struct gk_keeper *k, struct gk_err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->signals < 0 ? gk_fail_errno(err, -errno, "cannot wait for the end of the login") :
				0;
}

static void log_close(const struct watch *w)
{
	struct gk_usage usage;
	char user[256];
	gk_cgroup_usage(&w->k->session.cgroup, &usage);
	gk_log(LOG_INFO,
		"event=close id=%s door=pam user=\"%s\" uid=%u duration_ms=%" PRId64
		" pids_peak=%" PRId64 " pids_hits=%" PRId64 " user_pids_hits=%" PRId64
		" oom_kills=%" PRId64,
		w->k->id, gk_escape(user, sizeof user, w->k->who.name), (unsigned)w->k->who.uid,
		gk_now_ms() - w->started_ms, (int64_t)usage.pids_peak, (int64_t)usage.pids_hits,
		(int64_t)usage.user_pids_hits, (int64_t)usage.oom_kills);
}

void gk_keeper_watch(struct gk_keeper *k)
{
	struct watch w = { .k = k, .started_ms = gk_now_ms() };
	gk_limit_events_open(&w.bites, k->session.cgroup.leaf_fd, k->session.cgroup.user_fd);
	loop(&w);
	gk_keeper_end_log(k);
	check_limits(&w);
	log_close(&w);
	gk_close_fd(&k->signals);
	gk_limit_events_close(&w.bites);
}
