/* Running a program of the host's own for what it says. */
#ifndef GK_IMAGE_SPAWN_H
#define GK_IMAGE_SPAWN_H

#include <stddef.h>

#include "base/err.h"

/* Runs argv[0] (an absolute path) with a minimal environment, /dev/null as its input and its errors
 * dropped, and collects what it writes: at most size - 1 bytes, NUL-ended. Returns its exit status,
 * or -errno; -EIO when a signal ended it; -E2BIG when it wrote more. */
int gk_spawn_read(const char *const *argv, char *ret, size_t size, struct gk_err *err);

#endif
