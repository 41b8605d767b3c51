/* `gocker run --detach`: the session's supervisor goes on in a process of its own. */
#ifndef GK_CLI_DETACH_H
#define GK_CLI_DETACH_H

#include "base/err.h"

struct gk_detach {
	int report; /* to who waits for the id; -1 when not detached, or no longer */
	int errors; /* the caller's stderr */
};
#define GK_DETACH_INIT ((struct gk_detach){ -1, -1 })

/* Forks. In the child, which has a session of its own and fds 0-2 on /dev/null and the log, returns
 * -1. In the parent waits until the child says that the command runs, prints the id, and returns
 * the exit status: 0, or the child's. On failure 125 with err, before anything was forked. log
 * NULL: what is printed is lost. */
int gk_detach(struct gk_detach *d, const char *log, struct gk_err *err);

/* In the child: it is refused, and the caller's stderr is where to say so. */
void gk_detach_refuse(struct gk_detach *d);

/* In the child: the command runs, and this is its session. */
void gk_detach_done(struct gk_detach *d, const char *id);

#endif
