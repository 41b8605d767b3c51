/* Running a program of the host's that speaks with others: it gets nothing but a directory. */
#ifndef GK_IMAGE_OUTSIDE_H
#define GK_IMAGE_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/tick.h"

#define GK_OUTSIDE_PLACE "/tmp"          /* where the program has the directory */
enum { GK_OUTSIDE_TEXT_MAX = 16 << 10 }; /* of what it says the end is kept */

struct gk_outside {
	const char *program; /* absolute path */
	const char *const *argv;
	const char *label;  /* for messages: what it fetches */
	uid_t uid;          /* from gk_userns_take: no account and no other process has it */
	bool as_root;       /* as root of a user namespace that begins with uid */
	uint64_t max_bytes; /* of the files in the directory */
	/* What the progress says, from what the program has said so far. */
	const char *(*what)(void *arg, const char *text);
	void *arg;
	const struct gk_tick *tick; /* may be NULL */
};

/* Copies a file of root's, open as from_fd, to the new file dir_fd/name, which uid alone can read.
 * At most 1 MiB: such as a key, a policy, a password file. path is for messages. Returns 0 or
 * -errno. */
int gk_outside_give(
	int from_fd, const char *path, int dir_fd, const char *name, uid_t uid, struct gk_err *err);

/* Runs it with that uid, in PID, IPC and mount namespaces of its own in which it can write nothing
 * but dir_fd, at GK_OUTSIDE_PLACE: with no capability and behind the filter of a user's session, or
 * with as_root with the capabilities of a user namespace and no filter. Its end is the end of all
 * that it has started. text (GK_OUTSIDE_TEXT_MAX + 1 bytes) takes what it said. Returns 0 with its
 * wait status, or -errno: -EFBIG over the limit, -EINTR when the tick ended it. */
int gk_outside_run(
	const struct gk_outside *o, int dir_fd, char *text, int *ret_status, struct gk_err *err);

#endif
