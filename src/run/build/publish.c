#include "run/build/publish.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "run/watch/notice.h"

/* ---- what is free ---- */

/* Returns the fd of a socket that is bound there, -1 where it can't be. */
static int bind_port(const char *address, unsigned port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { .any.sa_family = strchr(address, ':') ? AF_INET6 : AF_INET };
	const bool six = a.any.sa_family == AF_INET6;
	const int one = 1;
	a.in.sin_port = htons((uint16_t)port); /* in the same place for both */
	if (inet_pton(a.any.sa_family, address,
		    six ? (void *)&a.in6.sin6_addr : (void *)&a.in.sin_addr) != 1)
		return -1;
	gk_autoclose int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* As pasta does: connections that have ended do not count (tcp(7), TIME_WAIT). */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		(six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0) ||
		bind(fd, &a.any, six ? sizeof a.in6 : sizeof a.in) < 0)
		return -1;
	return gk_steal_fd(&fd);
}

static bool is_free(const char *address, unsigned port)
{
	gk_autoclose int fd = bind_port(address, port);
	return fd >= 0;
}

static void write_range(char *ret, const char *address, unsigned first, unsigned last)
{
	snprintf(ret, GK_PORTS_TEXT, "%s/%u-%u", address, first, last);
}

static size_t free_of(
	const struct gk_publish *p, char ret[GK_PUBLISH_MOST][GK_PORTS_TEXT], size_t n)
{
	unsigned first = 0;
	for (unsigned port = p->first; port <= p->last && n < GK_PUBLISH_MOST; port++) {
		const bool good = is_free(p->address, port);
		if (good && !first)
			first = port;
		if (first && (!good || port == p->last)) {
			write_range(ret[n++], p->address, first, good ? port : port - 1);
			first = 0;
		}
	}
	return n;
}

size_t gk_ports_free(const struct gk_plan *plan, char ret[GK_PUBLISH_MOST][GK_PORTS_TEXT])
{
	size_t n = 0;
	for (size_t i = 0; i < plan->npublish; i++)
		n = free_of(&plan->publish[i], ret, n);
	return n;
}

/* ---- what it has got ---- */

struct found {
	const struct gk_plan *plan;
	uid_t uid;
	bool has[GK_PUBLISH_MOST]; /* of all ranges, one after the other */
};

static void mark(struct found *f, const char *address, unsigned port)
{
	size_t at = 0;
	for (size_t i = 0; i < f->plan->npublish; i++) {
		const struct gk_publish *p = &f->plan->publish[i];
		if (port >= p->first && port <= p->last && strcmp(p->address, address) == 0)
			f->has[at + port - p->first] = true;
		at += (size_t)p->last - p->first + 1;
	}
}

/* Addresses are words of 32 bits in the network's order, printed as numbers of this machine. */
static void mark_line(struct found *f, const char *line, bool six)
{
	enum { LISTENS = 0x0a };
	unsigned w[4] = { 0 }, port = 0, state = 0, uid = 0;
	char address[INET6_ADDRSTRLEN];
	int n = six ? sscanf(line, "%*d: %8x%8x%8x%8x:%x %*[0-9A-F:] %x %*s %*s %*s %u", &w[0],
			      &w[1], &w[2], &w[3], &port, &state, &uid) :
		      sscanf(line, "%*d: %8x:%x %*[0-9A-F:] %x %*s %*s %*s %u", &w[0], &port,
			      &state, &uid);
	if (n == (six ? 7 : 4) && state == LISTENS && uid == f->uid &&
		inet_ntop(six ? AF_INET6 : AF_INET, w, address, sizeof address))
		mark(f, address, port);
}

static void read_list(struct found *f, const char *path, bool six)
{
	char line[256];
	FILE *list = fopen(path, "re");
	while (list && fgets(line, sizeof line, list))
		mark_line(f, line, six);
	if (list)
		(void)fclose(list);
}

