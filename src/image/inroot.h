/* Making things at absolute paths inside a root, its own symlinks followed as it would itself. */
#ifndef GK_IMAGE_INROOT_H
#define GK_IMAGE_INROOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Opens (O_PATH) the directory that path lies in, resolved inside root_fd; with make, makes what is
 * missing of it, 0755. *ret_name is the last part of path. Returns the fd or -errno. */
int gk_inroot_parent(
	int root_fd, const char *path, bool make, const char **ret_name, struct gk_err *err);

/* Copies the host's file that from_fd reads to path in the root, with mode and its time, replacing
 * what is there unless that is a directory. Returns 0 or -errno. */
int gk_inroot_copy(int root_fd, const char *path, int from_fd, mode_t mode, struct gk_err *err);

#endif
