/* Fetching one file of a mirror. */
#ifndef GK_IMAGE_FETCH_H
#define GK_IMAGE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "image/hash.h"
#include "image/tick.h"

enum { GK_URL_MAX = 1024 };

/* Whether a URL is of a kind that is fetched: https, or file. */
bool gk_fetch_allowed(const char *url);

/* Writes what url names to fd, at most max_bytes, and leaves fd at its start; ret_sha512 is its
 * sum. Nothing is verified but the host's certificate. Returns 0, or -errno: -ENOENT the mirror
 * answers but lacks the file; -EHOSTUNREACH no mirror there; -EINVAL bad URL; -EFBIG, -EINTR,
 * -ENOSPC and so on. */
int gk_fetch_file(const char *url, uint64_t max_bytes, int fd, const struct gk_tick *tick,
	char ret_sha512[GK_SUM_MAX], struct gk_err *err);

#endif
