/* gocker top: what is shown, and drawing it. */
#ifndef GK_CLI_SESSIONS_TOP_H
#define GK_CLI_SESSIONS_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/sessions/sessions.h"

enum gk_top_sort {
	GK_SORT_PIDS,
	GK_SORT_MEMORY,
	GK_SORT_CPU,
	GK_SORT_AGE,
	GK_SORT_USER,
	GK_SORT_COUNT
};

struct gk_top {
	struct gk_seen_list now;     /* in the order that gk_seen_read gives */
	const struct gk_seen **rows; /* the same, sorted for the screen */
	size_t selected, first;      /* row under the cursor; first one on the screen */
	enum gk_top_sort sort;
	bool reverse;
	uint64_t memory_total; /* bytes of the host: what a bar without a limit is a part of */
	bool no_memory;        /* this host does not tell (cgroup v1): no such column */
	long cpus;
	char message[200]; /* one line at the bottom; "" for the keys */
};

/* Draws the list into the whole screen; nothing is wider or taller than that. */
void gk_top_draw(struct gk_top *top);

/* Draws everything about one session. */
void gk_top_draw_one(const struct gk_seen *seen);

#endif
