#include "run/watch/limit-event.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

enum { TELL_EVERY_MS = 10000 };

/* The number after `key` at the beginning of a line; 0 without one. */
static uint64_t value_of(const char *text, const char *key)
{
	size_t len = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}

static void read_events(int fd, char *buf, size_t size)
{
	memset(buf, 0, size);
	if (fd >= 0 && pread(fd, buf, size - 1, 0) < 0)
		buf[0] = '\0';
}

static int open_in(int dir, const char *name)
{
	return dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC);
}

/* A file with one number; UINT64_MAX for "max" and for what can't be read. */
static uint64_t read_number(int dir, const char *name)
{
	char text[32];
	gk_autoclose int fd = open_in(dir, name);
	read_events(fd, text, sizeof text);
	return text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : UINT64_MAX;
}

void gk_limit_events_open(
	struct gk_limit_events *b, int leaf_fd, int user_fd, const struct gk_policy *policy)
{
	char text[256];
	*b = (struct gk_limit_events){
		.fd = {
			[GK_LIMIT_EVENT_TASKS] = open_in(leaf_fd, "pids.events"),
			[GK_LIMIT_EVENT_USER_TASKS] = open_in(user_fd, "pids.events.local"),
			[GK_LIMIT_EVENT_MEMORY] = open_in(leaf_fd, "memory.events"),
		},
		.leaf_fd = leaf_fd,
		.user_fd = user_fd,
	};
	for (int kind = GK_LIMIT_EVENT_TASKS; kind <= GK_LIMIT_EVENT_USER_TASKS; kind++) {
		read_events(b->fd[kind], text, sizeof text);
		b->hits[kind] = value_of(text, "max");
	}
	read_events(b->fd[GK_LIMIT_EVENT_MEMORY], text, sizeof text);
	b->hits[GK_LIMIT_EVENT_MEMORY] = value_of(text, "oom_kill");
	b->own_oom = value_of(text, "oom");
	gk_slowdown_open(&b->slow, leaf_fd, user_fd, policy);
}

/* Whether there is something new of a kind, and long enough after the last. */
static bool is_news(struct gk_limit_events *b, enum gk_limit_event kind, uint64_t hits)
{
	int64_t now = gk_now_ms();
	if (hits == b->hits[kind])
		return false;
	b->hits[kind] = hits;
	if (b->told_ms[kind] && now - b->told_ms[kind] < TELL_EVERY_MS)
		return false;
	b->told_ms[kind] = now;
	return true;
}

static void tell(const char *id, enum gk_key key, uint64_t value, uint64_t hits)
{
	if (id)
		gk_log(LOG_NOTICE, "event=limit id=%s limit=%s value=%" PRIu64 " hits=%" PRIu64, id,
			gk_key_name(key), value, hits);
}

/* How many more tasks a limit would take. */
static uint64_t room(int dir)
{
	uint64_t now = read_number(dir, "pids.current"), most = read_number(dir, "pids.max");
	return most == UINT64_MAX || now == UINT64_MAX ? UINT64_MAX : now < most ? most - now : 0;
}

static void word_tasks(const struct gk_policy *policy, bool user, char *text, size_t size)
{
	enum gk_key key = user ? GK_KEY_USER_PIDS_MAX : GK_KEY_PIDS_MAX;
	char from[280];
	snprintf(text, size, "limit of %" PRIu64 " tasks %sreached (%s)",
		user ? policy->user_pids_max : policy->pids_max,
		user ? "in all sessions together " : "",
		gk_origin_words(&policy->origin[key], from, sizeof from));
}

static void say_tasks(const char *id, const struct gk_policy *policy, bool user, uint64_t hits,
	char *text, size_t size)
{
	tell(id, user ? GK_KEY_USER_PIDS_MAX : GK_KEY_PIDS_MAX,
		user ? policy->user_pids_max : policy->pids_max, hits);
	word_tasks(policy, user, text, size);
}

bool gk_limit_has_room(int leaf_fd, int user_fd, uint64_t tasks, const struct gk_policy *policy,
	char *text, size_t size)
{
	bool user = room(leaf_fd) >= tasks;
	if (user && room(user_fd) >= tasks)
		return true;
	word_tasks(policy, user, text, size);
	return false;
}

