/* One user: the account, and a login that is tried. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/enable/accounts.h"
#include "cli/enable/admins.h"
#include "cli/doctor/doctor.h"
#include "pam/judge.h"
#include "cli/enable/trial.h"

/* Which doors contain this user. Root is let through by the PAM door before any file is read, and
 * the members of its break-glass group. */
static void check_doors(struct gk_doctor *d)
{
	bool shell = d->forced || strcmp(d->who.shell, GK_SHELL_PATH) == 0;
	struct gk_admin_view now = gk_admin_view_now(NULL, &d->arena);
	bool pam = now.pam && d->who.uid != 0 && d->have_policy && d->policy.contain &&
		!gk_is_member(&d->who, now.break_glass);
	if (d->who.uid == 0 && shell)
		gk_found(d, GK_FOUND_BAD, "account",
			gk_arena_printf(&d->arena, "usermod -s /bin/bash %s", d->user),
			"%s has uid 0, which the shell door refuses unless a section names it",
			d->user);
	else if (d->who.uid == 0)
		gk_found(d, GK_FOUND_OK, "account", NULL, "%s has uid 0, and is not contained",
			d->user);
	else if (!shell && !pam)
		gk_found(d, GK_FOUND_WARN, "account",
			gk_arena_printf(&d->arena, "gocker enable %s", d->user),
			"%s is not contained (shell %s)", d->user, d->who.shell);
	else
		gk_found(d, GK_FOUND_OK, "account", NULL, "%s is contained by the %s", d->user,
			shell && pam  ? "shell and the PAM door" :
				shell ? "shell door" :
					"PAM door");
}

static void check_crontab(struct gk_doctor *d)
{
	static const char *const dirs[] = { "/var/spool/cron/crontabs", "/var/spool/cron" };
	struct gk_err err = GK_ERR_INIT;
	if (gk_pam_judge(NULL, "cron", true, &err) >= 0)
		return;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		char path[512];
		snprintf(path, sizeof path, "%s/%s", dirs[i], d->user);
		if (access(path, F_OK) == 0)
			gk_found(d, GK_FOUND_BAD, "cron",
				gk_arena_printf(&d->arena, "crontab -r -u %s", d->user),
				"%s has a crontab, whose jobs run on the host", d->user);
	}
}

/* Jobs of at have names of their own, and belong to their users. */
static void check_at_jobs(struct gk_doctor *d)
{
	static const char *const dirs[] = { "/var/spool/cron/atjobs", "/var/spool/at" };
	struct gk_err err = GK_ERR_INIT;
	size_t n = 0;
	if (gk_pam_judge(NULL, "atd", true, &err) >= 0)
		return;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		DIR *dir = opendir(dirs[i]);
		struct stat st;
		for (const struct dirent *e; dir && (e = readdir(dir));)
			n += e->d_name[0] != '.' && d->who.uid != 0 &&
				fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				S_ISREG(st.st_mode) && st.st_uid == d->who.uid;
		if (dir)
			closedir(dir);
	}
	if (n)
		gk_found(d, GK_FOUND_BAD, "at", "atq; atrm NUMBER...",
			"%s has %zu job%s of at, which run on the host", d->user, n,
			n == 1 ? "" : "s");
}

static void check_linger(struct gk_doctor *d)
{
	char path[512];
	snprintf(path, sizeof path, "/var/lib/systemd/linger/%s", d->user);
	if (access(path, F_OK) == 0)
		gk_found(d, GK_FOUND_BAD, "manager",
			gk_arena_printf(&d->arena, "loginctl disable-linger %s", d->user),
			"%s lingers: the user manager runs without a login", d->user);
}

/* sshd starts passwd(1) then, in place of a shell or command; the one inside changes nothing. */
static void check_password(struct gk_doctor *d)
{
	const struct spwd *sp = getspnam(d->user);
	long today = (long)(time(NULL) / 86400);
	bool expired = sp &&
		(sp->sp_lstchg == 0 ||
			(sp->sp_lstchg > 0 && sp->sp_max >= 0 &&
				today > sp->sp_lstchg + sp->sp_max));
	if (expired && d->pam_door && d->have_policy && d->policy.contain)
		gk_found(d, GK_FOUND_WARN, "account",
			gk_arena_printf(&d->arena,
				"passwd %s, or chage -d -1 %s where keys are used", d->user,
				d->user),
			"the password of %s has expired: sshd asks for a new one and lets nothing else run, "
			"and inside it cannot be changed",
			d->user);
}

/* gocker's line alone stands in the stack of a trial: a member of the break-glass group, whom the
 * real one lets through, is contained by it. */
static void try_pam(struct gk_doctor *d)
{
	struct gk_err err = GK_ERR_INIT;
	bool free = d->who.uid == 0 || (d->have_policy && !d->policy.contain);
	int r = free ? gk_trial_pam_free(d->user, &err) : gk_trial_pam(d->user, &err);
	if (r < 0)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "trial",
			gk_arena_printf(
				&d->arena, "fix that; gocker explain %s shows the plan", d->user),
			"a trial login through the PAM door fails: %s", err.msg);
	else
		gk_found(d, GK_FOUND_OK | GK_TRIED, "trial", NULL,
			"a trial login through the PAM door %s",
			free ? "works, uncontained" : "works");
}

static void check_trial(struct gk_doctor *d)
{
	struct gk_err err = GK_ERR_INIT;
	bool shell = d->forced || strcmp(d->who.shell, GK_SHELL_PATH) == 0;
	/* Nobody sends root through the shell door but who made it his shell. */
	if (d->who.uid == 0 && !shell)
		;
	else if (gk_doctor_try_session(d, &err) < 0)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "trial",
			gk_arena_printf(
				&d->arena, "fix that; gocker explain %s shows the plan", d->user),
			"a trial login through the shell door fails: %s", err.msg);
	else
		gk_found(d, GK_FOUND_OK | GK_TRIED, "trial", NULL,
			"a trial login through the shell door works");
	if (d->pam_door)
		try_pam(d);
}

void gk_doctor_user(struct gk_doctor *d)
{
	check_doors(d);
	check_password(d);
	gk_doctor_home(d);
	check_crontab(d);
	check_at_jobs(d);
	check_linger(d);
	check_trial(d);
}
