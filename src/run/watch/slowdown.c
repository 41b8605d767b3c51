#include "run/watch/slowdown.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/cgroup/cgfile.h"

enum { LOOK_MS = 10000, STALLED_US = 5000000 };

static const enum gk_key keys[GK_SLOW_LIMITS] = { [GK_SLOW_CPUS] = GK_KEY_CPUS,
	[GK_SLOW_USER_CPUS] = GK_KEY_USER_CPUS,
	[GK_SLOW_MEMORY] = GK_KEY_MEMORY_HIGH,
	[GK_SLOW_IO] = GK_KEY_IO_MAX };

static bool has_limit(const struct gk_policy *policy, enum gk_slow_limit limit)
{
	switch (limit) {
	case GK_SLOW_CPUS: return policy->cpus_milli != 0;
	case GK_SLOW_USER_CPUS: return policy->user_cpus_milli != 0;
	case GK_SLOW_MEMORY: return policy->memory_high != GK_UNLIMITED;
	default: return policy->nio_max != 0;
	}
}

/* ---- counters ---- */

/* The number right behind `key` on the line at p, or 0. */
static uint64_t number_after(const char *p, const char *key)
{
	size_t len = strlen(key);
	for (; *p && *p != '\n'; p++)
		if (strncmp(p, key, len) == 0)
			return p[len] == 'm' ? GK_UNLIMITED : strtoull(p + len, NULL, 10);
	return 0;
}

/* The same of the first line that begins with `head`. */
static uint64_t number_in(int dir, const char *file, const char *head, const char *key)
{
	char text[4096];
	if (dir < 0 || gk_cgfile_read(dir, file, text, sizeof text) <= 0)
		return 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, head, strlen(head)) == 0)
			return number_after(line, key);
	}
	return 0;
}

/* How long a limit has held tasks back so far, in microseconds: of the CPU the time in which they
 * could have run (cgroup-v2.rst, cpu.stat), of memory the time in which any of them waited for some
 * to be reclaimed (psi.rst). */
static uint64_t stalled_us(const struct gk_slowdown *s, enum gk_slow_limit limit)
{
	switch (limit) {
	case GK_SLOW_CPUS: return number_in(s->leaf_fd, "cpu.stat", "throttled_usec", "usec ");
	case GK_SLOW_USER_CPUS: return number_in(s->user_fd, "cpu.stat", "throttled_usec", "usec ");
	case GK_SLOW_MEMORY: return number_in(s->leaf_fd, "memory.pressure", "some ", "total=");
	default: return 0;
	}
}

static uint64_t high_hits(const struct gk_slowdown *s)
{
	return number_in(s->leaf_fd, "memory.events", "high ", "high ");
}

/* What was read and written so far on a disk, in the order of enum gk_io_kind. */
static void read_disk(const struct gk_slowdown *s, const char *number, uint64_t *ret)
{
	static const char *const names[] = { " rbytes=", " wbytes=", " rios=", " wios=" };
	char head[32];
	snprintf(head, sizeof head, "%s ", number);
	for (int i = 0; i < GK_IO_KINDS; i++)
		ret[i] = number_in(s->leaf_fd, "io.stat", head, names[i]);
}

static void open_disks(struct gk_slowdown *s)
{
	static const char *const names[] = { " rbps=", " wbps=", " riops=", " wiops=" };
	char text[4096];
	if (s->leaf_fd < 0 || gk_cgfile_read(s->leaf_fd, "io.max", text, sizeof text) <= 0)
		return;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		struct gk_slow_disk *d = &s->disks[s->ndisks];
		size_t len = strcspn(line, " \n");
		if (len == 0 || len >= sizeof d->number || s->ndisks == GK_SLOW_DISKS_MOST)
			return;
		memcpy(d->number, line, len);
		d->number[len] = '\0';
		for (int i = 0; i < GK_IO_KINDS; i++)
			d->most[i] = number_after(line, names[i]);
		read_disk(s, d->number, d->moved);
		s->ndisks++;
	}
}

