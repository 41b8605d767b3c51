/* publish on the bridge: what passes connections on to a session's servers. */
#ifndef GK_RUN_WATCH_CONNECTIONS_H
#define GK_RUN_WATCH_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>

/* The most connections at a time; a further one waits until another has ended. Of each the process
 * has GK_CONNECTION_FDS descriptors. */
enum { GK_CONNECTIONS_MOST = 512, GK_CONNECTION_FDS = 6 };

/* The addresses of a session on the bridge. */
struct gk_bridge_addresses {
	struct in_addr four;
	struct in6_addr six;
	bool has6;
};

/* Accepts the connections of n listening sockets, at most GK_PUBLISH_MOST, and makes one for each
 * in the network namespace of this process, to the same port: on the loopback where the first came
 * in on one, else at the session's address. What one side sends or closes, the other receives; what
 * fails is reset. The bytes go through pipes (splice(2)), and never through this process's memory.
 * Never returns. The process is killed. */
void gk_connections_pass(const int *listeners, size_t n, const struct gk_bridge_addresses *session)
	__attribute__((noreturn));

#endif
