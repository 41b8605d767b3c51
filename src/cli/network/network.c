/* gocker network: makes the bridge that sessions with private_network = bridge are put on, and the
 * host's rules for it. Each step can be done again. */
#include "cli/network/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/spawn.h"
#include "run/build/bridge.h"
#include "run/build/network.h"

#define RULES GK_RUNDIR "/network.nft"
#define MAC   "02:67:6b:02:00:00"

enum { IPV4 = GK_OPTION_LONG, IPV6, DNS };

static const struct gk_option options[] = {
	{ IPV4, "ipv4", "ADDRESS/BITS", NULL,
		"the host's address on the bridge, and how many of its bits are the network's, from 8 "
		"to 29 (default: 10.213.0.1/16)" },
	{ IPV6, "ipv6", "ADDRESS/BITS", NULL,
		"the same for IPv6, from 32 to 96, or none (default: fd67:6f63:6b65::1/64 where the "
		"host has a default route for IPv6)" },
	{ DNS, "dns", "ADDRESS", NULL,
		"where sessions' questions for names go; can be given for IPv4 and for IPv6 (default: "
		"the host's first name server of each, of systemd-resolved's where its stub is used)" },
	{ 0 },
};

const struct gk_page gk_page_network = {
	.name = "network",
	.what = "make or remove the bridge for private networks",
	.usage = "up [OPTION...]\ndown\nstatus",
	.about =
		"With private_network = bridge in gocker.ini, sessions with network = private have a port "
		"of the bridge " GK_BRIDGE
		", which `up` makes together with the host's rules for it, the "
		"table inet gocker of nft(8). Nothing else of the host's firewall is changed. `up` can be "
		"called again at any time: after a change of the host's name server, interfaces or "
		"default route, and after another program has flushed all rules. Sessions go on.\n\n"
		"`down` takes the network from sessions that have it, and undoes what `up` did. Without "
		"bridge or rules, logins that need them are refused.\n\n"
		"`status` tells what there is; the exit status is 1 where logins would be refused.",
	.options = options,
	.args = "network",
};

static int no_memory(struct gk_err *err)
{
	return gk_fail_errno(err, -ENOMEM, "cannot make the bridge");
}

/* ---- programs ---- */

static const char *ip_path(void)
{
	static const char *const paths[] = { "/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip",
		NULL };
	return gk_spawn_find(paths);
}

/* Runs ip(8) with these words; what it says is on stderr. */
static int run_ip(struct gk_err *err, const char *const *words)
{
	enum { MOST = 20 };
	const char *argv[MOST + 2] = { ip_path() };
	if (!argv[0])
		return gk_fail(err, -ENOENT, "no ip(8) on this host; install iproute2");
	for (size_t i = 0; i < MOST && words[i]; i++)
		argv[i + 1] = words[i];
	int status = gk_spawn_run(argv);
	return status == 0 ? 0 : gk_fail(err, -EIO, "ip %s %s failed", words[0], words[1]);
}
#define IP(err, ...) run_ip(err, (const char *const[]){ __VA_ARGS__, NULL })

static int load_rules(const struct gk_network_setup *setup, struct gk_err *err)
{
	const char *const argv[] = { GK_NETWORK_NFT, "-f", RULES, NULL };
	gk_autofree char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return no_memory(err);
	gk_network_rules(setup, out);
	if (fclose(out) != 0)
		return no_memory(err);
	int r = gk_print_file(RULES, text, err);
	if (r == 0 && gk_spawn_run(argv) != 0)
		r = gk_fail(err, -EIO, GK_NETWORK_NFT " does not take " RULES);
	return r;
}

/* ---- up ---- */

/* One prefix is the other's, or a part of it. */
static bool is_within(const struct gk_gateway *gateway, const void *address, unsigned bits)
{
	const unsigned char *other = address;
	unsigned common = bits < gateway->bits ? bits : gateway->bits, i = 0;
	for (; common >= 8; common -= 8, i++)
		if (other[i] != gateway->address[i])
			return false;
	return !common || (other[i] ^ gateway->address[i]) >> (8 - common) == 0;
}

