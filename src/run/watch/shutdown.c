#include "run/watch/shutdown.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"

/* Milliseconds after the hang-up. */
enum { TERM_AFTER_MS = 1000, KILL_AFTER_MS = 3000 };
enum { WARN_BEFORE_S = 60 };

/* A stopped process takes its signal once it goes on. */
static void signal_init(int pidfd, int sig)
{
	(void)gk_sys_pidfd_send_signal(pidfd, sig);
	if (sig != SIGKILL)
		(void)gk_sys_pidfd_send_signal(pidfd, SIGCONT);
}

static void hang_up(struct gk_shutdown *e, int init_pidfd)
{
	e->step = GK_HUNG_UP;
	e->since_ms = gk_now_ms();
	signal_init(init_pidfd, SIGHUP);
}

void gk_shutdown_begin(
	struct gk_shutdown *e, const char *id, const char *reason, int init_pidfd, int after_ms)
{
	if (e->step != GK_RUNNING)
		return;
	if (reason)
		gk_log(LOG_INFO, "event=end id=%s reason=%s", id, reason);
	e->step = GK_ANNOUNCED;
	e->since_ms = gk_now_ms() + after_ms;
	if (after_ms == 0)
		hang_up(e, init_pidfd);
}

void gk_shutdown_advance(struct gk_shutdown *e, int init_pidfd)
{
	int64_t since = gk_now_ms() - e->since_ms;
	if (e->step == GK_ANNOUNCED && since >= 0) {
		hang_up(e, init_pidfd);
	} else if (e->step == GK_HUNG_UP && since >= TERM_AFTER_MS) {
		e->step = GK_TERMINATED;
		signal_init(init_pidfd, SIGTERM);
	} else if (e->step == GK_TERMINATED && since >= KILL_AFTER_MS) {
		e->step = GK_KILLED;
		signal_init(init_pidfd, SIGKILL);
	}
}

const char *gk_time_limit_name(enum gk_time_limit kind)
{
	return kind == GK_LIMIT_IDLE ? "idle_timeout" : "max_duration";
}

int64_t gk_time_warning_ms(uint64_t limit_s)
{
	return limit_s < 2 * WARN_BEFORE_S ? (int64_t)limit_s * 500 : (int64_t)WARN_BEFORE_S * 1000;
}

int64_t gk_time_left(struct gk_shutdown *e, enum gk_time_limit kind, uint64_t limit_s,
	int64_t used_ms, char *text, size_t size)
{
	const char *name = gk_time_limit_name(kind);
	int64_t left = (int64_t)limit_s * 1000 - used_ms, warn = gk_time_warning_ms(limit_s);
	text[0] = '\0';
	if (left > warn) {
		e->warned[kind] = false;
		return left - warn;
	}
	if (left <= 0)
		snprintf(text, size, "this session has ended (%s)", name);
	else if (!e->warned[kind])
		snprintf(text, size, "this session ends in %" PRId64 " s (%s)", (left + 999) / 1000,
			name);
	e->warned[kind] = true;
	return left > 0 ? left : 0;
}
