/* What the host itself must have. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "cli/check-host.h"
#include "cli/doctor/doctor.h"
#include "cli/enable/accounts.h"
#include "cli/program.h"
#include "cli/sessions/sessions.h"
#include "plan/policy.h"
#include "run/build/network.h"
#include "run/cgroup/cgroup.h"
#include "run/privilege/landlock.h"
#include "run/store/drain.h"
#include "run/store/load.h"
#include "run/store/record.h"
#include "run/cgroup/scope.h"

enum { KERNEL_MAJOR = 5, KERNEL_MINOR = 14 };

static void check_kernel(struct gk_doctor *d)
{
	struct utsname u;
	int major = 0, minor = 0;
	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		gk_found(d, GK_FOUND_WARN, "kernel", "run Linux 5.14 or later",
			"of unknown version");
	else if (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR))
		gk_found(d, GK_FOUND_BAD, "kernel", "run Linux 5.14 or later",
			"Linux %s is too old", u.release);
	else
		gk_found(d, GK_FOUND_OK, "kernel", NULL, "Linux %s", u.release);
}

/* With 1 a process can be traced by its new user as soon as it has changed its ids, before it says
 * otherwise itself (proc_sys_fs(5)). */
static void check_dumpable(struct gk_doctor *d)
{
	char value = '0';
	gk_autoclose int fd = open("/proc/sys/fs/suid_dumpable", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, &value, 1) == 1 && value == '1')
		gk_found(d, GK_FOUND_BAD, "kernel", "sysctl fs.suid_dumpable=0",
			"fs.suid_dumpable is 1: a user's programs can trace their next login "
			"before it has its filter");
}

/* Which of its settings no login could be opened under; NULL: none. */
static const char *first_port_key(struct gk_doctor *d)
{
	for (size_t i = 0; d->have_config && i < d->config.nsections; i++)
		for (size_t k = 0; k < d->config.sections[i].nsettings; k++) {
			const struct gk_setting *setting = &d->config.sections[i].settings[k];
			if (gk_setting_needs_landlock(setting, &d->arena))
				return gk_key_name((enum gk_key)setting->key);
		}
	return NULL;
}

static void check_landlock(struct gk_doctor *d)
{
	int abi = gk_landlock_abi();
	const char *key = abi < GK_LANDLOCK_TCP ? first_port_key(d) : NULL;
	if (key)
		gk_found(d, GK_FOUND_BAD, "landlock",
			"run Linux 6.7 or later, with landlock in its boot parameter lsm=, or remove "
			"the key",
			"ABI %d cannot enforce %s: logins with it are refused", abi, key);
	if (abi < GK_LANDLOCK_SCOPE)
		gk_found(d, GK_FOUND_WARN, "landlock",
			"run Linux 6.12 or later, or set network = none",
			"ABI %d: sessions in the host's network reach its abstract unix sockets%s",
			abi, abi < GK_LANDLOCK_TCP ? "; no tcp_connect, tcp_bind" : "");
	else
		gk_found(d, GK_FOUND_OK, "landlock", NULL,
			"ABI %d: tcp_connect, tcp_bind, abstract_sockets", abi);
}

static void check_network(struct gk_doctor *d)
{
	const char *lacking = gk_network_lacks();
	if (!d->have_config || !gk_check_wants_network(&d->config))
		return;
	if (lacking)
		gk_found(d, GK_FOUND_BAD, "network", GK_NETWORK_HINT,
			"no %s: logins with network = private are refused", lacking);
	else
		gk_found(d, GK_FOUND_OK, "network", NULL, "all that network = private needs");
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = list; (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ' ') && strchr(" \n", p[len]))
			return true;
	return false;
}

