/* Roots of Debian, Ubuntu and what is like them, made by mmdebstrap(1) of their packages. */
#ifndef GK_IMAGE_BOOTSTRAP_H
#define GK_IMAGE_BOOTSTRAP_H

#include <stdint.h>

#include "base/err.h"
#include "image/tick.h"

struct gk_bootstrap {
	const char *distribution; /* "debian", "ubuntu"; another: with suite, mirror and keyring */
	const char *suite;        /* its code name or "stable"; NULL: this host's, else "stable" */
	const char *mirror;       /* a URL; NULL: the distribution's own */
	const char *keyring;      /* of another: whose keys sign it, a file */
	const char *const *packages; /* besides the least; NULL-ended */
	uint64_t userns_base;        /* run/build/userns.h */
	uint64_t max_bytes;          /* of the archive */
	const struct gk_tick *tick;  /* may be NULL */
};

enum { GK_SUITE_MAX = 64 };

/* Checks names before anything is made, and fills in the suite (GK_SUITE_MAX bytes). -EINVAL. */
int gk_bootstrap_check(const struct gk_bootstrap *b, char *ret_suite, struct gk_err *err);

/* Runs mmdebstrap as root of a user namespace that is nobody outside (outside.h), with dir_fd, an
 * empty directory, as all that it can write. What it fetches is checked against the distribution's
 * keyring. Returns an fd of the archive of the root that it made, or -errno: -ENOENT without
 * mmdebstrap, -EACCES with its own message for whatever it cannot do. */
int gk_bootstrap_run(
	const struct gk_bootstrap *b, const char *suite, int dir_fd, struct gk_err *err);

#endif
