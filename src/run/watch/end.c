#include "run/watch/watch.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/stdio.h"
#include "run/watch/supervise.h"

/* Whose end is that of the session: init, which passes signals on to all inside. A login in a
 * shared container has its command alone to end; what else is in there may be another login's, or
 * is meant to stay. */
static int pidfd_of(const struct gk_watch *w)
{
	return w->s->joined ? w->s->enter.pidfd : w->s->init_pidfd;
}

static void signal_init(const struct gk_watch *w, int sig)
{
	(void)gk_sys_pidfd_send_signal(pidfd_of(w), sig);
}

/* The command's process group. Its leader has not been waited for, so that the number is its own.
 */
static void signal_group(const struct gk_watch *w, int sig)
{
	if (w->s->enter.pid > 0)
		(void)kill(-w->s->enter.pid, sig);
}

/* After a step of the end, which init hands to all where the container is the login's own. A
 * caller that is gone takes along what hangs on the terminal; an administrator and the time limits
 * end all that is below the command. */
static void follow_step(struct gk_watch *w, enum gk_shutdown_step before)
{
	static const int signals[] = {
		[GK_HUNG_UP] = SIGHUP, [GK_TERMINATED] = SIGTERM, [GK_KILLED] = SIGKILL
	};
	enum gk_shutdown_step now = w->ending.step;
	if (w->s->joined && w->whole && now != before && now >= GK_HUNG_UP)
		gk_below_signal(&w->own, gk_watch_cgroup(w), w->s->enter.pid, signals[now]);
}

/* Whom the steps are told: nobody, where what is below the command gets them. */
static int told(const struct gk_watch *w)
{
	return w->s->joined && w->whole ? -1 : pidfd_of(w);
}

void gk_watch_begin_end(struct gk_watch *w, const char *why)
{
	enum gk_shutdown_step before = w->ending.step;
	gk_shutdown_begin(&w->ending, w->s->plan->session_id, why, told(w), 0);
	follow_step(w, before);
}

static void end_whole(struct gk_watch *w, const char *why)
{
	w->whole = true;
	gk_watch_begin_end(w, why);
}

static void kill_whole(struct gk_watch *w)
{
	end_whole(w, "killed");
	w->ending.step = GK_KILLED;
	gk_below_signal(&w->own, gk_watch_cgroup(w), w->s->enter.pid, SIGKILL);
}

void gk_watch_advance(struct gk_watch *w)
{
	enum gk_shutdown_step before = w->ending.step;
	gk_shutdown_advance(&w->ending, told(w));
	follow_step(w, before);
}

/* The command of a login in a shared container has ended: whether there is nothing else to end. */
bool gk_watch_own_have_ended(const struct gk_watch *w)
{
	return !w->whole || w->ending.step == GK_KILLED || gk_below_has_ended(&w->own);
}

/* ---- time limits ---- */

/* How long there was neither input nor output on the terminal, in ms. */
static int64_t idle_ms(const struct gk_watch *w)
{
	struct stat st;
	if (w->terminal < 0 || fstat(w->terminal, &st) < 0)
		return 0;
	time_t last = gk_terminal_used(&w->words, &st), now = time(NULL);
	return now > last ? (int64_t)(now - last) * 1000 : 0;
}

static int64_t time_left(
	struct gk_watch *w, enum gk_time_limit kind, uint64_t limit_s, int64_t used_ms)
{
	char text[128];
	int64_t left = gk_time_left(&w->ending, kind, limit_s, used_ms, text, sizeof text);
	if (text[0])
		gk_watch_say(w, text);
	if (left == 0)
		end_whole(w, gk_time_limit_name(kind));
	return left;
}

/* Returns the ms until a time limit wants to be looked at again, -1 for never. */
int64_t gk_watch_check_time(struct gk_watch *w)
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
	int64_t look = gk_limit_events_wait(&w->bites, &w->of_container);
	if (look >= 0 && (wait < 0 || look < wait))
		wait = look;
	gk_watch_say_again(w);
	return gk_pending_notice_wait(&w->owed, wait);
}

/* ---- signals ---- */

/* Of the command where a container is shared, else of all that is inside. The supervisor stays
 * awake, for time limits and the caller's end. */
static void stop_or_continue(const struct gk_watch *w, int sig)
{
	if (w->s->joined)
		signal_group(w, sig == SIGTSTP ? SIGSTOP : sig);
	else
		signal_init(w, sig);
}

/* To the command, or to its process group. */
static void signal_command(const struct gk_watch *w, int sig, bool alone)
{
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };
	info.si_value.sival_int = alone ? GK_SIGNAL_PAYLOAD : GK_SIGNAL_GROUP;
	if (!w->s->joined)
		(void)gk_sys_pidfd_queue_signal(w->s->init_pidfd, sig, &info);
	else if (alone)
		(void)gk_sys_pidfd_send_signal(w->s->enter.pidfd, sig);
	else
		signal_group(w, sig);
}

/* `gocker stop` and `gocker kill`; what else sends these signals to this process, which root alone
 * can, means the command (scancel --batch). */
static void on_user_signal(struct gk_watch *w, const struct signalfd_siginfo *info)
{
	bool asked = info->ssi_code == SI_QUEUE && info->ssi_int == GK_LOGIN_ASKED;
	if (!asked)
		signal_command(w, (int)info->ssi_signo, true);
	else if (w->s->joined && info->ssi_signo == GK_LOGIN_STOP)
		end_whole(w, "terminated");
	else if (w->s->joined)
		kill_whole(w);
}

void gk_watch_on_signal(struct gk_watch *w)
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
	case SIGHUP: gk_watch_begin_end(w, "hangup"); break;
	case GK_LOGIN_STOP:
	case GK_LOGIN_KILL: on_user_signal(w, &info); break;
	case SIGTERM:
		/* As a shell's caller expects of TERM: handed on, and made sure of. */
		signal_init(w, SIGTERM);
		gk_watch_begin_end(w, "terminated");
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
void gk_watch_on_stdio(struct gk_watch *w)
{
	bool alone;
	int sig = gk_stdio_signal(w->s->stdio, &alone);
	if (sig == SIGTSTP || sig == SIGCONT)
		stop_or_continue(w, sig);
	else if (sig > 0)
		signal_command(w, sig, alone);
	if (sig >= 0)
		return;
	gk_log(LOG_INFO, "event=end id=%s reason=killed", w->s->plan->session_id);
	signal_init(w, SIGKILL);
	gk_close_fd(&w->s->stdio->link);
}
