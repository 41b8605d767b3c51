/* The agent's socket of a login in a container that logins share. */
#ifndef GK_RUN_BUILD_AGENT_H
#define GK_RUN_BUILD_AGENT_H

#include <sys/types.h>

struct gk_agent {
	int socket;     /* the socket, cloned as a mount (gk_bind_take); -1: there is none */
	int slots;      /* the directory of the user's slots (gk_slot_dir) */
	const char *id; /* of the login: the name of its socket */
	uid_t uid;
};
#define GK_AGENT_INIT ((struct gk_agent){ .socket = -1, .slots = -1 })

/* Attaches the socket below GK_AGENTS, and detaches those of logins that are over, which only their
 * sshd has ended. To be called inside, with the capability to mount. Returns 0 or -errno; a login
 * goes on without its agent. */
int gk_agent_attach(const struct gk_agent *agent);

#endif