/* Whose limit made a fork of this session fail. On cgroup v1, and on v2 before Linux 6.11, the
 * session's events count what the limit above refused as well (cgroup-v2.rst, pids_localevents). */
static bool is_the_users(const struct gk_limit_events *b, const struct gk_policy *policy)
{
	uint64_t peak = read_number(b->leaf_fd, "pids.peak");
	if (policy->user_pids_max == GK_UNLIMITED)
		return false;
	/* It never had as many tasks as it may have. */
	if (peak != UINT64_MAX && peak < read_number(b->leaf_fd, "pids.max"))
		return true;
	/* The kernel tells the two apart. */
	if (b->fd[GK_LIMIT_EVENT_USER_TASKS] >= 0)
		return false;
	return room(b->user_fd) < room(b->leaf_fd);
}

static bool tasks_bite(struct gk_limit_events *b, const char *id, const struct gk_policy *policy,
	char *text, size_t size)
{
	char events[256];
	read_events(b->fd[GK_LIMIT_EVENT_TASKS], events, sizeof events);
	uint64_t hits = value_of(events, "max");
	if (!is_news(b, GK_LIMIT_EVENT_TASKS, hits))
		return false;
	say_tasks(id, policy, is_the_users(b, policy), hits, text, size);
	return true;
}

/* A fork of one of the user's sessions failed, where the kernel tells that limit's own events
 * apart. */
static bool user_tasks_bite(struct gk_limit_events *b, const char *id,
	const struct gk_policy *policy, char *text, size_t size)
{
	char events[256];
	read_events(b->fd[GK_LIMIT_EVENT_USER_TASKS], events, sizeof events);
	uint64_t hits = value_of(events, "max");
	if (!is_news(b, GK_LIMIT_EVENT_USER_TASKS, hits))
		return false;
	say_tasks(id, policy, true, hits, text, size);
	return true;
}

/* The cgroup's own limit was it when its `oom` went up too; else it was one above. */
static bool memory_bite(struct gk_limit_events *b, const char *id, const struct gk_policy *policy,
	char *text, size_t size)
{
	char events[256];
	read_events(b->fd[GK_LIMIT_EVENT_MEMORY], events, sizeof events);
	uint64_t oom = value_of(events, "oom"), hits = value_of(events, "oom_kill");
	if (!is_news(b, GK_LIMIT_EVENT_MEMORY, hits))
		return false;
	/* `oom` goes up before `oom_kill`, perhaps in an earlier look. */
	bool own = oom != b->own_oom;
	b->own_oom = oom;
	enum gk_key key = own ? GK_KEY_MEMORY_MAX : GK_KEY_USER_MEMORY_MAX;
	uint64_t limit = own ? policy->memory_max : policy->user_memory_max;
	if (limit == GK_UNLIMITED) {
		if (id)
			gk_log(LOG_NOTICE, "event=limit id=%s limit=host-memory hits=%" PRIu64, id,
				hits);
		snprintf(text, size, "the host is short of memory: a process was killed");
		return true;
	}
	tell(id, key, limit, hits);
	char from[280];
	snprintf(text, size, "out of memory: a process was killed (%s is %" PRIu64 " MiB, %s)",
		gk_key_name(key), limit >> 20,
		gk_origin_words(&policy->origin[key], from, sizeof from));
	return true;
}

bool gk_limit_events_next(struct gk_limit_events *b, const char *id, const struct gk_policy *policy,
	char *text, size_t size)
{
	bool any = tasks_bite(b, id, policy, text, size) ||
		user_tasks_bite(b, id, policy, text, size) ||
		memory_bite(b, id, policy, text, size) ||
		gk_slowdown_next(&b->slow, id, policy, text, size);
	size_t len = any ? strlen(text) : 0;
	if (any && policy->contact && strcmp(policy->contact, "none") != 0)
		snprintf(text + len, size - len, "; ask %s", policy->contact);
	return any;
}

int64_t gk_limit_events_wait(const struct gk_limit_events *b, const struct gk_policy *policy)
{
	return gk_slowdown_wait(&b->slow, policy);
}

void gk_limit_events_close(struct gk_limit_events *b)
{
	for (int i = 0; i < GK_LIMIT_EVENTS; i++)
		gk_close_fd(&b->fd[i]);
}
