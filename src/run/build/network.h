/* network = private: a network namespace that pasta(1), or the host's bridge, connects with the
 * host's network. */
#ifndef GK_RUN_BUILD_NETWORK_H
#define GK_RUN_BUILD_NETWORK_H

#include "base/err.h"
#include "plan/plan.h"
#include "run/build/publish.h"
#include "run/cgroup/cgroup.h"

/* The programs, and the device, that it needs. */
#define GK_NETWORK_PASTA "/usr/bin/pasta"
#define GK_NETWORK_NFT   "/usr/sbin/nft"
#define GK_NETWORK_TUN   "/dev/net/tun"

/* What to do about it. */
#define GK_NETWORK_HINT "install passt and nftables, and let users open " GK_NETWORK_TUN

/* All fds are O_CLOEXEC; -1 when not open. */
struct gk_network {
	int netns;  /* until init has entered it */
	int keeper; /* a pidfd of who keeps pasta, PID 1 of a PID namespace for the two; on the
		       bridge of who forwards what is published (forward.h) */
	int ids;    /* holds the uid that they have for themselves */
	struct gk_ports_text ports; /* what is published of it, and what could not be */
};
#define GK_NETWORK_INIT ((struct gk_network){ .netns = -1, .keeper = -1, .ids = -1 })

/* Makes the network of a plan, with its rules in force: on the bridge (bridge.h) where the plan
 * says so, for which nothing runs but what forwards published ports; else with pasta running in the
 * leaf; notes in cg which of the leaf's processes that are. Nothing to do without network =
 * private. pasta has a uid that nobody else has, and no capability but in a user namespace that
 * owns this network alone. It ends with this process, however that ends. A port to be published
 * that something else on the host has is left out: see ports. Undone on failure. Returns 0 or
 * -errno. */
int gk_network_open(const struct gk_plan *plan, struct gk_cgroup *cg, struct gk_network *ret,
	struct gk_err *err);

/* To be called when poll(2) finds the keeper to be readable: it has ended before its session, which
 * goes on without what it did. Logs that. */
void gk_network_ended(struct gk_network *net, const struct gk_plan *plan);

/* Ends what runs for it, and waits for that. */
void gk_network_close(struct gk_network *net);

/* What this host lacks for it: the name of a program or device, and NULL for nothing. */
const char *gk_network_lacks(void);

#endif
