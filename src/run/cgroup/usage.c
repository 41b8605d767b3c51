/* What a session uses, and holding it still. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/cgroup/cgfile.h"
#include "run/cgroup/cgroup.h"

int gk_cgroup_freeze(const struct gk_cgroup *cg, bool freeze)
{
	return cg->v1 ? -EOPNOTSUPP :
			gk_cgfile_write(cg->leaf_fd, "cgroup.freeze", freeze ? "1" : "0");
}

bool gk_cgroup_is_frozen(const struct gk_cgroup *cg)
{
	char buf[16] = "";
	return !cg->v1 && gk_cgfile_read(cg->leaf_fd, "cgroup.freeze", buf, sizeof buf) > 0 &&
		buf[0] == '1';
}

static uint64_t read_number(int dirfd, const char *name)
{
	char buf[64] = "";
	if (gk_cgfile_read(dirfd, name, buf, sizeof buf) <= 0 || buf[0] < '0' || buf[0] > '9')
		return UINT64_MAX;
	return strtoull(buf, NULL, 10);
}

/* The numbers after each of the keys in a flat keyed file, in one read; ret[i] is left alone where
 * there is none. */
static void read_keys(
	int dirfd, const char *name, const char *const *keys, uint64_t *const *ret, size_t n)
{
	char buf[4096];
	if (gk_cgfile_read(dirfd, name, buf, sizeof buf) <= 0)
		return;
	for (char *save, *line = strtok_r(buf, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		for (size_t i = 0; i < n; i++) {
			size_t len = strlen(keys[i]);
			if (strncmp(line, keys[i], len) == 0 && line[len] == ' ')
				*ret[i] = strtoull(line + len + 1, NULL, 10);
		}
}

static uint64_t read_keyed(int dirfd, const char *name, const char *key)
{
	uint64_t number = UINT64_MAX, *const ret = &number;
	read_keys(dirfd, name, &key, &ret, 1);
	return number;
}

/* Microseconds in which a task of the session waited for a disk (psi.rst). */
static uint64_t read_io_stalled(int fd)
{
	char buf[256] = "";
	const char *total = gk_cgfile_read(fd, "io.pressure", buf, sizeof buf) > 0 ?
		strstr(buf, " total=") :
		NULL;
	return total ? strtoull(total + strlen(" total="), NULL, 10) : UINT64_MAX;
}

void gk_usage_words(const struct gk_usage *u, char *text, size_t size)
{
	uint64_t io_ms = u->io_stalled_usec == UINT64_MAX ? UINT64_MAX : u->io_stalled_usec / 1000;
	snprintf(text, size,
		"pids_peak=%" PRId64 " pids_hits=%" PRId64 " user_pids_hits=%" PRId64
		" oom_kills=%" PRId64 " memory_high_hits=%" PRId64 " cpu_throttled=%" PRId64
		" user_cpu_throttled=%" PRId64 " io_stalled_ms=%" PRId64,
		(int64_t)u->pids_peak, (int64_t)u->pids_hits, (int64_t)u->user_pids_hits,
		(int64_t)u->oom_kills, (int64_t)u->memory_high_hits, (int64_t)u->cpu_throttled,
		(int64_t)u->user_cpu_throttled, (int64_t)io_ms);
}

uint64_t gk_cgroup_user_hits(const struct gk_cgroup *cg)
{
	uint64_t hits = cg->v1 || cg->user_fd < 0 ?
		UINT64_MAX :
		read_keyed(cg->user_fd, "pids.events.local", "max");
	return hits == UINT64_MAX ? 0 : hits;
}

static void read_hits(const struct gk_cgroup *cg, struct gk_usage *u)
{
	uint64_t most = read_number(cg->leaf_fd, "pids.max"), told = gk_cgroup_user_hits(cg);
	u->pids_hits = read_keyed(cg->leaf_fd, "pids.events", "max");
	u->user_pids_hits = UINT64_MAX;
	if (cg->user_fd < 0)
		return;
	u->user_pids_hits = told > cg->user_hits_before ? told - cg->user_hits_before : 0;
	if (u->pids_hits != UINT64_MAX && u->pids_peak != UINT64_MAX && u->pids_peak < most &&
		read_number(cg->user_fd, "pids.max") != UINT64_MAX) {
		u->user_pids_hits += u->pids_hits;
		u->pids_hits = 0;
	}
}

void gk_cgroup_usage(const struct gk_cgroup *cg, struct gk_usage *ret)
{
	static const char *const events[] = { "oom_kill", "high", "low" };
	static const char *const times[] = { "usage_usec", "nr_throttled" };
	uint64_t *const counts[] = { &ret->oom_kills, &ret->memory_high_hits,
		&ret->memory_low_hits };
	uint64_t *const cpu[] = { &ret->cpu_usec, &ret->cpu_throttled };
	int fd = cg->leaf_fd;
	*ret = (struct gk_usage){
		.pids_now = read_number(fd, "pids.current"),
		.pids_peak = read_number(fd, "pids.peak"),
		.memory_now = read_number(fd, "memory.current"),
		.memory_peak = read_number(fd, "memory.peak"),
		.oom_kills = UINT64_MAX,
		.memory_high_hits = UINT64_MAX,
		.memory_low_hits = UINT64_MAX,
		.cpu_usec = UINT64_MAX,
		.cpu_throttled = UINT64_MAX,
		.user_cpu_throttled = cg->user_fd < 0 ?
			UINT64_MAX :
			read_keyed(cg->user_fd, "cpu.stat", "nr_throttled"),
		.io_stalled_usec = read_io_stalled(fd),
	};
	read_keys(fd, "memory.events", events, counts, 3);
	read_keys(fd, "cpu.stat", times, cpu, 2);
	read_hits(cg, ret);
}