/* A network that the host is in already would no longer be reached. */
static int check_free(const struct gk_gateway *gateway, struct gk_err *err)
{
	struct ifaddrs *list;
	int r = 0;
	if (getifaddrs(&list) < 0)
		return gk_fail_errno(err, -errno, "cannot list the host's addresses");
	for (const struct ifaddrs *a = list; r == 0 && a; a = a->ifa_next) {
		const void *raw = a->ifa_addr;
		if (!raw || a->ifa_addr->sa_family != gateway->family ||
			strcmp(a->ifa_name, GK_BRIDGE) == 0)
			continue;
		const void *address = gateway->family == AF_INET ?
			(const void *)&((const struct sockaddr_in *)raw)->sin_addr :
			(const void *)&((const struct sockaddr_in6 *)raw)->sin6_addr;
		if (is_within(gateway, address, gateway->bits))
			r = gk_fail(err, -EADDRINUSE,
				"%s has an address in the bridge's network; choose another with "
				"--ipv4 or --ipv6",
				a->ifa_name);
	}
	freeifaddrs(list);
	return r;
}

static const char *gateway_text(const struct gk_gateway *gateway, char *buf, size_t size)
{
	char address[INET6_ADDRSTRLEN] = "";
	(void)inet_ntop(gateway->family, gateway->address, address, sizeof address);
	snprintf(buf, size, "%s/%u", address, gateway->bits);
	return buf;
}

static bool is_gateway(
	const struct gk_gateway *gateway, const void *address, size_t size, unsigned bits)
{
	return gateway->bits == bits && memcmp(gateway->address, address, size) == 0;
}

/* A bridge that is there may have sessions on it, whose addresses are of its network. It can get
 * IPv6 where it had none. */
static int check_same(const struct gk_network_setup *setup, struct gk_err *err)
{
	struct gk_bridge old;
	if (gk_bridge_read(&old) < 0)
		return 0;
	bool same = is_gateway(&setup->four, &old.address4, sizeof old.address4, old.bits4) &&
		(!old.has6 ||
			is_gateway(&setup->six, &old.address6, sizeof old.address6, old.bits6));
	return same ? 0 :
		      gk_fail(err, -EEXIST,
			      GK_BRIDGE " has another network; run `gocker network down` first");
}

/* The largest packet that the way out takes; 1500 where that cannot be told. */
static void find_mtu(char *buf, size_t size)
{
	struct gk_links uplinks;
	struct gk_err ignored = GK_ERR_INIT;
	char path[64];
	unsigned mtu = 0;
	if (gk_network_uplinks(AF_INET, &uplinks, &ignored) < 0)
		uplinks.n = 0;
	for (size_t i = 0; i < uplinks.n; i++) {
		unsigned here = 0;
		snprintf(path, sizeof path, "/sys/class/net/%s/mtu", uplinks.names[i]);
		FILE *f = fopen(path, "re");
		if (f && fscanf(f, "%u", &here) == 1 && (!mtu || here < mtu))
			mtu = here;
		if (f)
			(void)fclose(f);
	}
	snprintf(buf, size, "%u", mtu >= 1280 ? mtu : 1500);
}

static int make_link(struct gk_err *err)
{
	char mtu[16];
	find_mtu(mtu, sizeof mtu);
	int r = if_nametoindex(GK_BRIDGE) ? 0 :
					    IP(err, "link", "add", GK_BRIDGE, "address", MAC,
						    "type", "bridge", "mcast_snooping", "0");
	/* No link-local address: the host has nothing to say on it by itself. */
	if (r == 0)
		r = IP(err, "link", "set", GK_BRIDGE, "mtu", mtu, "addrgenmode", "none");
	return r;
}

static int set_sysctls(const struct gk_network_setup *setup, struct gk_err *err)
{
	const bool to_loopback = strncmp(setup->dns4, "127.", 4) == 0;
	int r = gk_sysctl_write(err, 1, "ipv4/conf/" GK_BRIDGE "/forwarding");
	if (r == 0)
		r = gk_sysctl_write(err, 0, "ipv4/conf/" GK_BRIDGE "/send_redirects");
	/* The rules let nothing but questions for names through to it. */
	if (r == 0)
		r = gk_sysctl_write(err, to_loopback, "ipv4/conf/" GK_BRIDGE "/route_localnet");
	if (r == 0 && setup->six.family)
		r = gk_sysctl_write(err, 0, "ipv6/conf/" GK_BRIDGE "/accept_ra");
	return r;
}

static int set_addresses(const struct gk_network_setup *setup, struct gk_err *err)
{
	char four[64], six[64];
	gateway_text(&setup->four, four, sizeof four);
	int r = IP(err, "addr", "replace", four, "dev", GK_BRIDGE);
	if (r == 0 && setup->six.family)
		r = IP(err, "addr", "replace", gateway_text(&setup->six, six, sizeof six), "dev",
			GK_BRIDGE, "nodad");
	return r;
}

