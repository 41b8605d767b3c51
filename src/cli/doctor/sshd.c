/* sshd's effective configuration (sshd -T): what holds, whatever file it stands in. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/enable/accounts.h"
#include "cli/doctor/doctor.h"
#include "cli/doctor/fix.h"
#include "cli/spawn.h"

#define DROP_IN GK_DATADIR "/sshd_config.d/gocker-shell.conf"
#define RELOAD  "`service ssh reload`"

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

enum { RULES = sizeof rules / sizeof *rules };

/* What sshd -T says of interest, an empty text where it says nothing. */
struct settings {
	char rule[RULES][64];
	char use_pam[16], force_command[1024], pid_file[256], address[64];
	char chroot[512], key_files[1024];
	bool internal_sftp;
};

static void keep(struct settings *s, const char *key, const char *value)
{
	for (size_t i = 0; i < RULES; i++)
		if (strcmp(rules[i].key, key) == 0)
			snprintf(s->rule[i], sizeof s->rule[i], "%s", value);
	if (strcmp(key, "usepam") == 0)
		snprintf(s->use_pam, sizeof s->use_pam, "%s", value);
	if (strcmp(key, "pidfile") == 0)
		snprintf(s->pid_file, sizeof s->pid_file, "%s", value);
	if (strcmp(key, "chrootdirectory") == 0 && strcmp(value, "none") != 0)
		snprintf(s->chroot, sizeof s->chroot, "%s", value);
	if (strcmp(key, "authorizedkeysfile") == 0)
		snprintf(s->key_files, sizeof s->key_files, "%s", value);
	if (strcmp(key, "listenaddress") == 0 && !*s->address)
		snprintf(s->address, sizeof s->address, "%s", value);
	if (strcmp(key, "subsystem") == 0 && strstr(value, "internal-sftp"))
		s->internal_sftp = true;
	if (strcmp(key, "forcecommand") == 0 && strcmp(value, "none") != 0)
		snprintf(s->force_command, sizeof s->force_command, "%s", value);
}

/* Whether what sshd does is done inside: the PAM door's lines are there, and do not spare the user.
 */
static bool sshd_is_inside(const struct gk_doctor *d)
{
	return d->pam_door && !(d->user && d->have_policy && !d->policy.contain);
}

/* Runs sshd -T, for one user where there is one. False when it fails. */
static bool ask_sshd(struct gk_doctor *d, const char *sshd, struct settings *ret)
{
	const char *argv[8] = { sshd, "-T" };
	struct gk_err err = GK_ERR_INIT;
	size_t n = 2;
	pid_t pid;
	if (d->user) {
		argv[n++] = "-C";
		argv[n++] = gk_arena_printf(
			&d->arena, "user=%s,host=localhost,addr=127.0.0.1", d->user);
	}
	if (d->sshd_config) {
		argv[n++] = "-f";
		argv[n++] = d->sshd_config;
	}
	FILE *f = gk_spawn_stream(argv, &pid, &err);
	char line[4096];
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		char *value = strchr(line, ' ');
		if (value)
			*value++ = '\0';
		keep(ret, line, value ? value : "");
	}
	if (f)
		fclose(f);
	return f && gk_spawn_wait(pid) == 0;
}

/* sshd starts a ForceCommand as `SHELL -c`, with the user's passwd shell, outside. What that one
 * reads before it looks at its command runs on the host: bash reads ~/.bashrc when sshd is its
 * parent (where it was built with SSH_SOURCE_BASHRC, as Debian's is), zsh, csh and fish always have
 * a file. */
struct start_up {
	const char *shell, *file; /* file NULL: none without a terminal of its own */
};

static const struct start_up start_ups[] = {
	{ "gocker-shell", NULL },
	{ "dash", NULL },
	{ "busybox", NULL },
	{ "bash", ".bashrc" },
	{ "rbash", ".bashrc" },
	{ "zsh", ".zshenv" },
	{ "csh", ".cshrc" },
	{ "tcsh", ".tcshrc" },
	{ "bsd-csh", ".cshrc" },
	{ "fish", ".config/fish/config.fish" },
};

static void check_forced_shell(struct gk_doctor *d)
{
	char path[PATH_MAX];
	const char *shell = *d->who.shell ? d->who.shell : "/bin/sh";
	const char *real = realpath(shell, path) ? path : shell, *base = strrchr(real, '/');
	const char *fix = gk_arena_printf(&d->arena,
		"gocker enable %s, or usermod -s /bin/dash %s, which "
		"reads no file for a command",
		d->user, d->user);
	base = base ? base + 1 : real;
	for (size_t i = 0; i < sizeof start_ups / sizeof *start_ups; i++) {
		if (strcmp(start_ups[i].shell, base) != 0)
			continue;
		if (start_ups[i].file)
			gk_found(d, GK_FOUND_BAD, "sshd", fix,
				"ForceCommand is started by %s's shell %s, "
				"which runs ~/%s on the host before",
				d->user, shell, start_ups[i].file);
		return;
	}
	gk_found(d, GK_FOUND_WARN, "sshd", fix,
		"ForceCommand is started by %s's shell %s, which may run "
		"files of the home on the host before",
		d->user, shell);
}

