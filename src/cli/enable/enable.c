/* gocker enable, gocker disable: bring users in, and let them out again. */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/enable/accounts.h"
#include "cli/sessions/act.h"
#include "cli/cli.h"
#include "cli/doctor/doctor.h"
#include "cli/doctor/fix.h"
#include "cli/enable/outside.h"
#include "cli/options.h"
#include "cli/enable/enable.h"
#include "cli/report.h"
#include "cli/sessions/sessions.h"
#include "cli/enable/trial.h"
#include "image/alpine.h"
#include "run/privilege/identity.h"
#include "plan/policy.h"
#include "run/store/image.h"
#include "run/store/load.h"

enum { DOOR = GK_OPTION_LONG, SERVICE, BREAK_GLASS, FIX };

static const struct gk_option enable_options[] = {
	{ DOOR, "door", "DOOR", "shell pam",
		"shell (default): gocker-shell becomes the user's shell. pam: the lines of pam_gocker "
		"go into the stacks of services; they contain every user without contain = no in "
		"gocker.ini, so it is refused where no administrator would be left outside" },
	{ SERVICE, "service", "NAME", "service",
		"with --door pam: this service's stack; can be repeated (default: sshd, and "
		"systemd-user where systemd runs)" },
	{ BREAK_GLASS, "break-glass", "GROUP", "group",
		"with --door pam: exempt the members of this group" },
	{ FIX, "fix", NULL, NULL,
		"then close what still bypasses the doors, as `gocker doctor --fix` does" },
	{ 'y', "yes", NULL, NULL, "do not ask: with --door pam or --fix" },
	{ 'n', "dry-run", NULL, NULL, "say what would be done" },
	{ 0 },
};

const struct gk_page gk_page_enable = {
	.name = "enable",
	.what = GK_WHAT_ENABLE,
	.usage = "[OPTION...] USER...",
	.about =
		"Contains the logins of users from the next one on. A trial login comes first; if it "
		"fails, nothing is changed. The previous state is kept for `gocker disable`. Root and "
		"the last administrator outside of a container are refused. At the end it "
		"lists these users' logins that are still open outside, and what still bypasses the doors. If the image alpine, "
		"which the shipped gocker.ini uses, is not there yet, it is fetched (see `gocker image "
		"fetch --help`), with this host's sftp-server and scp if it has them.",
	.options = enable_options,
	.tail = "Exit status: 0, or 1 when a user is not contained.",
	.args = "user",
};

static const struct gk_option disable_options[] = {
	{ DOOR, "door", "DOOR", "shell pam",
		"shell (default), or pam: take gocker's lines out of the stacks, for everybody; to "
		"exempt one user write contain = no in gocker.ini" },
	{ SERVICE, "service", "NAME", "service",
		"with --door pam: only out of this service's stack; can be repeated" },
	{ 's', "shell", "PATH", "file", "set this shell instead: a program that can be run" },
	{ FIX, "fix", NULL, NULL,
		"undo what --fix did (without USER); also done when nobody is "
		"contained any more" },
	{ 'n', "dry-run", NULL, NULL, "say what would be done" },
	{ 0 },
};

const struct gk_page gk_page_disable = {
	.name = "disable",
	.what = GK_WHAT_DISABLE,
	.usage = "[OPTION...] USER...\n--door pam [OPTION...]\n--fix [OPTION...]",
	.about =
		"Gives users the shell back that they had, or PAM stacks their previous text. Live "
		"sessions continue; `gocker kill --user` ends them.",
	.options = disable_options,
	.args = "user",
};

struct work {
	bool dry, pam, fix, yes;
	struct gk_pam_door door;
	const char *shell;
	struct gk_arena arena;
};

static int may_contain(
	struct work *w, const char *user, struct gk_identity *ret, struct gk_err *err)
{
	struct gk_err ignored = GK_ERR_INIT;
	struct gk_config config;
	int r = gk_identity_by_name(user, &w->arena, ret, err);
	if (r < 0)
		return r;
	/* One that can't be read is the trial login's to tell. */
	bool read = gk_load_config(GK_CONFIG_PATH, &w->arena, &config, &ignored) == 0;
	r = gk_account_is_last_admin(ret, read ? &config : NULL, &w->arena, err);
	return r > 0 ? -EPERM : r;
}

