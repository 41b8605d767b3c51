/* net_rate: how fast an interface sends (tc-tbf(8)). */
#ifndef GK_RUN_BUILD_NETRATE_H
#define GK_RUN_BUILD_NETRATE_H

#include <stdint.h>

#include "run/build/netlink.h"

/* Adds the message, with NLM_F_ACK, by which the interface sends at most rate bytes a second, as
 * Ethernet counts them. mtu: its largest packet. Returns how many messages that is: none, without a
 * rate (GK_UNLIMITED). */
unsigned gk_netrate_put(struct gk_netlink *nl, int index, uint64_t rate, int mtu);

#endif
