#include "run/build/netrules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/cleanup.h"
#include "run/build/netlink.h"

/* Rules are lists of expressions that work on registers (nft(8), `nft --debug=netlink`): one loads
 * a field of the packet, the next compares, and the last one decides. */
#define TABLE "gocker"
#define CHAIN "out"
enum {
	REG = NFT_REG_1,          /* 16 bytes: an address of IPv6 fits */
	LO = 1,                   /* lo is the first interface of every network namespace */
	BATCH_BYTES = 384 * 1024, /* the longest lists of a policy need 260 KiB */
	PORT_AT = 2,              /* the destination's, in the header of TCP and of UDP */
};

static void begin(struct gk_netlink *nl, unsigned message, unsigned flags)
{
	const struct nfgenmsg header = { .nfgen_family = NFPROTO_INET };
	gk_netlink_begin(nl, NFNL_SUBSYS_NFTABLES << 8 | message, flags, &header, sizeof header);
}

/* Many in one batch come into force together or not at all. */
static void mark_batch(struct gk_netlink *nl, unsigned type)
{
	const struct nfgenmsg header = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	gk_netlink_begin(nl, type, 0, &header, sizeof header);
}

static void put_number(struct gk_netlink *nl, unsigned type, uint32_t value)
{
	gk_netlink_put_u32(nl, type, htonl(value));
}

/* ---- expressions ---- */

struct expression {
	size_t element, data;
};

static struct expression open_expression(struct gk_netlink *nl, const char *name)
{
	struct expression e = { .element = gk_netlink_open(nl, NFTA_LIST_ELEM) };
	gk_netlink_put_text(nl, NFTA_EXPR_NAME, name);
	e.data = gk_netlink_open(nl, NFTA_EXPR_DATA);
	return e;
}

static void close_expression(struct gk_netlink *nl, struct expression e)
{
	gk_netlink_close(nl, e.data);
	gk_netlink_close(nl, e.element);
}

static void put_value(struct gk_netlink *nl, unsigned type, const void *value, size_t size)
{
	size_t nested = gk_netlink_open(nl, type);
	gk_netlink_put(nl, NFTA_DATA_VALUE, value, size);
	gk_netlink_close(nl, nested);
}

static void load_meta(struct gk_netlink *nl, enum nft_meta_keys key)
{
	struct expression e = open_expression(nl, "meta");
	put_number(nl, NFTA_META_DREG, REG);
	put_number(nl, NFTA_META_KEY, key);
	close_expression(nl, e);
}

static void load_payload(
	struct gk_netlink *nl, enum nft_payload_bases base, unsigned offset, unsigned size)
{
	struct expression e = open_expression(nl, "payload");
	put_number(nl, NFTA_PAYLOAD_DREG, REG);
	put_number(nl, NFTA_PAYLOAD_BASE, base);
	put_number(nl, NFTA_PAYLOAD_OFFSET, offset);
	put_number(nl, NFTA_PAYLOAD_LEN, size);
	close_expression(nl, e);
}

static void mask(struct gk_netlink *nl, const void *bits, size_t size)
{
	static const unsigned char zeros[sizeof(struct in6_addr)];
	struct expression e = open_expression(nl, "bitwise");
	put_number(nl, NFTA_BITWISE_SREG, REG);
	put_number(nl, NFTA_BITWISE_DREG, REG);
	put_number(nl, NFTA_BITWISE_LEN, (uint32_t)size);
	put_value(nl, NFTA_BITWISE_MASK, bits, size);
	put_value(nl, NFTA_BITWISE_XOR, zeros, size);
	close_expression(nl, e);
}

static void compare(struct gk_netlink *nl, enum nft_cmp_ops op, const void *value, size_t size)
{
	struct expression e = open_expression(nl, "cmp");
	put_number(nl, NFTA_CMP_SREG, REG);
	put_number(nl, NFTA_CMP_OP, op);
	put_value(nl, NFTA_CMP_DATA, value, size);
	close_expression(nl, e);
}

static void is_byte(struct gk_netlink *nl, enum nft_meta_keys key, uint8_t value)
{
	load_meta(nl, key);
	compare(nl, NFT_CMP_EQ, &value, sizeof value);
}