static void add(char *text, size_t size, const char *address, unsigned first, unsigned last)
{
	char one[GK_PORTS_TEXT + 8];
	size_t at = strlen(text);
	const bool six = strchr(address, ':') != NULL;
	int n = snprintf(one, sizeof one, "%s%s%s%s:%u", at ? " " : "", six ? "[" : "", address,
		six ? "]" : "", first);
	if (last > first)
		(void)snprintf(one + n, sizeof one - (size_t)n, "-%u", last);
	/* Room is left for the mark of what does not fit. */
	if (at + strlen(one) + sizeof " ..." <= size)
		memcpy(text + at, one, strlen(one) + 1);
	else if (strcmp(text + at - 4, " ...") != 0)
		memcpy(text + at, " ...", sizeof " ...");
}

static void write_texts(const struct found *f, struct gk_ports_text *ret)
{
	const bool *has = f->has;
	for (size_t i = 0; i < f->plan->npublish; i++) {
		const struct gk_publish *p = &f->plan->publish[i];
		for (unsigned port = p->first, last; port <= p->last; port = last + 1) {
			const bool open = has[port - p->first];
			for (last = port; last < p->last && has[last + 1 - p->first] == open;)
				last++;
			add(open ? ret->open : ret->shut, sizeof ret->open, p->address, port, last);
		}
		has += p->last - p->first + 1;
	}
}

void gk_ports_read(const struct gk_plan *plan, uid_t uid, struct gk_ports_text *ret)
{
	struct found f = { .plan = plan, .uid = uid };
	*ret = (struct gk_ports_text){ 0 };
	if (!plan->npublish)
		return;
	read_list(&f, "/proc/net/tcp", false);
	read_list(&f, "/proc/net/tcp6", true);
	write_texts(&f, ret);
}

/* ---- listening ---- */

/* What connections inherit: no small write waits for the answer to another, and one whose other end
 * is gone without a word is found out (tcp(7)). */
static int listen_on(const char *address, unsigned port)
{
	const int one = 1;
	gk_autoclose int fd = bind_port(address, port);
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) < 0 ||
		fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || listen(fd, SOMAXCONN) < 0)
		return -1;
	return gk_steal_fd(&fd);
}

/* A policy may name a port twice. */
size_t gk_ports_listen(
	const struct gk_plan *plan, int ret[GK_PUBLISH_MOST], struct gk_ports_text *ret_ports)
{
	struct found f = { .plan = plan };
	size_t n = 0, at = 0;
	*ret_ports = (struct gk_ports_text){ 0 };
	for (size_t i = 0; i < plan->npublish; i++)
		for (unsigned port = plan->publish[i].first; port <= plan->publish[i].last;
			port++, at++) {
			if (f.has[at] || n == GK_PUBLISH_MOST)
				continue;
			ret[n] = listen_on(plan->publish[i].address, port);
			if (ret[n] < 0)
				continue;
			mark(&f, plan->publish[i].address, port);
			n++;
		}
	write_texts(&f, ret_ports);
	return n;
}

/* ---- what is told ---- */

bool gk_ports_notice(const char *shut, char *ret, size_t size)
{
	snprintf(ret, size,
		"not reachable from outside, because another session or program has it: %s", shut);
	return *shut != '\0' && strcmp(shut, "-") != 0;
}

void gk_ports_tell(const char *shut, int tty)
{
	char text[GK_PORTS_NOTICE];
	if (gk_ports_notice(shut, text, sizeof text))
		gk_notice_once(tty, text);
}

void gk_ports_report(const struct gk_ports_text *ports, const char *id, int tty)
{
	if (*ports->shut)
		gk_log(LOG_WARNING, "event=unpublished id=%s ports=\"%s\"", id, ports->shut);
	gk_ports_tell(ports->shut, tty);
}

const char *gk_ports_shown(const char *text)
{
	return *text ? text : "-";
}
