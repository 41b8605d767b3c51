#include "image/edit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "image/info.h"
#include "image/layout.h"
#include "image/tree.h"

/* What a session mounts over. A place that is not there is made; it does no harm later. */
static int make_places(int root_fd, struct gk_err *err)
{
	static const struct {
		const char *path;
		mode_t mode;
	} places[] = { { "dev", 0755 }, { "proc", 0555 }, { "run", 0755 }, { "tmp", 01777 },
		{ "etc", 0755 } };
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (mkdirat(root_fd, places[i].path, 0755) < 0) {
			if (errno == EEXIST)
				continue;
			return gk_fail_errno(err, -errno, "cannot make /%s", places[i].path);
		}
		if (fchmodat(root_fd, places[i].path, places[i].mode, 0) < 0)
			return gk_fail_errno(err, -errno, "cannot make /%s", places[i].path);
	}
	return 0;
}

/* The host's resolv.conf is bound over the image's for the time of the editing. Where the image has
 * none, or a symlink, an empty file takes the place meanwhile. */
#define RESOLV "resolv.conf"
#define ASIDE  ".resolv.conf.gocker"

struct resolv {
	int etc;
	bool placeholder, aside;
};

static int resolv_prepare(int root_fd, struct resolv *resolv, struct gk_err *err)
{
	struct stat st;
	resolv->etc = gk_sys_openat2(
		root_fd, "etc", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (resolv->etc < 0)
		return gk_fail_errno(err, resolv->etc, "/etc in the image");
	if (fstatat(resolv->etc, RESOLV, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISREG(st.st_mode))
			return 0;
		if (renameat(resolv->etc, RESOLV, resolv->etc, ASIDE) < 0)
			return gk_fail_errno(err, -errno, "/etc/resolv.conf");
		resolv->aside = true;
	}
	gk_autoclose int fd = openat(
		resolv->etc, RESOLV, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	resolv->placeholder = fd >= 0;
	return fd < 0 ? gk_fail_errno(err, -errno, "/etc/resolv.conf") : 0;
}

static int resolv_restore(struct resolv *resolv, struct gk_err *err)
{
	int r = 0;
	if (resolv->placeholder && unlinkat(resolv->etc, RESOLV, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0 && resolv->aside && renameat(resolv->etc, ASIDE, resolv->etc, RESOLV) < 0)
		r = -errno;
	gk_close_fd(&resolv->etc);
	return r < 0 ? gk_fail_errno(err, r, "/etc/resolv.conf") : 0;
}

/* An editor may have put in what an import would not let in. */
static int clean_one(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	struct gk_edit *edit = arg;
	int r = 0;
	if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) {
		if (!(st->st_mode & (S_ISUID | S_ISGID)))
			return 0;
		edit->ret_setid++;
		r = fchmodat(parent_fd, name, st->st_mode & 01777, 0);
	} else if (!S_ISLNK(st->st_mode)) {
		edit->ret_special++;
		r = unlinkat(parent_fd, name, 0);
	}
	return r < 0 ? gk_fail_errno(err, -errno, "cannot clean up /%s", path) : 0;
}

static void record(struct json_object *info, const char *command)
{
	struct json_object *list = NULL;
	if (!json_object_object_get_ex(info, "edited", &list)) {
		list = json_object_new_array();
		(void)json_object_object_add(info, "edited", list);
	}
	struct json_object *text = json_object_new_string(command);
	if (json_object_array_add(list, text) < 0)
		(void)json_object_put(text);
}

static int run_editor(
	struct gk_staging *staging, struct gk_edit *edit, bool look, struct gk_err *err)
{
	char root[PATH_MAX];
	struct resolv resolv = { .etc = -1 };
	int n = snprintf(
		root, sizeof root, "%s/.versions/%s/root", staging->store->path, staging->dir);
	if (n < 0 || n >= (int)sizeof root)
		return gk_fail_errno(err, -ENAMETOOLONG, "%s", staging->store->path);
	int r = make_places(staging->root_fd, err);
	if (r == 0)
		r = resolv_prepare(staging->root_fd, &resolv, err);
	edit->ran = edit->ran || r == 0;
	if (r == 0)
		r = edit->run(edit->arg, root, look, err);
	int restored = resolv_restore(&resolv, err);
	return r ? r : restored;
}

/* Makes a version of the copy. After a failure it can be tried again. */
static int take_over(struct gk_staging *staging, struct gk_edit *edit, struct json_object *info,
	const struct gk_tick *tick, struct gk_err *err)
{
	static const char *const made[] = { "manifest", "env", GK_ASIDE };
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		if (unlinkat(staging->fd, made[i], 0) < 0 && errno != ENOENT)
			return gk_fail_errno(err, -errno, "%s", staging->store->path);
	edit->ret_setid = edit->ret_special = 0;
	int r = gk_tree_walk(staging->root_fd, clean_one, edit, err);
	return r < 0 ? r : gk_image_seal(staging, info, tick, err);
}

/* Returns as gk_image_edit does. */
static int decide(struct gk_staging *staging, struct gk_edit *edit, struct json_object *info,
	const struct gk_tick *tick, int result, struct gk_err *err)
{
	bool stale = false;
	for (;;) {
		edit->ret_choice =
			result == 0 ? GK_EDIT_TAKE : edit->choose(edit->arg, result, err);
		if (edit->ret_choice == GK_EDIT_LOOK) {
			struct gk_err ignored = GK_ERR_INIT;
			(void)run_editor(staging, edit, true, &ignored);
			continue;
		}
		bool keep = edit->ret_choice == GK_EDIT_KEEP;
		if (edit->ret_choice == GK_EDIT_DROP)
			return result;
		struct gk_err why = GK_ERR_INIT;
		staging->aside = keep;
		if (stale)
			staging->base[0] = '\0';
		/* What is kept is kept after ^C as well. */
		int r = take_over(staging, edit, info, keep ? NULL : tick, &why);
		if (r == 0 && keep)
			snprintf(edit->ret_kept, sizeof edit->ret_kept, "%s", staging->dir);
		if (r == 0)
			return keep ? result : 0;
		stale = r == -ESTALE;
		result = r;
		*err = why;
	}
}

/* From now on the copy outlives this process, whatever ends it. */
static int begin(struct gk_staging *staging, struct json_object *info, struct gk_err *err)
{
	int r = gk_info_write(info, staging->fd, err);
	if (r < 0)
		return r;
	gk_autoclose int mark = openat(staging->fd, GK_EDITING,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return mark < 0 ? gk_fail_errno(err, -errno, "%s", staging->store->path) : 0;
}

int gk_image_edit(const struct gk_store *store, const char *name, struct gk_edit *edit,
	const struct gk_tick *tick, struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	gk_autoinfo struct json_object *info = NULL;
	int r = gk_image_copy(store, name, &staging, &info, tick, err);
	if (r < 0)
		return r;
	record(info, edit->command);
	r = begin(&staging, info, err);
	if (r < 0)
		return r;
	r = run_editor(&staging, edit, false, err);
	return edit->ran ? decide(&staging, edit, info, tick, r, err) : r;
}

/* The first directory whose edit was cut short, locked and with its name; -ENOENT for none. */
static int find_cut_short(const struct gk_store *store, struct gk_staging *ret)
{
	static const char prefix[] = ".new@";
	gk_autoclose int lock = gk_store_lock(store, NULL);
	DIR *dir = lock < 0 ? NULL : gk_store_opendir(store->versions_fd);
	int r = -ENOENT;
	for (struct dirent *e; r == -ENOENT && dir && (e = readdir(dir));) {
		struct stat st;
		const char *name = e->d_name + sizeof prefix - 1, *at = strrchr(e->d_name, '@');
		if (strncmp(e->d_name, prefix, sizeof prefix - 1) != 0 || at <= name ||
			(size_t)(at - name) >= sizeof ret->name ||
			strlen(e->d_name) >= sizeof ret->dir)
			continue;
		gk_autoclose int fd = openat(store->versions_fd, e->d_name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstatat(fd, GK_EDITING, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		snprintf(ret->dir, sizeof ret->dir, "%s", e->d_name);
		snprintf(ret->name, sizeof ret->name, "%.*s", (int)(at - name), name);
		ret->fd = gk_steal_fd(&fd);
		r = 0;
	}
	if (dir)
		(void)closedir(dir);
	return r;
}

/* Its lock is free when the process that held it is gone; what it ran is killed by then, or about
 * to be. */
static int keep_cut_short(
	struct gk_staging *staging, const struct gk_tick *tick, struct gk_err *err)
{
	struct gk_edit edit = { 0 };
	gk_autoinfo struct json_object *info = gk_info_read(staging->fd, err);
	staging->root_fd =
		openat(staging->fd, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!info || staging->root_fd < 0)
		return gk_fail(err, -EBADMSG, "%s is damaged", staging->dir);
	gk_autoclose int etc = gk_sys_openat2(staging->root_fd, "etc", O_RDONLY | O_DIRECTORY,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (etc >= 0)
		(void)renameat(etc, ASIDE, etc, RESOLV);
	staging->aside = true;
	return take_over(staging, &edit, info, tick, err);
}

void gk_image_recover(
	const struct gk_store *store, const struct gk_tick *tick, const struct gk_say *said)
{
	for (;;) {
		struct gk_staging staging = { .store = store, .fd = -1, .root_fd = -1 };
		struct gk_err err = GK_ERR_INIT;
		char line[3 * GK_VERSION_NAME_MAX + sizeof err.msg + 256];
		if (find_cut_short(store, &staging) < 0)
			return;
		int r = keep_cut_short(&staging, tick, &err);
		if (r == 0)
			snprintf(line, sizeof line,
				"an edit of image %s was cut short; what it did is kept: `gocker image "
				"rollback %s %s` puts it in place, `gocker image prune --edits %s` "
				"removes it",
				staging.name, staging.name, staging.dir, staging.name);
		else
			snprintf(line, sizeof line,
				"an edit of image %s was cut short, and what it did is in %s/.versions/%s: %s",
				staging.name, store->path, staging.dir, err.msg);
		gk_say(said, line);
		gk_close_fd(&staging.root_fd);
		gk_close_fd(&staging.fd);
		if (r < 0)
			return;
	}
}
