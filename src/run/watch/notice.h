/* A user's terminal, seen from outside of his session: what gocker says on it, and when he last
 * used it. */
#ifndef GK_RUN_WATCH_NOTICE_H
#define GK_RUN_WATCH_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* gocker's own words are no output of the user's. */
struct gk_terminal {
	time_t own_output, output_before;
	bool owed; /* the last words were turned away */
};

/* Writes a line of its own, "gocker: TEXT". fd must not block. Returns whether there is nothing to
 * be tried again: a terminal takes one writer at a time, and turns one away that must not block
 * while another is at it, as a shell is that tells of the very end that gocker explains
 * (tty_write_lock() in the kernel), and while it is stopped or full. */
bool gk_notice_write(struct gk_terminal *t, int fd, const char *text);

/* Writes such a line on the terminal that tty is open on, if it takes it at once. Does nothing for
 * -1. */
void gk_notice_once(int tty, const char *text);

/* What is said at a logout of the processes that it leaves: that they end, or when, in a container
 * that lasts for linger_s after its last login. */
void gk_notice_left(int left, uint64_t linger_s, char *text, size_t size);

/* What terminals have turned away: tried again a little later, then less and less often, once a
 * second at last, until they take it. */
struct gk_pending_notice {
	char text[512];
	int64_t again_ms; /* on gk_now_ms()'s clock; 0: nothing is owed */
	int64_t after_ms;
};

/* Adds words that were turned away, or that come after such. More than there is room for are lost.
 */
void gk_pending_notice_add(struct gk_pending_notice *o, const char *text);

/* After a try to say what is owed, whether it was taken. */
void gk_pending_notice_tried(struct gk_pending_notice *o, bool said);

bool gk_pending_notice_is_due(const struct gk_pending_notice *o);

/* The shorter of wait and the time until it is due, in ms; a wait of -1 is for ever. */
int64_t gk_pending_notice_wait(const struct gk_pending_notice *o, int64_t wait);

/* When there can last have been input or output: never earlier than there was, at most 7 seconds
 * later, and so perhaps in the future. The kernel keeps both in the times of the terminal's inode,
 * where only the first use of each 8 seconds leaves its time. */
time_t gk_terminal_used(const struct gk_terminal *t, const struct stat *st);

#endif
