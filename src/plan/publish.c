/* publish: the ports of a session with a network of its own that are reached from outside of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plan/build.h"
#include "plan/keys.h"
#include "plan/list.h"
#include "plan/text.h"
#include "plan/value.h"

/* pasta, which listens on them, has no capability: no port below
 * net.ipv4.ip_unprivileged_port_start.
 */
enum { PORT_MIN = 1024 };

struct item {
	char address[INET6_ADDRSTRLEN];
	unsigned first, last;
	unsigned slice; /* how many of them each user has; 0: all */
};

/* FIRST, FIRST-LAST or FIRST-LAST/SLICE. */
static bool read_ports(char *s, struct item *ret)
{
	char *slash = strchr(s, '/'), *dash = strchr(s, '-');
	if (slash)
		*slash = '\0';
	if (dash)
		*dash = '\0';
	ret->slice = 0;
	return gk_value_small(s, PORT_MIN, UINT16_MAX, &ret->first) &&
		gk_value_small(dash ? dash + 1 : s, ret->first, UINT16_MAX, &ret->last) &&
		(!slash ||
			(dash &&
				gk_value_small(
					slash + 1, 1, ret->last - ret->first + 1, &ret->slice)));
}

/* [ADDRESS:]PORTS, an IPv6 address in brackets. Pasta is told the address as inet_ntop(3) writes
 * it. */
static bool read_item(const char *word, struct item *ret)
{
	char text[80], *at = text, *ports = text;
	const char *address = "127.0.0.1";
	struct in6_addr raw;
	if (snprintf(text, sizeof text, "%s", word) >= (int)sizeof text)
		return false;
	char *end = *at == '[' ? strchr(at, ']') : strchr(at, ':');
	if (end) {
		const bool six = *at == '[';
		if (six && end[1] != ':')
			return false;
		ports = end + (six ? 2 : 1);
		*end = '\0';
		address = at + six;
		if (six != (strchr(address, ':') != NULL))
			return false;
	}
	const int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	return inet_pton(family, address, &raw) == 1 &&
		inet_ntop(family, &raw, ret->address, sizeof ret->address) &&
		read_ports(ports, ret);
}

static unsigned count_ports(const struct item *item)
{
	return item->slice ? item->slice : item->last - item->first + 1;
}

bool gk_list_publish(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why)
{
	const char *const *words = gk_split(arena, s, GK_LIST_MAX, ret_why);
	unsigned n = 0;
	for (const char *const *w = words; w && *w; w++) {
		struct item item;
		if (!read_item(*w, &item)) {
			*ret_why = "has an item that is not a range of ports from 1024 on";
			return false;
		}
		n += count_ports(&item);
	}
	if (n > GK_PUBLISH_MOST) {
		*ret_why = "has more than 256 ports for one session";
		return false;
	}
	if (words)
		*ret = words;
	return words != NULL;
}

/* Of a range in slices the user's own, counted by uids from min_uid. */
static int take_slice(struct gk_build *b, const char *word, struct item *item)
{
	const uint64_t min = b->policy->min_uid, uid = b->who->uid;
	const unsigned slices = (item->last - item->first + 1) / item->slice;
	if (uid < min || uid - min >= slices)
		return gk_fail(b->err, -ERANGE,
			"publish = %s has slices for the uids %llu to %llu, and this is %llu; "
			"ask your administrator",
			word, (unsigned long long)min, (unsigned long long)min + slices - 1,
			(unsigned long long)uid);
	item->first += (unsigned)(uid - min) * item->slice;
	item->last = item->first + item->slice - 1;
	return 0;
}

static int add(struct gk_build *b, const char *word, struct gk_publish *ret)
{
	struct item item;
	if (!read_item(word, &item))
		return gk_fail_errno(b->err, -EINVAL, "cannot make the plan");
	int r = item.slice ? take_slice(b, word, &item) : 0;
	if (r < 0)
		return r;
	*ret = (struct gk_publish){ gk_arena_strdup(b->arena, item.address), (uint16_t)item.first,
		(uint16_t)item.last };
	return ret->address ? 0 : gk_fail_errno(b->err, -ENOMEM, "cannot make the plan");
}

int gk_build_publish(struct gk_build *b, struct gk_plan *plan)
{
	size_t n = 0;
	struct gk_publish *all = gk_arena_array(b->arena, GK_LIST_MAX, sizeof *all);
	if (!all)
		return gk_fail_errno(b->err, -ENOMEM, "cannot make the plan");
	for (const char *const *w = b->policy->publish; w && *w; w++) {
		/* Root in a container is no user, and has no slice. */
		if (b->request->override.as_container_root && strchr(*w, '/'))
			continue;
		int r = add(b, *w, &all[n++]);
		if (r < 0)
			return r;
	}
	plan->publish = all;
	plan->npublish = n;
	return 0;
}
