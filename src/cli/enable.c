/* gocker enable, gocker disable: bring users in, and let them out again. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/accounts.h"
#include "cli/act.h"
#include "cli/cli.h"
#include "cli/pamstack.h"
#include "cli/report.h"
#include "cli/sessions.h"
#include "cli/trial.h"
#include "plan/policy.h"
#include "run/identity.h"
#include "run/load.h"

static const char enable_help[] =
	"Usage: gocker enable [OPTION...] USER...\n"
	"\n"
	"Contains the logins of users from the next one on. A trial login comes first; where it fails\n"
	"nothing is changed. The shell that the user had is remembered for `gocker disable`. Root and\n"
	"the last administrator outside of a container are refused.\n"
	"\n"
	"      --door shell  gocker-shell becomes the user's shell (the default)\n"
	"      --door pam    nothing is changed: says whether the PAM door contains the user, and\n"
	"                    what is missing if not\n"
	"  -n, --dry-run     say what would be done\n"
	"      --help        this text\n"
	"\n"
	"Exit status: 0, or 1 when a user was not brought in.\n";

static const char disable_help[] =
	"Usage: gocker disable [--dry-run] [--shell PATH] USER...\n"
	"\n"
	"Gives users the shell back that they had. Sessions that live go on; `gocker kill --user` ends\n"
	"them.\n"
	"\n"
	"  -s, --shell PATH  this shell instead\n"
	"  -n, --dry-run     say what would be done\n"
	"      --help        this text\n";

struct work {
	bool dry, pam;
	const char *shell;
	struct gk_arena arena;
};

/* What both doors need. */
static int may_contain(struct work *w, const char *user, struct gk_identity *ret, struct gk_err *err)
{
	int r = gk_identity_by_name(user, &w->arena, ret, err);
	if (r == 0)
		r = gk_account_is_last_admin(ret, err);
	return r > 0 ? -EPERM : r;
}

static int enable_shell(struct work *w, const struct gk_identity *who, struct gk_err *err)
{
	int r = gk_shell_program_check(err);
	if (r == 0 && strcmp(who->shell, GK_SHELL_PATH) == 0) {
		printf("%s: contained already\n", who->name);
		return 0;
	}
	if (r == 0)
		r = gk_trial_shell(who->name, err);
	if (r < 0) {
		gk_err_context(err, "a trial login fails");
		return r;
	}
	int known = gk_shells_has(GK_SHELL_PATH, err);
	if (known < 0)
		return known;
	if (w->dry) {
		printf("%s: a trial login works; would change the shell from %s to %s%s\n", who->name,
			who->shell, GK_SHELL_PATH, known ? "" : ", and add that to /etc/shells");
		return 0;
	}
	r = known ? 0 : gk_shells_add(GK_SHELL_PATH, err);
	if (r == 0)
		r = gk_account_remember(who->name, who->shell, err);
	if (r == 0)
		r = gk_account_set_shell(who->name, GK_SHELL_PATH, err);
	if (r < 0)
		return r;
	gk_log(LOG_NOTICE, "event=enable user=\"%s\" door=shell by=%s", who->name, gk_act_by());
	printf("%s: contained from the next login on (the shell was %s)\n", who->name, who->shell);
	return 0;
}

/* The PAM door is open to all whom its policy contains: its stack and gocker.ini decide. */
static int enable_pam(struct work *w, const struct gk_identity *who, struct gk_err *err)
{
	struct gk_config config;
	struct gk_policy policy;
	int r = gk_load_config(GK_CONFIG_PATH, &w->arena, &config, err);
	if (r == 0)
		r = gk_policy_for(&config, who, &w->arena, &policy, err);
	if (r < 0)
		return r;
	if (!policy.contain)
		return gk_fail(err, -EPERM, "contain = no for %s: line %u of " GK_CONFIG_PATH " ([%s])",
			who->name, policy.origin[GK_KEY_CONTAIN].line,
			policy.origin[GK_KEY_CONTAIN].section);
	r = gk_pam_stack_check("sshd", err);
	if (r == 0)
		r = gk_trial_pam(who->name, err);
	if (r == 0)
		printf("%s: contained by the PAM door; a trial login works\n", who->name);
	return r;
}

