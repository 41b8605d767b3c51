/* The key io_max: what a session may read and write on block devices. */
#ifndef GK_PLAN_IOMAX_H
#define GK_PLAN_IOMAX_H

#include <stdbool.h>

#include "base/arena.h"
#include "plan/policy.h"

/* rbps, wbps, riops, wiops: as gocker.ini and the kernel's io.max name them. */
extern const char *const gk_io_names[GK_IO_KINDS];

/* A list of TARGET:NAME=VALUE[,NAME=VALUE…], each target and name once. Returns true, or false with
 * *ret_why set and the rest untouched. An empty text is an empty list. */
bool gk_io_max_read(const char *s, struct gk_arena *arena, const struct gk_io_limit **ret,
	size_t *ret_n, const char **ret_why);

/* The text that reads back to the list; NULL when memory is exhausted. */
const char *gk_io_max_text(const struct gk_io_limit *list, size_t n, struct gk_arena *arena);

#endif
