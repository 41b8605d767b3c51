/* network = private: what a session with a network of its own must not reach, as rules for nft(8)
 * that are loaded inside its network namespace. A route that prohibits would not do: a socket that
 * names an interface (SO_BINDTODEVICE, IP_PKTINFO) goes round it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plan/build.h"
#include "plan/keys.h"
#include "plan/list.h"
#include "plan/text.h"
#include "plan/value.h"

/* The host's own addresses are added to the sets when the session is made. What is on `lo` is the
 * session's own. Nobody but the kernel sends neighbour discovery: raw sockets need CAP_NET_RAW.
 * 0.0.0.0 and its kin would be the host itself to pasta, and the mapped addresses of IPv6 go round
 * the rules for IPv4. The single addresses are metadata services that are not link-local: of
 * Alibaba, Azure and Oracle; of AWS and Google. */
static const char begin[] = "table inet gocker {\n"
			    "\tset host4 { type ipv4_addr; }\n"
			    "\tset host6 { type ipv6_addr; }\n"
			    "\tchain shut { reject with icmpx type admin-prohibited; }\n"
			    "\tchain out {\n"
			    "\t\ttype filter hook output priority 0; policy accept;\n"
			    "\t\toifname \"lo\" accept\n";
static const char rest[] =
	"\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"\t\tip daddr " GK_PRIVATE_DNS4 " meta l4proto { tcp, udp } th dport 53 accept\n"
	"\t\tip6 daddr " GK_PRIVATE_DNS6 " meta l4proto { tcp, udp } th dport 53 accept\n"
	"\t\tip daddr @host4 jump shut\n"
	"\t\tip6 daddr @host6 jump shut\n"
	"\t\tip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } jump shut\n"
	"\t\tip daddr { 100.100.100.200, 168.63.129.16, 192.0.0.192 } jump shut\n"
	"\t\tip6 daddr { ::/96, ::ffff:0:0/96, fe80::/10, fec0::/10, ff00::/8 } jump shut\n"
	"\t\tip6 daddr { fd00:ec2::254, fd20:ce::254 } jump shut\n";

/* ---- net_deny and net_allow ---- */

struct net {
	const char *family; /* "ip" or "ip6"; NULL: the preset's, `word` */
	const char *word;
	char address[INET6_ADDRSTRLEN];
	unsigned bits, first, last; /* last 0: all ports */
};

/* N or N-M, or nothing. */
static bool read_ports(char *s, struct net *ret)
{
	char *dash = s ? strchr(s, '-') : NULL;
	if (!s)
		return true;
	if (dash)
		*dash = '\0';
	return gk_value_small(s, 1, UINT16_MAX, &ret->first) &&
		gk_value_small(dash ? dash + 1 : s, 1, UINT16_MAX, &ret->last) &&
		ret->first <= ret->last;
}

static bool read_net(const char *word, struct net *ret)
{
	char text[80], *at = text, *ports = NULL;
	struct in6_addr address;
	*ret = (struct net){ .word = word };
	if (strcmp(word, "private") == 0 || strcmp(word, "all") == 0)
		return true;
	if (snprintf(text, sizeof text, "%s", word) >= (int)sizeof text)
		return false;
	char *end = *at == '[' ? strstr(at, "]:") : strchr(at, ':');
	if (end && *at == '[') {
		at++;
		ports = end + 2;
		*end = '\0';
	} else if (end && !strchr(end + 1, ':')) {
		ports = end + 1;
		*end = '\0';
	}
	const bool six = strchr(at, ':') != NULL;
	const unsigned most = six ? 128 : 32;
	char *slash = strchr(at, '/');
	if (slash)
		*slash = '\0';
	ret->family = six ? "ip6" : "ip";
	ret->bits = most;
	return inet_pton(six ? AF_INET6 : AF_INET, at, &address) == 1 &&
		inet_ntop(six ? AF_INET6 : AF_INET, &address, ret->address, sizeof ret->address) &&
		(!slash || gk_value_small(slash + 1, 1, most, &ret->bits)) &&
		read_ports(ports, ret);
}

