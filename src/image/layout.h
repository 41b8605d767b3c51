/* What store.c (making versions) and versions.c (finding and removing them) share. Private to them.
 */
#ifndef GK_IMAGE_LAYOUT_H
#define GK_IMAGE_LAYOUT_H

#include <dirent.h>

#include "image/store.h"

/* An empty file beside the root of a version that is a kept edit. */
#define GK_ASIDE "aside"

/* An empty file beside the root of a copy that an edit works on, until that has been decided on. A
 * directory that has it is not swept: gk_image_recover keeps what the edit did. */
#define GK_EDITING "editing"

/* Takes the lock under which names change. Held for the time of a rename or two; never while
 * unpacking. A new open file each time: the lock goes with the fd returned. Returns it or -errno.
 */
int gk_store_lock(const struct gk_store *store, struct gk_err *err);

/* The version that the link NAME stands for: the middle part of ".versions/NAME@STAMP/root".
 * -EINVAL when it is no link of gocker's. */
int gk_store_read_link(const struct gk_store *store, const char *name, char *ret, size_t size);

/* Makes the link for a version under another name and renames it over the image's: from then on the
 * name stands for that version. The caller has the store's lock. */
int gk_store_switch_link(
	const struct gk_store *store, const char *name, const char *version, struct gk_err *err);

/* Takes a version out of use if no session holds it. The caller has the store's lock. Afterwards
 * the directory is called dead (".dead@…"), and the fd returned holds it against a second sweep.
 * Returns that fd, or -errno: -EBUSY in use. */
int gk_store_doom(const struct gk_store *store, const char *dir, char *dead, size_t size);

/* The same for a layer, which moves from .layers to .versions, where what is dead is swept. */
int gk_store_doom_layer(
	const struct gk_store *store, int layers_fd, const char *layer, char *dead, size_t size);

/* Makes an empty directory ".new@NAME@RANDOM" below .versions and locks it exclusively: what is in
 * it is swept once the lock is free. Returns its fd or -errno. */
int gk_store_stage(const struct gk_store *store, const char *name, char *ret_dir, size_t size,
	struct gk_err *err);

/* Reads a directory that is open already. */
DIR *gk_store_opendir(int fd);

#endif
