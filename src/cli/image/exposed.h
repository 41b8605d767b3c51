/* Files of this host that sessions with `image = host` see, that everyone may read, and that look
 * like secrets. */
#ifndef GK_CLI_IMAGE_EXPOSED_H
#define GK_CLI_IMAGE_EXPOSED_H

#include "image/tick.h"
#include "plan/hostroot.h"

/* How many files are examined at most. */
enum { GK_EXPOSED_FILES_MOST = 200000 };

/* Calls found for each that is found in the parts of host, but in /usr only in /usr/local: a
 * private key, in /etc a line that sets a password, the name of a secret or a dump. It guesses:
 * what is not found may be a secret, too. tick may be NULL. Returns 0, -E2BIG when there were more
 * files, -ENOMEM, or what the tick ended it with. */
int gk_exposed_find(const struct gk_hostroot *host, const struct gk_tick *tick,
	void (*found)(void *arg, const char *path, const char *why), void *arg);

#endif