bool gk_list_nets(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why)
{
	const char *const *words = gk_split(arena, s, GK_LIST_MAX, ret_why);
	struct net net;
	for (const char *const *w = words; w && *w; w++)
		if (!read_net(*w, &net)) {
			*ret_why = "has an item that is not a network";
			return false;
		}
	if (words)
		*ret = words;
	return words != NULL;
}

static void add_net(struct gk_buf *buf, const struct net *net, const char *verdict)
{
	if (!net->family && strcmp(net->word, "private") == 0) {
		gk_buf_printf(buf,
			"\t\tip daddr { 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, "
			"192.168.0.0/16, 198.18.0.0/15 } %s\n",
			verdict);
		gk_buf_printf(buf, "\t\tip6 daddr fc00::/7 %s\n", verdict);
	} else if (!net->family) {
		gk_buf_printf(buf, "\t\t%s\n", verdict);
	} else {
		gk_buf_printf(buf, "\t\t%s daddr %s/%u ", net->family, net->address, net->bits);
		if (net->last)
			gk_buf_printf(buf, "meta l4proto { tcp, udp } th dport %u-%u ", net->first,
				net->last);
		gk_buf_printf(buf, "%s\n", verdict);
	}
}

static void add_nets(struct gk_buf *buf, const char *const *words, const char *verdict)
{
	struct net net;
	for (; words && *words; words++)
		if (read_net(*words, &net))
			add_net(buf, &net, verdict);
}

/* ---- the same as rules ---- */

/* What `head` says, in the order of its lines: asking for names, then what is shut for all. */
static const char *const names[] = { GK_PRIVATE_DNS4 ":53", "[" GK_PRIVATE_DNS6 "]:53", NULL };
static const char *const shut[] = { "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3",
	"100.100.100.200", "168.63.129.16", "192.0.0.192", "::/96", "::ffff:0:0/96", "fe80::/10",
	"fec0::/10", "ff00::/8", "fd00:ec2::254", "fd20:ce::254", NULL };
static const char *const private_nets[] = { "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12",
	"192.168.0.0/16", "198.18.0.0/15", "fc00::/7", NULL };

/* Nobody asks for more than two lists of words, each with the most networks that one can stand for.
 */
enum { RULES_MAX = 32 + 2 * GK_LIST_MAX * (sizeof private_nets / sizeof *private_nets) };

static void add_rule(struct gk_plan *plan, struct gk_net_rule *rules, const char *word, bool accept)
{
	struct net net;
	if (!read_net(word, &net))
		return;
	struct gk_net_rule *rule = &rules[plan->nnet_rules++];
	*rule = (struct gk_net_rule){ .accept = accept,
		.bits = net.bits,
		.first = (uint16_t)net.first,
		.last = (uint16_t)net.last };
	if (!net.family)
		return;
	rule->family = strcmp(net.family, "ip6") == 0 ? AF_INET6 : AF_INET;
	(void)inet_pton(rule->family, net.address, rule->address);
}

static void add_list(
	struct gk_plan *plan, struct gk_net_rule *rules, const char *const *words, bool accept)
{
	for (; words && *words; words++)
		if (strcmp(*words, "private") == 0)
			for (const char *const *each = private_nets; *each; each++)
				add_rule(plan, rules, *each, accept);
		else
			add_rule(plan, rules, *words, accept);
}

static int make_rules(struct gk_build *b, struct gk_plan *plan)
{
	struct gk_net_rule *rules = gk_arena_array(b->arena, RULES_MAX, sizeof *rules);
	if (!rules)
		return gk_fail_errno(b->err, -ENOMEM, "cannot make the plan");
	plan->net_rules = rules;
	add_list(plan, rules, names, true);
	add_list(plan, rules, shut, false);
	add_list(plan, rules, b->policy->net_allow, true);
	add_list(plan, rules, b->policy->net_deny, false);
	/* No rule is needed for their answers: they go to a process inside (run/build/forward.h).
	 */
	return gk_build_publish(b, plan);
}

/* ---- the plan ---- */

/* These keys are kept inside a network of the session's own; with none there is nothing to keep.
 * An administrator who asks `gocker run` for the host's network knows what he gets. */
