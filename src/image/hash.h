/* SHA-256 and SHA-512 by libcrypto. */
#ifndef GK_IMAGE_HASH_H
#define GK_IMAGE_HASH_H

#include <stddef.h>

#include "base/err.h"
#include "image/tick.h"

/* Room for the longest sum in hexadecimal, NUL included. */
enum { GK_SUM_MAX = 129 };

struct gk_hash;

/* bits is 256 or 512. NULL when out of memory. */
struct gk_hash *gk_hash_new(unsigned bits);

/* Adds data. Failures are kept and told by gk_hash_end. */
void gk_hash_add(struct gk_hash *hash, const void *data, size_t size);

/* Writes the sum as lower-case hexadecimal. Returns 0 or -EIO. */
int gk_hash_end(struct gk_hash *hash, char ret_sum[GK_SUM_MAX]);

void gk_hash_free(struct gk_hash **hash);
#define gk_autohash __attribute__((cleanup(gk_hash_free)))

/* The sum of an open file from its current position to the end. Returns 0, -errno, or what the tick
 * (may be NULL) returned. */
int gk_hash_fd(int fd, unsigned bits, const struct gk_tick *tick, char ret_sum[GK_SUM_MAX]);

#endif
