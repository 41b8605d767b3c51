/* What the supervisor of one login keeps, for its parts: supervise.c, end.c and say.c. */
#ifndef GK_RUN_WATCH_WATCH_H
#define GK_RUN_WATCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "run/build/session.h"
#include "run/watch/below.h"
#include "run/watch/limit-event.h"
#include "run/watch/notice.h"
#include "run/watch/relay.h"
#include "run/watch/shutdown.h"

struct gk_watch {
	struct gk_session *s;
	struct gk_relay relay;
	int terminal; /* write-only, for messages; -1 without one */
	struct gk_limit_events bites;
	struct gk_policy of_container; /* what the notices about its limits say */
	struct gk_shutdown ending;
	struct gk_below own; /* of a login in a shared container, to be ended with it */
	bool whole;          /* it ends with all of them, and not its command alone */
	int64_t started_ms;
	int64_t looked_ms;             /* when pids.events was looked at on cgroup v1 */
	struct gk_terminal words;      /* what was said on it */
	struct gk_pending_notice owed; /* and what it did not take yet */
	int status;
	bool have_status;
	int left;     /* processes that end with the login */
	bool stopped; /* the session, with this process, by job control */
};

/* say.c: the cgroup of the login, or that of the container that it shares. */
const struct gk_cgroup *gk_watch_cgroup(const struct gk_watch *w);

/* A line on the terminal, if there is one. What the terminal does not take is tried again: by the
 * second function when it is due, by the third for a tenth of a second at the end of a session. */
void gk_watch_say(struct gk_watch *w, const char *text);
void gk_watch_say_again(struct gk_watch *w);
void gk_watch_say_last(struct gk_watch *w);

/* At a logout: how many processes ended with it, or run on in a container that shared it. */
void gk_watch_say_left(struct gk_watch *w);

/* A descriptor of the terminal for that, which never blocks; -1 without one. */
int gk_watch_open_terminal(const struct gk_session *s);

/* Logs limits that were hit and says them on the terminal; those of a shared container are logged
 * by its holder, once for all logins. */
void gk_watch_check_limits(struct gk_watch *w);

/* end.c: ends the login by steps (run/watch/shutdown.h), for this reason of the log's. */
void gk_watch_begin_end(struct gk_watch *w, const char *why);

/* Takes the next step of an end that has begun, once it is due. */
void gk_watch_advance(struct gk_watch *w);

/* The command of a login in a shared container has ended: whether there is nothing else to end. */
bool gk_watch_own_have_ended(const struct gk_watch *w);

/* Returns the ms until a time limit wants to be looked at again, -1 for never. */
int64_t gk_watch_check_time(struct gk_watch *w);

/* What came through the signalfd, and from the process that keeps the caller's descriptors. */
void gk_watch_on_signal(struct gk_watch *w);
void gk_watch_on_stdio(struct gk_watch *w);

#endif