/* The rules come first: from there on nothing that the next steps allow is more than they let by.
 */
static int bring_up(struct gk_network_setup *setup, struct gk_err *err)
{
	gk_autoclose int dir = gk_open_private_dir(AT_FDCWD, GK_RUNDIR, err);
	int r = dir < 0 ? dir : check_free(&setup->four, err);
	if (r == 0 && setup->six.family)
		r = check_free(&setup->six, err);
	if (r == 0)
		r = check_same(setup, err);
	if (r == 0)
		r = gk_forwarding_plan(setup, err);
	if (r == 0)
		r = load_rules(setup, err);
	if (r == 0)
		r = make_link(err);
	if (r == 0)
		r = set_sysctls(setup, err);
	if (r == 0)
		r = set_addresses(setup, err);
	if (r == 0)
		r = IP(err, "link", "set", GK_BRIDGE, "up");
	return r == 0 ? gk_forwarding_on(setup, err) : r;
}

/* ---- down ---- */

/* The host's ends of the sessions' cables. Without the bridge they would be interfaces of the host
 * that it listens on. */
static int cut_cables(struct gk_err *err)
{
	int r = 0;
	struct if_nameindex *all = if_nameindex();
	if (!all)
		return gk_fail_errno(err, -errno, "cannot list the host's interfaces");
	for (const struct if_nameindex *one = all; r == 0 && one->if_index; one++)
		if (strncmp(one->if_name, "gocker-", strlen("gocker-")) == 0) {
			r = IP(err, "link", "del", one->if_name);
			/* Gone with its session a moment ago. */
			if (r < 0 && !if_nametoindex(one->if_name)) {
				gk_err_clear(err);
				r = 0;
			}
		}
	if_freenameindex(all);
	return r;
}

static int bring_down(struct gk_err *err)
{
	const char *const argv[] = { GK_NETWORK_NFT, "delete", "table", "inet", "gocker", NULL };
	const char *const look[] = { GK_NETWORK_NFT, "list", "table", "inet", "gocker", NULL };
	int r = cut_cables(err);
	if (r == 0 && if_nametoindex(GK_BRIDGE))
		r = IP(err, "link", "del", GK_BRIDGE);
	/* The rules go last: they keep others from what is forwarded for sessions. */
	if (r == 0)
		r = gk_forwarding_off(err);
	if (r == 0 && gk_spawn_quietly(look) == 0 && gk_spawn_run(argv) != 0)
		r = gk_fail(err, -EIO, GK_NETWORK_NFT " cannot delete the table inet gocker");
	if (r == 0 && unlink(RULES) < 0 && errno != ENOENT)
		r = gk_fail_errno(err, -errno, "cannot remove " RULES);
	return r;
}

/* ---- status ---- */

static unsigned count_ports(void)
{
	unsigned n = 0;
	struct if_nameindex *all = if_nameindex();
	for (const struct if_nameindex *one = all; one && one->if_index; one++)
		n += strncmp(one->if_name, "gocker-", strlen("gocker-")) == 0;
	if (all)
		if_freenameindex(all);
	return n;
}

static int print_status(void)
{
	struct gk_bridge bridge;
	char four[INET_ADDRSTRLEN] = "", six[INET6_ADDRSTRLEN] = "";
	const char *lacking = gk_bridge_lacks();
	if (lacking) {
		printf("no %s; `gocker network up` makes what is missing\n", lacking);
		return gk_print_end("network") ? GK_EXIT_GOCKER : 1;
	}
	if (gk_bridge_read(&bridge) == 0) {
		(void)inet_ntop(AF_INET, &bridge.address4, four, sizeof four);
		(void)inet_ntop(AF_INET6, &bridge.address6, six, sizeof six);
		printf(GK_BRIDGE ": %s/%u", four, bridge.bits4);
		if (bridge.has6)
			printf(" %s/%u", six, bridge.bits6);
		printf(" mtu %d, sessions: %u\n", bridge.mtu, count_ports());
	}
	return gk_print_end("network") ? GK_EXIT_GOCKER : 0;
}

/* ---- the command ---- */

struct request {
	const char *ipv4, *ipv6;
	struct gk_network_setup setup;
};

