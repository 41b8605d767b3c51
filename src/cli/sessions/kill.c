/* gocker kill: ends sessions, or sends their processes a signal. Every process is taken by a pidfd
 * that was verified through the membership of its cgroup; never by its number alone. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/sessions/act.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/sessions/sessions.h"

static const struct gk_option options[] = {
	{ 's', "signal", "SIGNAL", "signal", "a name (TERM, SIGTERM) or a number" },
	{ 'u', "user", "USER", "user", "all sessions of this user, through every door" },
	{ 0 },
};

const struct gk_page gk_page_kill = {
	.name = "kill",
	.what = "end sessions at once, or send them a signal",
	.usage = "[-s SIGNAL] ID...\n[-s SIGNAL] --user USER",
	.about =
		"Sends a signal to sessions. Without -s that is KILL, which ends a session and all its "
		"processes at once; any other signal goes to each process of the session but "
		"gocker's own init.",
	.options = options,
	.tail = "Prints the ids of the sessions that were signalled. Exit status 1 when a session was "
		"not found, or when the user has none.",
	.args = "session",
};

static int read_signal(const char *text)
{
	if (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long n = strtoul(text, &end, 10);
		return *end == '\0' && n >= 1 && n <= (unsigned long)SIGRTMAX ? (int)n : -EINVAL;
	}
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (int sig = 1; sig < NSIG; sig++) {
		const char *name = sigabbrev_np(sig);
		if (name && strcmp(name, text) == 0)
			return sig;
	}
	return -EINVAL;
}

int gk_act_kill(const struct gk_seen *s, int sig, struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	int init = -1;
	int r = gk_seen_open_end(s, &cg, &init, err);
	if (r < 0)
		return r;
	r = gk_seen_signal(s, &cg, init, sig);
	gk_close_fd(&init);
	gk_cgroup_close(&cg);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot signal session %s", s->id);
	gk_log(LOG_NOTICE, "event=kill id=%s user=\"%s\" signal=%d by=%s", s->id, s->user, sig,
		gk_act_by());
	return 0;
}

const char *gk_act_by(void)
{
	static char buf[128];
	const char *who = getenv("SUDO_USER");
	return gk_escape(buf, sizeof buf, who && *who && !strpbrk(who, " =") ? who : "root");
}

struct kill {
	const char *user;
	int sig;
};

static int kill_one(const struct kill *k, const struct gk_seen *s)
{
	struct gk_err err = GK_ERR_INIT;
	if (gk_act_kill(s, k->sig, &err) < 0) {
		(void)gk_cli_fail("kill", &err);
		return 1;
	}
	puts(s->id);
	return 0;
}

static int kill_ids(const struct kill *k, char **ids, struct gk_arena *arena)
{
	int code = 0;
	for (; *ids; ids++) {
		struct gk_err err = GK_ERR_INIT;
		struct gk_seen_list found = { 0 };
		if (gk_seen_find_all(*ids, arena, &found, &err) < 0) {
			(void)gk_cli_fail("kill", &err);
			code = 1;
		}
		for (size_t i = 0; i < found.n; i++)
			code |= kill_one(k, &found.list[i]);
	}
	return code;
}

static int kill_user(const struct kill *k, struct gk_arena *arena)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_seen_list all;
	int code = 0;
	if (gk_seen_read(&(struct gk_seen_filter){ .user = k->user, .whole = true }, arena, &all,
		    &err) < 0)
		return gk_cli_fail("kill", &err);
	if (all.n == 0) {
		fprintf(stderr, "gocker kill: %s has no session\n", k->user);
		return 1;
	}
	for (size_t i = 0; i < all.n; i++)
		code |= kill_one(k, &all.list[i]);
	return code;
}

int gk_cmd_kill(int argc, char **argv)
{
	struct kill k = { .sig = SIGKILL };
	struct gk_arena arena = { 0 };
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_kill, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case 's': k.sig = read_signal(value); break;
		case 'u': k.user = value; break;
		default: return 2;
		}
		if (k.sig < 0)
			return gk_cli_usage("kill", "there is no signal %s", value);
	}
	if (!k.user == (optind == argc))
		return gk_cli_usage("kill", "either ids or --user");
	int r = gk_cli_need_root("kill");
	if (r != 0)
		return r;
	gk_log_open("gocker");
	r = k.user ? kill_user(&k, &arena) : kill_ids(&k, argv + optind, &arena);
	gk_arena_free(&arena);
	return r;
}
