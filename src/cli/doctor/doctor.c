/* gocker doctor: what is wrong with this host or a user's logins, and how to mend it. */
#include <errno.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <stdlib.h>
#include <string.h>

#include "cli/enable/accounts.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/doctor/doctor.h"
#include "pam/judge.h"
#include "cli/print.h"
#include "cli/report.h"
#include "plan/text.h"
#include "run/privilege/identity.h"
#include "run/store/load.h"

enum { SSHD_CONFIG = GK_OPTION_LONG, FORMAT };

static const struct gk_option options[] = {
	{ 'q', "quiet", NULL, NULL, "only what is wrong" },
	{ SSHD_CONFIG, "sshd-config", "FILE", "file",
		"the configuration that sshd is started with, when that is not its default" },
	{ FORMAT, "format", "FORMAT", "text json", "text (default) or json" },
	{ 0 },
};

const struct gk_page gk_page_doctor = {
	.name = "doctor",
	.what = "find what is wrong with this host or a user, and what to do",
	.usage = "[OPTION...] [USER]",
	.about =
		"Finds what keeps users from logging in, lets them bypass their containers, or may lock "
		"everybody out: kernel, cgroups, PAM stacks, sshd's effective configuration, modes, "
		"images, cron, at, the user manager, mail. With a USER it also checks the account and "
		"tries a login, without touching the home or any session. Each finding comes with "
		"what to do.",
	.options = options,
	.tail = "Exit status: 0, or 1 when something is wrong (a \"bad\"; a \"warn\" does not count).",
	.args = "user",
};

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
	static struct gk_doctor d;
	bool json = false, quiet = false;
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_doctor, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case 'q': quiet = true; break;
		case SSHD_CONFIG: d.sshd_config = value; break;
		case FORMAT:
			if (gk_report_format("doctor", value, &json) != 0)
				return 2;
			break;
		default: return 2;
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
