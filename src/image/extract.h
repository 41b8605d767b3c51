/* Unpacking an archive that nobody trusts into one directory, and nowhere else. */
#ifndef GK_IMAGE_EXTRACT_H
#define GK_IMAGE_EXTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "image/hash.h"
#include "image/tick.h"

/* Bounds on what an archive may become. */
struct gk_extract_limits {
	uint64_t size_bytes; /* of all files, holes in sparse ones counted */
	uint64_t entries;
};
#define GK_EXTRACT_SIZE_BYTES ((uint64_t)8 << 30)
#define GK_EXTRACT_ENTRIES    ((uint64_t)1000000)
enum { GK_EXTRACT_DEPTH = 128 };

struct gk_extract_options {
	struct gk_extract_limits limits;
	bool owners;                /* give files the owners that the archive names; needs root */
	bool layer;                 /* a layer of an OCI image: see gk_extract */
	int notes_fd;               /* of a layer: where its notes go (notes.h) */
	const struct gk_tick *tick; /* may be NULL */
};

/* What was unpacked, and what was made harmless on the way. */
struct gk_extract_stats {
	uint64_t entries;
	uint64_t size_bytes;
	uint64_t absolute; /* names with a leading slash: taken as below the root */
	uint64_t special;  /* devices, FIFOs and sockets left out */
	uint64_t setid;    /* files that lost a set-uid or set-gid bit */
	uint64_t xattrs;   /* entries whose extended attributes (capabilities, ACLs) were dropped */
	uint64_t whiteouts;         /* of a layer: names removed from the layers below */
	char sum[GK_SUM_MAX];       /* SHA-256 of the archive as read */
	char plain_sum[GK_SUM_MAX]; /* of a layer: SHA-256 of the tar in it, its diff_id; else "" */
	bool is_layers;             /* it holds layers (`docker save`, an OCI layout), not a root */
};

/* Unpacks the tar archive (plain, gzip, xz or zstd) that fd reads into root_fd, an empty directory.
 * label names the archive in messages.
 *
 * Nothing outside root_fd is touched: every parent is opened below it with openat2(2) and no
 * symlink followed. Refused (-EINVAL): names with "..", entries below a symlink or a file, hard
 * links to anything but a file already unpacked, bad owners, an archive that is damaged, cut short
 * or no tar at all, and one made by `docker save`. Over a limit: -EFBIG. Made harmless and counted:
 * see gk_extract_stats. On failure what was unpacked so far stays for the caller to remove.
 *
 * With options->layer the archive is one layer of an image (OCI image-spec, layer.md): whiteouts,
 * opaque directories, hard links to files of layers below and directories that the archive implies
 * but does not hold are written to notes_fd (notes.h) and not made. Refused besides: a whiteout of
 * "", "." or "..", one below a symlink, and entries below a whiteout. */
int gk_extract(int fd, const char *label, int root_fd, const struct gk_extract_options *options,
	struct gk_extract_stats *ret, struct gk_err *err);

/* Turns a name out of an archive into a path below the root: no leading slash, no "." and no empty
 * component; "" for the root itself. Writes at most PATH_MAX bytes to ret. Returns 0, or -EINVAL
 * for "..", -ENAMETOOLONG. */
int gk_extract_path(const char *name, char *ret);

#endif