/* Whether more than nine tenths of a limit were used since the last look. */
static bool uses_up(struct gk_slowdown *s, int64_t ms)
{
	bool used = false;
	for (size_t d = 0; d < s->ndisks; d++) {
		uint64_t now[GK_IO_KINDS];
		read_disk(s, s->disks[d].number, now);
		for (int i = 0; i < GK_IO_KINDS; i++) {
			uint64_t most = s->disks[d].most[i], before = s->disks[d].moved[i];
			uint64_t rate =
				now[i] > before ? (now[i] - before) * 1000 / (uint64_t)ms : 0;
			if (most != 0 && most != GK_UNLIMITED && rate >= most - most / 10)
				used = true;
			s->disks[d].moved[i] = now[i];
		}
	}
	return used;
}

/* ---- notices ---- */

static void log_it(const char *id, enum gk_key key, const char *value)
{
	if (id)
		gk_log(LOG_NOTICE, "event=limit id=%s limit=%s%s%s", id, gk_key_name(key),
			*value ? " value=" : "", value);
}

static void describe(enum gk_slow_limit limit, const char *id, const struct gk_policy *policy,
	char *text, size_t size)
{
	char from[280], value[32] = "";
	unsigned milli = limit == GK_SLOW_CPUS ? policy->cpus_milli : policy->user_cpus_milli;
	(void)gk_origin_words(&policy->origin[keys[limit]], from, sizeof from);
	if (limit == GK_SLOW_MEMORY)
		snprintf(value, sizeof value, "%" PRIu64, policy->memory_high);
	else if (limit != GK_SLOW_IO)
		snprintf(value, sizeof value, "%u.%03u", milli / 1000, milli % 1000);
	log_it(id, keys[limit], value);
	if (limit == GK_SLOW_IO)
		snprintf(text, size, "slowed down: disks are used up to the limit (io_max, %s)",
			from);
	else if (limit == GK_SLOW_MEMORY)
		snprintf(text, size,
			"slowed down: more than %" PRIu64 " MiB in use (memory_high, %s)",
			policy->memory_high >> 20, from);
	else
		snprintf(text, size, "slowed down: limit of %u.%02u CPUs%s reached (%s, %s)",
			milli / 1000, milli % 1000 / 10,
			limit == GK_SLOW_CPUS ? "" : " in all sessions together",
			gk_key_name(keys[limit]), from);
}

static bool is_slow(struct gk_slowdown *s, enum gk_slow_limit limit, int64_t ms)
{
	if (limit == GK_SLOW_IO)
		return uses_up(s, ms);
	/* Memory that was waited for may have been scarce for the whole host. */
	if (limit == GK_SLOW_MEMORY && high_hits(s) == s->high_hits)
		return false;
	return stalled_us(s, limit) >= s->stalled_us[limit] + STALLED_US;
}

void gk_slowdown_open(
	struct gk_slowdown *s, int leaf_fd, int user_fd, const struct gk_policy *policy)
{
	*s = (struct gk_slowdown){
		.leaf_fd = leaf_fd, .user_fd = user_fd, .looked_ms = gk_now_ms()
	};
	for (int i = 0; i < GK_SLOW_LIMITS; i++)
		if (has_limit(policy, (enum gk_slow_limit)i))
			s->stalled_us[i] = stalled_us(s, (enum gk_slow_limit)i);
	if (has_limit(policy, GK_SLOW_MEMORY))
		s->high_hits = high_hits(s);
	if (has_limit(policy, GK_SLOW_IO))
		open_disks(s);
}

int64_t gk_slowdown_wait(const struct gk_slowdown *s, const struct gk_policy *policy)
{
	bool any = false;
	for (int i = 0; i < GK_SLOW_LIMITS; i++)
		any = any || (!s->told[i] && has_limit(policy, (enum gk_slow_limit)i));
	int64_t left = s->looked_ms + LOOK_MS - gk_now_ms();
	return !any ? -1 : left < 0 ? 0 : left;
}

bool gk_slowdown_next(struct gk_slowdown *s, const char *id, const struct gk_policy *policy,
	char *text, size_t size)
{
	int64_t now = gk_now_ms(), ms = now - s->looked_ms;
	if (ms < LOOK_MS)
		return false;
	for (int i = 0; i < GK_SLOW_LIMITS; i++) {
		enum gk_slow_limit limit = (enum gk_slow_limit)i;
		if (s->told[i] || !has_limit(policy, limit) || !is_slow(s, limit, ms))
			continue;
		s->told[i] = true;
		describe(limit, id, policy, text, size);
		return true;
	}
	s->looked_ms = now;
	return false;
}
