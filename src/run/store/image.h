/* How the doors open an image. Part of what runs with privilege: no archive, no JSON, no write.
 *
 * On disk, below the image directory (made by src/image, see src/image/README.md):
 *
 *	NAME -> .versions/NAME@STAMP/root	what a session sees as its lower layer
 *	.versions/			0700 root
 *	.versions/NAME@STAMP/		0700 root; a session holds flock(LOCK_SH) on it
 *
 * Replacing an image is one rename(2) of the link NAME, so a session that runs keeps its version. A
 * plain directory NAME, put there by the administrator's own hand, is an image too: it has no
 * versions, so nothing locks it and `gocker image` never removes it. */
#ifndef GK_RUN_STORE_IMAGE_H
#define GK_RUN_STORE_IMAGE_H

#include <stdbool.h>

#include "base/err.h"

/* The longest name of an image, in bytes. */
enum { GK_IMAGE_NAME_MAX = 64 };

/* Whether name is [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool gk_image_name_ok(const char *name);

/* For gk_image_open: only image_dir itself must be root's, not the directories above it. For root's
 * own command line, where whoever may write there may as well replace the command. */
#define GK_IMAGE_ANY_PARENT 1u

/* Opens the root directory of an image and holds it against `gocker image remove` and `prune`.
 * image_dir (absolute, no symlink in it) and every directory above it, the image's link and its
 * root must belong to root and be writable by nobody else. *ret_root_fd is an O_PATH directory;
 * *ret_lock_fd holds the shared lock for as long as it or a copy of it is open, and is -1 for an
 * image that is a plain directory. Both are O_CLOEXEC. Must be called after becoming root.
 * Returns 0 or -errno: -EINVAL bad name, -ENOENT no such image, -EPERM or -ELOOP not as root alone
 * would have left it, -EBUSY being removed at this moment. */
int gk_image_open(const char *image_dir, const char *name, unsigned flags, int *ret_root_fd,
	int *ret_lock_fd, struct gk_err *err) __attribute__((warn_unused_result));

#endif
