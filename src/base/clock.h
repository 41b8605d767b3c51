/* The one clock for deadlines and durations. */
#ifndef GK_BASE_CLOCK_H
#define GK_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since boot, time suspended included (CLOCK_BOOTTIME, clock_gettime(2)): a time limit
 * goes on while the host sleeps, and a deadline is never missed because of it. Cannot fail on
 * Linux. */
static inline int64_t gk_now_ms(void)
{
	struct timespec t = { 0 };
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
