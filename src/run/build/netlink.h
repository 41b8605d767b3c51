/* Messages for the kernel by netlink (netlink(7)), made in memory and sent at once. */
#ifndef GK_RUN_BUILD_NETLINK_H
#define GK_RUN_BUILD_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Messages one behind the other. Begins as zeros but for data and size, which the caller gives.
 * What does not fit makes it full, and then nothing is sent. */
struct gk_netlink {
	unsigned char *data;
	size_t size, used;
	size_t message; /* where the last one begins */
	bool full;
};

/* Begins a message with a header of its family (a struct ifinfomsg, say). flags: beside
 * NLM_F_REQUEST. */
void gk_netlink_begin(
	struct gk_netlink *nl, unsigned type, unsigned flags, const void *header, size_t size);

/* Adds an attribute to the last message. */
void gk_netlink_put(struct gk_netlink *nl, unsigned type, const void *data, size_t size);
/* Adds bytes that are no attribute: what some have at their begin. */
void gk_netlink_put_raw(struct gk_netlink *nl, const void *data, size_t size);
void gk_netlink_put_text(struct gk_netlink *nl, unsigned type, const char *text);
void gk_netlink_put_u32(struct gk_netlink *nl, unsigned type, uint32_t value);

/* The attributes from here to gk_netlink_close are part of this one. Returns what that takes. */
size_t gk_netlink_open(struct gk_netlink *nl, unsigned type);
void gk_netlink_close(struct gk_netlink *nl, size_t opened);

/* The kernel is to acknowledge the last message. */
void gk_netlink_want_answer(struct gk_netlink *nl);

/* Sends all messages, and forgets them. `answers` of them have NLM_F_ACK. Returns 0 when the
 * kernel has acknowledged those, its first error, or -errno. */
int gk_netlink_send(struct gk_netlink *nl, int fd, unsigned answers);

/* Sends one question without NLM_F_ACK, and puts the kernel's one reply in its place. Returns the
 * size of it, or -errno, which the kernel's own answer may be. */
ssize_t gk_netlink_ask(struct gk_netlink *nl, int fd);

#endif
