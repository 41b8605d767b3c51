#include "cli/check-host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/elf.h"
#include "base/path.h"
#include "base/sys.h"
#include "cli/image/how.h"
#include "cli/options.h"
#include "plan/hostroot.h"
#include "plan/keys.h"
#include "plan/policy.h"
#include "plan/text.h"
#include "run/build/bridge.h"
#include "run/build/network.h"
#include "run/store/devices.h"
#include "run/store/hostroot.h"
#include "run/store/image.h"

enum { NAMES_MOST = 4096 };

struct look {
	const struct gk_config *config;
	struct gk_arena *arena;
	struct gk_faults *warnings;
	const char *image_dir;
	unsigned host_line; /* of what is told of `image = host` now */
	bool host_seen;     /* which is told once */
	int failed;         /* 0 or -ENOMEM */
};

int gk_check_warn(struct gk_faults *w, unsigned line, const char *reason, const char *hint,
	struct gk_arena *arena)
{
	if (w->n == GK_FAULTS_MAX)
		return 0;
	if (!w->list)
		w->list = gk_arena_array(arena, GK_FAULTS_MAX, sizeof *w->list);
	if (!w->list || !reason || !hint)
		return -ENOMEM;
	w->list[w->n++] = (struct gk_fault){ line, reason, hint };
	return 0;
}

static void warn(struct look *l, unsigned line, const char *hint, const char *reason)
{
	if (gk_check_warn(l->warnings, line, reason, hint, l->arena) < 0)
		l->failed = -ENOMEM;
}

/* "did you mean X?" of the names, or `otherwise`. names ends with NULL. */
static const char *suggest(
	struct look *l, const char *name, const char *const *names, const char *otherwise)
{
	const char *near = names ? gk_closest(name, names) : NULL;
	return near ? gk_arena_printf(l->arena, "did you mean %s?", near) : otherwise;
}

/* ---- sections ---- */

static const char *const *all_groups(struct look *l)
{
	const char **names = gk_arena_array(l->arena, NAMES_MOST + 1, sizeof *names);
	size_t n = 0;
	setgrent();
	for (const struct group *g; names && n < NAMES_MOST && (g = getgrent());)
		names[n++] = gk_arena_strdup(l->arena, g->gr_name);
	endgrent();
	return names;
}

static const char *const *all_users(struct look *l)
{
	const char **names = gk_arena_array(l->arena, NAMES_MOST + 1, sizeof *names);
	size_t n = 0;
	setpwent();
	for (const struct passwd *pw; names && n < NAMES_MOST && (pw = getpwent());)
		names[n++] = gk_arena_strdup(l->arena, pw->pw_name);
	endpwent();
	return names;
}

static void check_title(struct look *l, const struct gk_section *s)
{
	const char *shown = s->name ? gk_shown(l->arena, s->name, strlen(s->name)) : NULL;
	if (s->name && s->kind == GK_SECTION_GROUP && !getgrnam(s->name))
		warn(l, s->line,
			suggest(l, s->name, all_groups(l), "the section applies to nobody"),
			gk_arena_printf(l->arena, "this host has no group %s", shown));
	if (s->name && s->kind == GK_SECTION_USER && !getpwnam(s->name))
		warn(l, s->line, suggest(l, s->name, all_users(l), "the section applies to nobody"),
			gk_arena_printf(l->arena, "this host has no user %s", shown));
}

/* ---- images, and the shell in each ---- */

static const char *const *all_images(struct look *l)
{
	const char **names = gk_arena_array(l->arena, NAMES_MOST + 1, sizeof *names);
	size_t n = 0;
	DIR *dir = opendir(l->image_dir);
	for (const struct dirent *e; names && dir && n < NAMES_MOST && (e = readdir(dir));)
		if (gk_image_name_ok(e->d_name))
			names[n++] = gk_arena_strdup(l->arena, e->d_name);
	if (dir)
		closedir(dir);
	return names;
}

