#include "image/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
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
	static const char *const made[] = { "manifest", "env", "info.json", GK_ASIDE };
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

int gk_image_edit(const struct gk_store *store, const char *name, struct gk_edit *edit,
	const struct gk_tick *tick, struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	gk_autoinfo struct json_object *info = NULL;
	int r = gk_image_copy(store, name, &staging, &info, tick, err);
	if (r < 0)
		return r;
	record(info, edit->command);
	r = run_editor(&staging, edit, false, err);
	return edit->ran ? decide(&staging, edit, info, tick, r, err) : r;
}
