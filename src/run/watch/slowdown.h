/* Limits that slow a session down and refuse nothing: cpus, user_cpus, memory_high and io_max. No
 * file of a cgroup wakes anybody when one does (but memory.events, which also counts what costs no
 * time), so that the counters are read now and then, up to the first notice of each. */
#ifndef GK_RUN_WATCH_SLOWDOWN_H
#define GK_RUN_WATCH_SLOWDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/policy.h"

enum gk_slow_limit { GK_SLOW_CPUS, GK_SLOW_USER_CPUS, GK_SLOW_MEMORY, GK_SLOW_IO, GK_SLOW_LIMITS };

enum { GK_SLOW_DISKS_MOST = 16 };

struct gk_slowdown {
	int leaf_fd, user_fd; /* the caller's; -1: none */
	int64_t looked_ms;
	uint64_t stalled_us[GK_SLOW_LIMITS]; /* before this session */
	uint64_t high_hits;
	struct gk_slow_disk {
		char number[24];             /* major:minor, as in io.max */
		uint64_t most[GK_IO_KINDS];  /* a second */
		uint64_t moved[GK_IO_KINDS]; /* at the last look */
	} disks[GK_SLOW_DISKS_MOST];
	size_t ndisks;
	bool told[GK_SLOW_LIMITS];
};

/* Starts to watch a session's cgroup, and the user's above it, for the limits of the policy. */
void gk_slowdown_open(
	struct gk_slowdown *s, int leaf_fd, int user_fd, const struct gk_policy *policy);

/* Milliseconds until it wants to be asked, -1 for never. */
int64_t gk_slowdown_wait(const struct gk_slowdown *s, const struct gk_policy *policy);

/* Whether a limit has held the session back for at least five seconds in all, or, of a disk, has
 * been used up since the last look. Each is told once, in the log under id (NULL: another process
 * logs it) and by a sentence for the user. Not before it is due. */
bool gk_slowdown_next(struct gk_slowdown *s, const char *id, const struct gk_policy *policy,
	char *text, size_t size);

#endif
