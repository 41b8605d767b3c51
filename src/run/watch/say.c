#include "run/watch/watch.h"

#include <fcntl.h>
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

/* An end from outside has been told already. */
void gk_watch_say_left(struct gk_watch *w)
{
	char text[128];
	if (w->left <= 0 || w->ending.step != GK_RUNNING)
		return;
	gk_notice_left(w->left, w->s->joined ? w->s->container.linger_s : 0, text, sizeof text);
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
