/* The host's rules for sessions on the bridge: the table `inet gocker` of nft(8). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/network/network.h"
#include "plan/plan.h"
#include "plan/value.h"
#include "run/build/bridge.h"

#define PORTS     "\"" GK_BRIDGE_PORTS "\""
#define RESOLVED  "/run/systemd/resolve/resolv.conf"
#define DISCOVERY "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
#define ASKS      "meta l4proto { tcp, udp } th dport 53 "
#define METADATA4 "100.100.100.200, 168.63.129.16, 192.0.0.192"
#define METADATA6 "fd00:ec2::254, fd20:ce::254"

bool gk_gateway_read(const char *text, int family, struct gk_gateway *ret)
{
	char address[INET6_ADDRSTRLEN + 4];
	const char *slash = strchr(text, '/'), *why;
	const bool six = family == AF_INET6;
	uint64_t bits = 0;
	struct gk_gateway found = { .family = family };
	if (!slash || (size_t)(slash - text) >= sizeof address)
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	/* Of IPv6 the last four bytes are the sessions'. */
	if (!gk_value_count(slash + 1, six ? 32 : 8, six ? 96 : 29, &bits, &why) ||
		inet_pton(family, address, found.address) != 1)
		return false;
	found.bits = (unsigned)bits;
	*ret = found;
	return true;
}

/* ---- who answers questions for names ---- */

static bool is_stub(const char *address)
{
	return strcmp(address, "127.0.0.53") == 0 || strcmp(address, "127.0.0.54") == 0;
}

/* ::1 is of no use: IPv6 has no way from another interface to it. */
static void take(const char *address, char *four, char *six)
{
	struct in6_addr raw;
	if (!*four && inet_pton(AF_INET, address, &raw) == 1)
		snprintf(four, INET6_ADDRSTRLEN, "%s", address);
	else if (!*six && inet_pton(AF_INET6, address, &raw) == 1 && !IN6_IS_ADDR_LOOPBACK(&raw))
		snprintf(six, INET6_ADDRSTRLEN, "%s", address);
}

static void read_servers(const char *path, char *four, char *six)
{
	char line[512], address[INET6_ADDRSTRLEN];
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "nameserver %45s", address) == 1)
			take(address, four, six);
	if (f)
		(void)fclose(f);
}

void gk_network_resolvers(struct gk_network_setup *setup)
{
	char four[INET6_ADDRSTRLEN] = "", six[INET6_ADDRSTRLEN] = "";
	read_servers("/etc/resolv.conf", four, six);
	if (is_stub(four)) {
		*four = *six = '\0';
		read_servers(RESOLVED, four, six);
	}
	if (!*setup->dns4)
		memcpy(setup->dns4, four, sizeof four);
	if (!*setup->dns6)
		memcpy(setup->dns6, six, sizeof six);
}

/* ---- the rules ---- */

static void put_network(FILE *out, const struct gk_gateway *gateway)
{
	char text[INET6_ADDRSTRLEN] = "";
	(void)inet_ntop(gateway->family, gateway->address, text, sizeof text);
	fprintf(out, "%s/%u", text, gateway->bits);
}

/* Before addresses are translated: nobody sends in another's name, or to the host. */
static void put_check(const struct gk_network_setup *setup, FILE *out)
{
	fputs("\tchain check {\n"
	      "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
	      "\t\tiifname != " PORTS " accept\n"
	      "\t\tip saddr != ",
		out);
	put_network(out, &setup->four);
	fputs(" drop\n", out);
	if (setup->six.family) {
		fputs("\t\tip6 saddr != ", out);
		put_network(out, &setup->six);
		fputs(" drop\n", out);
	} else {
		fputs("\t\tmeta nfproto ipv6 drop\n", out);
	}
	fputs("\t\t" DISCOVERY "\t\tct direction reply accept\n"
	      "\t\tfib daddr type local drop\n"
	      "\t}\n",
		out);
}

static void put_names(const struct gk_network_setup *setup, FILE *out)
{
	fputs("\tchain names {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n",
		out);
	if (*setup->dns4)
		fprintf(out,
			"\t\tiifname " PORTS " ip daddr " GK_PRIVATE_DNS4 " " ASKS
			"dnat ip to %s\n",
			setup->dns4);
	if (*setup->dns6 && setup->six.family)
		fprintf(out,
			"\t\tiifname " PORTS " ip6 daddr " GK_PRIVATE_DNS6 " " ASKS
			"dnat ip6 to %s\n",
			setup->dns6);
	/* A server on the host's loopback answers the host alone. */
	fputs("\t}\n\tchain local {\n\t\ttype nat hook input priority 100; policy accept;\n"
	      "\t\tiifname " PORTS " ip daddr 127.0.0.0/8 snat ip to 127.0.0.1\n\t}\n",
		out);
}

static void put_input(FILE *out)
{
	fputs("\tchain input {\n"
	      "\t\ttype filter hook input priority filter - 10; policy accept;\n"
	      "\t\tiifname != " PORTS " accept\n"
	      "\t\t" DISCOVERY "\t\tct direction reply accept\n"
	      "\t\tct status dnat " ASKS "accept\n"
	      "\t\tdrop\n"
	      "\t}\n",
		out);
}

/* The host forwards for sessions, and not for its neighbours since gocker is there. What another
 * program has translated (docker's published ports) passes. */
static void put_guard(const struct gk_links *links, const char *protocol, FILE *out)
{
	for (size_t i = 0; i < links->n; i++)
		fprintf(out,
			"\t\tmeta nfproto %s iifname \"%s\" ct state new ct status != dnat drop\n",
			protocol, links->names[i]);
}

static void put_forward(const struct gk_network_setup *setup, FILE *out)
{
	fputs("\tchain forward {\n"
	      "\t\ttype filter hook forward priority filter - 10; policy accept;\n"
	      "\t\toifname " PORTS " ct state established,related accept\n"
	      "\t\toifname " PORTS " drop\n",
		out);
	put_guard(&setup->guarded4, "ipv4", out);
	put_guard(&setup->guarded6, "ipv6", out);
	fputs("\t\tiifname != " PORTS " accept\n"
	      "\t\tct status dnat " ASKS "accept\n"
	      "\t\tip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } drop\n"
	      "\t\tip daddr { " METADATA4 " } drop\n"
	      "\t\tip6 daddr { ::/96, ::ffff:0:0/96, fe80::/10, fec0::/10, ff00::/8 } drop\n"
	      "\t\tip6 daddr { " METADATA6 " } drop\n"
	      "\t}\n",
		out);
}

static void put_source(const struct gk_network_setup *setup, FILE *out)
{
	fputs("\tchain source {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t\tip saddr ",
		out);
	put_network(out, &setup->four);
	fputs(" oifname != " PORTS " masquerade\n", out);
	if (setup->six.family) {
		fputs("\t\tip6 saddr ", out);
		put_network(out, &setup->six);
		fputs(" oifname != " PORTS " masquerade\n", out);
	}
	fputs("\t}\n", out);
}

void gk_network_rules(const struct gk_network_setup *setup, FILE *out)
{
	/* All in one step; the first line is for a table that is not there yet. */
	fputs("table inet gocker\ndelete table inet gocker\ntable inet gocker {\n", out);
	put_check(setup, out);
	put_names(setup, out);
	put_input(out);
	put_forward(setup, out);
	put_source(setup, out);
	fputs("}\n", out);
}
