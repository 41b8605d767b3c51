/* What a session of the user's reaches, tried from inside of one: the host's own services, the
 * metadata service of a cloud, a neighbour, the world. Nothing is said to be shut that does not
 * answer this host either. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/doctor/doctor.h"
#include "cli/enable/trial.h"

enum place { LOOPBACK, OWN, METADATA, NEIGHBOUR, WORLD, PLACES };

struct look {
	struct gk_reach inside[PLACES], outside[PLACES];
	int listeners[2]; /* doctor's own services: on the loopback, and on an address of the host
			   */
};

/* ---- the places ---- */

static void name_place(struct look *l, enum place place, const char *address, uint16_t port)
{
	struct gk_reach *r = &l->outside[place];
	snprintf(r->address, sizeof r->address, "%s", address);
	r->port = port;
}

/* A service of doctor's own at an address of the host. */
static int listen_on(struct look *l, enum place place, struct in_addr address)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = address };
	socklen_t len = sizeof a;
	char text[INET_ADDRSTRLEN];
	gk_autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 8) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0 ||
		!inet_ntop(AF_INET, &a.sin_addr, text, sizeof text))
		return -1;
	name_place(l, place, text, ntohs(a.sin_port));
	return gk_steal_fd(&fd);
}

/* The address from which this host sends to the world; nothing is sent. False without one. */
static bool find_own(struct in_addr *ret)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(0xc0000201) /* 192.0.2.1 (RFC 5737) */ };
	socklen_t len = sizeof a;
	gk_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof a) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return false;
	*ret = a.sin_addr;
	return ntohl(a.sin_addr.s_addr) >> 24 != 127;
}

/* The router, by the default route of proc_pid_net(5), whose words are in the network's order. */
static void find_neighbour(struct look *l)
{
	char line[256], text[INET_ADDRSTRLEN];
	FILE *f = fopen("/proc/net/route", "re");
	while (f && fgets(line, sizeof line, f)) {
		struct in_addr to, by;
		if (sscanf(line, "%*s %" SCNx32 " %" SCNx32, &to.s_addr, &by.s_addr) == 2 &&
			to.s_addr == 0 && by.s_addr != 0 &&
			inet_ntop(AF_INET, &by, text, sizeof text))
			name_place(l, NEIGHBOUR, text, 80);
	}
	if (f)
		(void)fclose(f);
}

/* Of this host (127.0.0.0/8), or of a network that is not the world's (RFC 1918, 3927, 6598). */
static bool is_near(struct in_addr address)
{
	const uint32_t a = ntohl(address.s_addr);
	return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
		a >> 16 == 0xa9fe || a >> 22 == 0x191;
}

/* A name server of the world, which expects to be asked. */
static void find_world(struct look *l)
{
	char line[256], text[46];
	struct in_addr address;
	FILE *f = fopen("/etc/resolv.conf", "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "nameserver %45s", text) == 1 &&
			inet_pton(AF_INET, text, &address) == 1 && !is_near(address))
			name_place(l, WORLD, text, 53);
	if (f)
		(void)fclose(f);
}

static void find_places(struct look *l)
{
	struct in_addr own;
	l->listeners[0] = listen_on(l, LOOPBACK, (struct in_addr){ htonl(INADDR_LOOPBACK) });
	l->listeners[1] = find_own(&own) ? listen_on(l, OWN, own) : -1;
	name_place(l, METADATA, "169.254.169.254", 80);
	find_neighbour(l);
	find_world(l);
	for (int i = 0; i < PLACES; i++)
		if (!*l->outside[i].address)
			l->outside[i].end = EINVAL;
}

/* ---- the findings ---- */

/* What a session's own network says of a place before anything is sent there. */
static bool is_shut(int end)
{
	return end == EHOSTUNREACH || end == ENETUNREACH || end == EACCES || end == EPERM;
}

/* Inside the host's addresses may be the session's own, where nothing listens: that is no answer of
 * the host's. pasta tells nothing of a port that refuses, other than by silence. */
enum ending { REACHED, SHUT, UNKNOWN };
static enum ending ending_of(const struct gk_reach *in, enum place place)
{
	const bool here = place == LOOPBACK || place == OWN;
	if (in->end == 0 || (in->end == ECONNREFUSED && !here))
		return REACHED;
	return is_shut(in->end) || in->end == ECONNREFUSED ? SHUT : UNKNOWN;
}

static void tell(struct gk_doctor *d, const struct look *l, enum place place, const char *what)
{
	const struct gk_reach *in = &l->inside[place], *out = &l->outside[place];
	const bool to_be_shut = d->policy.network != GK_NETWORK_HOST && place <= METADATA;
	const enum ending ending = ending_of(in, place);
	if (!*out->address)
		gk_found(d, GK_FOUND_OK, "reach", NULL, "%s: not tried, this host has none", what);
	else if (!gk_reach_is(out))
		gk_found(d, GK_FOUND_OK, "reach", NULL,
			"%s (%s): not known, it does not answer this host either", what,
			out->address);
	else if (ending == UNKNOWN)
		gk_found(d, GK_FOUND_OK, "reach", NULL,
			"%s (%s): not known, it answers this host, and not a session of %s", what,
			out->address, d->user);
	else if (to_be_shut && ending == REACHED)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "reach", "set network = none, and report it",
			"%s (%s) is reached by a session of %s", what, out->address, d->user);
	else
		gk_found(d, GK_FOUND_OK | GK_TRIED, "reach", NULL,
			"%s (%s) is %s by a session of %s", what, out->address,
			ending == REACHED ? "reached" : "not reached", d->user);
}

int gk_doctor_try_session(struct gk_doctor *d, struct gk_err *err)
{
	static const char *const what[PLACES] = { "a service on the host's loopback",
		"a service on the host's own address", "the metadata service",
		"the router of the default route", "a public name server" };
	struct look l = { .listeners = { -1, -1 } };
	find_places(&l);
	gk_reach_try(l.outside, PLACES);
	for (int i = 0; i < PLACES; i++) {
		l.inside[i] = l.outside[i];
		/* What does not answer this host is not waited for again. */
		if (!gk_reach_is(&l.outside[i]))
			l.inside[i].address[0] = '\0';
	}
	int r = gk_trial_reach(d->user, l.inside, PLACES, err);
	for (int i = 0; r == 0 && d->have_policy && i < PLACES; i++)
		tell(d, &l, (enum place)i, what[i]);
	gk_close_fd(&l.listeners[0]);
	gk_close_fd(&l.listeners[1]);
	return r;
}
