/* private_network = bridge: a session's network on a bridge of the host, which `gocker network up`
 * makes together with the rules of the host. */
#ifndef GK_RUN_BUILD_BRIDGE_H
#define GK_RUN_BUILD_BRIDGE_H

#include <stdbool.h>
#include <netinet/in.h>

#include "base/err.h"
#include "plan/plan.h"
#include "run/watch/connections.h"

/* The bridge, what the host's ends of the sessions' cables are called (all begin as the bridge
 * does, which the host's rules go by), and a session's end. */
#define GK_BRIDGE        "gocker0"
#define GK_BRIDGE_PORT   "gocker-%u"
#define GK_BRIDGE_PORTS  "gocker*"
#define GK_BRIDGE_INSIDE "eth0"

/* What to do where it is missing. */
#define GK_BRIDGE_HINT "run `gocker network up`"

/* What the bridge has, as read from its interface. */
struct gk_bridge {
	unsigned index;          /* of the interface */
	int mtu;                 /* bytes */
	struct in_addr address4; /* the host's own on it: the sessions' gateway */
	unsigned bits4;          /* of its network */
	bool has6;
	struct in6_addr address6;
	unsigned bits6;
};

/* Reads it. Returns 0, or -ENOENT without a bridge that is up and has an address, or -errno. */
int gk_bridge_read(struct gk_bridge *ret);

/* Whether a session can be put on it: NULL, or what this host lacks, "bridge gocker0" or "rules for
 * gocker0" (inet gocker of nft). Needs CAP_NET_ADMIN. */
const char *gk_bridge_lacks(void);

/* Makes a network namespace that root of the host owns, with an interface on the bridge, an address
 * that no other session has, and the rules of the plan in force. It lasts for as long as somebody
 * is in it or has the fd; the kernel removes the interface, and with it the address, at its end.
 * Returns the fd of the namespace, with the session's addresses, or -errno: then nothing is left.
 */
int gk_bridge_join(
	const struct gk_plan *plan, struct gk_bridge_addresses *ret_session, struct gk_err *err);

#endif
