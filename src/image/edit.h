/* Changing an image by running something in a copy of it. */
#ifndef GK_IMAGE_EDIT_H
#define GK_IMAGE_EDIT_H

#include "image/image.h"

struct gk_edit {
	/* Runs the editor with the directory root (absolute) as its root, writable. Returns its
	 * exit status as a shell gives it, or -errno. */
	int (*run)(void *arg, const char *root, struct gk_err *err);
	void *arg;
	const char *command;  /* what it runs, for the record */
	uint64_t ret_setid;   /* files that lost a set-uid or set-gid bit */
	uint64_t ret_special; /* devices, FIFOs and sockets removed */
};

/* Copies image name, runs the editor, and takes the copy over as a new version if it ended with 0;
 * otherwise the copy is dropped. Returns 0, the editor's status when that is not 0, or -errno;
 * -ESTALE when the image was replaced meanwhile. */
int gk_image_edit(const struct gk_store *store, const char *name, struct gk_edit *edit,
	const struct gk_tick *tick, struct gk_err *err);

#endif