static void check_cgroups(struct gk_doctor *d)
{
	static const char *const wanted[] = { "pids", "memory", "cpu" };
	struct gk_err err = GK_ERR_INIT;
	char have[512] = "";
	int v1 = gk_cgroup_is_v1(&err);
	if (v1 < 0) {
		gk_found(d, GK_FOUND_BAD, "cgroup", "mount cgroup2 on /sys/fs/cgroup", "%s",
			err.msg);
		return;
	}
	if (v1) {
		gk_found(d, GK_FOUND_WARN, "cgroup",
			"boot with systemd.unified_cgroup_hierarchy=1 (or cgroup_no_v1=all) for "
			"memory_max, cpus and freeze",
			"the controllers are on cgroup v1: only limits on tasks can be enforced");
		return;
	}
	gk_autoclose int fd = open("/sys/fs/cgroup/cgroup.controllers", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, have, sizeof have - 1);
	have[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (!has_word(have, wanted[i]))
			gk_found(d, i ? GK_FOUND_WARN : GK_FOUND_BAD, "cgroup",
				"enable the controller in the kernel or for this container",
				"the %s controller is missing", wanted[i]);
	gk_found(d, GK_FOUND_OK, "cgroup", NULL, "v2, with%s%s", *have ? " " : " nothing", have);
}

static void check_delegation(struct gk_doctor *d)
{
	if (!gk_scope_host_has_systemd())
		gk_found(d, GK_FOUND_OK, "scope", NULL,
			"no systemd: gocker makes the cgroups itself");
	else if (access(GK_SCOPE_PATH, F_OK) == 0)
		gk_found(d, GK_FOUND_OK, "scope", NULL, "gocker.scope is delegated");
	else
		gk_found(d, GK_FOUND_WARN, "scope", "systemctl enable --now gocker.service",
			"gocker.scope is not there: the first login waits until it is made");
}

static size_t count_conf(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;
	for (const struct dirent *e; d && (e = readdir(d));) {
		size_t len = strlen(e->d_name);
		n += len > 5 && strcmp(e->d_name + len - 5, ".conf") == 0;
	}
	if (d)
		closedir(d);
	return n;
}

/* Drop-ins of an administrator for user-N.slice: sessions of the shell door live elsewhere. */
static void check_slices(struct gk_doctor *d)
{
	static const char *const bases[] = { "/etc/systemd/system", "/etc/systemd/system.control",
		"/run/systemd/system.control", "/run/systemd/system" };
	size_t found = 0;
	const char *where = NULL;
	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
		DIR *dir = opendir(bases[i]);
		for (const struct dirent *e; dir && (e = readdir(dir));) {
			char path[512];
			size_t len = strlen(e->d_name);
			if (strncmp(e->d_name, "user-", 5) != 0 || len < 8 ||
				strcmp(e->d_name + len - 8, ".slice.d") != 0)
				continue;
			snprintf(path, sizeof path, "%s/%s", bases[i], e->d_name);
			size_t n = count_conf(path);
			if (n && !where)
				where = gk_arena_strdup(&d->arena, path);
			found += n;
		}
		if (dir)
			closedir(dir);
	}
	if (found && d->shell_door)
		gk_found(d, GK_FOUND_WARN, "slices",
			"set pids_max, memory_max, cpus in gocker.ini, or limits on gocker.slice",
			"%zu drop-in%s for users' slices (%s) %s not apply to the shell door",
			found, found == 1 ? "" : "s", where ? where : "-",
			found == 1 ? "does" : "do");
}

/* What runs as root: a regular file that root alone can write, or a directory of such. without:
 * what happens if it is missing, or NULL where that is in order. */
static void check_owner(struct gk_doctor *d, const char *path, const char *without)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		if (errno != ENOENT || without)
			gk_found(d, GK_FOUND_BAD, "program", "make install", "%s is missing: %s",
				path, without ? without : strerror(errno));
	} else if ((!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) || !gk_is_roots_alone(&st)) {
		gk_found(d, GK_FOUND_BAD, "program",
			gk_arena_printf(&d->arena, "chown root:root %s; chmod go-w %s", path, path),
			"%s can be written by others than root, and root runs %s", path,
			S_ISDIR(st.st_mode) ? "what is in it" : "it");
	}
}

static void check_pam_modules(struct gk_doctor *d)
{
	static const char *const modules[] = { "/usr/lib/*/security/pam_gocker.so",
		"/lib/security/pam_gocker.so", "/usr/lib64/security/pam_gocker.so",
		"/usr/local/lib/security/pam_gocker.so" };
	for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
		glob_t found;
		if (glob(modules[i], 0, NULL, &found) == 0)
			for (size_t k = 0; k < found.gl_pathc; k++)
				check_owner(d, found.gl_pathv[k], NULL);
		globfree(&found);
	}
}