static void check_shell(
	struct look *l, const char *image, int root, const char *shell, unsigned line)
{
	while (*shell == '/')
		shell++;
	gk_autoclose int fd =
		gk_sys_openat2(root, shell, O_RDONLY | O_CLOEXEC | O_NONBLOCK, RESOLVE_IN_ROOT);
	const char *machine;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		warn(l, line, "its logins will be refused; name a shell that the image has",
			gk_arena_printf(l->arena, "the image %s has no program /%s", image, shell));
	else if ((machine = gk_elf_other_machine(fd)))
		warn(l, line, "its logins will be refused; get the image for this machine",
			gk_arena_printf(l->arena,
				"the image %s is made for another machine: /%s is a program for %s",
				image, shell, machine));
}

static const struct gk_setting *setting_of(const struct gk_section *s, enum gk_key key)
{
	for (size_t i = 0; s && i < s->nsettings; i++)
		if (s->settings[i].key == (int)key)
			return &s->settings[i];
	return NULL;
}

static const struct gk_section *section_of(
	const struct gk_config *config, enum gk_section_kind kind)
{
	for (size_t i = 0; i < config->nsections; i++)
		if (config->sections[i].kind == kind)
			return &config->sections[i];
	return NULL;
}

/* ---- image = host ---- */

void gk_check_allow(const struct gk_hostroot *host, struct gk_arena *arena,
	void (*tell)(void *arg, const char *reason, const char *hint), void *arg)
{
	for (size_t i = 0; i < host->nrules; i++) {
		const struct gk_host_rule *rule = &host->rules[i];
		const char *shown = gk_shown(arena, rule->pattern, strlen(rule->pattern));
		if (rule->optional || rule->matched)
			continue;
		tell(arg,
			gk_arena_printf(arena, GK_HOST_ALLOW_PATH ":%u: %s %s", rule->line, shown,
				rule->leave_out ? "keeps out nothing that is let in" :
						  "is not on this host"),
			"correct the path, or remove the line");
	}
	for (size_t i = 0; i < host->n; i++) {
		const struct gk_host_item *item = &host->items[i];
		if (item->listed && item->left_out)
			tell(arg,
				gk_arena_printf(arena, "%s is not let in: %s",
					gk_shown(arena, item->path, strlen(item->path)),
					item->left_out),
				"see `gocker image show host`");
	}
}

static void on_allow(void *arg, const char *reason, const char *hint)
{
	struct look *l = arg;
	warn(l, l->host_line, hint, reason);
}

/* The path behind a program's links, where a session with this root has it; else NULL. */
static const char *find_in_host(struct look *l, const struct gk_hostroot *host, const char *program)
{
	char real[PATH_MAX];
	const char *path = realpath(program, real) ? gk_arena_strdup(l->arena, real) : NULL;
	return path && gk_host_dir_around(host, path) && access(path, X_OK) == 0 ? path : NULL;
}

/* line: of the image's setting. */
static void check_host_root(struct look *l, const char *shell, unsigned line, unsigned shell_line)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_hostroot host;
	int r = gk_hostroot_survey(l->arena, &host, &err);
	/* A list that only root may read. */
	if (r == -EACCES && geteuid() != 0)
		return;
	if (r < 0) {
		if (!l->host_seen)
			warn(l, line, "its logins will be refused; correct that",
				gk_arena_strdup(l->arena, err.msg));
		l->host_seen = true;
		return;
	}
	const char *found = find_in_host(l, &host, shell);
	char needs[PATH_MAX];
	if (found && gk_exec_reason(found, ENOENT, needs, sizeof needs))
		warn(l, shell_line, "its logins will be refused; name a shell that runs",
			gk_arena_printf(l->arena, "%s %s", shell, needs));
	if (!found)
		warn(l, shell_line, "its logins will be refused; name a shell that this host has",
			gk_arena_printf(
				l->arena, "sessions with image = host have no program %s", shell));
	l->host_line = line;
	if (!l->host_seen)
		gk_check_allow(&host, l->arena, on_allow, l);
	l->host_seen = true;
}

/* The image and the shell that a section's users get, taken from [default] where it says nothing of
 * them: a user of two groups may get another pair, which doctor USER tries. */
