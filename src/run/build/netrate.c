#include "run/build/netrate.h"

#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "plan/policy.h"

/* What may go at once after a pause is what the rate is in a fiftieth of a second, and what waits
 * behind it that of a tenth: more is dropped, which tells TCP to slow down. Both within bounds. */
enum {
	BURSTS_A_SECOND = 50,
	BURST_LEAST = 16 * 1024,
	BURST_MOST = 4 * 1024 * 1024,
	QUEUES_A_SECOND = 10,
	QUEUE_LEAST = 64 * 1024,
	QUEUE_MOST = 16 * 1024 * 1024,
	HEADERS_BYTES = 64, /* more than an Ethernet header has */
};

static uint32_t part_of(uint64_t rate, unsigned parts, uint32_t least, uint32_t most)
{
	const uint64_t part = rate / parts;
	return part < least ? least : part > most ? most : (uint32_t)part;
}

unsigned gk_netrate_put(struct gk_netlink *nl, int index, uint64_t rate, int mtu)
{
	const struct tcmsg header = {
		.tcm_ifindex = index, .tcm_handle = 1U << 16, .tcm_parent = TC_H_ROOT
	};
	const uint32_t packet = (uint32_t)mtu + HEADERS_BYTES;
	const uint32_t burst = part_of(
		rate, BURSTS_A_SECOND, packet > BURST_LEAST ? packet : BURST_LEAST, BURST_MOST);
	const struct tc_tbf_qopt options = {
		.rate = { .linklayer = TC_LINKLAYER_ETHERNET,
			.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate },
		.limit = part_of(rate, QUEUES_A_SECOND, QUEUE_LEAST, QUEUE_MOST) + burst,
	};
	if (rate == GK_UNLIMITED)
		return 0;
	gk_netlink_begin(
		nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &header, sizeof header);
	gk_netlink_put_text(nl, TCA_KIND, "tbf");
	size_t nested = gk_netlink_open(nl, TCA_OPTIONS);
	gk_netlink_put(nl, TCA_TBF_PARMS, &options, sizeof options);
	gk_netlink_put_u32(nl, TCA_TBF_BURST, burst);
	if (rate > UINT32_MAX)
		gk_netlink_put(nl, TCA_TBF_RATE64, &rate, sizeof rate);
	gk_netlink_close(nl, nested);
	return 1;
}
