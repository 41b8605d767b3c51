/* What the host itself must have. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "cli/check-host.h"
#include "cli/enable/accounts.h"
#include "cli/doctor/doctor.h"
#include "cli/image/exposed.h"
#include "cli/program.h"
#include "cli/sessions/sessions.h"
#include "cli/spawn.h"
#include "image/image.h"
#include "image/info.h"
#include "image/tools.h"
#include "plan/hostroot.h"
#include "plan/policy.h"
#include "run/cgroup/cgroup.h"
#include "run/privilege/landlock.h"
#include "run/store/drain.h"
#include "run/store/hostroot.h"
#include "run/store/image.h"
#include "run/store/load.h"
#include "run/store/record.h"
#include "run/cgroup/scope.h"

enum { KERNEL_MAJOR = 5, KERNEL_MINOR = 14, IMAGE_OLD_DAYS = 90, IMAGES_MOST = 64 };

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
			"the controllers are on cgroup v1: only limits of tasks can be kept");
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
			"no systemd: groups are made by gocker itself");
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
			"%zu drop-in%s for users' slices (%s) %s not hold for the shell door",
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
			"nobody who is contained gets in: %s", err.msg);
	else
		gk_found(d, GK_FOUND_OK | GK_TRIED, "config", NULL, GK_CONFIG_PATH " is read");
}

struct stale {
	unsigned n;
	char first[512];
};

static void on_stale(void *arg, const char *path, const char *why)
{
	struct stale *stale = arg;
	if (stale->n++ == 0)
		snprintf(stale->first, sizeof stale->first, "%s %s", path, why);
}

/* The host's security updates don't reach the copies of its programs in an image. */
static void check_tools(struct gk_doctor *d, const char *image, struct json_object *info)
{
	struct stale stale = { 0 };
	if (gk_tools_stale(info, on_stale, &stale) > 0)
		gk_found(d, GK_FOUND_WARN, "tools",
			gk_arena_printf(&d->arena,
				"gocker image tools %s scp (any one renews all that are there)",
				image),
			"%s has programs older than the host's: %s%s", image, stale.first,
			stale.n > 1 ? ", and more" : "");
}

static void check_age(struct gk_doctor *d, const char *image, int version_fd)
{
	struct gk_err err = GK_ERR_INIT;
	struct tm tm = { 0 };
	gk_autoinfo struct json_object *info =
		version_fd < 0 ? NULL : gk_info_read(version_fd, &err);
	if (!info || !strptime(gk_info_get(info, "made"), "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		gk_found(d, GK_FOUND_WARN, "image",
			"gocker image import, so that it can be verified",
			"%s is a plain directory of unknown age", image);
		return;
	}
	check_tools(d, image, info);
	long days = (long)((time(NULL) - timegm(&tm)) / 86400);
	if (days > IMAGE_OLD_DAYS)
		gk_found(d, GK_FOUND_WARN, "image",
			gk_arena_printf(&d->arena,
				"gocker image fetch, or gocker image edit %s apk upgrade", image),
			"%s is %ld days old", image, days);
	static const char gocker[] = GK_BINDIR "/gocker";
	const char *argv[] = { gocker, "image", "verify", image, NULL };
	if (gk_spawn_quietly(argv) != 0)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "image",
			gk_arena_printf(&d->arena,
				"gocker image verify %s says what differs; then make it again",
				image),
			"%s is not as it was made", image);
	else
		gk_found(d, GK_FOUND_OK | GK_TRIED, "image", NULL,
			"%s is as it was made, %ld days ago", image, days);
}

/* ---- image = host ---- */

static void on_allow(void *arg, const char *reason, const char *hint)
{
	gk_found(arg, GK_FOUND_WARN, "image", hint, "%s", reason);
}

static void on_exposed(void *arg, const char *path, const char *why)
{
	(void)path;
	(void)why;
	++*(size_t *)arg;
}

