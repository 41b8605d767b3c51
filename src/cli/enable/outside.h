/* Logins of a user that are open on the host, outside of any container. */
#ifndef GK_CLI_ENABLE_OUTSIDE_H
#define GK_CLI_ENABLE_OUTSIDE_H

#include "plan/identity.h"

/* Prints a line for each session (setsid(2)) of processes of the user's in this PID namespace: they
 * began before the user was contained and stay as they are. gocker's own processes and the sshd
 * that serves a contained session do not count; an sshd without a child does: a connection that
 * only forwards is such. Returns how many there are. */
size_t gk_outside_print(const struct gk_identity *who);

#endif
