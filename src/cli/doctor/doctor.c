/* gocker doctor: what is wrong with this host or a user's logins, and how to mend it. */
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <stdlib.h>
#include <string.h>

#include "cli/enable/accounts.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/doctor/doctor.h"
#include "cli/doctor/fix.h"
#include "base/log.h"
#include "cli/print.h"
#include "pam/judge.h"
#include "cli/report.h"
#include "plan/text.h"
#include "run/privilege/identity.h"
#include "run/store/load.h"

enum { SSHD_CONFIG = GK_OPTION_LONG, FORMAT, FIX };

static const struct gk_option options[] = {
	{ 'q', "quiet", NULL, NULL, "only what is wrong" },
	{ FIX, "fix", "[=ID]", "sshd manager cron at",
		"close what bypasses the doors, or only ID (sshd, manager, cron or at): each change "
		"is shown first, and on a terminal asked for; `gocker disable --fix` undoes them" },
	{ 'y', "yes", NULL, NULL, "with --fix: do not ask" },
	{ 'n', "dry-run", NULL, NULL, "with --fix: only show the changes" },
	{ SSHD_CONFIG, "sshd-config", "FILE", "file",
		"the configuration that sshd is started with, when that is not its default" },
	{ 'i', "identity", "FILE", "file",
		"with USER: log in to the running sshd as the user with this private key, and try "
		"whether `ssh -W` forwards out of the shell door" },
	{ FORMAT, "format", "FORMAT", "text json", "text (default) or json" },
	{ 0 },
};

const struct gk_page gk_page_doctor = {
	.name = "doctor",
	.what = GK_WHAT_DOCTOR,
	.usage = "[OPTION...] [USER]",
	.about =
		"Finds what keeps users from logging in, lets them bypass their containers, or may lock "
		"everybody out: kernel, cgroups, PAM stacks, sshd's effective configuration, modes, "
		"images, cron, at, the user manager, mail. With a USER it also checks the account and "
		"tries a login, without touching the home or any session, and what is reached from "
		"inside of it. Findings begin with bad, "
		"warn, ok (it was tried and works) or read (files, passwd or the kernel say so; it "
		"was not tried), and come with what to do. The last line is a summary.",
	.options = options,
	.tail = "Exit status: 0, or 1 when something is wrong (a \"bad\"; a \"warn\" does not count).",
	.args = "user",
};

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

int gk_doctor_open(struct gk_doctor *d, const char *user, struct gk_err *err)
{
	struct gk_err ignored = GK_ERR_INIT;
	d->have_config = gk_load_config(GK_CONFIG_PATH, &d->arena, &d->config, &ignored) == 0;
	int r = user ? find_user(d, user, err) : 0;
	if (r == 0)
		find_doors(d);
	return r;
}

static int examine(struct gk_doctor *d, const char *user, bool json, bool quiet)
{
	struct gk_err err = GK_ERR_INIT;
	if (gk_doctor_open(d, user, &err) < 0)
		return gk_cli_fail("doctor", &err);
	gk_doctor_host(d);
	gk_doctor_doors(d);
	if (d->user)
		gk_doctor_user(d);
	int code = json ? gk_findings_json(d, quiet) : gk_findings_text(d, quiet);
	for (size_t i = 0; i < d->n && code == 0; i++)
		code = d->list[i].level == GK_FOUND_BAD;
	return code;
}

/* Only the doors are looked at: what --fix closes bypasses them. */
static int fix(struct gk_doctor *d, const char *user, const struct gk_fixing *fixing)
{
	struct gk_err err = GK_ERR_INIT;
	if (gk_doctor_open(d, user, &err) < 0)
		return gk_cli_fail("doctor", &err);
	gk_log_open("gocker");
	gk_doctor_doors(d);
	int code = gk_fix(d, fixing);
	return gk_print_end("doctor") ? 1 : code;
}

int gk_cmd_doctor(int argc, char **argv)
{
	static struct gk_doctor d;
	struct gk_fixing fixing = { .command = "doctor" };
	bool json = false, quiet = false, fix_it = false;
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_doctor, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case 'q': quiet = true; break;
		case FIX:
			fix_it = true;
			fixing.only = value;
			if (value && !gk_fix_is(value))
				return gk_cli_usage(
					"doctor", "--fix is one of sshd, manager, cron and at");
			break;
		case 'y': fixing.yes = true; break;
		case 'n': fixing.dry = true; break;
		case 'i': d.identity = value; break;
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
	if (!fix_it && (fixing.yes || fixing.dry))
		return gk_cli_usage("doctor", "--yes and --dry-run go with --fix");
	if (d.identity && argc == optind)
		return gk_cli_usage("doctor", "--identity needs a user");
	int r = gk_cli_need_root("doctor");
	if (r == 0 && fix_it)
		r = fix(&d, argv[optind], &fixing);
	else if (r == 0)
		r = examine(&d, argv[optind], json, quiet);
	gk_arena_free(&d.arena);
	return r;
}
