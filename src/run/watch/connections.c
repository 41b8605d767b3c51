#include "run/watch/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "plan/policy.h"

enum {
	PASS_BYTES = 64 << 10, /* what a pipe takes (pipe(7)) */
	PAUSE_MS = 100,        /* after a connection could not be accepted */
};

/* One direction. */
struct way {
	int pipe[2];
	size_t held; /* bytes in the pipe */
	bool over;   /* the end of the stream has been passed on */
};

/* way[i] leads from fd[i] to the other. */
struct connection {
	int fd[2]; /* outside, inside */
	struct way way[2];
};

struct passing {
	const int *listeners;
	size_t nlisteners, nconnections;
	const struct gk_bridge_addresses *session;
	bool paused;
	struct connection connections[GK_CONNECTIONS_MOST];
	struct pollfd polled[GK_PUBLISH_MOST + 2 * GK_CONNECTIONS_MOST];
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* ---- one connection ---- */

/* reset: its sides learn that it did not end well (socket(7), SO_LINGER). */
static void end_connection(struct connection *c, bool reset)
{
	const struct linger at_once = { .l_onoff = 1 };
	for (int i = 0; i < 2; i++) {
		if (reset && c->fd[i] >= 0)
			(void)setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		gk_close_fd(&c->fd[i]);
		gk_close_fd(&c->way[i].pipe[0]);
		gk_close_fd(&c->way[i].pipe[1]);
	}
}

/* Where a connection that came in at `local` is to go. */
static union address target_of(
	const union address *local, const struct gk_bridge_addresses *session)
{
	union address to = *local;
	const bool six = local->any.sa_family == AF_INET6;
	if (six && IN6_IS_ADDR_LOOPBACK(&local->in6.sin6_addr))
		return to;
	if (!six && ntohl(local->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) {
		to.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else if (six && session->has6) {
		to.in6.sin6_addr = session->six;
		to.in6.sin6_scope_id = 0;
	} else {
		to = (union address){ .in = { .sin_family = AF_INET,
					      .sin_port = local->in6.sin6_port,
					      .sin_addr = session->four } };
	}
	return to;
}

/* Returns whether there is a server or may be one: how that ends is seen by the first use. */
static bool connect_inside(struct connection *c, const struct gk_bridge_addresses *session)
{
	const int one = 1;
	union address local = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof local;
	if (getsockname(c->fd[0], &local.any, &len) < 0)
		return false;
	const union address to = target_of(&local, session);
	const int family = to.any.sa_family;
	c->fd[1] = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd[1] < 0 || setsockopt(c->fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
		return false;
	len = family == AF_INET6 ? sizeof to.in6 : sizeof to.in;
	return connect(c->fd[1], &to.any, len) == 0 || errno == EINPROGRESS;
}

/* Passes on what way i has now. Returns 0, also where that is nothing, or -errno. */
static int pass(struct connection *c, int i)
{
	struct way *w = &c->way[i];
	const unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
	if (w->over)
		return 0;
	if (!w->held) {
		ssize_t n = splice(c->fd[i], NULL, w->pipe[1], NULL, PASS_BYTES, flags);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		w->over = n == 0;
		if (w->over)
			return shutdown(c->fd[!i], SHUT_WR) < 0 ? -errno : 0;
		w->held = (size_t)n;
	}
	ssize_t n = splice(w->pipe[0], NULL, c->fd[!i], NULL, w->held, flags);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	w->held -= (size_t)n;
	return 0;
}

/* What is to be waited for on side i: input for its own way, room for the other's. */
static short events_of(const struct connection *c, int i)
{
	const struct way *from = &c->way[i], *to = &c->way[!i];
	return (short)((!from->over && !from->held ? POLLIN : 0) |
		(!to->over && to->held ? POLLOUT : 0));
}

/* Returns whether it goes on. */
static bool move(struct connection *c, const struct pollfd *p)
{
	if (!p[0].revents && !p[1].revents)
		return true;
	for (int i = 0; i < 2; i++)
		if ((p[i].revents & POLLERR) || pass(c, i) < 0) {
			end_connection(c, true);
			return false;
		}
	if (!c->way[0].over || !c->way[1].over)
		return true;
	end_connection(c, false);
	return false;
}

/* ---- all of them ---- */

static void accept_one(struct passing *all, int listener)
{
	struct connection c = { .fd = { -1, -1 },
		.way = { { .pipe = { -1, -1 } }, { .pipe = { -1, -1 } } } };
	c.fd[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c.fd[0] < 0) {
		/* Where there is no room for it, it stays in the queue, which is not looked at
		 * again at once. */
		all->paused = errno != EAGAIN && errno != ECONNABORTED && errno != EINTR;
		return;
	}
	if (connect_inside(&c, all->session) && pipe2(c.way[0].pipe, O_CLOEXEC) == 0 &&
		pipe2(c.way[1].pipe, O_CLOEXEC) == 0)
		all->connections[all->nconnections++] = c;
	else
		end_connection(&c, true);
}

static size_t fill(struct passing *all)
{
	size_t n = 0;
	const bool room = all->nconnections < GK_CONNECTIONS_MOST && !all->paused;
	for (size_t i = 0; i < all->nlisteners; i++)
		all->polled[n++] =
			(struct pollfd){ .fd = room ? all->listeners[i] : -1, .events = POLLIN };
	for (size_t i = 0; i < all->nconnections; i++)
		for (int side = 0; side < 2; side++) {
			const short events = events_of(&all->connections[i], side);
			/* A side that has ended both its ways would be reported without a pause,
			 * while the rest of what it sent waits for room on the other. */
			all->polled[n++] =
				(struct pollfd){ .fd = events ? all->connections[i].fd[side] : -1,
					.events = events };
		}
	return n;
}

/* From the last on: the one that takes the place of one that ends has had its turn. */
static void move_all(struct passing *all)
{
	const struct pollfd *p = all->polled + all->nlisteners;
	for (size_t i = all->nconnections; i-- > 0;)
		if (!move(&all->connections[i], p + 2 * i))
			all->connections[i] = all->connections[--all->nconnections];
}

static void accept_all(struct passing *all)
{
	for (size_t i = 0; i < all->nlisteners && all->nconnections < GK_CONNECTIONS_MOST; i++)
		if (all->polled[i].revents & POLLIN)
			accept_one(all, all->listeners[i]);
}

void gk_connections_pass(const int *listeners, size_t n, const struct gk_bridge_addresses *session)
{
	static struct passing all;
	all.listeners = listeners;
	all.nlisteners = n;
	all.session = session;
	for (;;) {
		const nfds_t count = (nfds_t)fill(&all);
		if (poll(all.polled, count, all.paused ? PAUSE_MS : -1) < 0 && errno != EINTR)
			_exit(1);
		all.paused = false;
		move_all(&all);
		accept_all(&all);
	}
}
