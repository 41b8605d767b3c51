/* The image directory on disk: versions, the links that name them, locks, staging. See README.md.
 */
#ifndef GK_IMAGE_STORE_H
#define GK_IMAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "image/tick.h"
#include "run/store/image.h"

/* NAME@STAMP with room for the prefixes of staging and doomed directories. */
enum { GK_VERSION_NAME_MAX = 160 };

struct gk_store {
	const char *path;           /* as given: for messages */
	int dir_fd;                 /* the image directory */
	int versions_fd;            /* its .versions */
	const struct gk_tick *tick; /* of removals; may be NULL */
};
#define GK_STORE_INIT ((struct gk_store){ .dir_fd = -1, .versions_fd = -1 })

/* Opens the image directory; with create, makes it and .versions where missing. path must outlive
 * the store. Without create a directory that does not exist is -ENOENT. Returns 0 or -errno. */
int gk_store_open(const char *path, bool create, struct gk_store *ret, struct gk_err *err);
void gk_store_close(struct gk_store *store);
#define gk_autostore __attribute__((cleanup(gk_store_close)))

enum { GK_STAGING_HELD_MAX = 256 };

/* A version under construction. Nothing is visible under the image's name before the commit. */
struct gk_staging {
	const struct gk_store *store;
	char name[GK_IMAGE_NAME_MAX + 1];
	char dir[GK_VERSION_NAME_MAX];
	char base[GK_VERSION_NAME_MAX]; /* the version it is a change of; "" for none */
	bool aside;                     /* to be kept as a version, not to be put in place */
	int fd;                         /* the version directory, locked exclusively */
	int root_fd;                    /* its root, 0755 root */
	int held[GK_STAGING_HELD_MAX];  /* layers that it is made of, held against removal */
	unsigned nheld;
};
#define GK_STAGING_INIT ((struct gk_staging){ .fd = -1, .root_fd = -1 })

/* Sweeps what killed runs left behind, then makes an empty staging directory for image name.
 * -EEXIST when a plain directory that gocker did not make has that name. Returns 0 or -errno. */
int gk_staging_begin(
	const struct gk_store *store, const char *name, struct gk_staging *ret, struct gk_err *err);

/* Brings everything to the disk, then puts the version in place under its name with one rename(2).
 * -ESTALE when the image is not the one that it is a change of any more. On failure the staging
 * directory is still there, for the cleanup to remove. With `aside` it becomes a version that no
 * name stands for, which only gk_store_rollback puts in place and only gk_store_prune with `edits`
 * removes. After success staging->dir is the version. */
int gk_staging_commit(struct gk_staging *staging, struct gk_err *err);

/* Removes a staging directory that was not committed; closes. For __attribute__((cleanup)). */
void gk_staging_end(struct gk_staging *staging);
#define gk_autostaging __attribute__((cleanup(gk_staging_end)))

/* Removes staging directories that nobody holds, and versions whose removal was cut short. */
void gk_store_sweep(const struct gk_store *store);

/* One entry below the image directory, or one version. */
struct gk_image_version {
	char name[GK_IMAGE_NAME_MAX + 1];
	char dir[GK_VERSION_NAME_MAX]; /* below .versions; "" for a plain directory */
	bool current;
	bool in_use; /* a session holds it */
	bool aside;  /* a kept edit: no name has stood for it */
	struct timespec made;
};
struct gk_image_list {
	struct gk_image_version *list;
	size_t n;
};

/* All images and versions, sorted by name, the current version first, then newest first. name may
 * be NULL for all. Free with gk_image_list_free. Returns 0 or -errno. */
int gk_store_list(const struct gk_store *store, const char *name, struct gk_image_list *ret,
	struct gk_err *err);
void gk_image_list_free(struct gk_image_list *list);
#define gk_autolist __attribute__((cleanup(gk_image_list_free)))

/* The version that an image's name stands for. -ENOENT when there is none of that name. */
int gk_store_current(const struct gk_store *store, const char *name, struct gk_image_version *ret,
	struct gk_err *err);

/* Opens a version's directory (plain: the directory above its root is the image directory, so this
 * gives -EINVAL) and its root. Each ret_ may be NULL. A shared lock is taken on the version, as a
 * session does, and lasts as long as the version's fd. */
int gk_store_open_version(const struct gk_store *store, const struct gk_image_version *version,
	int *ret_fd, int *ret_root_fd, struct gk_err *err);

/* Removes an image with all its versions. -EBUSY when a session uses one of them, -EPERM for a
 * plain directory. */
int gk_store_remove(const struct gk_store *store, const char *name, struct gk_err *err);

/* Puts an older version of an image in place: the one called dir, or for NULL the newest that was
 * made before the current one and is no kept edit. Sessions that run keep theirs; no version is
 * removed. ret_dir (of GK_VERSION_NAME_MAX bytes) is the one that is current now. -ENOENT where
 * there is none. */
int gk_store_rollback(const struct gk_store *store, const char *name, const char *dir,
	char *ret_dir, struct gk_err *err);

struct gk_prune {
	size_t keep; /* the newest of each image's old versions stay */
	bool edits;  /* kept edits go as well */
	/* Added to: versions removed, left for a session, and left as kept edits. */
	size_t ret_removed, ret_used, ret_edits;
};

/* Removes the versions of name (NULL: of every image) that are not current and not in use. */
int gk_store_prune(
	const struct gk_store *store, const char *name, struct gk_prune *prune, struct gk_err *err);

#endif
