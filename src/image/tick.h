/* The hook of everything that may take long: it shows progress and lets ^C end the work. */
#ifndef GK_IMAGE_TICK_H
#define GK_IMAGE_TICK_H

#include <stdint.h>

enum gk_unit { GK_UNIT_BYTES, GK_UNIT_FILES };

struct gk_tick {
	/* total is 0 when not known. A negative return ends the work with that. */
	int (*fn)(void *arg, const char *what, enum gk_unit unit, uint64_t done, uint64_t total);
	void *arg;
};

/* What is worth telling but no error: one line each. */
struct gk_say {
	void (*fn)(void *arg, const char *line);
	void *arg;
};

static inline void gk_say(const struct gk_say *say, const char *line)
{
	if (say && say->fn)
		say->fn(say->arg, line);
}

static inline int gk_tick(const struct gk_tick *tick, const char *what, enum gk_unit unit,
	uint64_t done, uint64_t total)
{
	return tick && tick->fn ? tick->fn(tick->arg, what, unit, done, total) : 0;
}

#endif