static void port_is(struct gk_netlink *nl, enum nft_cmp_ops op, uint16_t port)
{
	const uint16_t value = htons(port);
	compare(nl, op, &value, sizeof value);
}

static void accept_it(struct gk_netlink *nl)
{
	struct expression e = open_expression(nl, "immediate");
	put_number(nl, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = gk_netlink_open(nl, NFTA_IMMEDIATE_DATA);
	size_t verdict = gk_netlink_open(nl, NFTA_DATA_VERDICT);
	put_number(nl, NFTA_VERDICT_CODE, NF_ACCEPT);
	gk_netlink_close(nl, verdict);
	gk_netlink_close(nl, data);
	close_expression(nl, e);
}

static void reject_it(struct gk_netlink *nl)
{
	const uint8_t code = NFT_REJECT_ICMPX_ADMIN_PROHIBITED;
	struct expression e = open_expression(nl, "reject");
	put_number(nl, NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
	gk_netlink_put(nl, NFTA_REJECT_ICMP_CODE, &code, sizeof code);
	close_expression(nl, e);
}

/* ---- rules ---- */

static size_t open_rule(struct gk_netlink *nl)
{
	begin(nl, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	gk_netlink_put_text(nl, NFTA_RULE_TABLE, TABLE);
	gk_netlink_put_text(nl, NFTA_RULE_CHAIN, CHAIN);
	return gk_netlink_open(nl, NFTA_RULE_EXPRESSIONS);
}

static void match_address(struct gk_netlink *nl, const struct gk_net_rule *rule)
{
	/* Of the destination in the header: RFC 791, RFC 8200. */
	const bool six = rule->family == AF_INET6;
	const unsigned offset = six ? 24 : 16, size = six ? 16 : 4;
	unsigned char bits[sizeof(struct in6_addr)] = { 0 }, address[sizeof bits];
	is_byte(nl, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	load_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, offset, size);
	for (unsigned i = 0; i < size; i++) {
		unsigned here = rule->bits > i * 8 ? rule->bits - i * 8 : 0;
		bits[i] = (unsigned char)(here >= 8 ? 0xffU : 0xff00U >> here);
		address[i] = (unsigned char)(rule->address[i] & bits[i]);
	}
	if (rule->bits < size * 8)
		mask(nl, bits, size);
	compare(nl, NFT_CMP_EQ, address, size);
}

/* protocol: of the ports, where there are some. */
static void add_rule(struct gk_netlink *nl, const struct gk_net_rule *rule, uint8_t protocol)
{
	size_t expressions = open_rule(nl);
	if (rule->family != AF_UNSPEC)
		match_address(nl, rule);
	if (rule->last) {
		is_byte(nl, NFT_META_L4PROTO, protocol);
		load_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, PORT_AT, sizeof(uint16_t));
		port_is(nl, NFT_CMP_GTE, rule->first);
		port_is(nl, NFT_CMP_LTE, rule->last);
	}
	if (rule->accept)
		accept_it(nl);
	else
		reject_it(nl);
	gk_netlink_close(nl, expressions);
}

static void add_rules(struct gk_netlink *nl, const struct gk_net_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add_rule(nl, &rules[i], IPPROTO_TCP);
		if (rules[i].last)
			add_rule(nl, &rules[i], IPPROTO_UDP);
	}
}

static void accept_loopback(struct gk_netlink *nl)
{
	const uint32_t lo = LO; /* in the host's order of bytes */
	size_t expressions = open_rule(nl);
	load_meta(nl, NFT_META_OIF);
	compare(nl, NFT_CMP_EQ, &lo, sizeof lo);
	accept_it(nl);
	gk_netlink_close(nl, expressions);
}

/* Router solicitation up to neighbour advertisement but for router advertisement (RFC 4861); the
 * kernel alone sends them: raw sockets need CAP_NET_RAW. */
static void accept_discovery(struct gk_netlink *nl)
{
	static const uint8_t types[] = { 133, 135, 136 };
	for (size_t i = 0; i < sizeof types; i++) {
		size_t expressions = open_rule(nl);
		is_byte(nl, NFT_META_L4PROTO, IPPROTO_ICMPV6);
		load_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
		compare(nl, NFT_CMP_EQ, &types[i], 1);
		accept_it(nl);
		gk_netlink_close(nl, expressions);
	}
}

static void add_table(struct gk_netlink *nl)
{
	begin(nl, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	gk_netlink_put_text(nl, NFTA_TABLE_NAME, TABLE);
	begin(nl, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	gk_netlink_put_text(nl, NFTA_CHAIN_TABLE, TABLE);
	gk_netlink_put_text(nl, NFTA_CHAIN_NAME, CHAIN);
	size_t hook = gk_netlink_open(nl, NFTA_CHAIN_HOOK);
	put_number(nl, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	put_number(nl, NFTA_HOOK_PRIORITY, 0);
	gk_netlink_close(nl, hook);
	put_number(nl, NFTA_CHAIN_POLICY, NF_ACCEPT);
	gk_netlink_put_text(nl, NFTA_CHAIN_TYPE, "filter");
}

int gk_netrules_load(int fd, const struct gk_net_rule *const *lists, const size_t *counts, size_t n)
{
	gk_autofree unsigned char *data = malloc(BATCH_BYTES);
	struct gk_netlink nl = { .data = data, .size = BATCH_BYTES };
	const int most = BATCH_BYTES;
	if (!data)
		return -ENOMEM;
	/* Where a socket takes less than the batch has, the kernel refuses it. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &most, sizeof most);
	mark_batch(&nl, NFNL_MSG_BATCH_BEGIN);
	add_table(&nl);
	accept_loopback(&nl);
	accept_discovery(&nl);
	for (size_t i = 0; i < n; i++)
		add_rules(&nl, lists[i], counts[i]);
	/* A message that the kernel refuses is reported before this one is acknowledged. */
	gk_netlink_want_answer(&nl);
	mark_batch(&nl, NFNL_MSG_BATCH_END);
	return gk_netlink_send(&nl, fd, 1);
}

/* ---- rules that are there ---- */

/* The number of the first attribute of this type in a reply about a table or chain; false where it
 * has none. */
static bool read_number(const unsigned char *reply, size_t size, unsigned type, uint32_t *ret)
{
	struct nlattr attr;
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	for (; at + sizeof attr <= size; at += (size_t)NLA_ALIGN(attr.nla_len)) {
		memcpy(&attr, reply + at, sizeof attr);
		if (attr.nla_len < sizeof attr || at + attr.nla_len > size)
			return false;
		if ((attr.nla_type & NLA_TYPE_MASK) == type &&
			attr.nla_len == sizeof attr + sizeof *ret) {
			memcpy(ret, reply + at + sizeof attr, sizeof *ret);
			*ret = ntohl(*ret);
			return true;
		}
	}
	return false;
}

/* Asks about one object of the table. Returns the number of that type in the reply. */
static int64_t ask(int fd, unsigned message, unsigned name_type, const char *name, unsigned type)
{
	unsigned char data[1024];
	uint32_t number;
	struct gk_netlink nl = { .data = data, .size = sizeof data };
	begin(&nl, message, 0);
	if (message == NFT_MSG_GETCHAIN)
		gk_netlink_put_text(&nl, NFTA_CHAIN_TABLE, TABLE);
	gk_netlink_put_text(&nl, name_type, name);
	ssize_t n = gk_netlink_ask(&nl, fd);
	if (n < 0)
		return n;
	return read_number(data, (size_t)n, type, &number) ? (int64_t)number : -ENOENT;
}

int gk_netrules_look(int fd, const char *const *chains)
{
	int64_t flags = ask(fd, NFT_MSG_GETTABLE, NFTA_TABLE_NAME, TABLE, NFTA_TABLE_FLAGS);
	if (flags < 0)
		return (int)flags;
	if (flags & NFT_TABLE_F_DORMANT)
		return -ENOENT;
	for (; *chains; chains++) {
		/* How many rules it has. */
		int64_t n = ask(fd, NFT_MSG_GETCHAIN, NFTA_CHAIN_NAME, *chains, NFTA_CHAIN_USE);
		if (n <= 0)
			return n < 0 ? (int)n : -ENOENT;
	}
	return 0;
}
