/* gocker doctor: what is wrong with this host or a user's logins, and how to mend it. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/enable/accounts.h"
#include "cli/cli.h"
#include "cli/doctor/doctor.h"
#include "pam/judge.h"
#include "cli/print.h"
#include "cli/report.h"
#include "plan/text.h"
#include "run/privilege/identity.h"
#include "run/store/load.h"

static const char help[] =
	"Usage: gocker doctor [OPTION...] [USER]\n"
	"\n"
	"Looks for what keeps users from logging in, lets them out of their containers, or may lock\n"
	"everybody out: kernel, cgroups, PAM stacks, sshd's effective configuration, modes, images,\n"
	"cron, at, the user manager, mail. With a USER it looks at the account as well and tries a\n"
	"login, without touching the home or any session. Each finding comes with what to do.\n"
	"\n"
	"  -q, --quiet             only what is wrong\n"
	"      --sshd-config FILE  what sshd is started with, when that is not its default\n"
	"      --format FORMAT     text (default) or json\n"
	"      --help              this text\n"
	"\n"
	"Exit status: 0, or 1 when something is wrong (a \"bad\"; a \"warn\" is none).\n";

void gk_found(struct gk_doctor *d, enum gk_level level, const char *item, const char *fix,
	const char *fmt, ...)
{
	va_list ap;
	char text[1024];
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct gk_finding *list = gk_grow(&d->arena, d->list, d->n, &d->cap, sizeof *d->list);
	const char *what = gk_arena_strdup(&d->arena, text);
	if (!list || !what)
		return;
	d->list = list;
	d->list[d->n++] = (struct gk_finding){ level, item, what, fix };
}

/* Which doors lead in here: an account with gocker-shell, lines of gocker's in sshd's stack. */
static void find_doors(struct gk_doctor *d)
{
	struct gk_err err = GK_ERR_INIT;
	setpwent();
	for (const struct passwd *pw; !d->shell_door && (pw = getpwent());)
		d->shell_door = strcmp(pw->pw_shell, GK_SHELL_PATH) == 0;
	endpwent();
	d->pam_door = gk_pam_judge_strictly("sshd", &err) != -ENOENT;
}

static int find_user(struct gk_doctor *d, const char *user, struct gk_err *err)
{
	int r = gk_identity_by_name(user, &d->arena, &d->who, err);
	if (r < 0)
		return r;
	d->user = d->who.name;
	struct gk_err ignored = GK_ERR_INIT;
	d->have_policy = d->have_config &&
		gk_policy_for(&d->config, &d->who, &d->arena, &d->policy, &ignored) == 0;
	return 0;
}

static const char *const level_names[] = { "ok", "warn", "bad" };

static int print_json(struct gk_doctor *d, bool quiet)
{
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; i < d->n; i++) {
		const struct gk_finding *f = &d->list[i];
		struct json_object *o = json_object_new_object();
		if (quiet && f->level == GK_FOUND_OK) {
			json_object_put(o);
			continue;
		}
		json_object_object_add(o, "level", json_object_new_string(level_names[f->level]));
		json_object_object_add(o, "item", json_object_new_string(f->item));
		json_object_object_add(o, "finding", gk_report_string(f->what, &d->arena));
		json_object_object_add(o, "fix", gk_report_string(f->fix, &d->arena));
		json_object_array_add(list, o);
	}
	return gk_report_print(list);
}

static int print_text(const struct gk_doctor *d, bool quiet)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct gk_finding *f = &d->list[i];
		if (quiet && f->level == GK_FOUND_OK)
			continue;
		printf("%-4s  %-9s %s\n", level_names[f->level], f->item, f->what);
		if (f->fix)
			printf("%16sdo: %s\n", "", f->fix);
	}
	return gk_print_end("doctor");
}

static int examine(struct gk_doctor *d, const char *user, bool json, bool quiet)
{
	struct gk_err err = GK_ERR_INIT, config_err = GK_ERR_INIT;
	d->have_config = gk_load_config(GK_CONFIG_PATH, &d->arena, &d->config, &config_err) == 0;
	if (user && find_user(d, user, &err) < 0)
		return gk_cli_fail("doctor", &err);
	find_doors(d);
	gk_doctor_host(d);
	gk_doctor_doors(d);
	if (d->user)
		gk_doctor_user(d);
	int code = json ? print_json(d, quiet) : print_text(d, quiet);
	for (size_t i = 0; i < d->n && code == 0; i++)
		code = d->list[i].level == GK_FOUND_BAD;
	return code;
}

int gk_cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quiet", no_argument, NULL, 'q' },
		{ "sshd-config", required_argument, NULL, 's' },
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct gk_doctor d;
	bool json = false, quiet = false;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "q", options, NULL)) != -1;) {
		switch (c) {
		case 'q': quiet = true; break;
		case 's': d.sshd_config = optarg; break;
		case 'f':
			if (gk_report_format("doctor", optarg, &json) != 0)
				return 2;
			break;
		case 'h': return fputs(help, stdout) < 0;
		default: return gk_cli_bad_option("doctor", argv);
		}
	}
	if (argc - optind > 1)
		return gk_cli_usage("doctor", "one user at a time");
	int r = gk_cli_need_root("doctor");
	if (r == 0)
		r = examine(&d, argv[optind], json, quiet);
	gk_arena_free(&d.arena);
	return r;
}
