/* What commands do to a session; `gocker top` does it too. */
#ifndef GK_CLI_SESSIONS_ACT_H
#define GK_CLI_SESSIONS_ACT_H

#include "base/err.h"
#include "cli/sessions/sessions.h"

/* SIGKILL ends the session; another signal goes to each of its processes but init. Logged. */
int gk_act_kill(const struct gk_seen *seen, int sig, struct gk_err *err);

/* Who acts, for the log: sudo's caller, else root. */
const char *gk_act_by(void);

#endif
