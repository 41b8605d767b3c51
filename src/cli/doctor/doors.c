/* What may lead past gocker's doors, and what may close them on everybody. */
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/enable/accounts.h"
#include "cli/enable/admins.h"
#include "cli/doctor/doctor.h"
#include "cli/doctor/fix.h"
#include "pam/judge.h"
#include "plan/text.h"
#include "cli/spawn.h"
#include "cli/enable/trial.h"
#include "run/cgroup/scope.h"

#define SHIPPED GK_DATADIR

static bool exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

/* ---- PAM ---- */

/* A group that the session lines let through and the account line does not is refused where it
 * needs to get in most: with a broken gocker.ini. */
static void check_break_glass(struct gk_doctor *d, const char *service)
{
	struct gk_pam_stack stack;
	struct gk_err ignored = GK_ERR_INIT;
	if (gk_pam_stack_read(NULL, service, &d->arena, &stack, &ignored) < 0)
		return;
	const char *session = gk_pam_stack_break_glass(&stack, 's'),
		   *account = gk_pam_stack_break_glass(&stack, 'c');
	if (session && (!account || strcmp(session, account) != 0))
		gk_found(d, GK_FOUND_BAD, "lockout",
			gk_arena_printf(
				&d->arena, "add break_glass=%s to the account line", session),
			"/etc/pam.d/%s: break_glass=%s is not on the account line of pam_gocker.so, which "
			"can refuse the group",
			service, session);
}

/* The account line of a service whose session lines are there. sshd keeps a connection whose
 * session was refused; the others end then. */
static void check_account_line(struct gk_doctor *d, const char *service)
{
	struct gk_err err = GK_ERR_INIT;
	int r = gk_pam_judge_account(NULL, service, true, &err);
	bool is_sshd = strcmp(service, "sshd") == 0;
	if (r != -ENOENT)
		check_break_glass(d, service);
	if (r == 0)
		gk_found(d, GK_FOUND_OK, "pam", NULL,
			"/etc/pam.d/%s: its account line refuses users who cannot get a session",
			service);
	else if (r != -ENOENT)
		gk_found(d, GK_FOUND_WARN, "pam",
			"make it `account required pam_gocker.so check`, before the other account lines",
			"%s", err.msg);
	else if (is_sshd)
		gk_found(d, GK_FOUND_WARN, "pam",
			"add `account required pam_gocker.so check` before its first account line",
			"%s: sshd keeps a connection whose session is refused, and each command ends "
			"with 254",
			err.msg);
}

/* Services of programs that the keeper does not know (keeper-caller.c), unless a line names one. */
static void check_program(struct gk_doctor *d, const char *service)
{
	static const char *const unknown[] = { "vsftpd", "proftpd", "cockpit", "xrdp-sesman",
		"gdm-password", "lightdm", "sddm" };
	struct gk_pam_stack stack;
	struct gk_err ignored = GK_ERR_INIT;
	size_t i = 0;
	while (i < sizeof unknown / sizeof *unknown && strcmp(unknown[i], service) != 0)
		i++;
	if (i == sizeof unknown / sizeof *unknown ||
		gk_pam_stack_read(NULL, service, &d->arena, &stack, &ignored) < 0)
		return;
	if (!gk_pam_stack_names_program(&stack))
		gk_found(d, GK_FOUND_WARN, "pam",
			"name the program with drop=, narrow= or whole=; see pam_gocker(8), PROGRAMS",
			"/etc/pam.d/%s: its program is not known, and its sessions are refused to contained users",
			service);
	/* session_support=NO is its default. */
	if (strcmp(service, "vsftpd") == 0 &&
		gk_pam_judge_account(NULL, service, false, &ignored) != 0)
		gk_found(d, GK_FOUND_BAD, "pam",
			"add `account required pam_gocker.so` before its first account line",
			"/etc/pam.d/vsftpd: without session_support=YES vsftpd opens no session, and serves the host's files to contained users");
}