/* gocker-shell itself by its path, with nothing before it, or through `exec`. */
static bool is_gocker_shell(const char *command)
{
	if (strncmp(command, "exec ", 5) == 0)
		command += 5;
	size_t len = strlen(GK_SHELL_PATH);
	return strncmp(command, GK_SHELL_PATH, len) == 0 &&
		(command[len] == '\0' || command[len] == ' ');
}

static void check_force_command(struct gk_doctor *d, const char *command)
{
	if (!*command || !d->user)
		return;
	d->forced = is_gocker_shell(command);
	if (!d->forced) {
		gk_found(d, GK_FOUND_WARN, "sshd",
			strstr(command, "gocker-shell") ? "ForceCommand " GK_SHELL_PATH :
							  "check that this is intended",
			"ForceCommand %s", command);
		return;
	}
	gk_found(d, GK_FOUND_OK, "sshd", NULL, "ForceCommand %s", command);
	if (!sshd_is_inside(d))
		check_forced_shell(d);
}

/* The ways round the shell door, where it is all that there is. */
static void check_ways_round(struct gk_doctor *d, const struct settings *s)
{
	if ((!d->shell_door && !d->forced) || sshd_is_inside(d))
		return;
	for (size_t i = 0; i < RULES; i++)
		if (*s->rule[i] && strcmp(rules[i].safe, s->rule[i]) != 0) {
			gk_found(d, GK_FOUND_BAD, "sshd",
				"cp " DROP_IN " /etc/ssh/sshd_config.d/gocker.conf, then " RELOAD,
				"%s %s: %s", rules[i].key, s->rule[i], rules[i].why);
			gk_found_fixable(d, GK_FIX_SSHD);
		}
	/* A ForceCommand comes before any subsystem. */
	if (s->internal_sftp && !*s->force_command)
		gk_found(d, GK_FOUND_BAD, "sshd",
			"Subsystem sftp /usr/lib/openssh/sftp-server, which the shell runs inside",
			"internal-sftp serves the host's files and bypasses the shell door");
}

/* What was read is what the files say; whether the sshd that runs has read them is told apart. */
static void check_running(struct gk_doctor *d, const struct settings *s)
{
	struct gk_listener l;
	d->pid_file = gk_arena_strdup(&d->arena, s->pid_file);
	gk_listener_find(d->sshd_config, s->pid_file, &l);
	if (l.stale) {
		gk_found(d, GK_FOUND_BAD, "sshd",
			gk_arena_printf(&d->arena, "sshd -t, then " RELOAD " (or kill -HUP %d)",
				(int)l.pid),
			"the running sshd (pid %d) has not read %s, which changed after it started "
			"or was reloaded: the findings about sshd hold after a reload only",
			(int)l.pid, l.changed);
		gk_found_fixable(d, GK_FIX_SSHD);
		d->list[d->n ? d->n - 1 : 0].reload = true;
	} else if (l.pid)
		gk_found(d, GK_FOUND_OK, "sshd", NULL,
			"the running sshd (pid %d) is not older than its configuration",
			(int)l.pid);
	if (l.pid && d->identity && *s->address && !sshd_is_inside(d))
		gk_listener_probe(d, s->address);
}

void gk_doctor_sshd(struct gk_doctor *d)
{
	static const char *const paths[] = { "/usr/sbin/sshd", "/usr/local/sbin/sshd", NULL };
	const char *sshd = gk_spawn_find(paths);
	struct settings s = { 0 };
	if (!sshd)
		return;
	if (!ask_sshd(d, sshd, &s)) {
		gk_found(d, GK_FOUND_BAD, "sshd", "sshd -t",
			"`sshd -T` fails: its configuration is broken");
		return;
	}
	check_running(d, &s);
	size_t before = d->n;
	check_force_command(d, s.force_command);
	check_ways_round(d, &s);
	d->key_files = gk_arena_strdup(&d->arena, s.key_files);
	if (*s.chroot && sshd_is_inside(d))
		gk_found(d, GK_FOUND_BAD, "sshd",
			"take ChrootDirectory out for contained users: the container is in its place",
			"ChrootDirectory %s: behind the PAM door sshd lacks the privilege to chroot, and "
			"closes the connection",
			s.chroot);
	if (d->pam_door && strcmp(s.use_pam, "yes") != 0)
		gk_found(d, GK_FOUND_BAD, "sshd", "UsePAM yes",
			"usepam %s: sshd does not use PAM, so pam_gocker never runs", s.use_pam);
	if (d->n == before)
		gk_found(d, GK_FOUND_OK, "sshd", NULL,
			"its configuration lets nothing bypass the doors in use");
}