/* gocker-shell has a check of its own: it is set-uid. */
static void check_programs(struct gk_doctor *d)
{
	const char *pam = d->pam_door ? "the PAM door refuses everybody but root" : NULL;
	const char *scope = d->shell_door && gk_scope_host_has_systemd() ?
		"without gocker.scope logins are refused" :
		NULL;
	check_owner(d, GK_LIBEXECDIR, NULL);
	check_owner(d, GK_PROGRAM, NULL);
	check_owner(d, GK_PROGRAM_ADMIN, NULL);
	check_owner(d, GK_LIBEXECDIR "/gocker-keeper", pam);
	check_owner(d, GK_LIBEXECDIR "/gocker-entry", pam);
	check_owner(d, GK_LIBEXECDIR "/gocker-scope", scope);
}

static void check_files(struct gk_doctor *d)
{
	struct gk_err err = GK_ERR_INIT, run_err = GK_ERR_INIT, shells_err = GK_ERR_INIT;
	if (gk_shell_program_check(&err) < 0)
		gk_found(d, GK_FOUND_BAD, "program",
			"make install, or chown root and chmod 4755 " GK_SHELL_PATH, "%s", err.msg);
	else
		gk_found(d, GK_FOUND_OK, "program", NULL, GK_SHELL_PATH " is set-uid root");
	gk_autoclose int run = gk_run_dir(&run_err);
	if (run < 0)
		gk_found(d, GK_FOUND_BAD, "state",
			"rmdir " GK_RUNDIR ", or chown root and chmod 0700 it", "%s", run_err.msg);
	int has = gk_shells_has(GK_SHELL_PATH, &shells_err);
	if (has == 1)
		gk_found(d, GK_FOUND_OK, "shells", NULL, "/etc/shells has gocker-shell");
	else if (d->shell_door)
		gk_found(d, GK_FOUND_WARN, "shells", "echo " GK_SHELL_PATH " >>/etc/shells",
			"/etc/shells lacks gocker-shell: chsh, ftp daemons and su refuse its users");
	check_programs(d);
	if (d->pam_door)
		check_pam_modules(d);
}

static void check_drain(struct gk_doctor *d)
{
	struct gk_drain drain;
	gk_drain_read(&drain);
	if (drain.on)
		gk_found(d, GK_FOUND_WARN, "drain", "gocker drain --off",
			"this host takes no new sessions%s%s", *drain.reason ? ": " : "",
			drain.reason);
}

static void check_config(struct gk_doctor *d)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_config config;
	if (gk_load_config(GK_CONFIG_PATH, &d->arena, &config, &err) < 0)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "config", "gocker check",
			"no contained user can log in: %s", err.msg);
	else
		gk_found(d, GK_FOUND_OK | GK_TRIED, "config", NULL, GK_CONFIG_PATH " is read");
}

static void check_records(struct gk_doctor *d)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_seen_list all;
	size_t stale = 0;
	if (gk_seen_read(&(struct gk_seen_filter){ .stale = true }, &d->arena, &all, &err) < 0)
		return;
	for (size_t i = 0; i < all.n; i++)
		stale += !all.list[i].alive;
	if (stale)
		gk_found(d, GK_FOUND_WARN, "records", "gocker gc", "%zu session%s ended in a crash",
			stale, stale == 1 ? "" : "s");
	gk_found(d, GK_FOUND_OK, "records", NULL, "%zu session%s live%s", all.n - stale,
		all.n - stale == 1 ? "" : "s", all.n - stale == 1 ? "s" : "");
}

void gk_doctor_host(struct gk_doctor *d)
{
	check_kernel(d);
	check_dumpable(d);
	check_landlock(d);
	check_network(d);
	gk_doctor_bridge(d);
	check_cgroups(d);
	check_delegation(d);
	check_slices(d);
	check_files(d);
	check_config(d);
	check_drain(d);
	gk_doctor_images(d);
	check_records(d);
	gk_doctor_terminals(d);
}
