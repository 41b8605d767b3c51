#include "run/watch/watch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"

const struct gk_cgroup *gk_watch_cgroup(const struct gk_watch *w)
{
	return w->s->joined ? &w->s->container.cgroup : &w->s->cgroup;
}

void gk_watch_say(struct gk_watch *w, const char *text)
{
	if (w->terminal >= 0 &&
		(w->owed.again_ms || !gk_notice_write(&w->words, w->terminal, text)))
		gk_pending_notice_add(&w->owed, text);
}

/* What it has turned away, until it takes it; at the end of a session for a tenth of a second. */
void gk_watch_say_again(struct gk_watch *w)
{
	if (gk_pending_notice_is_due(&w->owed))
		gk_pending_notice_tried(
			&w->owed, gk_notice_write(&w->words, w->terminal, w->owed.text));
}

/* "8h", in the largest unit that leaves no rest. */
static void as_time(uint64_t s, char *buf, size_t size)
{
	static const struct {
		uint64_t s;
		char name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;
	while (s % units[i].s)
		i++;
	snprintf(buf, size, "%" PRIu64 "%c", s / units[i].s, units[i].name);
}

/* An end from outside has been told already. */
void gk_watch_say_left(struct gk_watch *w)
{
	char text[128], time[32];
	uint64_t linger = w->s->joined ? w->s->container.linger_s : 0;
	const char *plural = w->left == 1 ? "" : "es";
	if (w->left <= 0 || w->ending.step != GK_RUNNING)
		return;
	as_time(linger, time, sizeof time);
	if (linger == GK_UNLIMITED)
		snprintf(text, sizeof text, "still running: %d process%s", w->left, plural);
	else if (linger)
		snprintf(text, sizeof text,
			"still running: %d process%s, ended in %s unless you log in again", w->left,
			plural, time);
	else
		snprintf(text, sizeof text, "%d process%s ended with this login", w->left, plural);
	gk_watch_say(w, text);
}

void gk_watch_say_last(struct gk_watch *w)
{
	enum { LAST_MS = 100 };
	for (int64_t end = gk_now_ms() + LAST_MS, left; w->owed.again_ms; gk_watch_say_again(w)) {
		left = end - gk_now_ms();
		if (left <= 0)
			return;
		(void)poll(NULL, 0, (int)gk_pending_notice_wait(&w->owed, left));
	}
}

/* An open description of our own, so that a full or stopped terminal never holds the loop up. */
int gk_watch_open_terminal(const struct gk_session *s)
{
	char self[64];
	if (s->tty.fd < 0)
		return -1;
	snprintf(self, sizeof self, "/proc/self/fd/%d", s->tty.fd);
	return open(self, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* Those of a shared container are logged by its holder, once for all logins. */
void gk_watch_check_limits(struct gk_watch *w)
{
	char text[GK_LIMIT_NOTICE_BYTES];
	const char *id = w->s->joined ? NULL : w->s->plan->session_id;
	while (gk_limit_events_next(&w->bites, id, &w->of_container, text, sizeof text))
		gk_watch_say(w, text);
}
