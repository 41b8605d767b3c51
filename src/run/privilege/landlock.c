#include "run/privilege/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

#define FREE_PORTS_FROM "/proc/sys/net/ipv4/ip_unprivileged_port_start"

/* linux/landlock.h as of ABI 6; the headers of older distributions lack half of it. */
struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};
struct port_rule {
	uint64_t allowed_access, port;
} __attribute__((packed));
enum { VERSION = 1, RULE_NET_PORT = 2 };
enum { ACCESS_BIND_TCP = 1, ACCESS_CONNECT_TCP = 2 };

int gk_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION);
	return abi < 0 ? 0 : (int)abi;
}

bool gk_landlock_is_tcp(const struct gk_plan *plan)
{
	return plan->policy->tcp_connect.limited || plan->policy->tcp_bind.limited;
}

/* The ports from 1024 on have no rules (GK_PORTS_MOST). Below them the kernel itself refuses who
 * has no CAP_NET_BIND_SERVICE; a network namespace of the session's own begins with that. */
static int check_free_ports(const struct gk_plan *plan, struct gk_err *err)
{
	char text[16];
	if (!gk_ports_all_free(&plan->policy->tcp_bind) || (plan->namespaces & CLONE_NEWNET))
		return 0;
	gk_autoclose int fd = open(FREE_PORTS_FROM, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return gk_fail_errno(err, n < 0 ? -errno : -EIO,
			"tcp_bind cannot be enforced: cannot read " FREE_PORTS_FROM);
	text[n] = '\0';
	unsigned long first = strtoul(text, NULL, 10);
	if (first >= GK_PORTS_FREE)
		return 0;
	return gk_fail(err, -EOPNOTSUPP,
		"tcp_bind cannot be enforced: net.ipv4.ip_unprivileged_port_start is %lu, which "
		"lets users bind ports below 1024; set it to 1024, or list fewer ports",
		first);
}

int gk_landlock_check(const struct gk_plan *plan, struct gk_err *err)
{
	int abi = gk_landlock_is_tcp(plan) ? gk_landlock_abi() : GK_LANDLOCK_TCP;
	if (abi < GK_LANDLOCK_TCP)
		return gk_fail(err, -EOPNOTSUPP,
			"%s cannot be enforced: this kernel's Landlock has ABI %d, and 4 (Linux 6.7) "
			"is needed; update the kernel or remove the key",
			plan->policy->tcp_connect.limited ? "tcp_connect" : "tcp_bind", abi);
	return check_free_ports(plan, err);
}

static int allow_ports(int rules, uint64_t access, const struct gk_ports *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		for (uint64_t port = ports->ranges[i].first; port <= ports->ranges[i].last;
			port++) {
			const struct port_rule rule = { access, port };
			long r = gk_sys_ret(
				syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule, 0));
			if (r < 0)
				return (int)r;
		}
	return 0;
}

int gk_landlock_rules(const struct gk_plan *plan, int *ret_rules, struct gk_err *err)
{
	const struct gk_policy *policy = plan->policy;
	bool connect = policy->tcp_connect.limited;
	bool bind = policy->tcp_bind.limited && !gk_ports_all_free(&policy->tcp_bind);
	int abi = connect || bind || plan->cred.scope ? gk_landlock_abi() : 0;
	const struct ruleset set = {
		.handled_access_net =
			(connect ? ACCESS_CONNECT_TCP : 0ULL) | (bind ? ACCESS_BIND_TCP : 0ULL),
		.scoped = abi < GK_LANDLOCK_SCOPE ? 0 : plan->cred.scope,
	};
	if (set.handled_access_net && abi < GK_LANDLOCK_TCP)
		return gk_landlock_check(plan, err);
	if (!set.handled_access_net && !set.scoped) {
		*ret_rules = -1;
		return 0;
	}
	gk_autoclose int rules =
		(int)gk_sys_ret(syscall(SYS_landlock_create_ruleset, &set, sizeof set, 0));
	int r = rules < 0 ? rules : 0;
	if (r == 0 && connect)
		r = allow_ports(rules, ACCESS_CONNECT_TCP, &policy->tcp_connect);
	if (r == 0 && bind)
		r = allow_ports(rules, ACCESS_BIND_TCP, &policy->tcp_bind);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot make the session's Landlock rules");
	*ret_rules = gk_steal_fd(&rules);
	return 0;
}
