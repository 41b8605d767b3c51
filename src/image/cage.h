/* Unpacking in a process of its own that can do nothing else. */
#ifndef GK_IMAGE_CAGE_H
#define GK_IMAGE_CAGE_H

#include "image/extract.h"

/* gk_extract, in a child that has root_fd as its root where the caller is root, no capability but
 * over the owners and modes of files, no_new_privs, and a filter with no call that reaches another
 * process, the network or new code (filter_unpacker). What a hole in the readers of tar, gzip, xz
 * or zstd could do ends there. Returns what gk_extract does; -EPERM and the like when the child
 * can't be confined, and nothing was read then. */
int gk_extract_caged(int fd, const char *label, int root_fd,
	const struct gk_extract_options *options, struct gk_extract_stats *ret, struct gk_err *err);

#endif
