/* What may lead past gocker's doors, and what may close them on everybody. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/accounts.h"
#include "cli/doctor.h"
#include "cli/pamstack.h"
#include "cli/spawn.h"
#include "run/scope.h"

#define SHIPPED GK_DATADIR

static bool exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

/* ---- PAM ---- */

static void check_stacks(struct gk_doctor *d)
{
	static const char *const services[] = { "sshd", "login", "su", "runuser", "sudo", "cron", "atd" };
	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		struct gk_err err = GK_ERR_INIT;
		char path[64];
		snprintf(path, sizeof path, "/etc/pam.d/%s", services[i]);
		if (!exists(path))
			continue;
		int r = gk_pam_stack_check(services[i], &err);
		if (r == 0)
			gk_found(d, GK_FOUND_OK, "pam", NULL, "%s: contained, in the right order", path);
		else if (r != -ENOENT)
			gk_found(d, GK_FOUND_BAD, "pam",
				"order the lines as in the shipped " SHIPPED "/pam.d", "%s", err.msg);
		else if (d->pam_door && strcmp(services[i], "sudo") != 0)
			gk_found(d, GK_FOUND_WARN, "pam", "take over " SHIPPED "/pam.d where users may use it",
				"%s has no line of pam_gocker: users get past the PAM door there", path);
	}
}

/* pam_systemd starts user@UID.service on the host at the first login, through either door. */
static void check_manager(struct gk_doctor *d)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	struct gk_pam_stack stack;
	struct gk_err err = GK_ERR_INIT;
	if (!gk_scope_host_has_systemd() || (!d->shell_door && !d->pam_door))
		return;
	if (gk_pam_stack_read("systemd-user", &arena, &stack, &err) < 0)
		return;
	if (gk_pam_stack_has(&stack, 'c', "pam_gocker.so"))
		gk_found(d, GK_FOUND_OK, "manager", NULL, "user managers are refused to the contained");
	else
		gk_found(d, GK_FOUND_BAD, "manager",
			"cp " SHIPPED "/pam.d/systemd-user /etc/pam.d/systemd-user",
			"user@UID.service runs units from ~/.config/systemd/user on the host");
}

/* ---- sshd -T: what holds, whatever file it stands in ---- */

struct rule {
	const char *key, *safe; /* the only value that is no way out of the shell door */
	const char *why;
};

static const struct rule rules[] = {
	{ "allowtcpforwarding", "no", "ssh -L, -R and -D end in the host's network" },
	{ "allowstreamlocalforwarding", "no", "ssh -L and -R reach unix sockets of the host" },
	{ "permittunnel", "no", "ssh -w makes network interfaces on the host" },
	{ "x11forwarding", "no", "xauth runs on the host, and X11 is reached through it" },
	{ "permituserrc", "no", "~/.ssh/rc runs on the host" },
	{ "permituserenvironment", "no", "~/.ssh/environment is read on the host" },
};

static void check_rule(struct gk_doctor *d, const char *key, const char *value)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strcmp(rules[i].key, key) == 0 && strcmp(rules[i].safe, value) != 0)
			gk_found(d, GK_FOUND_BAD, "sshd",
				"cp " SHIPPED "/sshd_config.d/gocker-shell.conf /etc/ssh/sshd_config.d/",
				"%s %s: %s", key, value, rules[i].why);
}

static void check_setting(struct gk_doctor *d, const char *key, const char *value)
{
	if (d->shell_door && !d->pam_door)
		check_rule(d, key, value);
	if (strcmp(key, "usepam") == 0 && strcmp(value, "yes") != 0 && d->pam_door)
		gk_found(d, GK_FOUND_BAD, "sshd", "UsePAM yes",
			"usepam no: sshd does not ask PAM, so that the PAM door is no door");
	if (strcmp(key, "subsystem") == 0 && strstr(value, "internal-sftp") && d->shell_door &&
		!d->pam_door)
		gk_found(d, GK_FOUND_BAD, "sshd",
			"Subsystem sftp /usr/lib/openssh/sftp-server, which the shell runs inside",
			"internal-sftp serves the host's files, past the shell door");
	if (strcmp(key, "forcecommand") == 0 && strcmp(value, "none") != 0 && d->user)
		gk_found(d, strstr(value, "gocker-shell") ? GK_FOUND_OK : GK_FOUND_WARN, "sshd",
			strstr(value, "gocker-shell") ? NULL : "see that this is meant",
			"ForceCommand %s", value);
}