static int take_dns(struct request *q, const char *value)
{
	struct in6_addr raw;
	if (inet_pton(AF_INET, value, &raw) == 1)
		snprintf(q->setup.dns4, sizeof q->setup.dns4, "%s", value);
	else if (inet_pton(AF_INET6, value, &raw) == 1 && !IN6_IS_ADDR_LOOPBACK(&raw) &&
		!IN6_IS_ADDR_LINKLOCAL(&raw))
		snprintf(q->setup.dns6, sizeof q->setup.dns6, "%s", value);
	else
		return gk_cli_usage("network",
			"--dns: '%s' is not an address that sessions can be sent to", value);
	return 0;
}

static int read_options(struct request *q, int argc, char **argv)
{
	const char *value;
	int r = 0;
	for (int c; r == 0 && (c = gk_options_next(&gk_page_network, argc, argv, 0, &value)) != -1;)
		switch (c) {
		case IPV4: q->ipv4 = value; break;
		case IPV6: q->ipv6 = value; break;
		case DNS: r = take_dns(q, value); break;
		default: return 2;
		}
	return r;
}

/* What nobody asks for otherwise stays as it is on a bridge that is there. */
static void keep_addresses(const struct request *q, struct gk_network_setup *setup)
{
	struct gk_bridge old;
	if (gk_bridge_read(&old) < 0)
		return;
	if (!q->ipv4) {
		setup->four = (struct gk_gateway){ .family = AF_INET, .bits = old.bits4 };
		memcpy(setup->four.address, &old.address4, sizeof old.address4);
	}
	if (!q->ipv6 && old.has6) {
		setup->six = (struct gk_gateway){ .family = AF_INET6, .bits = old.bits6 };
		memcpy(setup->six.address, &old.address6, sizeof old.address6);
	}
}

static bool wants_ipv6(const struct request *q)
{
	struct gk_links uplinks = { .n = 0 };
	struct gk_err ignored = GK_ERR_INIT;
	if (q->ipv6)
		return strcmp(q->ipv6, "none") != 0;
	return gk_network_uplinks(AF_INET6, &uplinks, &ignored) == 0 && uplinks.n > 0;
}

static int choose_addresses(struct request *q)
{
	const char *four = q->ipv4 ? q->ipv4 : "10.213.0.1/16";
	const char *six = q->ipv6 ? q->ipv6 : "fd67:6f63:6b65::1/64";
	if (!gk_gateway_read(four, AF_INET, &q->setup.four))
		return gk_cli_usage("network",
			"--ipv4: '%s' is not an address with 8 to 29 bits of network, such as "
			"10.213.0.1/16",
			four);
	if (wants_ipv6(q) && !gk_gateway_read(six, AF_INET6, &q->setup.six))
		return gk_cli_usage("network",
			"--ipv6: '%s' is neither none nor an address with 32 to 96 bits of network, "
			"such as fd67:6f63:6b65::1/64",
			six);
	keep_addresses(q, &q->setup);
	return 0;
}

static int up(struct request *q)
{
	struct gk_err err = GK_ERR_INIT;
	int r = choose_addresses(q);
	if (r != 0)
		return r;
	gk_network_resolvers(&q->setup);
	if (bring_up(&q->setup, &err) < 0)
		return gk_cli_fail("network", &err);
	if (!*q->setup.dns4 && !*q->setup.dns6)
		fputs("gocker network: no name server found; sessions cannot look up names (--dns)\n",
			stderr);
	gk_log(LOG_NOTICE, "event=network-up dns=%s,%s", q->setup.dns4, q->setup.dns6);
	return 0;
}

int gk_cmd_network(int argc, char **argv)
{
	struct request q = { 0 };
	struct gk_err err = GK_ERR_INIT;
	int r = read_options(&q, argc, argv);
	const char *what = optind + 1 == argc ? argv[optind] : "";
	const bool is_up = strcmp(what, "up") == 0, is_down = strcmp(what, "down") == 0;
	if (r == 0)
		r = gk_cli_need_root("network");
	if (r == 0 && !is_up && !is_down && strcmp(what, "status") != 0)
		return gk_cli_usage("network", "write up, down or status");
	if (r == 0 && !is_up && (q.ipv4 || q.ipv6 || *q.setup.dns4 || *q.setup.dns6))
		return gk_cli_usage("network", "the options are for up");
	if (r != 0)
		return r;
	gk_log_open("gocker");
	if (is_up)
		return up(&q);
	if (!is_down)
		return print_status();
	if (bring_down(&err) < 0)
		return gk_cli_fail("network", &err);
	gk_log(LOG_NOTICE, "event=network-down");
	return 0;
}
