#include "run/terminal.h"

#include <stdio.h>
#include <unistd.h>

/* tty_update_time() in the kernel leaves a time alone that differs from the new one in these bits only. */
enum { TIME_STEP_MASK = 7 };

void gk_terminal_say(struct gk_terminal *t, int fd, const char *text)
{
	char line[512];
	struct stat before, after;
	int n = snprintf(line, sizeof line, "\r\ngocker: %s\r\n", text);
	if (n < 0 || fstat(fd, &before) < 0)
		return;
	(void)!write(fd, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
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