/* Homes in a directory that every session sees: their names, and what others may read in them. */
static void check_homes_seen(struct gk_doctor *d, const struct gk_hostroot *host, uint64_t min_uid)
{
	size_t n = 0;
	const char *first = NULL, *dir = NULL;
	setpwent();
	for (const struct passwd *pw; (pw = getpwent());) {
		const struct gk_host_item *item = (uint64_t)pw->pw_uid < min_uid ?
			NULL :
			gk_host_dir_around(host, pw->pw_dir);
		struct stat st;
		if (!item || stat(pw->pw_dir, &st) < 0 || st.st_uid != pw->pw_uid)
			continue;
		if (n++ == 0) {
			first = gk_arena_strdup(&d->arena, pw->pw_dir);
			dir = item->path;
		}
	}
	endpwent();
	if (n)
		gk_found(d, GK_FOUND_WARN, "image",
			gk_arena_printf(&d->arena,
				"a line !DIRECTORY in " GK_HOST_ALLOW_PATH
				" for the directory of homes in %s",
				dir),
			"host: every session sees %s%s", first ? first : "a home",
			n > 1 ? " and other homes" : "");
}

static bool is_merged(void)
{
	struct stat st;
	return lstat("/bin", &st) == 0 && S_ISLNK(st.st_mode);
}

/* Made of the host's own files at each login: there is nothing to verify, but what is seen. */
static void check_host_image(struct gk_doctor *d, uint64_t min_uid)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_hostroot host;
	size_t exposed = 0, parts = 0;
	if (gk_hostroot_survey(&d->arena, &host, &err) < 0) {
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "image",
			"correct that; every login with image = host is refused", "%s", err.msg);
		return;
	}
	gk_check_allow(&host, &d->arena, on_allow, d);
	check_homes_seen(d, &host, min_uid);
	(void)gk_exposed_find(&host, NULL, on_exposed, &exposed);
	if (exposed)
		gk_found(d, GK_FOUND_WARN, "image",
			"gocker image show host lists them; use chmod o-r, or a line !PATH "
			"in " GK_HOST_ALLOW_PATH,
			"host: %zu file%s that sessions see may be secret", exposed,
			exposed == 1 ? "" : "s");
	for (size_t i = 0; i < host.n; i++)
		parts += !host.items[i].left_out;
	gk_found(d, GK_FOUND_OK, "image", NULL, "host is made of %zu parts of this host (%s /usr)",
		parts, is_merged() ? "merged" : "/bin, /sbin and /lib* beside");
}

static void check_image(struct gk_doctor *d, const struct gk_policy *policy, const char *image)
{
	struct gk_err err = GK_ERR_INIT;
	const char *program, *machine;
	gk_autoclose int root = -1, lock = -1;
	if (strcmp(image, GK_IMAGE_HOST) == 0)
		check_host_image(d, policy->min_uid);
	else if (gk_image_open(policy->image_dir, image, 0, &root, &lock, &err) < 0)
		gk_found(d, GK_FOUND_BAD, "image",
			gk_arena_printf(&d->arena,
				"gocker image list shows those that are there; else gocker image fetch %s",
				image),
			"%s", err.msg);
	else if ((machine = gk_image_other_machine(root, &program)))
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "image",
			"gocker image import, of an image for this machine",
			"%s is for another machine: its %s is a program for %s", image, program,
			machine);
	else
		check_age(d, image, lock);
}

/* The images that the configuration names, or the one of the user. */
static void check_images(struct gk_doctor *d)
{
	static const struct gk_identity nobody = {
		.uid = 65534, .gid = 65534, .name = "", .home = "/", .shell = "", .gecos = ""
	};
	struct gk_err err = GK_ERR_INIT;
	struct gk_policy policy;
	const char *seen[IMAGES_MOST];
	size_t n = 0;
	if (!d->have_config || gk_policy_for(&d->config, &nobody, &d->arena, &policy, &err) < 0)
		return;
	seen[n++] = policy.image;
	for (size_t i = 0; i < d->config.nsections && !d->user; i++) {
		const struct gk_section *s = &d->config.sections[i];
		for (size_t k = 0; k < s->nsettings && n < IMAGES_MOST; k++)
			if (s->settings[k].key == GK_KEY_IMAGE)
				seen[n++] = s->settings[k].value;
	}
	if (d->have_policy)
		seen[0] = d->policy.image;
	for (size_t i = 0; i < n; i++) {
		size_t first = 0;
		while (strcmp(seen[first], seen[i]) != 0)
			first++;
		if (first == i)
			check_image(d, &policy, seen[i]);
	}
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
	check_landlock(d);
	check_cgroups(d);
	check_delegation(d);
	check_slices(d);
	check_files(d);
	check_config(d);
	check_drain(d);
	check_images(d);
	check_records(d);
}