static void check_stacks(struct gk_doctor *d)
{
	static const char *const services[] = { "sshd", "login", "remote", "su", "runuser", "sudo",
		"cron", "atd", "vsftpd", "proftpd", "cockpit", "xrdp-sesman", "gdm-password",
		"lightdm", "sddm" };
	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		struct gk_err err = GK_ERR_INIT;
		char path[64];
		snprintf(path, sizeof path, "/etc/pam.d/%s", services[i]);
		if (!exists(path))
			continue;
		int r = gk_pam_judge(NULL, services[i], true, &err);
		if (r == 0)
			gk_found(d, GK_FOUND_OK, "pam", NULL, "%s: contained, in the right order",
				path);
		else if (r == 1)
			gk_found(d, GK_FOUND_WARN, "pam",
				"nothing if that is intended; else order the lines as in " SHIPPED
				"/pam.d",
				"%s (its sessions are contained)", err.msg);
		else if (r != -ENOENT)
			gk_found(d, GK_FOUND_BAD, "pam",
				"order the lines as in the shipped " SHIPPED "/pam.d", "%s",
				err.msg);
		else if (d->pam_door && strcmp(services[i], "sudo") != 0)
			gk_found(d, GK_FOUND_WARN, "pam",
				"copy the file of that name from " SHIPPED
				"/pam.d where users may use the service",
				"%s has no line of pam_gocker: users bypass the PAM door there",
				path);
		if (r >= 0) {
			check_account_line(d, services[i]);
			check_program(d, services[i]);
		}
	}
}

/* pam_systemd starts user@UID.service on the host at the first login, through either door. */
static void check_manager(struct gk_doctor *d)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	struct gk_pam_stack stack;
	struct gk_err err = GK_ERR_INIT, why = GK_ERR_INIT;
	if (!gk_scope_host_has_systemd() || (!d->shell_door && !d->pam_door))
		return;
	if (gk_pam_stack_read(NULL, "systemd-user", &arena, &stack, &err) < 0)
		return;
	int r = gk_pam_judge_account(NULL, "systemd-user", false, &why);
	if (r == 0)
		gk_found(d, GK_FOUND_OK, "manager", NULL,
			"user managers are refused to contained users");
	else if (r != -ENOENT)
		gk_found(d, GK_FOUND_BAD, "manager",
			"make it `account required pam_gocker.so`, before the other account lines",
			"user@UID.service may run units from ~/.config/systemd/user on the host: %s",
			why.msg);
	else {
		gk_found(d, GK_FOUND_BAD, "manager",
			"cp " SHIPPED "/pam.d/systemd-user /etc/pam.d/systemd-user",
			"user@UID.service runs units from ~/.config/systemd/user on the host");
		gk_found_fixable(d, GK_FIX_MANAGER);
	}
}

/* The value of the last PAMName= of a unit's file, in buf; "": none. */
static void read_pam_name(const char *path, char *buf, size_t size)
{
	char line[512];
	FILE *f = fopen(path, "re");
	buf[0] = '\0';
	while (f && fgets(line, sizeof line, f)) {
		char *p = line + strspn(line, " \t");
		if (strncmp(p, "PAMName", 7) != 0 || *(p += 7 + strspn(p + 7, " \t")) != '=')
			continue;
		p += 1 + strspn(p + 1, " \t");
		p[strcspn(p, " \t\r\n")] = '\0';
		snprintf(buf, size, "%s", p);
	}
	if (f)
		fclose(f);
}

/* systemd executes the command of a unit with PAMName= in its own place (pam_gocker(8), PROGRAMS).
 */
static void check_units(struct gk_doctor *d)
{
	static const char *const units[] = { "/etc/systemd/system/*.service",
		"/run/systemd/system/*.service", "/usr/local/lib/systemd/system/*.service",
		"/usr/lib/systemd/system/*.service" };
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		glob_t found;
		bool any = glob(units[i], 0, NULL, &found) == 0;
		for (size_t k = 0; any && k < found.gl_pathc; k++) {
			char service[200];
			struct gk_err ignored = GK_ERR_INIT;
			read_pam_name(found.gl_pathv[k], service, sizeof service);
			if (*service && *service != '.' && !strchr(service, '/') &&
				strcmp(service, "systemd-user") != 0 &&
				gk_pam_judge(NULL, service, true, &ignored) != -ENOENT)
				gk_found(d, GK_FOUND_WARN, "pam",
					"take PAMName= out where User= is a contained user, or start the job by cron",
					"%s: PAMName=%s, whose sessions systemd cannot open for contained users",
					found.gl_pathv[k], service);
		}
		globfree(&found);
	}
}

/* ---- what runs a user's code without a login ---- */

/* A program that runs jobs of users by /bin/sh: contained through PAM, or not for everybody. */
static void check_jobs(struct gk_doctor *d, const char *what, const char *service,
	const char *const *programs, const char *allow)
{
	struct gk_err err = GK_ERR_INIT;
	if (!gk_spawn_find(programs) || (!d->shell_door && !d->pam_door))
		return;
	if (gk_pam_judge(NULL, service, true, &err) >= 0)
		gk_found(d, GK_FOUND_OK, what, NULL, "jobs are contained");
	else if (exists(allow))
		gk_found(d, GK_FOUND_OK, what, NULL, "only those in %s may have jobs", allow);
	else {
		gk_found(d, GK_FOUND_BAD, what,
			gk_arena_printf(&d->arena,
				"copy " SHIPPED "/pam.d/%s to /etc/pam.d, or list those who "
				"may in %s (an empty file: root alone)",
				service, allow),
			"jobs of contained users run on the host");
		gk_found_fixable(d, strcmp(what, "cron") == 0 ? GK_FIX_CRON : GK_FIX_AT);
	}
}

