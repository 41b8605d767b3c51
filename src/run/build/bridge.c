#include "run/build/bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "base/cleanup.h"
#include "run/build/netlink.h"
#include "run/build/netrate.h"
#include "run/build/netrules.h"

enum {
	MESSAGES_BYTES = 2048,
	HOST_ADDRESSES_MAX = 512, /* of all interfaces of the host */
	SESSIONS_MAX = 65533,     /* numbers of five digits fit into the name of an interface */
	MAC_BYTES = 6,
	GEN_MODE_NONE = 1, /* IN6_ADDR_GEN_MODE_NONE: no link-local address */
};

/* ---- the bridge ---- */

static unsigned count_bits(const void *mask, size_t size)
{
	const unsigned char *byte = mask;
	unsigned bits = 0;
	for (size_t i = 0; i < size; i++)
		bits += (unsigned)__builtin_popcount(byte[i]);
	return bits;
}

static void read_address(const struct ifaddrs *a, struct gk_bridge *ret)
{
	/* Aligned by libc; each begins with its family (sockaddr(3type)). */
	const void *raw = a->ifa_addr, *mask = a->ifa_netmask;
	const struct sockaddr_in *four = raw, *mask4 = mask;
	const struct sockaddr_in6 *six = raw, *mask6 = mask;
	if (a->ifa_addr->sa_family == AF_INET && !ret->bits4) {
		ret->address4 = four->sin_addr;
		ret->bits4 = count_bits(&mask4->sin_addr, sizeof mask4->sin_addr);
	} else if (a->ifa_addr->sa_family == AF_INET6 && !ret->has6 &&
		!IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr)) {
		ret->has6 = true;
		ret->address6 = six->sin6_addr;
		ret->bits6 = count_bits(&mask6->sin6_addr, sizeof mask6->sin6_addr);
	}
}

static int read_bridge(const struct ifaddrs *list, struct gk_bridge *ret)
{
	struct gk_bridge found = { .index = if_nametoindex(GK_BRIDGE) };
	struct ifreq ifr = { .ifr_name = GK_BRIDGE };
	bool up = false;
	for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
		if (!a->ifa_addr || !a->ifa_netmask || strcmp(a->ifa_name, GK_BRIDGE) != 0)
			continue;
		up = up || (a->ifa_flags & IFF_UP);
		read_address(a, &found);
	}
	if (!found.index || !up || found.bits4 < 8 || found.bits4 > 29)
		return -ENOENT;
	gk_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFMTU, &ifr) < 0)
		return -errno;
	found.mtu = ifr.ifr_mtu;
	*ret = found;
	return 0;
}

int gk_bridge_read(struct gk_bridge *ret)
{
	struct ifaddrs *list;
	if (getifaddrs(&list) < 0)
		return -errno;
	int r = read_bridge(list, ret);
	freeifaddrs(list);
	return r;
}

static bool has_rules(void)
{
	/* `gocker network up` makes these, from one file. */
	static const char *const chains[] = { "check", "input", "forward", "source", NULL };
	gk_autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	return fd >= 0 && gk_netrules_look(fd, chains) == 0;
}

const char *gk_bridge_lacks(void)
{
	struct gk_bridge bridge;
	if (gk_bridge_read(&bridge) < 0)
		return "bridge " GK_BRIDGE;
	return has_rules() ? NULL : "rules for " GK_BRIDGE;
}

/* ---- the namespace ---- */

struct network {
	struct gk_bridge bridge;
	int netns;
	int links, rules; /* sockets of netlink in it */
	uint64_t rate;    /* bytes a second, each way; GK_UNLIMITED: any */
	unsigned number;  /* which of the bridge's addresses is the session's; from 1 */
};

static int open_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* In the new namespace. */
static int open_sockets(struct network *n)
{
	n->netns = open_netns();
	if (n->netns < 0)
		return n->netns;
	n->links = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (n->links >= 0)
		n->rules = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	return n->links < 0 || n->rules < 0 ? -errno : 0;
}

/* This process goes there and back: a socket is of the namespace that it was made in. Where there
 * is no way back it must not go on, or the host's network would be taken for that of the session.
 */
