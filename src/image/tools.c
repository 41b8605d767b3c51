#include "image/tools.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/elf.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/hostfiles.h"
#include "image/info.h"
#include "image/inroot.h"
#include "image/launch/launch.h"
#include "image/spawn.h"
#include "image/tree.h"

enum { LIST_BYTES = 64 << 10, PROGRAMS_MAX = 256, LEFT_OUT = 1 };

struct tools {
	int root_fd;
	struct json_object *tools; /* array: program, path, version */
	struct json_object *files; /* host path → SHA-256 */
	char loader[PATH_MAX];     /* the host's; "" until the first program that needs it */
	bool if_there;             /* what the host lacks is left out */
	const struct gk_tick *tick;
	bool terminals; /* terminfo and the locale are there */
	const struct gk_say *said;
	struct gk_err *err;
	char list[LIST_BYTES]; /* what the loader says */
};

static void say(struct tools *t, const char *path, const char *why)
{
	char line[PATH_MAX + 128];
	snprintf(line, sizeof line, "%s %s", path, why);
	gk_say(t->said, line);
}

/* Opens a file of the host that only root could have written, and records its sum. */
static int open_host(struct tools *t, const char *path)
{
	char sum[GK_SUM_MAX];
	struct stat st;
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return gk_fail_errno(t->err, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return gk_fail(t->err, -EINVAL, "%s is not a file", path);
	if (!gk_is_roots_alone(&st))
		return gk_fail(t->err, -EPERM,
			"%s can be written by others than root; chown root it, and chmod go-w",
			path);
	int r = gk_hash_fd(fd, 256, NULL, sum);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return gk_fail_errno(t->err, r < 0 ? r : -errno, "%s", path);
	gk_info_set(t->files, path, sum);
	return gk_steal_fd(&fd);
}

static int copy_host(struct tools *t, const char *from, const char *to, mode_t mode)
{
	gk_autoclose int fd = open_host(t, from);
	return fd < 0 ? fd : gk_inroot_copy(t->root_fd, to, fd, mode, t->err);
}

/* Whether something stands at path. What earlier tools left is gone by now, so it is the image's
 * own. */
static bool is_the_images(struct tools *t, const char *path)
{
	const char *name;
	struct stat st;
	gk_autoclose int dir = gk_inroot_parent(t->root_fd, path, false, &name, NULL);
	return dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* One line of the loader's list: "\tlibc.so.6 => /lib/…/libc.so.6 (0x…)". Lines without an arrow
 * are the vDSO and the loader itself. */
static int copy_library(struct tools *t, char *line, const char *program)
{
	char to[PATH_MAX];
	char *name = line + strspn(line, " \t"), *arrow = strstr(name, " => ");
	if (!arrow)
		return 0;
	char *path = arrow + 4;
	*arrow = '\0';
	path[strcspn(path, " ")] = '\0';
	if (path[0] != '/')
		return gk_fail(
			t->err, -ENOENT, "%s needs %s, which this host lacks", program, name);
	if (strchr(name, '/') || json_object_object_get_ex(t->files, path, NULL))
		return 0;
	snprintf(to, sizeof to, GK_TOOLS_DIR "/lib/%s", name);
	return copy_host(t, path, to, 0644);
}

static int copy_libraries(struct tools *t, const char *program, const char *loader)
{
	const char *const argv[] = { loader, "--list", program, NULL };
	int r = gk_spawn_read(argv, t->list, sizeof t->list, t->err);
	if (r != 0)
		return r < 0 ? r : gk_fail(t->err, -ENOEXEC, "%s can't load %s", loader, program);
	char *save = NULL;
	for (char *line = strtok_r(t->list, "\n", &save); r == 0 && line;
		line = strtok_r(NULL, "\n", &save))
		r = copy_library(t, line, program);
	return r;
}

static int install_loader(struct tools *t, const char *loader)
{
	if (t->loader[0] && strcmp(t->loader, loader) != 0)
		return gk_fail(t->err, -EINVAL, "programs of two C libraries: %s and %s", t->loader,
			loader);
	if (t->loader[0])
		return 0;
	snprintf(t->loader, sizeof t->loader, "%s", loader);
	int r = copy_host(t, loader, GK_TOOLS_DIR "/ld.so", 0755);
	if (r < 0)
		return r;
	static const unsigned char launcher[] = {
#include "launcher.h"
	};
	const char *name;
	gk_autoclose int dir =
		gk_inroot_parent(t->root_fd, GK_TOOLS_DIR "/launch", true, &name, t->err);
	gk_autoclose int fd = dir < 0 ?
		-1 :
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
	r = fd < 0 ? -errno : gk_write_all(fd, launcher, sizeof launcher);
	if (r == 0 && fchmod(fd, 0755) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(t->err, r, "cannot write the launcher") : 0;
}

/* What a module that a program loads needs. Where the host lacks that, the module would not load
 * here either. */
static int copy_module_libraries(struct tools *t, const char *path)
{
	struct gk_err *err = t->err, why = GK_ERR_INIT;
	t->err = &why;
	int r = copy_libraries(t, path, t->loader);
	t->err = err;
	if (r == -ENOENT)
		say(t, path, "will not load: this host lacks a library that it needs");
	else if (r < 0 && r != -ENOEXEC)
		return gk_fail(err, r, "%s", why.msg);
	return 0;
}

/* The program goes to its path below GK_TOOLS_DIR/root, the launcher to its path. */
static int install_program(struct tools *t, const char *path, const char *loader)
{
	char real[PATH_MAX];
	const char *name, *launch;
	int r = install_loader(t, loader);
	if (r == 0)
		r = copy_libraries(t, path, loader);
	if (r < 0)
		return r;
	if (snprintf(real, sizeof real, GK_TOOLS_DIR "/root%s", path) >= (int)sizeof real)
		return gk_fail_errno(t->err, -ENAMETOOLONG, "%s", path);
	r = copy_host(t, path, real, 0755);
	if (r < 0)
		return r;
	gk_autoclose int from =
		gk_inroot_parent(t->root_fd, GK_TOOLS_DIR "/launch", false, &launch, t->err);
	gk_autoclose int to =
		from < 0 ? -1 : gk_inroot_parent(t->root_fd, path, true, &name, t->err);
	if (to < 0)
		return from < 0 ? from : to;
	if ((unlinkat(to, name, 0) < 0 && errno != ENOENT) || linkat(from, launch, to, name, 0) < 0)
		return gk_fail_errno(t->err, -errno, "cannot make %s in the image", path);
	return 0;
}

/* A script is of use only where the image has what it runs under. */
static bool lacks_interpreter(struct tools *t, int fd)
{
	char line[PATH_MAX];
	const char *name;
	ssize_t n = pread(fd, line, sizeof line - 1, 0);
	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	char *path = line + 2 + strspn(line + 2, " \t");
	path[strcspn(path, " \t\n")] = '\0';
	gk_autoclose int dir = gk_inroot_parent(t->root_fd, path, false, &name, NULL);
	struct stat st;
	return dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

static bool is_module(const char *path)
{
	const char *end = strrchr(path, '.');
	return end && strcmp(end, ".so") == 0;
}

/* Returns LEFT_OUT for what could not run. */
static int install_file(struct tools *t, const struct gk_host_file *file)
{
	const char *path = file->path;
	char loader[PATH_MAX];
	struct stat st;
	gk_autoclose int fd = open_host(t, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : gk_fail_errno(t->err, -errno, "%s", path);
	int r = st.st_mode & 0111 ? gk_elf_loader(fd, loader, sizeof loader) : 0;
	if (r == 1)
		return install_program(t, path, loader);
	if (r == -ENOEXEC && !file->library && lacks_interpreter(t, fd)) {
		json_object_object_del(t->files, path);
		if (file->main && !t->if_there)
			return gk_fail(t->err, -ENOENT, "the image lacks what %s runs under", path);
		return LEFT_OUT;
	}
	r = t->loader[0] && is_module(path) ? copy_module_libraries(t, path) : 0;
	return r < 0 ? r : gk_inroot_copy(t->root_fd, path, fd, st.st_mode & 0755, t->err);
}

static int install_link(struct tools *t, const char *path, const char *target)
{
	const char *name;
	gk_autoclose int dir = gk_inroot_parent(t->root_fd, path, true, &name, t->err);
	if (dir < 0)
		return dir;
	if ((unlinkat(dir, name, 0) < 0 && errno != ENOENT) || symlinkat(target, dir, name) < 0)
		return gk_fail_errno(t->err, -errno, "cannot make %s in the image", path);
	return 0;
}

static void record(struct tools *t, const char *program, const struct gk_host_file *file)
{
	struct json_object *tool = json_object_new_object();
	char version[256];
	gk_info_set(tool, "program", program);
	gk_info_set(tool, "path", file->path);
	if (file->main && access(file->path, X_OK) == 0)
		(void)json_object_object_add(tool, "main", json_object_new_boolean(true));
	if (file->main && gk_host_version(file->path, version, sizeof version))
		gk_info_set(tool, "version", version);
	if (json_object_array_add(t->tools, tool) < 0)
		gk_info_put(&tool);
}

static int add_files(struct tools *t, const char *program, const struct gk_host_files *files)
{
	int r = 0;
	size_t left_out = 0;
	for (size_t i = 0; r == 0 && i < files->n; i++) {
		const struct gk_host_file *file = &files->list[i];
		if (json_object_object_get_ex(t->files, file->path, NULL))
			continue; /* came with another program */
		if (is_the_images(t, file->path)) {
			if (file->main)
				say(t, file->path, "left alone: the image has its own");
			continue;
		}
		r = gk_tick(t->tick, "copying", GK_UNIT_FILES, i, files->n);
		if (r < 0)
			return gk_fail_errno(t->err, r, "stopped");
		r = file->target ? install_link(t, file->path, file->target) :
				   install_file(t, file);
		if (r == 0)
			record(t, program, file);
		left_out += r == LEFT_OUT;
		r = r == LEFT_OUT ? 0 : r;
	}
	if (left_out) {
		char line[128];
		snprintf(line, sizeof line, "%zu script%s left out: the image lacks what %s under",
			left_out, left_out == 1 ? "" : "s", left_out == 1 ? "it runs" : "they run");
		say(t, program, line);
	}
	return r;
}

/* Whether a library that draws on terminals has come with the programs so far. */
static bool draws(struct tools *t)
{
	json_object_object_foreach(t->files, path, sum)
	{
		(void)sum;
		if (strstr(path, "/libtinfo.so.") || strstr(path, "/libncurses"))
			return true;
	}
	return false;
}

static int add_program(struct tools *t, const char *program, bool if_there)
{
	gk_autohostfiles struct gk_host_files files = { 0 }, more = { 0 };
	int r = gk_host_files_of(program, &files, t->err);
	if (r == -ENOENT && if_there) {
		gk_err_clear(t->err);
		say(t, program, "left out: this host lacks it");
		return 0;
	}
	t->if_there = if_there;
	if (r == 0)
		r = add_files(t, program, &files);
	if (r < 0 || t->terminals || !draws(t))
		return r;
	t->terminals = true;
	r = gk_host_files_for_terminals(&more, t->err);
	return r < 0 ? r : add_files(t, program, &more);
}

/* What earlier tools left goes first: a loader and libraries of two times don't mix. */
static int clear_before(struct tools *t, struct json_object *old)
{
	const char *name;
	for (size_t i = 0; i < (old ? json_object_array_length(old) : 0); i++) {
		const char *path = gk_info_get(json_object_array_get_idx(old, i), "path");
		gk_autoclose int dir = gk_inroot_parent(t->root_fd, path, false, &name, NULL);
		if (dir >= 0 && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
			return gk_fail_errno(
				t->err, -errno, "cannot replace %s in the image", path);
	}
	gk_autoclose int dir = gk_inroot_parent(t->root_fd, GK_TOOLS_DIR, false, &name, NULL);
	struct stat st;
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return gk_tree_remove(dir, name, NULL, t->err);
}

static bool is_among(const char *const *programs, const char *name)
{
	for (size_t i = 0; programs[i]; i++)
		if (strcmp(programs[i], name) == 0)
			return true;
	return false;
}

/* All at once: those that info knows of and, after them, programs. */
static int add_all(int root_fd, struct json_object *info, const char *const *programs,
	bool if_there, const struct gk_making *making, struct gk_err *err)
{
	gk_autofree struct tools *t = calloc(1, sizeof *t);
	struct json_object *old = NULL;
	if (!t)
		return gk_fail_errno(err, -ENOMEM, "tools");
	*t = (struct tools){
		.root_fd = root_fd, .said = making->said, .tick = making->tick, .err = err
	};
	gk_autoinfo struct json_object *tools = json_object_new_array();
	gk_autoinfo struct json_object *files = json_object_new_object();
	t->tools = tools;
	t->files = files;
	(void)json_object_object_get_ex(info, "tools", &old);
	int r = clear_before(t, old);
	const char *last = "";
	for (size_t i = 0; r == 0 && i < (old ? json_object_array_length(old) : 0); i++) {
		const char *program = gk_info_get(json_object_array_get_idx(old, i), "program");
		if (*program && strcmp(program, last) != 0 && !is_among(programs, program))
			r = add_program(t, program, true);
		last = program;
	}
	for (size_t i = 0; r == 0 && programs[i]; i++)
		r = add_program(t, programs[i], if_there);
	if (r < 0)
		return r;
	(void)json_object_object_add(info, "tools", json_object_get(tools));
	(void)json_object_object_add(info, "tool_files", json_object_get(files));
	return 0;
}

/* Tries what info says was brought in. *ret is the first program that does not run, or could not be
 * tried. */
static int try_all(const char *dir, struct json_object *info, const struct gk_making *making,
	const char **ret, struct gk_err *err)
{
	struct json_object *tools = NULL;
	char why[400];
	(void)json_object_object_get_ex(info, "tools", &tools);
	for (size_t i = 0; i < (tools ? json_object_array_length(tools) : 0); i++) {
		struct json_object *tool = json_object_array_get_idx(tools, i);
		const char *path = gk_info_get(tool, "path");
		int r = gk_tick(making->tick, "trying", GK_UNIT_FILES, i, 0);
		if (r == 0 && json_object_object_get_ex(tool, "main", NULL))
			r = gk_trial(making->try, dir, path, why, sizeof why);
		if (r == 0)
			continue;
		*ret = gk_info_get(tool, "program");
		if (r == -ENOEXEC)
			return gk_fail(err, r, "%s does not run in the image: %s", path, why);
		if (r == -ECANCELED)
			return gk_fail(err, r, "cannot try %s in a container: %s", path, why);
		return gk_fail_errno(err, r, "stopped");
	}
	return 0;
}

static size_t without(const char **programs, const char *gone)
{
	size_t n = 0;
	for (size_t i = 0; programs[i]; i++)
		if (strcmp(programs[i], gone) != 0)
			programs[n++] = programs[i];
	programs[n] = NULL;
	return n;
}

/* Those of before are found by their record; one of them that is to go must leave that. */
static void forget(struct json_object *info, const char *program)
{
	struct json_object *tools = NULL;
	(void)json_object_object_get_ex(info, "tools", &tools);
	for (size_t i = 0; i < (tools ? json_object_array_length(tools) : 0); i++) {
		struct json_object *tool = json_object_array_get_idx(tools, i);
		if (strcmp(gk_info_get(tool, "program"), program) == 0)
			gk_info_set(tool, "program", "");
	}
}

int gk_tools_add(struct gk_staging *staging, struct json_object *info,
	const struct gk_making *making, bool if_there, struct gk_err *err)
{
	char dir[PATH_MAX];
	const char *programs[PROGRAMS_MAX + 1] = { NULL }, *failed = NULL;
	size_t n = 0;
	for (; n < PROGRAMS_MAX && making->with[n]; n++)
		programs[n] = making->with[n];
	if (making->with[n])
		return gk_fail(err, -E2BIG, "more than %d programs at once", PROGRAMS_MAX);
	if (snprintf(dir, sizeof dir, "%s/.versions/%s", staging->store->path, staging->dir) >=
		(int)sizeof dir)
		return gk_fail_errno(err, -ENAMETOOLONG, "%s", staging->store->path);
	int r = add_all(staging->root_fd, info, programs, if_there, making, err);
	while (r == 0 && making->try) {
		r = try_all(dir, info, making, &failed, err);
		if (r == 0 || !if_there || (r != -ENOEXEC && r != -ECANCELED))
			break;
		gk_say(making->said, err->msg);
		gk_err_clear(err);
		if (r == -ECANCELED)
			return 0;
		size_t before = n;
		n = without(programs, failed);
		forget(info, failed);
		if (n == before)
			return gk_fail(err, r, "%s does not run in the image", failed);
		r = add_all(staging->root_fd, info, programs, if_there, making, err);
	}
	return r;
}

int gk_image_tools(const struct gk_store *store, const char *name, const struct gk_making *making,
	struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	gk_autoinfo struct json_object *info = NULL;
	int r = gk_image_copy(store, name, &staging, &info, making->tick, err);
	if (r == 0)
		r = gk_tools_add(&staging, info, making, false, err);
	return r < 0 ? r : gk_image_seal(&staging, info, making->tick, err);
}

unsigned gk_tools_stale(struct json_object *info,
	void (*stale)(void *arg, const char *path, const char *why), void *arg)
{
	struct json_object *files = NULL;
	unsigned n = 0;
	if (!json_object_object_get_ex(info, "tool_files", &files))
		return 0;
	json_object_object_foreach(files, path, value)
	{
		char sum[GK_SUM_MAX] = "";
		gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		const char *was = json_object_get_string(value);
		bool readable = fd >= 0 && gk_hash_fd(fd, 256, NULL, sum) == 0;
		if (readable && was && strcmp(sum, was) == 0)
			continue;
		n++;
		stale(arg, path, readable ? "has changed on the host" : "is gone from the host");
	}
	return n;
}
