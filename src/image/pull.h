/* Images from a registry, brought here by skopeo(1). gocker speaks to no registry by itself. */
#ifndef GK_IMAGE_PULL_H
#define GK_IMAGE_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/tick.h"

enum { GK_PULL_REF_MAX = 256 };

/* What the name of an image in a registry becomes: "docker://…" or the same without it is taken
 * off. -EINVAL for what is no such name (containers-transports(5)). ret has GK_PULL_REF_MAX bytes.
 */
int gk_pull_ref(const char *text, char *ret, struct gk_err *err);

/* The name that an image gets if none is given: the last part of ref's path. False where that is no
 * name for an image. ret has size bytes. */
bool gk_pull_name(const char *ref, char *ret, size_t size);

struct gk_pull {
	const char *ref;            /* as gk_pull_ref left it */
	const char *authfile;       /* containers-auth.json(5), or NULL: without a password */
	const char *policy;         /* containers-policy.json(5), or NULL: the host's */
	uint64_t userns_base;       /* uids that no account has: run/build/userns.h */
	uint64_t max_bytes;         /* of what is downloaded */
	const struct gk_tick *tick; /* may be NULL */
};

/* Runs skopeo copy as a uid that no account and no other process has, with no capability, behind
 * the filter of a user's session, in PID, IPC and mount namespaces of its own in which it can write
 * nothing but dir_fd, an empty directory of the caller's. On success dir_fd holds what the
 * transport `dir` writes (oci.h): the manifest as the registry has it, signatures checked as the
 * policy wants. No process of that uid is left. -ENOENT without skopeo; -EFBIG over the limit;
 * -EACCES with skopeo's own message for whatever it refuses or cannot do. */
int gk_pull_run(const struct gk_pull *pull, int dir_fd, struct gk_err *err);

#endif
