#include "run/watch/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "plan/policy.h"
#include "run/watch/shutdown.h"

/* tty_update_time() in the kernel leaves a time alone that differs from the new one in these bits
 * only. */
enum { TIME_STEP_MASK = 7 };

enum { AGAIN_FIRST_MS = 5, AGAIN_LAST_MS = 1000 };

bool gk_notice_write(struct gk_terminal *t, int fd, const char *text)
{
	char line[640];
	struct stat before, after;
	int n = snprintf(line, sizeof line, "\r\ngocker: %s\r\n", text);
	t->owed = false;
	if (n < 0 || fstat(fd, &before) < 0)
		return true;
	size_t size = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
	/* Where there was room for a part, the whole line is said again. */
	ssize_t done = write(fd, line, size);
	t->owed = done < 0 ? errno == EAGAIN : (size_t)done < size;
	if (done > 0 && fstat(fd, &after) == 0) {
		if (before.st_mtim.tv_sec != t->own_output)
			t->output_before = before.st_mtim.tv_sec;
		t->own_output = after.st_mtim.tv_sec;
	}
	return !t->owed;
}

void gk_notice_once(int tty, const char *text)
{
	struct gk_terminal ignored = { 0 };
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", tty);
	gk_autoclose int fd =
		tty < 0 ? -1 : open(self, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		(void)gk_notice_write(&ignored, fd, text);
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

void gk_notice_left(int left, uint64_t linger_s, char *text, size_t size)
{
	char time[32];
	const char *plural = left == 1 ? "" : "es";
	as_time(linger_s, time, sizeof time);
	if (linger_s == GK_UNLIMITED)
		snprintf(text, size, "still running: %d process%s", left, plural);
	else if (linger_s)
		snprintf(text, size,
			"still running: %d process%s, ended in %s unless you log in again", left,
			plural, time);
	else
		snprintf(text, size, "%d process%s ended with this login", left, plural);
}

void gk_pending_notice_add(struct gk_pending_notice *o, const char *text)
{
	size_t len = o->again_ms ? strlen(o->text) : 0;
	const char *between = len ? "\r\ngocker: " : "";
	if (len + strlen(between) + strlen(text) < sizeof o->text)
		snprintf(o->text + len, sizeof o->text - len, "%s%s", between, text);
	if (o->again_ms)
		return;
	o->after_ms = AGAIN_FIRST_MS;
	o->again_ms = gk_now_ms() + o->after_ms;
}

void gk_pending_notice_tried(struct gk_pending_notice *o, bool said)
{
	o->after_ms = o->after_ms * 2 < AGAIN_LAST_MS ? o->after_ms * 2 : AGAIN_LAST_MS;
	o->again_ms = said ? 0 : gk_now_ms() + o->after_ms;
}

bool gk_pending_notice_is_due(const struct gk_pending_notice *o)
{
	return o->again_ms && gk_now_ms() >= o->again_ms;
}

int64_t gk_pending_notice_wait(const struct gk_pending_notice *o, int64_t wait)
{
	if (!o->again_ms)
		return wait;
	int64_t left = o->again_ms - gk_now_ms();
	left = left > 0 ? left : 0;
	return wait < 0 || left < wait ? left : wait;
}

time_t gk_terminal_used(const struct gk_terminal *t, const struct stat *st)
{
	time_t output = st->st_mtim.tv_sec;
	if (output == t->own_output)
		output = t->output_before;
	return (st->st_atim.tv_sec > output ? st->st_atim.tv_sec : output) | TIME_STEP_MASK;
}
