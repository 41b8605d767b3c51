/* Which interfaces of the host forward packets, and for whom. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "cli/network/network.h"
#include "cli/print.h"
#include "run/build/bridge.h"

/* What `up` has changed, a line each: "4 INTERFACE" forwards IPv4, "6 INTERFACE" had IPv6 when all
 * began to forward it, "ra INTERFACE" was to take a router's word for as long as it does not. */
#define STATE GK_RUNDIR "/network"

struct state {
	struct gk_links four, six, ra;
};

static int open_sysctl(int flags, char *path, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
static int open_sysctl(int flags, char *path, size_t size, const char *fmt, va_list ap)
{
	int n = snprintf(path, size, "/proc/sys/net/");
	(void)vsnprintf(path + n, size - (size_t)n, fmt, ap);
	int fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int gk_sysctl_read(int *ret, const char *fmt, ...)
{
	char path[256], text[16];
	va_list ap;
	va_start(ap, fmt);
	gk_autoclose int fd = open_sysctl(O_RDONLY, path, sizeof path, fmt, ap);
	va_end(ap);
	ssize_t n = fd < 0 ? fd : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return fd < 0 ? fd : -EIO;
	text[n] = '\0';
	*ret = (int)strtol(text, NULL, 10);
	return 0;
}

int gk_sysctl_write(struct gk_err *err, int value, const char *fmt, ...)
{
	char path[256], text[16];
	va_list ap;
	va_start(ap, fmt);
	gk_autoclose int fd = open_sysctl(O_WRONLY, path, sizeof path, fmt, ap);
	va_end(ap);
	int n = snprintf(text, sizeof text, "%d", value);
	int r = fd < 0 ? fd : gk_write_all(fd, text, (size_t)n);
	return r < 0 ? gk_fail_errno(err, r, "cannot write %s", path) : 0;
}

/* ---- lists of interfaces ---- */

static bool has_link(const struct gk_links *links, const char *name)
{
	for (size_t i = 0; i < links->n; i++)
		if (strcmp(links->names[i], name) == 0)
			return true;
	return false;
}

static void add_link(struct gk_links *links, const char *name)
{
	if (links->n < GK_LINKS_MAX && !has_link(links, name))
		snprintf(links->names[links->n++], IFNAMSIZ, "%s", name);
}

static bool is_ours(const char *name)
{
	return strncmp(name, GK_BRIDGE, strlen("gocker")) == 0 || strcmp(name, "lo") == 0;
}

int gk_network_uplinks(int family, struct gk_links *ret, struct gk_err *err)
{
	const bool six = family == AF_INET6;
	char line[512], name[IFNAMSIZ], to[40], bits[16];
	ret->n = 0;
	FILE *f = fopen(six ? "/proc/net/ipv6_route" : "/proc/net/route", "re");
	if (!f)
		return six ? 0 : gk_fail_errno(err, -errno, "cannot read the host's routes");
	while (fgets(line, sizeof line, f)) {
		int n = six ?
			sscanf(line, "%39s %15s %*s %*s %*s %*s %*s %*s %*s %15s", to, bits, name) :
			sscanf(line, "%15s %39s %*s %*s %*s %*s %*s %15s", name, to, bits);
		if (n == 3 && strspn(to, "0") == strlen(to) && strspn(bits, "0") == strlen(bits) &&
			!is_ours(name))
			add_link(ret, name);
	}
	(void)fclose(f);
	return 0;
}

static int list_links(struct gk_links *ret, struct gk_err *err)
{
	struct if_nameindex *all = if_nameindex();
	if (!all)
		return gk_fail_errno(err, -errno, "cannot list the host's interfaces");
	for (const struct if_nameindex *one = all; one->if_index; one++)
		if (!is_ours(one->if_name))
			add_link(ret, one->if_name);
	if_freenameindex(all);
	return 0;
}

/* ---- the state ---- */

static void read_state(struct state *ret)
{
	char kind[4], name[IFNAMSIZ];
	*ret = (struct state){ 0 };
	FILE *f = fopen(STATE, "re");
	while (f && fscanf(f, "%3s %15s", kind, name) == 2)
		add_link(strcmp(kind, "4") == 0        ? &ret->four :
				strcmp(kind, "6") == 0 ? &ret->six :
							 &ret->ra,
			name);
	if (f)
		(void)fclose(f);
}

static void put_links(FILE *out, const char *kind, const struct gk_links *links)
{
	for (size_t i = 0; i < links->n; i++)
		fprintf(out, "%s %s\n", kind, links->names[i]);
}

static int write_state(const struct state *state, struct gk_err *err)
{
	gk_autofree char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return gk_fail_errno(err, -errno, "cannot write " STATE);
	put_links(out, "4", &state->four);
	put_links(out, "6", &state->six);
	put_links(out, "ra", &state->ra);
	if (fclose(out) != 0)
		return gk_fail_errno(err, -errno, "cannot write " STATE);
	return gk_print_file(STATE, text, err);
}

/* ---- on and off ---- */

/* Where the host is a router already, it is so for its own reasons. Of IPv6 that cannot be told
 * once gocker has made it one. */
int gk_forwarding_plan(struct gk_network_setup *setup, struct gk_err *err)
{
	struct state state;
	struct gk_links uplinks;
	int all = 0, here, r = gk_network_uplinks(AF_INET, &uplinks, err);
	read_state(&state);
	if (r == 0 && gk_sysctl_read(&all, "ipv4/conf/all/forwarding") == 0 && !all) {
		setup->guarded4 = state.four;
		for (size_t i = 0; i < uplinks.n; i++)
			if (gk_sysctl_read(&here, "ipv4/conf/%s/forwarding", uplinks.names[i]) ==
					0 &&
				!here)
				add_link(&setup->guarded4, uplinks.names[i]);
	}
	if (r < 0 || !setup->six.family)
		return r;
	setup->guarded6 = state.six;
	r = gk_sysctl_read(&all, "ipv6/conf/all/forwarding");
	if (r < 0)
		return gk_fail_errno(err, r, "cannot see whether the host forwards IPv6");
	return all ? 0 : list_links(&setup->guarded6, err);
}

/* A host that forwards takes no address and no route from a router (RFC 4861) unless it is told to
 * do both: the ones that do are told first. */
static int keep_routers(struct state *state, const struct gk_links *links)
{
	int ra;
	for (size_t i = 0; i < links->n; i++)
		if (gk_sysctl_read(&ra, "ipv6/conf/%s/accept_ra", links->names[i]) == 0 && ra == 1)
			add_link(&state->ra, links->names[i]);
	return 0;
}

static int forward6(const struct state *state, struct gk_err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < state->ra.n; i++)
		r = gk_sysctl_write(err, 2, "ipv6/conf/%s/accept_ra", state->ra.names[i]);
	return r < 0 ? r : gk_sysctl_write(err, 1, "ipv6/conf/all/forwarding");
}

int gk_forwarding_on(const struct gk_network_setup *setup, struct gk_err *err)
{
	struct state state;
	int all6 = 1;
	read_state(&state);
	state.four = setup->guarded4;
	state.six = setup->guarded6;
	if (setup->six.family && gk_sysctl_read(&all6, "ipv6/conf/all/forwarding") == 0 && !all6)
		(void)keep_routers(&state, &setup->guarded6);
	int r = write_state(&state, err);
	for (size_t i = 0; r == 0 && i < state.four.n; i++)
		r = gk_sysctl_write(err, 1, "ipv4/conf/%s/forwarding", state.four.names[i]);
	if (r == 0 && !all6)
		r = forward6(&state, err);
	return r;
}

int gk_forwarding_off(struct gk_err *err)
{
	struct state state;
	struct gk_err ignored = GK_ERR_INIT; /* of an interface that is gone */
	int all = 0, r = 0;
	read_state(&state);
	if (gk_sysctl_read(&all, "ipv4/conf/all/forwarding") == 0 && !all)
		for (size_t i = 0; i < state.four.n; i++)
			(void)gk_sysctl_write(
				&ignored, 0, "ipv4/conf/%s/forwarding", state.four.names[i]);
	if (state.six.n)
		r = gk_sysctl_write(err, 0, "ipv6/conf/all/forwarding");
	for (size_t i = 0; i < state.ra.n; i++)
		(void)gk_sysctl_write(&ignored, 1, "ipv6/conf/%s/accept_ra", state.ra.names[i]);
	if (r == 0 && unlink(STATE) < 0 && errno != ENOENT)
		return gk_fail_errno(err, -errno, "cannot remove " STATE);
	return r;
}