int gk_enable_image(
	const struct gk_identity *who, bool dry, struct gk_arena *arena, struct gk_err *err)
{
	static char fetch[] = "fetch", if_missing[] = "--if-missing", alpine[] = "alpine",
		    image[] = "image";
	static char sftp[] = "--with=sftp-server", scp[] = "--with=scp";
	struct gk_config config;
	struct gk_policy policy;
	int r = gk_load_config(GK_CONFIG_PATH, arena, &config, err);
	if (r == 0)
		r = gk_policy_for(&config, who, arena, &policy, err);
	if (r != 0)
		return r;
	gk_autoclose int root = -1, lock = -1;
	struct gk_err missing = GK_ERR_INIT;
	if (strcmp(policy.image, alpine) != 0 ||
		gk_image_open(policy.image_dir, policy.image, 0, &root, &lock, &missing) != -ENOENT)
		return 0; /* whatever else is wrong with it, the trial login says */
	const char *mirror = getenv("ALPINE_MIRROR");
	printf("%s: %s the image %s, which this host does not have yet: Alpine's minirootfs, about "
	       "4 MiB from %s%s\n",
		who->name, dry ? "would fetch" : "fetching", policy.image,
		mirror && *mirror ? mirror : GK_ALPINE_MIRROR, dry ? ", and then try a login" : "");
	if (dry)
		return 1;
	(void)fflush(stdout);
	optind = 0; /* getopt(3) begins anew: it stands behind this command's own options */
	if (gk_cmd_image(6, (char *[]){ image, fetch, if_missing, sftp, scp, alpine, NULL }) != 0)
		return gk_fail(err, -ENOENT, "%s; `gocker image` makes one of an archive, too",
			missing.msg);
	return 0;
}

