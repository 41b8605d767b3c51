/* `gocker network`: the host's part of private_network = bridge. */
#ifndef GK_CLI_NETWORK_NETWORK_H
#define GK_CLI_NETWORK_NETWORK_H

#include <stdbool.h>
#include <stdio.h>
#include <net/if.h>
#include <netinet/in.h>

#include "base/err.h"

enum { GK_UPLINKS_MAX = 32, GK_LINKS_MAX = 256 };

/* Interfaces of the host by their names. */
struct gk_links {
	char names[GK_LINKS_MAX][IFNAMSIZ];
	size_t n;
};

/* An address with the length of its network's prefix, as on the bridge. */
struct gk_gateway {
	int family; /* AF_UNSPEC: there is none */
	unsigned char address[16];
	unsigned bits;
};

/* What the bridge is to be. */
struct gk_network_setup {
	struct gk_gateway four, six; /* six has no family where the host has no IPv6 */
	char dns4[INET6_ADDRSTRLEN]; /* where questions for names go; "" for nowhere */
	char dns6[INET6_ADDRSTRLEN];
	struct gk_links guarded4, guarded6; /* interfaces that forward because of gocker alone */
};

/* Reads "ADDRESS/BITS" of this family. False where it is none that a bridge can have. */
bool gk_gateway_read(const char *text, int family, struct gk_gateway *ret);

/* The first name server of each family that sessions can be sent to: those of /etc/resolv.conf, or
 * of systemd-resolved where that file names its stub, which answers on lo alone. What the caller
 * has set already is left as it is. */
void gk_network_resolvers(struct gk_network_setup *setup);

/* Writes the host's rules, the table `inet gocker`, for nft(8): in place of what is there. */
void gk_network_rules(const struct gk_network_setup *setup, FILE *out);

/* The interfaces with a default route, by family. */
int gk_network_uplinks(int family, struct gk_links *ret, struct gk_err *err);

/* Which interfaces will forward because of gocker alone: those of the state, and the ones that do
 * not forward yet. */
int gk_forwarding_plan(struct gk_network_setup *setup, struct gk_err *err);

/* Lets them forward, writing down what was changed first; and takes that back. */
int gk_forwarding_on(const struct gk_network_setup *setup, struct gk_err *err);
int gk_forwarding_off(struct gk_err *err);

/* Reads and writes one number below /proc/sys/net. */
int gk_sysctl_read(int *ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int gk_sysctl_write(struct gk_err *err, int value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
