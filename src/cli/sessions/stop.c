/* gocker stop: asks the processes of sessions to end, and ends those that did not. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "cli/sessions/act.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/sessions/sessions.h"
#include "plan/text.h"
#include "run/watch/holder.h"

static const struct gk_option options[] = {
	{ 't', "time", "SECONDS", NULL, "how long to wait after TERM, 1 to 3600 (default: 10)" },
	{ 'u', "user", "USER", "user", "all sessions of this user, through every door" },
	{ 0 },
};

const struct gk_page gk_page_stop = {
	.name = "stop",
	.what = "end sessions: TERM first, then KILL",
	.usage = "[-t SECONDS] ID...\n[-t SECONDS] --user USER",
	.about =
		"Sends TERM to each process of a session except gocker's own init, and KILL to what is "
		"left after the time given. Returns when the sessions have ended.",
	.options = options,
	.tail = "Prints the ids of the sessions that have ended. Exit status 1 when a session was not "
		"found or did not end, or when the user has none.",
	.args = "session",
};

/* How long the kernel may take over a killed session (a file system that hangs). */
enum { KILLED_MS = 10000 };

struct stop {
	struct gk_arena arena;
	struct gk_seen_list sessions;
	size_t cap;
	int *inits; /* pidfds, -1 for one that could not be signalled */
	unsigned seconds;
	const char *user;
};

static bool has_ended(int pidfd, int64_t until_ms)
{
	for (;;) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };
		int64_t left = until_ms - gk_now_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			return false;
	}
}

static int add(struct stop *s, const struct gk_seen *seen)
{
	struct gk_seen_list *l = &s->sessions;
	l->list = gk_grow(&s->arena, l->list, l->n, &s->cap, sizeof *l->list);
	if (!l->list)
		return -ENOMEM;
	l->list[l->n++] = *seen;
	return 0;
}

/* Returns the exit status so far. */
static int find(struct stop *s, char **ids)
{
	struct gk_err err = GK_ERR_INIT;
	int code = 0;
	if (s->user) {
		if (gk_seen_read(&(struct gk_seen_filter){ .user = s->user, .whole = true },
			    &s->arena, &s->sessions, &err) < 0)
			return gk_cli_fail("stop", &err);
		if (s->sessions.n > 0)
			return 0;
		fprintf(stderr, "gocker stop: %s has no session\n", s->user);
		return 1;
	}
	for (; *ids; ids++) {
		struct gk_seen_list found = { 0 };
		err = (struct gk_err)GK_ERR_INIT;
		int r = gk_seen_find_all(*ids, &s->arena, &found, &err);
		for (size_t i = 0; r == 0 && i < found.n; i++)
			r = add(s, &found.list[i]);
		if (r == 0)
			continue;
		(void)gk_fail_errno(&err, r, "%s", *ids);
		(void)gk_cli_fail("stop", &err);
		code = 1;
	}
	return code;
}

/* Tells the holder of a shared container that it ends with its last process. */
static void drain(const struct gk_seen *seen)
{
	struct gk_err ignored = GK_ERR_INIT;
	gk_autoclose int holder = gk_seen_supervisor(seen, &ignored);
	if (holder >= 0)
		(void)gk_sys_pidfd_send_signal(holder, GK_HOLDER_DRAIN);
}

/* TERM to all of them first, so that they end side by side. */
static int ask(const struct gk_seen *seen, int *ret_init)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_cgroup cg = GK_CGROUP_INIT;
	int r = gk_seen_open_end(seen, &cg, ret_init, &err);
	/* Before TERM: who logs in from now on gets another container. */
	if (r == 0 && seen->is_container)
		drain(seen);
	if (r == 0)
		r = gk_seen_signal(seen, &cg, *ret_init, SIGTERM);
	/* One with nothing in it has ended since. */
	if (r < 0 && *ret_init >= 0 && seen->is_container && has_ended(*ret_init, 0))
		r = 0;
	if (r < 0 && *ret_init >= 0)
		gk_fail_errno(&err, r, "cannot signal session %s", seen->id);
	gk_cgroup_close(&cg);
	if (r >= 0)
		gk_log(LOG_NOTICE, "event=stop id=%s user=\"%s\" by=%s", seen->id, seen->user,
			gk_act_by());
	return r < 0 ? gk_cli_fail("stop", &err) : 0;
}

static int finish(const struct gk_seen *seen, int init, int64_t until_ms)
{
	if (!has_ended(init, until_ms)) {
		fprintf(stderr, "gocker stop: session %s was killed, but has not ended yet\n",
			seen->id);
		return 1;
	}
	puts(seen->id);
	return 0;
}

/* Those that TERM has not ended are killed, all before any is waited for: side by side. */
static void kill_rest(const struct stop *s, int64_t until_ms)
{
	for (size_t i = 0; i < s->sessions.n; i++)
		if (s->inits[i] >= 0 && !has_ended(s->inits[i], until_ms))
			(void)gk_seen_signal(&s->sessions.list[i], NULL, s->inits[i], SIGKILL);
}

static int stop_all(struct stop *s)
{
	int code = 0;
	size_t n = s->sessions.n;
	s->inits = gk_arena_array(&s->arena, n + 1, sizeof *s->inits);
	if (!s->inits)
		return GK_EXIT_GOCKER;
	int64_t until_ms = gk_now_ms() + (int64_t)s->seconds * 1000;
	for (size_t i = 0; i < n; i++) {
		s->inits[i] = -1;
		if (ask(&s->sessions.list[i], &s->inits[i]) == 0)
			continue;
		gk_close_fd(&s->inits[i]);
		code = 1;
	}
	kill_rest(s, until_ms);
	until_ms = gk_now_ms() + KILLED_MS;
	for (size_t i = 0; i < n; i++) {
		if (s->inits[i] >= 0)
			code |= finish(&s->sessions.list[i], s->inits[i], until_ms);
		gk_close_fd(&s->inits[i]);
	}
	return code;
}

int gk_cmd_stop(int argc, char **argv)
{
	struct stop s = { .seconds = 10 };
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_stop, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case 't':
			if (gk_cli_seconds(value, &s.seconds) < 0)
				return gk_cli_usage("stop",
					"%s is not a number of seconds from 1 to 3600", value);
			break;
		case 'u': s.user = value; break;
		default: return 2;
		}
	}
	if (!s.user == (optind == argc))
		return gk_cli_usage("stop", "either ids or --user");
	int r = gk_cli_need_root("stop");
	if (r != 0)
		return r;
	gk_log_open("gocker");
	r = find(&s, argv + optind);
	int ended = stop_all(&s);
	gk_arena_free(&s.arena);
	return r ? r : ended;
}
