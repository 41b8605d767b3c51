/* The manifest: what an image held when it was made, one line a thing, so that it can be verified.
 *
 *	gocker-manifest 1
 *	TYPE MODE UID GID SIZE SHA256 PATH[ TARGET]
 *
 * TYPE is d, f or l; SIZE and SHA256 are "-" where they mean nothing; TARGET is a symlink's. In
 *PATH and TARGET, bytes up to the space, DEL and the backslash are written as \ooo. Directories
 *come before what is in them, names in byte order. */
#ifndef GK_IMAGE_MANIFEST_H
#define GK_IMAGE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/hash.h"
#include "image/tick.h"

struct gk_manifest_totals {
	uint64_t entries;
	uint64_t size_bytes;  /* of files; one with several names counts as often */
	char sum[GK_SUM_MAX]; /* SHA-256 of the manifest itself */
};

/* Writes the manifest of the tree below root_fd to the new file dir_fd/name. Returns 0 or -errno.
 */
int gk_manifest_write(int root_fd, int dir_fd, const char *name, const struct gk_tick *tick,
	struct gk_manifest_totals *ret, struct gk_err *err);

enum gk_difference { GK_MISSING, GK_ADDED, GK_CHANGED };

/* Told of each difference; what lists what changed ("content, mode") and is NULL otherwise. */
typedef void (*gk_differs_fn)(
	void *arg, enum gk_difference kind, const char *path, const char *what);

/* Compares the tree below root_fd with the manifest dir_fd/name. Returns the number of differences,
 * or -errno: -EBADMSG when the manifest can't be read as one. */
int64_t gk_manifest_verify(int root_fd, int dir_fd, const char *name, const struct gk_tick *tick,
	gk_differs_fn differs, void *arg, struct gk_err *err);

#endif
