/* One user: the account, the home, and a login that is tried. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/accounts.h"
#include "cli/doctor.h"
#include "cli/pamstack.h"
#include "cli/trial.h"

static void check_doors(struct gk_doctor *d)
{
	struct gk_err err = GK_ERR_INIT;
	bool shell = d->forced || strcmp(d->who.shell, GK_SHELL_PATH) == 0;
	bool pam = gk_pam_stack_judge("sshd", &err) >= 0 && d->have_policy && d->policy.contain;
	if (!shell && !pam)
		gk_found(d, GK_FOUND_WARN, "account", "gocker enable USER",
			"%s is not contained (shell %s)", d->user, d->who.shell);
	else
		gk_found(d, GK_FOUND_OK, "account", NULL, "%s is contained by the %s", d->user,
			shell && pam ? "shell and the PAM door" : shell ? "shell door" : "PAM door");
	if (d->who.uid == 0)
		gk_found(d, GK_FOUND_BAD, "account", "gocker disable root",
			"%s has uid 0, which the doors refuse unless a section names it", d->user);
}

static void check_home(struct gk_doctor *d)
{
	struct stat st;
	if (d->have_policy && d->policy.home != GK_HOME_BIND)
		return;
	if (lstat(d->who.home, &st) < 0) {
		gk_found(d, GK_FOUND_BAD, "home", "mkhomedir_helper USER, or home = tmpfs in gocker.ini",
			"%s: %s", d->who.home, strerror(errno));
		return;
	}
	bool link = S_ISLNK(st.st_mode);
	if (link && stat(d->who.home, &st) < 0)
		gk_found(d, GK_FOUND_BAD, "home", "mend the link", "%s leads nowhere", d->who.home);
	else if (!S_ISDIR(st.st_mode) || st.st_uid != d->who.uid)
		gk_found(d, GK_FOUND_BAD, "home", "chown it to the user",
			"%s is not a directory of %s", d->who.home, d->user);
	else if (st.st_mode & 022)
		gk_found(d, GK_FOUND_WARN, "home", "chmod go-w it", "%s can be written by others",
			d->who.home);
	else
		gk_found(d, GK_FOUND_OK, "home", NULL, "%s", d->who.home);
}

/* Files that programs of the host obey. Only their names are looked at. */
static void check_dotfiles(struct gk_doctor *d)
{
	static const struct {
		const char *name, *why;
	} files[] = {
		{ ".forward", "a mail server may run commands in it" },
		{ ".procmailrc", "procmail runs commands in it" },
		{ ".pam_environment", "pam_env reads it with user_readenv=1" },
		{ ".config/systemd/user", "a user manager runs units in it" },
	};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[4200];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", d->who.home, files[i].name);
		if (lstat(path, &st) == 0)
			gk_found(d, GK_FOUND_WARN, "dotfiles", "see that nothing of the host obeys it",
				"%s: %s", path, files[i].why);
	}
}

static void check_spools(struct gk_doctor *d)
{
	static const struct {
		const char *item, *dir, *fix, *why;
	} places[] = {
		{ "cron", "/var/spool/cron/crontabs", "crontab -r -u USER", "has a crontab" },
		{ "cron", "/var/spool/cron", "crontab -r -u USER", "has a crontab" },
		{ "manager", "/var/lib/systemd/linger", "loginctl disable-linger USER",
			"lingers: the user manager runs without a login" },
	};
	struct gk_err err = GK_ERR_INIT;
	bool cron_contained = gk_pam_stack_judge("cron", &err) >= 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char path[512];
		snprintf(path, sizeof path, "%s/%s", places[i].dir, d->user);
		if (access(path, F_OK) == 0 && (i == 2 || !cron_contained))
			gk_found(d, GK_FOUND_BAD, places[i].item, places[i].fix, "%s %s", d->user,
				places[i].why);
	}
}

static void check_trial(struct gk_doctor *d)
{
	struct gk_err err = GK_ERR_INIT, pam_err = GK_ERR_INIT;
	if (gk_trial_shell(d->user, &err) < 0)
		gk_found(d, GK_FOUND_BAD, "trial", "mend that; gocker explain USER shows the plan",
			"a trial login through the shell door fails: %s", err.msg);
	else
		gk_found(d, GK_FOUND_OK, "trial", NULL, "a trial login through the shell door works");
	if (!d->pam_door)
		return;
	if (gk_trial_pam(d->user, &pam_err) < 0)
		gk_found(d, GK_FOUND_BAD, "trial", "mend that; gocker logs --user USER has more",
			"a trial login through the PAM door fails: %s", pam_err.msg);
	else
		gk_found(d, GK_FOUND_OK, "trial", NULL, "a trial login through the PAM door works");
}

void gk_doctor_user(struct gk_doctor *d)
{
	check_doors(d);
	check_home(d);
	check_dotfiles(d);
	check_spools(d);
	check_trial(d);
}