static int check_nets(struct gk_build *b)
{
	const struct gk_policy *p = b->policy;
	bool any = (p->net_deny && *p->net_deny) || (p->net_allow && *p->net_allow);
	bool open = p->publish && *p->publish;
	bool chosen = p->network == GK_NETWORK_HOST && b->request->override.network;
	if (p->net_rate != GK_UNLIMITED && p->network != GK_NETWORK_NONE && !chosen)
		return gk_fail(b->err, -EINVAL,
			"net_rate needs network = private and private_network = bridge: %s",
			p->network == GK_NETWORK_HOST ?
				"the host's network is not a session's own" :
				"pasta has no rate");
	if ((any || open) && p->network == GK_NETWORK_HOST && !chosen)
		return gk_fail(b->err, -EINVAL, "%s network = private; write that as well",
			any ? "net_deny and net_allow need" : "publish needs");
	return 0;
}

/* The answers of a server on a published port reach whoever has connected to it, wherever that is.
 * Only the SYN that opens a connection is not let through: a user cannot send another segment
 * without one that came in (raw sockets need CAP_NET_RAW). */
static void add_answers(struct gk_buf *buf, const struct gk_plan *plan)
{
	for (size_t i = 0; i < plan->npublish; i++)
		gk_buf_printf(buf, "\t\ttcp sport %u-%u tcp flags & (syn | ack) != syn accept\n",
			(unsigned)plan->publish[i].first, (unsigned)plan->publish[i].last);
}

int gk_build_network(struct gk_build *b, struct gk_plan *plan)
{
	if (b->policy->network != GK_NETWORK_PRIVATE)
		return check_nets(b);
	if (b->policy->private_network == GK_PRIVATE_BRIDGE)
		return make_rules(b, plan);
	/* Root with CAP_SETUID can become the owner of the namespace, who may change the rules. */
	if (b->request->override.as_container_root && !b->request->override.userns_base)
		return gk_fail(b->err, -EINVAL,
			"network = private does not hold the container's root, who could lift its "
			"rules: add --userns or --user NAME, or choose --network host or none");
	struct gk_buf buf = { .arena = b->arena };
	int r = check_nets(b);
	if (r == 0)
		r = gk_build_publish(b, plan);
	if (r < 0)
		return r;
	gk_buf_puts(&buf, begin);
	add_answers(&buf, plan);
	gk_buf_puts(&buf, rest);
	add_nets(&buf, b->policy->net_allow, "accept");
	add_nets(&buf, b->policy->net_deny, "jump shut");
	gk_buf_puts(&buf, "\t}\n}\n");
	plan->network_rules = gk_buf_text(&buf);
	return plan->network_rules ? 0 : gk_fail_errno(b->err, -ENOMEM, "cannot make the plan");
}

/* The address that stands for a line's name server, if it is one. An address with a zone is no use
 * to pasta. */
static const char *server_for(const char *line, size_t len)
{
	static const char word[] = "nameserver";
	enum { WORD = sizeof word - 1 };
	if (len <= WORD || memcmp(line, word, WORD) != 0 || !strchr(" \t", line[WORD]))
		return NULL;
	if (memchr(line, '%', len))
		return "";
	return memchr(line, ':', len) ? GK_PRIVATE_DNS6 : GK_PRIVATE_DNS4;
}

size_t gk_network_resolv(const char *text, char *ret, size_t size)
{
	size_t at = 0;
	bool had4 = false, had6 = false;
	ret[0] = '\0';
	for (size_t len; *text; text += len + (text[len] == '\n')) {
		char server[64];
		len = strcspn(text, "\n");
		const char *line = text, *address = server_for(text, len);
		size_t n = len;
		if (address) {
			bool *had = strchr(address, ':') ? &had6 : &had4;
			if (!*address || *had)
				continue;
			*had = true;
			n = (size_t)snprintf(server, sizeof server, "nameserver %s", address);
			line = server;
		}
		if (at + n + 2 > size)
			break;
		memcpy(ret + at, line, n);
		at += n;
		ret[at++] = '\n';
		ret[at] = '\0';
	}
	return at;
}
