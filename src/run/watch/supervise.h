/* Step 11: the process outside that waits, relays, ends the session and hands its end on. */
#ifndef GK_RUN_WATCH_SUPERVISE_H
#define GK_RUN_WATCH_SUPERVISE_H

#include <signal.h>

#include "base/err.h"
#include "run/build/session.h"

/* Takes what supervision needs and could fail to get; before gk_session_open it spares the session
 * a wait. Returns 0, or -errno with err. */
int gk_supervise_prepare(struct gk_session *s, struct gk_err *err);

/* Does that, if it was not done, then starts the payload (gk_session_start). Returns 0,
 * or an exit code with err: nothing of the user's ran. */
int gk_supervise_start(struct gk_session *s, struct gk_err *err);

/* Supervises a started session until it has ended, then takes it down. Before waiting it gives up
 * fds 0-2, all capabilities and most system calls. *ret_status is a wait status to end like: the
 * payload's own, or that of the signal that ended the session from outside. Returns 0, or -errno
 * when supervision failed; the session is ended and taken down in each case. */
int gk_supervise(struct gk_session *s, int *ret_status, struct gk_err *err);

/* What a signal to the supervisor of a login in a shared container asks for: that it ends by steps
 * (run/watch/shutdown.h), or at once, with all that is below its command. Only with this value:
 * what is sent without it goes to the command. */
#define GK_LOGIN_STOP SIGUSR1
#define GK_LOGIN_KILL SIGUSR2
enum { GK_LOGIN_ASKED = 0x676f636b };

/* Ends this process the way the wait status says: the same exit code, or the same signal. */
void gk_end_like(int status) __attribute__((noreturn));

#endif