static int make_namespace(struct network *n)
{
	gk_autoclose int home = open_netns();
	if (home < 0)
		return home;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	int r = open_sockets(n);
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return r;
}

/* ---- the cable ---- */

/* Given by us, so that udev leaves it alone; locally administered (IEEE 802). */
static void put_mac(struct gk_netlink *nl, unsigned number, unsigned end)
{
	const unsigned char mac[MAC_BYTES] = { 0x02, 'g', 'k', (unsigned char)end,
		(unsigned char)(number >> 8), (unsigned char)number };
	gk_netlink_put(nl, IFLA_ADDRESS, mac, sizeof mac);
}

static void begin_link(struct gk_netlink *nl, unsigned type, unsigned flags, struct ifinfomsg link)
{
	gk_netlink_begin(nl, type, flags | NLM_F_ACK, &link, sizeof link);
}

/* No address of IPv6 that the policy did not give. */
static void put_no_link_local(struct gk_netlink *nl)
{
	const uint8_t mode = GEN_MODE_NONE;
	size_t families = gk_netlink_open(nl, IFLA_AF_SPEC);
	size_t six = gk_netlink_open(nl, AF_INET6);
	gk_netlink_put(nl, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
	gk_netlink_close(nl, six);
	gk_netlink_close(nl, families);
}

/* Both ends of a new cable: one here, one in the namespace. -EEXIST: the number is taken. */
static int make_cable(struct network *n, int host, struct gk_netlink *nl)
{
	const struct ifinfomsg none = { .ifi_family = AF_UNSPEC };
	char name[IFNAMSIZ];
	snprintf(name, sizeof name, GK_BRIDGE_PORT, n->number);
	begin_link(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, none);
	gk_netlink_put_text(nl, IFLA_IFNAME, name);
	gk_netlink_put_u32(nl, IFLA_MTU, (uint32_t)n->bridge.mtu);
	put_mac(nl, n->number, 0);
	size_t info = gk_netlink_open(nl, IFLA_LINKINFO);
	gk_netlink_put_text(nl, IFLA_INFO_KIND, "veth");
	size_t data = gk_netlink_open(nl, IFLA_INFO_DATA);
	size_t peer = gk_netlink_open(nl, VETH_INFO_PEER);
	gk_netlink_put_raw(nl, &none, sizeof none);
	gk_netlink_put_text(nl, IFLA_IFNAME, GK_BRIDGE_INSIDE);
	gk_netlink_put_u32(nl, IFLA_MTU, (uint32_t)n->bridge.mtu);
	put_mac(nl, n->number, 1);
	gk_netlink_put_u32(nl, IFLA_NET_NS_FD, (uint32_t)n->netns);
	gk_netlink_close(nl, peer);
	gk_netlink_close(nl, data);
	gk_netlink_close(nl, info);
	return gk_netlink_send(nl, host, 1);
}

/* The host's end: an isolated port of the bridge before it carries anything. */
static int plug_in(struct network *n, int host, struct gk_netlink *nl)
{
	const uint8_t yes = 1;
	char name[IFNAMSIZ];
	snprintf(name, sizeof name, GK_BRIDGE_PORT, n->number);
	const int index = (int)if_nametoindex(name);
	if (!index)
		return -errno;
	begin_link(nl, RTM_NEWLINK, 0, (struct ifinfomsg){ .ifi_index = index });
	gk_netlink_put_u32(nl, IFLA_MASTER, n->bridge.index);
	put_no_link_local(nl);
	begin_link(nl, RTM_SETLINK, 0,
		(struct ifinfomsg){ .ifi_family = AF_BRIDGE, .ifi_index = index });
	size_t port = gk_netlink_open(nl, IFLA_PROTINFO);
	gk_netlink_put(nl, IFLA_BRPORT_ISOLATED, &yes, sizeof yes);
	gk_netlink_close(nl, port);
	const unsigned rates = gk_netrate_put(nl, index, n->rate, n->bridge.mtu);
	begin_link(nl, RTM_NEWLINK, 0,
		(struct ifinfomsg){
			.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP });
	return gk_netlink_send(nl, host, 3 + rates);
}

/* The first free number from a random one on: names of interfaces are the host's list of them. */
static int lay_cable(struct network *n, int host, struct gk_netlink *nl)
{
	const unsigned room = 1U << (32 - n->bridge.bits4);
	const unsigned most = room - 3 < SESSIONS_MAX ? room - 3 : SESSIONS_MAX;
	unsigned start = 0;
	if (getrandom(&start, sizeof start, 0) != (ssize_t)sizeof start)
		return -errno;
	for (unsigned i = 0; i < most; i++) {
		n->number = 1 + (start % most + i) % most;
		int r = make_cable(n, host, nl);
		if (r != -EEXIST)
			return r < 0 ? r : plug_in(n, host, nl);
	}
	return -EADDRNOTAVAIL;
}

/* ---- the session's end ---- */

/* The address of a number: those of the host's own, and of the network, are left out. */
static struct in_addr address4(const struct network *n)
{
	const uint32_t mask = ~(uint32_t)(((uint64_t)1 << (32 - n->bridge.bits4)) - 1);
	const uint32_t host = ntohl(n->bridge.address4.s_addr), first = host & mask;
	uint32_t number = n->number;
	if (first + number >= host)
		number++;
	return (struct in_addr){ .s_addr = htonl(first + number) };
}

/* The host's address with the number in its last four bytes. */
static struct in6_addr address6(const struct network *n)
{
	struct in6_addr address = n->bridge.address6;
	const uint32_t last = htonl(n->number + UINT16_MAX);
	memcpy(address.s6_addr + sizeof address - sizeof last, &last, sizeof last);
	return address;
}

static void add_address(
	struct gk_netlink *nl, int index, int family, const void *address, unsigned size)
{
	/* Nobody else has it: no need to ask around for a second first (RFC 4862, 5.4). */
	const struct ifaddrmsg header = { .ifa_family = (unsigned char)family,
		.ifa_prefixlen = (unsigned char)(size * 8),
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (unsigned)index };
	gk_netlink_begin(
		nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &header, sizeof header);
	gk_netlink_put(nl, IFA_LOCAL, address, size);
	gk_netlink_put(nl, IFA_ADDRESS, address, size);
}

/* All goes to the gateway, which is on this cable whatever its address: no session takes another
 * for a neighbour. */
static void add_route(
	struct gk_netlink *nl, int index, int family, const void *gateway, unsigned size)
{
	const struct rtmsg header = { .rtm_family = (unsigned char)family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = RTNH_F_ONLINK };
	gk_netlink_begin(
		nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &header, sizeof header);
	gk_netlink_put(nl, RTA_GATEWAY, gateway, size);
	gk_netlink_put_u32(nl, RTA_OIF, (uint32_t)index);
}

static int set_up_inside(struct network *n, struct gk_netlink *nl)
{
	struct ifreq ifr = { .ifr_name = GK_BRIDGE_INSIDE };
	const struct in_addr four = address4(n);
	const struct in6_addr six = address6(n);
	unsigned answers = 4;
	if (ioctl(n->links, SIOCGIFINDEX, &ifr) < 0)
		return -errno;
	const int index = ifr.ifr_ifindex;
	begin_link(nl, RTM_NEWLINK, 0, (struct ifinfomsg){ .ifi_index = index });
	put_no_link_local(nl);
	answers += gk_netrate_put(nl, index, n->rate, n->bridge.mtu);
	begin_link(nl, RTM_NEWLINK, 0,
		(struct ifinfomsg){
			.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP });
	add_address(nl, index, AF_INET, &four, sizeof four);
	add_route(nl, index, AF_INET, &n->bridge.address4, sizeof four);
	if (n->bridge.has6) {
		add_address(nl, index, AF_INET6, &six, sizeof six);
		add_route(nl, index, AF_INET6, &n->bridge.address6, sizeof six);
		answers += 2;
	}
	return gk_netlink_send(nl, n->links, answers);
}

/* ---- the rules ---- */

/* The bytes of an address, and how many there are; NULL for what is none of IPv4 or IPv6. */
static const void *bytes_of(const struct sockaddr *address, unsigned *ret_size)
{
	/* Aligned by libc; each begins with its family (sockaddr(3type)). */
	const void *raw = address;
	if (address && address->sa_family == AF_INET) {
		*ret_size = sizeof(struct in_addr);
		return &((const struct sockaddr_in *)raw)->sin_addr;
	}
	if (address && address->sa_family == AF_INET6) {
		*ret_size = sizeof(struct in6_addr);
		return &((const struct sockaddr_in6 *)raw)->sin6_addr;
	}
	return NULL;
}

/* Shut whatever the policy says: the host's own addresses, and the networks of the bridge with all
 * other sessions. The host's rules say so too, and of addresses that it gets later; these are here
 * whatever becomes of those. */
static int list_host(const struct ifaddrs *list, struct gk_net_rule *rules, size_t *ret_n)
{
	size_t n = 0;
	for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
		unsigned size = 0, mask_size = 0;
		const void *address = bytes_of(a->ifa_addr, &size);
		const void *mask = strcmp(a->ifa_name, GK_BRIDGE) == 0 ?
			bytes_of(a->ifa_netmask, &mask_size) :
			NULL;
		if (!address)
			continue;
		if (n == HOST_ADDRESSES_MAX)
			return -E2BIG;
		rules[n] = (struct gk_net_rule){ .family = a->ifa_addr->sa_family,
			.bits = mask ? count_bits(mask, mask_size) : size * CHAR_BIT };
		memcpy(rules[n++].address, address, size);
	}
	*ret_n = n;
	return 0;
}

