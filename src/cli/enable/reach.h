/* What can be reached from where a process is: connections that are tried, and their ends. */
#ifndef GK_CLI_ENABLE_REACH_H
#define GK_CLI_ENABLE_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "run/build/session.h"

enum { GK_REACH_MOST = 8 };

/* One place to try by TCP. */
struct gk_reach {
	char address[46];
	uint16_t port;
	int end; /* 0: connected; else an errno of connect(2), ETIMEDOUT after 3 seconds */
};

/* Whether there was an answer from the place itself: also that nothing listens there. */
bool gk_reach_is(const struct gk_reach *r);

/* Tries all of them at once from the network of this process, with its rights. */
void gk_reach_try(struct gk_reach *list, size_t n);

/* The same from inside of a session whose root stands: in its network, as its user, and behind its
 * Landlock rules. Returns 0 or -errno with err. */
int gk_reach_inside(
	const struct gk_session *s, struct gk_reach *list, size_t n, struct gk_err *err);

#endif
