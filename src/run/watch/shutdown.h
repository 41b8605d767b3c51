/* The end of a session that comes from outside: a hang-up, TERM, then the kill, with a while
 * between each; and the time limits that lead to it, with a warning before. Both doors end sessions
 * so. */
#ifndef GK_RUN_WATCH_SHUTDOWN_H
#define GK_RUN_WATCH_SHUTDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gk_shutdown_step { GK_RUNNING, GK_ANNOUNCED, GK_HUNG_UP, GK_TERMINATED, GK_KILLED };

enum gk_time_limit { GK_LIMIT_DURATION, GK_LIMIT_IDLE, GK_TIME_LIMITS };

struct gk_shutdown {
	enum gk_shutdown_step step;
	int64_t since_ms;
	bool warned[GK_TIME_LIMITS];
};

/* Begins the end of a session that runs. init gets SIGHUP, which it hands to all inside; after_ms
 * later if that is not 0, for whoever carries the user's terminal and is inside itself. Logs reason
 * under the session's id, unless it is NULL. */
void gk_shutdown_begin(
	struct gk_shutdown *e, const char *id, const char *reason, int init_pidfd, int after_ms);

/* Takes the next step if it is time. To be called at least every GK_SHUTDOWN_STEP_MS. */
void gk_shutdown_advance(struct gk_shutdown *e, int init_pidfd);
enum { GK_SHUTDOWN_STEP_MS = 250 };

/* Looks at a time limit of limit_s seconds of which used_ms are used up. Returns the milliseconds
 * until it wants to be looked at again, 0 when it is used up. A sentence for the user is put into
 * text, or "". */
int64_t gk_time_left(struct gk_shutdown *e, enum gk_time_limit kind, uint64_t limit_s,
	int64_t used_ms, char *text, size_t size);

/* How long before the end of a time limit its user is warned, in ms. */
int64_t gk_time_warning_ms(uint64_t limit_s);

/* The key of gocker.ini. */
const char *gk_time_limit_name(enum gk_time_limit kind);

#endif