static int load_rules(
	const struct network *n, const struct ifaddrs *host, const struct gk_plan *plan)
{
	gk_autofree struct gk_net_rule *own = calloc(HOST_ADDRESSES_MAX, sizeof *own);
	const struct gk_net_rule *const lists[] = { own, plan->net_rules };
	size_t counts[] = { 0, plan->nnet_rules };
	int r = own ? list_host(host, own, &counts[0]) : -ENOMEM;
	return r < 0 ? r : gk_netrules_load(n->rules, lists, counts, 2);
}

/* ---- all of it ---- */

static int connect_bridge(struct network *n)
{
	unsigned char data[MESSAGES_BYTES];
	struct gk_netlink nl = { .data = data, .size = sizeof data };
	gk_autoclose int host = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int r = host < 0 ? -errno : lay_cable(n, host, &nl);
	return r < 0 ? r : set_up_inside(n, &nl);
}

static int join(struct network *n, const struct gk_plan *plan, struct gk_err *err)
{
	struct ifaddrs *host;
	if (getifaddrs(&host) < 0)
		return gk_fail_errno(err, -errno, "cannot list the host's addresses");
	int r = read_bridge(host, &n->bridge);
	if (r < 0 || !has_rules())
		r = gk_fail(err, -ENOENT,
			"private_network = bridge: this host has no %s; ask your administrator",
			r < 0 ? "bridge " GK_BRIDGE : "rules for " GK_BRIDGE);
	if (r == 0)
		r = make_namespace(n);
	/* Before there is anything that they could be late for. */
	if (r == 0)
		r = load_rules(n, host, plan);
	if (r == 0)
		r = connect_bridge(n);
	freeifaddrs(host);
	return r < 0 ? gk_fail_errno(err, r, "cannot connect the session with " GK_BRIDGE) : 0;
}

int gk_bridge_join(
	const struct gk_plan *plan, struct gk_bridge_addresses *ret_session, struct gk_err *err)
{
	struct network n = {
		.netns = -1, .links = -1, .rules = -1, .rate = plan->policy->net_rate
	};
	int r = join(&n, plan, err);
	/* They would keep the namespace, too. */
	gk_close_fd(&n.links);
	gk_close_fd(&n.rules);
	if (r < 0)
		gk_close_fd(&n.netns);
	else
		*ret_session =
			(struct gk_bridge_addresses){ address4(&n), address6(&n), n.bridge.has6 };
	return r < 0 ? r : n.netns;
}