static void check_sshd(struct gk_doctor *d)
{
	static const char *const paths[] = { "/usr/sbin/sshd", "/usr/local/sbin/sshd", NULL };
	struct gk_err err = GK_ERR_INIT;
	const char *sshd = gk_spawn_find(paths), *argv[8] = { sshd, "-T" };
	size_t n = 2;
	pid_t pid;
	if (!sshd)
		return;
	if (d->user) {
		argv[n++] = "-C";
		argv[n++] = gk_arena_printf(&d->arena, "user=%s,host=localhost,addr=127.0.0.1", d->user);
	}
	if (d->sshd_config) {
		argv[n++] = "-f";
		argv[n++] = d->sshd_config;
	}
	size_t before = d->n;
	FILE *f = gk_spawn_stream(argv, &pid, &err);
	char line[4096];
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		char *value = strchr(line, ' ');
		if (value)
			*value++ = '\0';
		check_setting(d, line, value ? value : "");
	}
	if (f)
		fclose(f);
	if (!f || gk_spawn_wait(pid) != 0)
		gk_found(d, GK_FOUND_BAD, "sshd", "sshd -t", "`sshd -T` fails: its configuration is broken");
	else if (d->n == before)
		gk_found(d, GK_FOUND_OK, "sshd", NULL, "nothing leads past the doors in use");
}

/* ---- what runs a user's code without a login ---- */

/* A program that runs jobs of users by /bin/sh: contained through PAM, or not for everybody. */
static void check_jobs(struct gk_doctor *d, const char *what, const char *service,
	const char *const *programs, const char *allow)
{
	struct gk_err err = GK_ERR_INIT;
	if (!gk_spawn_find(programs) || (!d->shell_door && !d->pam_door))
		return;
	if (gk_pam_stack_check(service, &err) == 0)
		gk_found(d, GK_FOUND_OK, what, NULL, "jobs are contained");
	else if (exists(allow))
		gk_found(d, GK_FOUND_OK, what, NULL, "only those in %s may have jobs", allow);
	else
		gk_found(d, GK_FOUND_BAD, what,
			gk_arena_printf(&d->arena, "take over " SHIPPED "/pam.d/%s, or list those who "
				"may in %s (an empty file: root alone)", service, allow),
			"jobs of contained users run on the host");
}

static void check_mail(struct gk_doctor *d)
{
	if (access("/usr/sbin/sendmail", X_OK) == 0 && (d->shell_door || d->pam_door))
		gk_found(d, GK_FOUND_WARN, "mail",
			"forbid commands in the mail server (postfix: allow_mail_to_commands = alias)",
			"a mail server is there: pipes in ~/.forward may run on the host");
}

/* ---- lockout ---- */

static size_t free_admins(void)
{
	static const char *const groups[] = { "sudo", "admin", "wheel" };
	size_t n = 0;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		const struct group *g = getgrnam(groups[i]);
		for (char **m = g ? g->gr_mem : NULL; m && *m; m++) {
			const struct passwd *pw = getpwnam(*m);
			n += pw && strcmp(pw->pw_shell, GK_SHELL_PATH) != 0;
		}
	}
	return n;
}

static void check_lockout(struct gk_doctor *d)
{
	const struct passwd *root = getpwuid(0);
	if (root && strcmp(root->pw_shell, GK_SHELL_PATH) == 0)
		gk_found(d, GK_FOUND_BAD, "lockout", "usermod -s /bin/bash root",
			"root's shell is gocker-shell: nobody can repair the host");
	size_t n = free_admins();
	if (n == 0)
		gk_found(d, GK_FOUND_WARN, "lockout",
			"keep a console or root's key at hand, or an administrator out of containers",
			"no member of sudo, admin or wheel is outside of a container");
	else
		gk_found(d, GK_FOUND_OK, "lockout", NULL, "%zu administrator%s outside of containers", n,
			n == 1 ? "" : "s");
}

void gk_doctor_doors(struct gk_doctor *d)
{
	static const char *const crons[] = { "/usr/sbin/cron", "/usr/sbin/crond", NULL };
	static const char *const ats[] = { "/usr/sbin/atd", NULL };
	check_stacks(d);
	check_manager(d);
	check_sshd(d);
	check_jobs(d, "cron", "cron", crons, "/etc/cron.allow");
	check_jobs(d, "at", "atd", ats, "/etc/at.allow");
	check_mail(d);
	check_lockout(d);
}
