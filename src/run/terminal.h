/* A user's terminal, seen from outside of his session: what gocker says on it, and when he last used it. */
#ifndef GK_RUN_TERMINAL_H
#define GK_RUN_TERMINAL_H

#include <sys/stat.h>
#include <time.h>

/* gocker's own words are no output of the user's. */
struct gk_terminal {
	time_t own_output, output_before;
};

/* Writes a line of its own, "gocker: TEXT". fd must not block. What it does not take now is lost. */
void gk_terminal_say(struct gk_terminal *t, int fd, const char *text);

/* When there can last have been input or output: never earlier than there was, at most 7 seconds later, and
 * so perhaps in the future. The kernel keeps both in the times of the terminal's inode, where only the
 * first use of each 8 seconds leaves its time. */
time_t gk_terminal_used(const struct gk_terminal *t, const struct stat *st);

#endif
