/* network = private: what a session with a network of its own must not reach, as rules for nft(8)
 * that are loaded inside its network namespace. A route that prohibits would not do: a socket that
 * names an interface (SO_BINDTODEVICE, IP_PKTINFO) goes round it. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plan/build.h"
#include "plan/text.h"

/* The host's own addresses are added to the sets when the session is made. What is on `lo` is the
 * session's own. Nobody but the kernel sends neighbour discovery: raw sockets need CAP_NET_RAW.
 * 0.0.0.0 and its kin would be the host itself to pasta, and the mapped addresses of IPv6 go round
 * the rules for IPv4. The single addresses are metadata services that are not link-local: of
 * Alibaba, Azure and Oracle; of AWS and Google. */
static const char head[] =
	"table inet gocker {\n"
	"\tset host4 { type ipv4_addr; }\n"
	"\tset host6 { type ipv6_addr; }\n"
	"\tchain shut { reject with icmpx type admin-prohibited; }\n"
	"\tchain out {\n"
	"\t\ttype filter hook output priority 0; policy accept;\n"
	"\t\toifname \"lo\" accept\n"
	"\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"\t\tip daddr " GK_PRIVATE_DNS4 " meta l4proto { tcp, udp } th dport 53 accept\n"
	"\t\tip6 daddr " GK_PRIVATE_DNS6 " meta l4proto { tcp, udp } th dport 53 accept\n"
	"\t\tip daddr @host4 jump shut\n"
	"\t\tip6 daddr @host6 jump shut\n"
	"\t\tip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } jump shut\n"
	"\t\tip daddr { 100.100.100.200, 168.63.129.16, 192.0.0.192 } jump shut\n"
	"\t\tip6 daddr { ::/96, ::ffff:0:0/96, fe80::/10, fec0::/10, ff00::/8 } jump shut\n"
	"\t\tip6 daddr { fd00:ec2::254, fd20:ce::254 } jump shut\n";

int gk_build_network(struct gk_build *b, struct gk_plan *plan)
{
	if (b->policy->network != GK_NETWORK_PRIVATE)
		return 0;
	/* Root with CAP_SETUID can become the owner of the namespace, who may change the rules. */
	if (b->request->override.as_container_root && !b->request->override.userns_base)
		return gk_fail(b->err, -EINVAL,
			"network = private does not hold root in a container; use --userns as well");
	struct gk_buf buf = { .arena = b->arena };
	gk_buf_puts(&buf, head);
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
