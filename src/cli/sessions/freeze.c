/* gocker freeze, gocker thaw: all processes of a session stopped, and going on (cgroup v2). */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/sessions/act.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/sessions/sessions.h"

static const struct gk_option options[] = { { 0 } };

const struct gk_page gk_page_freeze = {
	.name = "freeze",
	.what = "stop every process of a session",
	.usage = "ID...",
	.about =
		"Stops every process of a session where it is; the session cannot notice or undo that. "
		"A frozen session can be killed. Time limits continue to count. Needs cgroup v2.",
	.options = options,
	.args = "session",
};

const struct gk_page gk_page_thaw = {
	.name = "thaw",
	.what = "continue a frozen session",
	.usage = "ID...",
	.about = "Continues a session that `gocker freeze` stopped.",
	.options = options,
	.args = "session",
};

static int freeze_session(const struct gk_seen *seen, bool freeze, struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	const struct gk_seen s = *seen;
	/* Its tasks are in one cgroup with those of other logins. */
	if (strcmp(s.container, "-") != 0)
		return gk_fail(err, -EOPNOTSUPP,
			"%s is a login in the container %s, which can only be frozen as a whole; name "
			"that",
			s.id, s.container);
	int r = gk_seen_open(&s, &cg, NULL, err);
	if (r < 0)
		return r;
	r = gk_cgroup_freeze(&cg, freeze);
	gk_cgroup_close(&cg);
	if (r == -EOPNOTSUPP)
		return gk_fail(err, r,
			"sessions can't be frozen here: this host has its controllers on cgroup v1; "
			"boot it with cgroup v2");
	if (r < 0)
		return gk_fail_errno(err, r, "session %s", s.id);
	gk_log(LOG_NOTICE, "event=%s id=%s user=\"%s\" by=%s", freeze ? "freeze" : "thaw", s.id,
		s.user, gk_act_by());
	puts(s.id);
	return 0;
}

static int freeze_one(const char *id, bool freeze, struct gk_arena *arena, struct gk_err *err)
{
	struct gk_seen_list found;
	int r = gk_seen_find_all(id, arena, &found, err);
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = freeze_session(&found.list[i], freeze, err);
	return r;
}

int gk_cmd_freeze(int argc, char **argv)
{
	const char *name = argv[0];
	struct gk_arena arena = { 0 };
	int code = 0;
	bool freeze = strcmp(name, "freeze") == 0;
	const char *value;
	if (gk_options_next(freeze ? &gk_page_freeze : &gk_page_thaw, argc, argv, 0, &value) != -1)
		return 2;
	if (optind == argc)
		return gk_cli_usage(name, "no session given");
	int r = gk_cli_need_root(name);
	if (r != 0)
		return r;
	gk_log_open("gocker");
	for (int i = optind; i < argc; i++) {
		struct gk_err err = GK_ERR_INIT;
		if (freeze_one(argv[i], freeze, &arena, &err) < 0) {
			(void)gk_cli_fail(name, &err);
			code = 1;
		}
	}
	gk_arena_free(&arena);
	return code;
}