static void check_image(struct look *l, const struct gk_section *s)
{
	const struct gk_section *def = section_of(l->config, GK_SECTION_DEFAULT);
	const struct gk_setting *image = setting_of(s, GK_KEY_IMAGE),
				*shell = setting_of(s, GK_KEY_SHELL);
	unsigned line = shell ? shell->line : image ? image->line : s->line;
	struct gk_err err = GK_ERR_INIT;
	struct stat st;
	char path[4200];
	if (!image && !shell && s->kind != GK_SECTION_DEFAULT)
		return;
	image = image ? image : setting_of(def, GK_KEY_IMAGE);
	shell = shell ? shell : setting_of(def, GK_KEY_SHELL);
	const char *name = image ? image->value : gk_key_default(GK_KEY_IMAGE);
	if (strcmp(name, GK_IMAGE_HOST) == 0) {
		check_host_root(l, shell ? shell->value : gk_key_default(GK_KEY_SHELL),
			image ? image->line : line, line);
		return;
	}
	snprintf(path, sizeof path, "%s/%s", l->image_dir, name);
	if (lstat(path, &st) < 0) {
		if (errno == ENOENT && (image == NULL || setting_of(s, GK_KEY_IMAGE) == image))
			warn(l, image ? image->line : s->line,
				suggest(l, name, all_images(l),
					gk_arena_printf(l->arena,
						"`%s` or `gocker image import` makes it",
						gk_image_how(l->arena, name))),
				gk_arena_printf(l->arena, "this host has no image %s", name));
		return;
	}
	if (geteuid() != 0)
		return;
	gk_autoclose int root = -1, lock = -1;
	if (gk_image_open(l->image_dir, name, 0, &root, &lock, &err) < 0)
		warn(l, line, "see `gocker doctor`", gk_arena_strdup(l->arena, err.msg));
	else
		check_shell(
			l, name, root, shell ? shell->value : gk_key_default(GK_KEY_SHELL), line);
}

/* ---- volumes, files and devices ---- */

static void check_files(struct look *l, const struct gk_setting *s)
{
	struct gk_policy policy = { 0 };
	struct gk_complaint complaint;
	struct stat st;
	if (gk_key_set(GK_KEY_FILES, s->value, l->arena, &policy, &complaint) < 0)
		return;
	for (size_t i = 0; i < policy.nfiles; i++) {
		const char *source = policy.files[i].source;
		const char *shown = gk_shown(l->arena, source, strlen(source));
		if (strstr(source, "{user}"))
			continue;
		bool there = stat(source, &st) == 0;
		if (!there && errno == ENOENT)
			warn(l, s->line,
				"sessions will not have it; start its service, or correct the path",
				gk_arena_printf(l->arena, "files: this host has no %s", shown));
		else if (there && !S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode))
			warn(l, s->line, "its logins will be refused; use volumes for a directory",
				gk_arena_printf(l->arena,
					"files: %s is neither a regular file nor a socket", shown));
	}
}

static void check_devices(struct look *l, const struct gk_setting *s)
{
	struct gk_policy policy = { 0 };
	struct gk_complaint complaint;
	if (gk_key_set(GK_KEY_DEVICES, s->value, l->arena, &policy, &complaint) < 0)
		return;
	for (const char *const *d = policy.devices; *d; d++) {
		const char *const one[] = { *d, NULL };
		struct gk_request found = { 0 };
		struct gk_err err = GK_ERR_INIT;
		if (gk_devices_find(one, &found, l->arena, &err) < 0)
			l->failed = -ENOMEM;
		else if (found.ndevices == 0)
			warn(l, s->line,
				"sessions will not have it; load its driver, or correct the path",
				gk_arena_printf(l->arena, "devices: this host has no %s",
					gk_shown(l->arena, *d, strlen(*d))));
	}
}

