/* Limits that bite: a session's cgroup tells when a fork failed, a process was killed for want of
 * memory, or all was slowed down; the log and the user are told which limit it was. */
#ifndef GK_RUN_WATCH_LIMIT_EVENT_H
#define GK_RUN_WATCH_LIMIT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/policy.h"
#include "run/watch/slowdown.h"

enum gk_limit_event {
	GK_LIMIT_EVENT_TASKS,
	GK_LIMIT_EVENT_USER_TASKS,
	GK_LIMIT_EVENT_MEMORY,
	GK_LIMIT_EVENTS
};

/* Enough for any notice. */
enum { GK_LIMIT_NOTICE_BYTES = 480 };

/* What was seen so far. */
struct gk_limit_events {
	int fd[GK_LIMIT_EVENTS]; /* pids.events, the user's pids.events.local, memory.events; -1
				  where there is none. Each polls as POLLPRI when it changes
				  (cgroup-v2.rst) and until it is read */
	int leaf_fd, user_fd;    /* the caller's */
	uint64_t hits[GK_LIMIT_EVENTS];
	uint64_t own_oom;
	int64_t told_ms[GK_LIMIT_EVENTS];
	struct gk_slowdown slow;
};

/* Starts to watch a cgroup, and the user's above it (-1: there is none of ours); both stay open
 * until the last look. What is missing (memory on cgroup v1) is not watched. */
void gk_limit_events_open(
	struct gk_limit_events *b, int leaf_fd, int user_fd, const struct gk_policy *policy);

/* Looks for a limit that has bitten since the last look. Logs it under the session's id (NULL:
 * another process logs it) and puts a sentence for its user into text; true then. Call it until it
 * is false. Of a series, one in ten seconds is told. */
bool gk_limit_events_next(struct gk_limit_events *b, const char *id, const struct gk_policy *policy,
	char *text, size_t size);

/* Whether so many more tasks can be made in a cgroup and below the user's (-1: there is none of
 * ours). Where they can't, text is the sentence that names the limit. What can't be read is no
 * limit.
 */
bool gk_limit_has_room(int leaf_fd, int user_fd, uint64_t tasks, const struct gk_policy *policy,
	char *text, size_t size);

/* Milliseconds until it wants to be called although nothing polls, for the limits that only slow
 * down; -1 for never. */
int64_t gk_limit_events_wait(const struct gk_limit_events *b, const struct gk_policy *policy);

void gk_limit_events_close(struct gk_limit_events *b);

#endif
