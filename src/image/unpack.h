/* What extract.c (the archive) and unpack.c (its entries) share. Private to them. */
#ifndef GK_IMAGE_UNPACK_H
#define GK_IMAGE_UNPACK_H

#include <limits.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "image/extract.h"
#include "image/notes.h"

struct archive;
struct archive_entry;

/* A directory's mode and time, set when everything is in it. */
struct gk_late_dir {
	char *path;
	mode_t mode;
	struct timespec mtime;
};

struct gk_unpack {
	struct archive *archive;
	struct archive *packed; /* of a layer: the compressed file, which archive reads through */
	const struct gk_extract_options *options;
	struct gk_extract_stats stats;
	const char *label;
	int fd, root_fd;
	struct gk_hash *hash;
	uint64_t read_bytes, total; /* total 0: not known */
	int stopped;                /* what progress returned, or the errno of a failed read */
	unsigned char buf[64 << 10];
	struct gk_hash *plain_hash;       /* of a layer: of what comes out of packed */
	uint64_t plain_bytes, last_bytes; /* read so far; of the last entry's data */
	bool padded;
	unsigned char plain[64 << 10];
	FILE *notes; /* of a layer */

	/* The parent opened last: archives name the files of a directory one after the other. */
	char parent[PATH_MAX];
	int parent_fd;

	struct gk_late_dir *dirs;
	size_t ndirs, room;
	struct gk_err *err;
};

/* Unpacks one entry, and the directories missing above it. */
int gk_unpack_entry(struct gk_unpack *x, struct archive_entry *e);

/* Gives the directories their modes and times, once everything is in them. */
int gk_unpack_finish(struct gk_unpack *x);

/* Records what libarchive says when it can't go on. Returns -errno. */
int gk_unpack_archive_failed(struct gk_unpack *x);

/* Counts one more entry against the limit. */
int gk_unpack_count(struct gk_unpack *x);

#endif