static void check_volumes(struct look *l, const struct gk_setting *s)
{
	struct gk_policy policy = { 0 };
	struct gk_complaint complaint;
	struct stat st;
	if (gk_key_set(GK_KEY_VOLUMES, s->value, l->arena, &policy, &complaint) < 0)
		return;
	for (size_t i = 0; i < policy.nvolumes; i++) {
		const char *source = policy.volumes[i].source;
		if (!strstr(source, "{user}") && stat(source, &st) < 0 && errno == ENOENT)
			warn(l, s->line, "its logins will be refused; make it, or correct the path",
				gk_arena_printf(l->arena, "volumes: this host has no %s",
					gk_shown(l->arena, source, strlen(source))));
	}
}

static void check_banner(struct look *l, const struct gk_setting *s)
{
	struct gk_err err = GK_ERR_INIT;
	if (s->value[0] != '/')
		return;
	gk_autoclose int fd = gk_open_trusted(s->value, &err);
	if (fd < 0)
		warn(l, s->line, "no banner will be shown; correct that",
			gk_arena_printf(l->arena, "banner: %s", err.msg));
}

/* What a key has in a section or, where that says nothing, for everyone. */
static const char *value_for(
	const struct gk_config *config, const struct gk_section *s, enum gk_key key)
{
	const struct gk_setting *setting = setting_of(s, key);
	if (!setting)
		setting = setting_of(section_of(config, GK_SECTION_DEFAULT), key);
	return setting ? setting->value : gk_key_default(key);
}

/* The line by which a section has a private network of this kind; NULL where it has none or says
 * nothing about it. */
static const struct gk_setting *private_by(
	const struct gk_config *config, const struct gk_section *s, const char *by)
{
	const struct gk_setting *own = setting_of(s, GK_KEY_NETWORK);
	if (!own)
		own = setting_of(s, GK_KEY_PRIVATE_NETWORK);
	return own && strcmp(value_for(config, s, GK_KEY_NETWORK), "private") == 0 &&
			strcmp(value_for(config, s, GK_KEY_PRIVATE_NETWORK), by) == 0 ?
		own :
		NULL;
}

static bool some_private_by(const struct gk_config *config, const char *by)
{
	for (size_t i = 0; i < config->nsections; i++)
		if (private_by(config, &config->sections[i], by))
			return true;
	return false;
}

bool gk_check_wants_network(const struct gk_config *config)
{
	return some_private_by(config, "pasta");
}

bool gk_check_wants_bridge(const struct gk_config *config)
{
	return some_private_by(config, "bridge");
}

static void check_network(struct look *l, const struct gk_section *s)
{
	const struct gk_setting *pasta = private_by(l->config, s, "pasta"),
				*bridge = private_by(l->config, s, "bridge");
	const char *lacking = pasta ? gk_network_lacks() : bridge ? gk_bridge_lacks() : NULL;
	if (lacking)
		warn(l, (pasta ? pasta : bridge)->line,
			pasta ? "its logins will be refused; " GK_NETWORK_HINT :
				"its logins will be refused; " GK_BRIDGE_HINT,
			gk_arena_printf(
				l->arena, "network = private: this host has no %s", lacking));
}

int gk_check_host(
	const struct gk_config *config, struct gk_arena *arena, struct gk_faults *warnings)
{
	const struct gk_setting *dir =
		setting_of(section_of(config, GK_SECTION_HOST), GK_KEY_IMAGE_DIR);
	struct look l = { .config = config,
		.arena = arena,
		.warnings = warnings,
		.image_dir = dir ? dir->value : gk_key_default(GK_KEY_IMAGE_DIR) };
	for (size_t i = 0; i < config->nsections; i++) {
		const struct gk_section *s = &config->sections[i];
		check_title(&l, s);
		if (s->kind != GK_SECTION_HOST)
			check_image(&l, s);
		check_network(&l, s);
		for (size_t k = 0; k < s->nsettings; k++)
			if (s->settings[k].key == GK_KEY_VOLUMES)
				check_volumes(&l, &s->settings[k]);
			else if (s->settings[k].key == GK_KEY_FILES)
				check_files(&l, &s->settings[k]);
			else if (s->settings[k].key == GK_KEY_DEVICES)
				check_devices(&l, &s->settings[k]);
			else if (s->settings[k].key == GK_KEY_BANNER)
				check_banner(&l, &s->settings[k]);
	}
	return l.failed;
}
