/* Between a terminal of the caller's and a command in a session that is not given one. */
#ifndef GK_CLI_PUMP_H
#define GK_CLI_PUMP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* What stands for one of fds 0-2. */
struct gk_flow_end {
	int from, to; /* -1 when there is nothing more to carry, or never was */
	int caller;   /* the caller's own descriptor */
	size_t at, end;
	char data[4096];
};
struct gk_pump {
	struct gk_flow_end flow[3];
	pid_t pid;   /* of the process that carries, 0: none */
	int control; /* closed: that process is to come to its end */
};
#define GK_PUMP_INIT \
	{ \
		.flow = { { -1, -1, -1, 0, 0, "" }, { -1, -1, -1, 0, 0, "" }, \
			{ -1, -1, -1, 0, 0, "" } }, \
		.control = -1 \
	}

/* Puts a pipe in the place of each of fds 0-2 that is a terminal, but for those in `but` (bits);
 * one pipe for 1 and 2 where they are the same one, so that what is written stays in order. Inside,
 * whoever has the command's uid could take a descriptor of the caller's terminal over (ptrace(2)),
 * and would read what is typed there for as long as his session lives. Returns 0, or -errno with
 * err. */
int gk_pump_open(struct gk_pump *pump, unsigned but, struct gk_err *err);

/* Gives fds 0-2 back to this process, to tell of an error. */
void gk_pump_undo(struct gk_pump *pump);

/* Fills three entries of a poll(2), and moves what can be moved after it. */
void gk_pump_poll(const struct gk_pump *pump, struct pollfd fds[3]);
void gk_pump_move(struct gk_pump *pump, const struct pollfd fds[3]);

/* What the command wrote last, and no more: others may still hold its pipes. */
void gk_pump_drain(struct gk_pump *pump);

/* Carries in a process of its own, without privileges, for a caller who has a loop of another's:
 * until gk_pump_end, which waits for the last of it. Nothing where there is nothing to carry. For a
 * process without locks that it must not share. Returns 0, or -errno with err. */
int gk_pump_start(struct gk_pump *pump, struct gk_err *err);
void gk_pump_end(struct gk_pump *pump);

/* /dev/null as stdin. Returns 0 or -errno. */
int gk_pump_no_input(void);

#endif
