/* Opening files by fd, one component at a time where trust is at stake. */
#ifndef GK_BASE_PATH_H
#define GK_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* Whether the object belongs to root and its mode lets nobody else write. Says nothing about its
 * type, nor about the directories above it. */
static inline bool gk_is_roots_alone(const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & 022);
}

/* Opens an absolute path for reading in which every directory, and the file itself, belongs to
 * root and can be written by nobody else, and no component is a symlink. The file must be regular.
 * Returns the fd (O_CLOEXEC) or -errno: -ENOENT missing, -EPERM wrong owner or mode, -ELOOP a
 * symlink, -EINVAL not a regular file or not absolute. */
int gk_open_trusted(const char *path, struct gk_err *err);

/* Reads an open file whole. At most max bytes: a larger one is -EFBIG. The bytes are NUL-ended
 * (not counted in *ret_size). Returns 0 or -errno. */
int gk_read_all(int fd, size_t max, struct gk_arena *arena, char **ret_data, size_t *ret_size,
	struct gk_err *err);

/* Writes all of it, going on after short writes and EINTR. Returns 0 or -errno. */
int gk_write_all(int fd, const void *data, size_t size);

/* Opens (and makes with mode 0700, where missing) a directory below dirfd that root alone owns and
 * enters; refuses one with another owner or a mode that lets others in. Returns fd or -errno. */
int gk_open_private_dir(int dirfd, const char *name, struct gk_err *err);

#endif
