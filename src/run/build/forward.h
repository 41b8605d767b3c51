/* publish on the bridge: a process that leads a session's ports on the host into its network. */
#ifndef GK_RUN_BUILD_FORWARD_H
#define GK_RUN_BUILD_FORWARD_H

#include "base/err.h"
#include "plan/plan.h"
#include "run/build/publish.h"
#include "run/cgroup/cgroup.h"
#include "run/watch/connections.h"

struct gk_forward {
	const struct gk_plan *plan;
	struct gk_cgroup *cg; /* it runs in the session's leaf, and is noted there */
	int netns;            /* the session's */
	uid_t id;             /* the process's, which nobody else has */
	struct gk_bridge_addresses session;
};

/* Starts it, and who keeps it, with all of the plan's ports that are free; the kernel gives no port
 * twice. It ends with this process, however that ends. It makes its listening sockets with root's
 * power, in the host's network. Then it is in the session's, without a capability and behind a
 * filter that lets it accept, connect and pass on, and not open a file: it reaches nothing that the
 * session does not reach. Returns a pidfd of the keeper; -ENOENT without err where no port was
 * free; or -errno. */
int gk_forward_start(
	const struct gk_forward *f, struct gk_ports_text *ret_ports, struct gk_err *err);

#endif
