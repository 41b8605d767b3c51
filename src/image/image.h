/* Making images: each function makes a new version of image `name` and puts it in place at once,
 * or leaves everything as it was. All return 0 or -errno. */
#ifndef GK_IMAGE_IMAGE_H
#define GK_IMAGE_IMAGE_H

#include "base/err.h"
#include "image/alpine.h"
#include "image/bootstrap.h"
#include "image/extract.h"
#include "image/pull.h"
#include "image/store.h"
#include "image/trial.h"

struct json_object;

/* How to go about it. Each member may be NULL. */
struct gk_making {
	const struct gk_tick *tick;
	const struct gk_say *said;
	const char *const *with;  /* programs of the host to bring in (tools.h), NULL-ended */
	const struct gk_try *try; /* how to try them (trial.h) */
};

/* From what fd reads: an archive of a root file system; one of an OCI layout or of `docker save`;
 * or, where fd is a directory, an OCI layout. origin names it, NULL for standard input. ref chooses
 * one of several images of a layout by name; NULL for the only one. */
int gk_image_import(const struct gk_store *store, const char *name, int fd, const char *origin,
	const char *ref, const struct gk_extract_options *options, struct gk_extract_stats *ret,
	struct gk_err *err);

/* Whether an image may go on to another digest with the next pull. */
enum gk_pinning { GK_PIN_KEEP, GK_PIN_SET, GK_PIN_CLEAR };

/* What a pull has done. */
struct gk_pulled {
	char digest[GK_SUM_MAX + 8];   /* "sha256:…" of the manifest, as the registry has it */
	bool changed;                  /* false: the image has this digest already */
	bool replaced_edited;          /* the version before had been changed by edit or tools */
	struct gk_extract_stats stats; /* where changed */
};

/* From a registry (pull.h), layer by layer. Where the image is of that digest already, no version
 * is made. -EPERM where it is pinned to another. */
int gk_image_pull(const struct gk_store *store, const char *name, const struct gk_pull *pull,
	enum gk_pinning pinning, const struct gk_extract_options *options, struct gk_pulled *ret,
	struct gk_err *err);

/* Of the packages of Debian or Ubuntu (bootstrap.h). ret_suite has GK_SUITE_MAX bytes. */
int gk_image_new(const struct gk_store *store, const char *name, const struct gk_bootstrap *b,
	char *ret_suite, struct gk_extract_stats *ret, const struct gk_making *making,
	struct gk_err *err);

/* Alpine's minirootfs from a mirror (alpine.h), verified before a byte of it is unpacked, and those
 * programs of making->with that this host has. */
int gk_image_fetch(const struct gk_store *store, const char *name,
	const struct gk_alpine_options *options, const struct gk_making *making,
	struct gk_alpine *ret, struct gk_err *err);

/* A root made of the distribution's static busybox: applet links, a minimal /etc, and an
 * os-release that says what it is, and making->with. busybox is the program's path on the host. */
int gk_image_busybox(const struct gk_store *store, const char *name, const char *busybox,
	const struct gk_making *making, struct gk_err *err);

/* The machine that a root is for, as far as its shell tells, where that is another than this
 * host's; *ret_program is then the program that told. NULL when it is this host's, or nothing
 * tells. */
const char *gk_image_other_machine(int root_fd, const char **ret_program);

/* The first step of a change: a new version under construction that holds what image name holds
 * now, and its record. */
int gk_image_copy(const struct gk_store *store, const char *name, struct gk_staging *ret,
	struct json_object **ret_info, const struct gk_tick *tick, struct gk_err *err);

/* The last step of each: writes the manifest, the list of the image's variables
 * (run/store/imagefacts.h) and info.json (which gains the image's own os name,
 * size and number of entries), brings all to the disk, and switches the name over. */
int gk_image_seal(struct gk_staging *staging, struct json_object *info, const struct gk_tick *tick,
	struct gk_err *err);

#endif