static int disable_one(struct work *w, const char *user, struct gk_err *err)
{
	struct gk_identity who;
	const char *shell = w->shell;
	int r = gk_identity_by_name(user, &w->arena, &who, err);
	if (r < 0)
		return r;
	if (strcmp(who.shell, GK_SHELL_PATH) != 0) {
		printf("%s: the shell door does not contain this user\n", who.name);
		return 0;
	}
	r = shell ? 0 : gk_account_recall(who.name, &w->arena, &shell, err);
	if (r == -ENOENT)
		return gk_fail(err, r, "the shell that %s had is not known; name one with --shell",
			who.name);
	if (r < 0)
		return r;
	if (w->dry) {
		printf("%s: would change the shell back to %s\n", who.name, shell);
		return 0;
	}
	r = gk_account_set_shell(who.name, shell, err);
	if (r == 0)
		r = gk_account_forget(who.name, err);
	if (r < 0)
		return r;
	gk_log(LOG_NOTICE, "event=disable user=\"%s\" by=%s", who.name, gk_act_by());
	printf("%s: no longer contained; the shell is %s\n", who.name, shell);
	struct gk_seen_list all;
	if (gk_seen_read(&(struct gk_seen_filter){ .user = who.name }, &w->arena, &all, err) == 0 &&
		all.n)
		printf("%s: %zu session%s still open\n", who.name, all.n, all.n == 1 ? " is" : "s are");
	return 0;
}

static int each(struct work *w, const char *name, char **users)
{
	int code = 0;
	gk_log_open("gocker");
	for (; *users; users++) {
		struct gk_err err = GK_ERR_INIT;
		struct gk_identity who;
		int r;
		if (strcmp(name, "disable") == 0) {
			r = disable_one(w, *users, &err);
		} else {
			r = may_contain(w, *users, &who, &err);
			if (r == 0)
				r = w->pam ? enable_pam(w, &who, &err) : enable_shell(w, &who, &err);
		}
		if (r >= 0)
			continue;
		gk_err_context(&err, "%s", *users);
		(void)gk_cli_fail(name, &err);
		code = 1;
	}
	gk_arena_free(&w->arena);
	return code;
}

int gk_cmd_enable(int argc, char **argv)
{
	static const struct option options[] = {
		{ "door", required_argument, NULL, 'd' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct work w = { 0 };
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "n", options, NULL)) != -1;) {
		switch (c) {
		case 'd':
			w.pam = strcmp(optarg, "pam") == 0;
			if (!w.pam && strcmp(optarg, "shell") != 0)
				return gk_cli_usage("enable", "--door is shell or pam");
			break;
		case 'n': w.dry = true; break;
		case 'h': return fputs(enable_help, stdout) < 0;
		default: return gk_cli_bad_option("enable", argv);
		}
	}
	if (optind == argc)
		return gk_cli_usage("enable", "which user?");
	int r = gk_cli_need_root("enable");
	return r ? r : each(&w, "enable", argv + optind);
}

int gk_cmd_disable(int argc, char **argv)
{
	static const struct option options[] = {
		{ "shell", required_argument, NULL, 's' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct work w = { 0 };
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "ns:", options, NULL)) != -1;) {
		switch (c) {
		case 's': w.shell = optarg; break;
		case 'n': w.dry = true; break;
		case 'h': return fputs(disable_help, stdout) < 0;
		default: return gk_cli_bad_option("disable", argv);
		}
	}
	if (optind == argc || (w.shell && w.shell[0] != '/'))
		return gk_cli_usage("disable", optind == argc ? "which user?" :
			"--shell takes an absolute path");
	int r = gk_cli_need_root("disable");
	return r ? r : each(&w, "disable", argv + optind);
}
