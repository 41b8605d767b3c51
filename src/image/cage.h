/* Handling what nobody trusts in a process of its own that can do nothing else. */
#ifndef GK_IMAGE_CAGE_H
#define GK_IMAGE_CAGE_H

#include <stddef.h>
#include <stdint.h>

#include "image/extract.h"

/* Runs inside the cage. in_fd, root_fd and out_fd are those of struct gk_cage (-1 where there is
 * none) under other numbers; nothing else is open but /dev/null. ret is memory that the caller sees
 * afterwards, zeroed. Returns 0 or -errno, with err. */
typedef int (*gk_caged_fn)(const void *arg, int in_fd, int root_fd, int out_fd,
	const struct gk_tick *tick, void *ret, struct gk_err *err);

struct gk_cage {
	const char *label;          /* for messages: what is read */
	const char *what;           /* for the progress: "unpacking" */
	int in_fd, root_fd, out_fd; /* root_fd becomes its root directory; the others may be -1 */
	uint64_t caps;              /* the capabilities that it keeps, where the caller is root */
	const struct gk_tick *tick; /* may be NULL */
	gk_caged_fn fn;
	const void *arg;
};

/* Runs cage->fn in a child that has root_fd as its root where the caller is root, no capability but
 * cage->caps, no_new_privs, and a filter with no call that reaches another process, the network or
 * new code (filter_unpacker). What a hole in a parser could do ends there. ret, size bytes, is
 * filled on success; it comes from the child, and the caller must trust it no more than the input.
 * Returns what fn does; -EPERM and the like when the child can't be confined, and nothing was read
 * then. */
int gk_cage_run(const struct gk_cage *cage, void *ret, size_t size, struct gk_err *err);

/* gk_extract in a cage that has power over owners and modes of files. */
int gk_extract_caged(int fd, const char *label, int root_fd,
	const struct gk_extract_options *options, struct gk_extract_stats *ret, struct gk_err *err);

#endif
