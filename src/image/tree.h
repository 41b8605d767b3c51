/* Whole trees: walking in a fixed order, removing, copying. None follows a symlink, none crosses
 * into another mount (an administrator may have bound something below an image). */
#ifndef GK_IMAGE_TREE_H
#define GK_IMAGE_TREE_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "image/tick.h"

/* How deep a tree may be to be walked or copied: each level takes an fd. */
enum { GK_TREE_DEPTH_MAX = 256 };

/* Called for each thing below the root, a directory before what is in it, names in byte order.
 * path is relative to the root, name its last part, to be used with parent_fd. A negative return
 * ends the walk with that. */
typedef int (*gk_walk_fn)(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err);

/* Walks the tree below root_fd. Returns 0, what fn returned, or -errno. */
int gk_tree_walk(int root_fd, gk_walk_fn fn, void *arg, struct gk_err *err);

/* Removes name, which has no slash in it, from the directory parent_fd: a directory with all that
 * is in it, however deep; or a file. A mount in it is -EXDEV and stays. tick, which may be NULL,
 * can end it half done. err may be NULL. */
int gk_tree_remove(int parent_fd, const char *name, const struct gk_tick *tick, struct gk_err *err);

/* Copies what is below from_fd into the directory to_fd: types, modes, owners, times and hard
 * links; no extended attributes; devices, FIFOs and sockets are left out. File data is shared
 * where the file system can (FICLONE). */
int gk_tree_copy(int from_fd, int to_fd, const struct gk_tick *tick, struct gk_err *err);

/* Copies the data of one open file to another, sharing it where possible. Returns 0 or -errno. */
int gk_copy_data(int from_fd, int to_fd);

#endif
