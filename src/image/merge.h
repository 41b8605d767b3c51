/* Putting the layers of an image on top of each other. */
#ifndef GK_IMAGE_MERGE_H
#define GK_IMAGE_MERGE_H

#include "base/err.h"
#include "image/tick.h"

/* Merges one layer, the tree below tree_fd and its notes (notes.h), into the directory root_fd,
 * which holds the layers below it. Regular files become hard links of the layer's, where the file
 * system allows one more; so nothing may be written to a file of the root later but to a copy.
 * work_fd is a directory of the caller's own on the same file system, for links on the way.
 *
 * A directory that the layer has takes the place of whatever lay below, but one that it only
 * implies is the directory that is there, through a symlink too, if that leads to one inside the
 * root. Whiteouts go through no symlink. Neither notes nor tree are trusted: nothing outside
 * root_fd and work_fd changes. Returns 0 or -errno; -EINVAL for a layer that can't be meant for
 * those below. */
int gk_layer_merge(int tree_fd, int notes_fd, int root_fd, int work_fd, const char *label,
	const struct gk_tick *tick, struct gk_err *err);

#endif
