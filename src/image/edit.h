/* Changing an image by running something in a copy of it. */
#ifndef GK_IMAGE_EDIT_H
#define GK_IMAGE_EDIT_H

#include "image/image.h"

enum gk_edit_choice {
	GK_EDIT_DROP, /* remove the copy */
	GK_EDIT_KEEP, /* as a version that no name stands for (gk_staging.aside) */
	GK_EDIT_TAKE, /* as the image, even where that was replaced since */
	GK_EDIT_LOOK, /* a shell in the copy, and the same question again */
};

struct gk_edit {
	/* Runs the editor, or for look a shell, with the directory root (absolute) as its root,
	 * writable. Returns its exit status as a shell gives it, or -errno. */
	int (*run)(void *arg, const char *root, bool look, struct gk_err *err);
	/* What becomes of the copy where the editor ended with another status than 0 (result), or
	 * the copy could not be taken over (-errno, and why). */
	enum gk_edit_choice (*choose)(void *arg, int result, const struct gk_err *err);
	void *arg;
	const char *command;                /* what it runs, for the record */
	bool ran;                           /* the editor was started: there is something to lose */
	uint64_t ret_setid;                 /* files that lost a set-uid or set-gid bit */
	uint64_t ret_special;               /* devices, FIFOs and sockets removed */
	enum gk_edit_choice ret_choice;     /* what became of it: never GK_EDIT_LOOK */
	char ret_kept[GK_VERSION_NAME_MAX]; /* for GK_EDIT_KEEP, the version */
};

/* Copies image name, runs the editor, and takes the copy over as a new version if it ended with 0;
 * otherwise choose decides. Returns 0 if it was taken over, else the editor's status when that is
 * not 0, or -errno; -ESTALE when the image was replaced since the copy was made. */
int gk_image_edit(const struct gk_store *store, const char *name, struct gk_edit *edit,
	const struct gk_tick *tick, struct gk_err *err);

/* Keeps what edits did whose gocker was killed, each as gk_image_edit keeps one, and tells of each
 * in a line. What cannot be kept now stays where it is. */
void gk_image_recover(
	const struct gk_store *store, const struct gk_tick *tick, const struct gk_say *said);

#endif