static void check_mail(struct gk_doctor *d)
{
	if (access("/usr/sbin/sendmail", X_OK) == 0 && (d->shell_door || d->pam_door))
		gk_found(d, GK_FOUND_WARN, "mail",
			"forbid commands in the mail server (postfix: allow_mail_to_commands = alias)",
			"a mail server is there: pipes in ~/.forward may run on the host");
}

/* ---- lockout ---- */

static void check_lockout(struct gk_doctor *d)
{
	const struct passwd *root = getpwuid(0);
	struct gk_err err = GK_ERR_INIT;
	if (root && strcmp(root->pw_shell, GK_SHELL_PATH) == 0)
		gk_found(d, GK_FOUND_BAD, "lockout", "usermod -s /bin/bash root",
			"root's shell is gocker-shell: nobody can repair the host");
	if (d->pam_door && gk_trial_pam_free("root", &err) < 0)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "lockout",
			"gocker disable --door pam, or make install",
			"the PAM door would refuse root: %s", err.msg);
	struct gk_admin_view view =
		gk_admin_view_now(d->have_config ? &d->config : NULL, &d->arena);
	if (view.break_glass && !getgrnam(view.break_glass))
		gk_found(d, GK_FOUND_WARN, "lockout",
			gk_arena_printf(&d->arena, "groupadd --system %s, or name another group",
				view.break_glass),
			"/etc/pam.d/sshd: break_glass=%s lets nobody through: there is no such group",
			view.break_glass);
	size_t n = gk_admins_free(&view, &d->arena);
	if (n == 0)
		gk_found(d, GK_FOUND_WARN, "lockout",
			"keep a console or root's key at hand, or an administrator out of containers",
			"no member of sudo, admin or wheel is outside of a container");
	else
		gk_found(d, GK_FOUND_OK, "lockout", NULL,
			"%zu administrator%s outside of containers", n, n == 1 ? "" : "s");
}

/* ---- accounts that the shell door cannot tell apart ---- */

struct account {
	uid_t uid;
	bool contained;
	const char *name;
};

static int by_uid(const void *a, const void *b)
{
	const struct account *x = a, *y = b;
	return x->uid != y->uid ? (x->uid > y->uid) - (x->uid < y->uid) : strcmp(x->name, y->name);
}

static void check_pair(struct gk_doctor *d, const struct account *a, const struct account *b)
{
	if (a->uid == b->uid && strcmp(a->name, b->name) != 0 && (a->contained || b->contained))
		gk_found(d, GK_FOUND_BAD, "account",
			gk_arena_printf(
				&d->arena, "usermod -u UID %s, with a uid of its own", b->name),
			"%s and %s share uid %u: the shell door refuses both", a->name, b->name,
			(unsigned)a->uid);
}

static void check_shared_uids(struct gk_doctor *d)
{
	struct account *list = NULL;
	size_t n = 0, cap = 0;
	setpwent();
	for (const struct passwd *pw; d->shell_door && (pw = getpwent()); n++) {
		list = gk_grow(&d->arena, list, n, &cap, sizeof *list);
		const char *name = list ? gk_arena_strdup(&d->arena, pw->pw_name) : NULL;
		if (!name)
			break;
		list[n] = (struct account){ pw->pw_uid, strcmp(pw->pw_shell, GK_SHELL_PATH) == 0,
			name };
	}
	endpwent();
	if (list && n > 1)
		qsort(list, n, sizeof *list, by_uid);
	for (size_t i = 1; list && i < n; i++)
		check_pair(d, &list[i - 1], &list[i]);
}

void gk_doctor_doors(struct gk_doctor *d)
{
	static const char *const crons[] = { "/usr/sbin/cron", "/usr/sbin/crond", NULL };
	static const char *const ats[] = { "/usr/sbin/atd", NULL };
	check_stacks(d);
	check_shared_uids(d);
	check_manager(d);
	check_units(d);
	gk_doctor_sshd(d);
	check_jobs(d, "cron", "cron", crons, "/etc/cron.allow");
	check_jobs(d, "at", "atd", ats, "/etc/at.allow");
	check_mail(d);
	check_lockout(d);
}