static int enable_shell(struct work *w, const struct gk_identity *who, struct gk_err *err)
{
	int r = gk_shell_program_check(err);
	if (r == 0 && strcmp(who->shell, GK_SHELL_PATH) == 0) {
		printf("%s: contained already\n", who->name);
		return 0;
	}
	if (r == 0)
		r = gk_enable_image(who, w->dry, &w->arena, err);
	if (r > 0)
		return 0;
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
		printf("%s: a trial login works; would change the shell from %s to %s%s\n",
			who->name, who->shell, GK_SHELL_PATH,
			known ? "" : ", and add that to /etc/shells");
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

/* What would be the user's shell must be a program: a login with another ends at once. */
static int check_shell(const char *path, struct gk_err *err)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return gk_fail_errno(err, -errno, "--shell %s", path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		return gk_fail(err, -EACCES, "--shell %s: it is not a program", path);
	return strcmp(path, GK_SHELL_PATH) == 0 ?
		gk_fail(err, -EINVAL, "--shell %s: it is what contains the user", path) :
		0;
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
	r = shell ? check_shell(shell, err) : gk_account_recall(who.name, &w->arena, &shell, err);
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
		printf("%s: %zu session%s still open\n", who.name, all.n,
			all.n == 1 ? " is" : "s are");
	return 0;
}

/* Whether there is a user of the shell door left, or a line of the PAM door. */
static bool is_anybody_contained(void)
{
	struct gk_doctor d = { 0 };
	struct gk_err ignored = GK_ERR_INIT;
	(void)gk_doctor_open(&d, NULL, &ignored);
	bool contained = d.shell_door || d.pam_door;
	gk_arena_free(&d.arena);
	return contained;
}

/* What is still open once these users are contained: their logins outside, and what bypasses the
 * doors. With --fix that is closed. Returns the exit status. */
static int end_enable(struct work *w, char **users)
{
	static struct gk_doctor d;
	struct gk_err ignored = GK_ERR_INIT;
	size_t n = 0;
	for (char **user = users; *user; user++, n++) {
		struct gk_identity who;
		if (gk_identity_by_name(*user, &w->arena, &who, &ignored) == 0)
			(void)gk_outside_print(&who);
	}
	/* The Match blocks of sshd_config for one user; the whole host for more. */
	(void)gk_doctor_open(&d, n == 1 ? users[0] : NULL, &ignored);
	gk_doctor_doors(&d);
	int code = 0;
	if (w->fix) {
		code = gk_fix(&d,
			&(struct gk_fixing){ .command = "enable", .dry = w->dry, .yes = w->yes });
		gk_arena_free(&d.arena);
		d = (struct gk_doctor){ 0 };
		(void)gk_doctor_open(&d, n == 1 ? users[0] : NULL, &ignored);
		gk_doctor_doors(&d);
	}
	if (!w->dry)
		(void)gk_doctor_print_open(&d);
	gk_arena_free(&d.arena);
	return code;
}

static int each(struct work *w, const char *name, char **users)
{
	int code = 0;
	bool in = false, enable = strcmp(name, "enable") == 0;
	for (char **user = users; *user; user++) {
		struct gk_err err = GK_ERR_INIT;
		struct gk_identity who;
		int r;
		if (enable) {
			r = may_contain(w, *user, &who, &err);
			if (r == 0)
				r = enable_shell(w, &who, &err);
		} else {
			r = disable_one(w, *user, &err);
		}
		in |= r == 0;
		if (r >= 0)
			continue;
		gk_err_context(&err, "%s", *user);
		(void)gk_cli_fail(name, &err);
		code = 1;
	}
	if (in && enable && (!w->dry || w->fix))
		code |= end_enable(w, users);
	if (in && !enable && !w->dry && !is_anybody_contained())
		code |= gk_fix_undo(name, false);
	gk_arena_free(&w->arena);
	return code;
}

/* The options of both commands. Returns 0, or the exit status. */
static int read_option(struct work *w, const char *name, int c, const char *value)
{
	switch (c) {
	case DOOR:
		w->pam = strcmp(value, "pam") == 0;
		return w->pam || strcmp(value, "shell") == 0 ?
			0 :
			gk_cli_usage(name, "--door is shell or pam");
	case SERVICE:
		if (!*value || *value == '.' || strchr(value, '/') || strlen(value) > 200)
			return gk_cli_usage(
				name, "--service takes the name of a file in /etc/pam.d");
		if (w->door.nservices == GK_SERVICES_MOST)
			return gk_cli_usage(name, "too many services");
		w->door.services[w->door.nservices++] = value;
		return 0;
	case BREAK_GLASS:
		if (!getgrnam(value))
			return gk_cli_usage(name, "there is no group %s", value);
		w->door.break_glass = value;
		return 0;
	case 's': w->shell = value; return 0;
	case FIX: w->fix = true; return 0;
	case 'y': w->yes = w->door.yes = true; return 0;
	case 'n': w->dry = w->door.dry = true; return 0;
	default: return 2;
	}
}

/* What does not go together. */
static int check_options(const struct work *w, const char *name, bool has_users)
{
	if (!w->pam && (w->door.nservices || w->door.break_glass))
		return gk_cli_usage(name, "--service and --break-glass go with --door pam");
	if (w->pam && w->shell)
		return gk_cli_usage(name, "--shell goes with --door shell");
	if (w->shell && w->shell[0] != '/')
		return gk_cli_usage(name, "--shell takes an absolute path");
	if (w->fix && strcmp(name, "disable") == 0)
		return has_users || w->pam || w->shell ?
			gk_cli_usage(name, "--fix goes without users and other options") :
			gk_cli_need_root(name);
	if (w->pam && strcmp(name, "disable") == 0)
		return has_users ?
			gk_cli_usage(name,
				"the PAM door is the whole host's: name no user, or spare one with contain = no in "
				"their section of gocker.ini") :
			gk_cli_need_root(name);
	return has_users ? gk_cli_need_root(name) : gk_cli_usage(name, "no user given");
}

int gk_cmd_enable(int argc, char **argv)
{
	static struct work w;
	int r = 0;
	const char *value;
	for (int c; r == 0 && (c = gk_options_next(&gk_page_enable, argc, argv, 0, &value)) != -1;)
		r = read_option(&w, "enable", c, value);
	if (r == 0)
		r = check_options(&w, "enable", optind < argc);
	if (r != 0)
		return r;
	char **users = argv + optind;
	gk_log_open("gocker");
	r = w.pam ? gk_enable_pam(&w.door, users) : each(&w, "enable", users);
	if (w.pam && r == 0 && (!w.dry || w.fix))
		r = end_enable(&w, users);
	gk_arena_free(&w.arena);
	gk_arena_free(&w.door.arena);
	return r;
}

int gk_cmd_disable(int argc, char **argv)
{
	static struct work w;
	int r = 0;
	const char *value;
	for (int c; r == 0 && (c = gk_options_next(&gk_page_disable, argc, argv, 0, &value)) != -1;)
		r = read_option(&w, "disable", c, value);
	if (r == 0)
		r = check_options(&w, "disable", optind < argc);
	if (r != 0)
		return r;
	gk_log_open("gocker");
	r = w.fix     ? gk_fix_undo("disable", w.dry) :
		w.pam ? gk_disable_pam(&w.door) :
			each(&w, "disable", argv + optind);
	if (w.pam && r == 0 && !w.dry && !is_anybody_contained())
		r = gk_fix_undo("disable", false);
	gk_arena_free(&w.door.arena);
	return r;
}
