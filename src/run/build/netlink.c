#include "run/build/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netlink.h>

/* Space for size bytes, in steps of four; NULL when there is none. */
static unsigned char *grow(struct gk_netlink *nl, size_t size)
{
	const size_t all = NLMSG_ALIGN(size);
	if (nl->full || nl->size - nl->used < all) {
		nl->full = true;
		return NULL;
	}
	unsigned char *at = nl->data + nl->used;
	memset(at, 0, all);
	nl->used += all;
	return at;
}

/* A message says how long it is, which grows with each attribute. */
static void update_length(struct gk_netlink *nl)
{
	struct nlmsghdr header;
	if (nl->full)
		return;
	memcpy(&header, nl->data + nl->message, sizeof header);
	header.nlmsg_len = (uint32_t)(nl->used - nl->message);
	memcpy(nl->data + nl->message, &header, sizeof header);
}

void gk_netlink_begin(
	struct gk_netlink *nl, unsigned type, unsigned flags, const void *header, size_t size)
{
	const struct nlmsghdr first = { .nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags) };
	nl->message = nl->used;
	unsigned char *at = grow(nl, sizeof first + size);
	if (!at)
		return;
	memcpy(at, &first, sizeof first);
	memcpy(at + sizeof first, header, size);
	update_length(nl);
}

void gk_netlink_put(struct gk_netlink *nl, unsigned type, const void *data, size_t size)
{
	const struct nlattr attr = { .nla_len = (uint16_t)(sizeof attr + size),
		.nla_type = (uint16_t)type };
	unsigned char *at = grow(nl, sizeof attr + size);
	if (!at)
		return;
	memcpy(at, &attr, sizeof attr);
	if (size)
		memcpy(at + sizeof attr, data, size);
	update_length(nl);
}

void gk_netlink_put_raw(struct gk_netlink *nl, const void *data, size_t size)
{
	unsigned char *at = grow(nl, size);
	if (!at)
		return;
	memcpy(at, data, size);
	update_length(nl);
}

void gk_netlink_put_text(struct gk_netlink *nl, unsigned type, const char *text)
{
	gk_netlink_put(nl, type, text, strlen(text) + 1);
}

void gk_netlink_put_u32(struct gk_netlink *nl, unsigned type, uint32_t value)
{
	gk_netlink_put(nl, type, &value, sizeof value);
}

size_t gk_netlink_open(struct gk_netlink *nl, unsigned type)
{
	const size_t at = nl->used;
	gk_netlink_put(nl, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void gk_netlink_close(struct gk_netlink *nl, size_t opened)
{
	struct nlattr attr;
	if (nl->full)
		return;
	memcpy(&attr, nl->data + opened, sizeof attr);
	attr.nla_len = (uint16_t)(nl->used - opened);
	memcpy(nl->data + opened, &attr, sizeof attr);
}

void gk_netlink_want_answer(struct gk_netlink *nl)
{
	struct nlmsghdr header;
	if (nl->full)
		return;
	memcpy(&header, nl->data + nl->message, sizeof header);
	header.nlmsg_flags |= NLM_F_ACK;
	memcpy(nl->data + nl->message, &header, sizeof header);
}

static int send_all(struct gk_netlink *nl, int fd)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	/* sendto(2) takes any family's address by this type. */
	const void *to = &kernel;
	ssize_t n;
	if (nl->full)
		return -E2BIG;
	while ((n = sendto(fd, nl->data, nl->used, 0, to, sizeof kernel)) < 0 && errno == EINTR)
		;
	int r = n < 0 ? -errno : n != (ssize_t)nl->used ? -EIO : 0;
	nl->used = nl->message = 0;
	return r;
}

/* The kernel has done everything when the call that sends returns, and its answers are there. Each
 * is a datagram. */
static ssize_t receive(int fd, void *data, size_t size)
{
	ssize_t n;
	while ((n = recv(fd, data, size, MSG_DONTWAIT)) < 0 && errno == EINTR)
		;
	return n < 0 ? -errno : n;
}

/* The error in an answer, which is 0 for an acknowledgement; -EPROTO for something else. */
static int read_answer(const void *data, size_t size)
{
	struct {
		struct nlmsghdr header;
		int error;
	} answer;
	if (size < sizeof answer)
		return -EPROTO;
	memcpy(&answer, data, sizeof answer);
	return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error : -EPROTO;
}

int gk_netlink_send(struct gk_netlink *nl, int fd, unsigned answers)
{
	unsigned char data[1024];
	int r = send_all(nl, fd);
	for (unsigned i = 0; r == 0 && i < answers; i++) {
		ssize_t n = receive(fd, data, sizeof data);
		r = n < 0 ? (int)n : read_answer(data, (size_t)n);
	}
	return r;
}

ssize_t gk_netlink_ask(struct gk_netlink *nl, int fd)
{
	int r = send_all(nl, fd);
	ssize_t n = r < 0 ? r : receive(fd, nl->data, nl->size);
	if (n < 0)
		return n;
	r = read_answer(nl->data, (size_t)n);
	return r == -EPROTO ? n : r == 0 ? -EPROTO : r;
}
