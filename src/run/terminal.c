#include "run/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* tty_update_time() in the kernel leaves a time alone that differs from the new one in these bits only. */
enum { TIME_STEP_MASK = 7 };

/* A terminal takes one writer at a time, and one that must not block is turned away while another is at it
 * (tty_write_lock() in the kernel), as a shell is that tells of the very end that gocker explains. That passes;
 * where there is no room the words are lost. */
enum { SAY_TRIES = 100, SAY_WAIT_NS = 1000000 };

static void say(int fd, const char *line, size_t n)
{
	const struct timespec wait = { .tv_nsec = SAY_WAIT_NS };
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	for (int i = 0; i < SAY_TRIES; i++) {
		if (write(fd, line, n) >= 0 || errno != EAGAIN || poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
			return;
		(void)nanosleep(&wait, NULL);
	}
}

void gk_terminal_say(struct gk_terminal *t, int fd, const char *text)
{
	char line[512];
	struct stat before, after;
	int n = snprintf(line, sizeof line, "\r\ngocker: %s\r\n", text);
	if (n < 0 || fstat(fd, &before) < 0)
		return;
	say(fd, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
	if (fstat(fd, &after) < 0)
		return;
	if (before.st_mtim.tv_sec != t->own_output)
		t->output_before = before.st_mtim.tv_sec;
	t->own_output = after.st_mtim.tv_sec;
}

time_t gk_terminal_used(const struct gk_terminal *t, const struct stat *st)
{
	time_t output = st->st_mtim.tv_sec;
	if (output == t->own_output)
		output = t->output_before;
	return (st->st_atim.tv_sec > output ? st->st_atim.tv_sec : output) | TIME_STEP_MASK;
}
