/* What the processes of a session tell that its record can't: through the PAM door the terminal and
 * the command come after the container. */
#ifndef GK_CLI_SESSIONS_LIVE_H
#define GK_CLI_SESSIONS_LIVE_H

#include <time.h>

#include "cli/sessions/sessions.h"

/* Fills in tty (as the session calls it), idle_s and command, where it has a terminal and a process
 * of the user's besides sshd's. What it can't find it leaves as it is. The number of init is
 * trusted as little as any: it may be another's by now, and what is read is shown and no more. */
void gk_live_look(
	struct gk_seen *seen, const struct gk_cgroup *cg, time_t now, struct gk_arena *arena);

#endif
