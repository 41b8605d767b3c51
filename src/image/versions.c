#include "image/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/tree.h"
#include "plan/hostroot.h"

static int add(struct gk_image_list *list, const char *name, const char *dir, bool current)
{
	struct gk_image_version *grown = reallocarray(list->list, list->n + 1, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	list->list = grown;
	struct gk_image_version *v = &grown[list->n++];
	memset(v, 0, sizeof *v);
	snprintf(v->name, sizeof v->name, "%s", name);
	snprintf(v->dir, sizeof v->dir, "%s", dir);
	v->current = current;
	return 0;
}

static int list_names(const struct gk_store *store, const char *name, struct gk_image_list *list)
{
	DIR *dir = gk_store_opendir(store->dir_fd);
	if (!dir)
		return -errno;
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		char version[GK_VERSION_NAME_MAX];
		struct stat st;
		if (!gk_image_name_ok(e->d_name) || (name && strcmp(name, e->d_name) != 0))
			continue;
		if (gk_store_read_link(store, e->d_name, version, sizeof version) == 0)
			r = add(list, e->d_name, version, true);
		else if (fstatat(store->dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(st.st_mode))
			r = add(list, e->d_name, "", true);
	}
	(void)closedir(dir);
	return r;
}

static int list_versions(const struct gk_store *store, const char *name, struct gk_image_list *list)
{
	DIR *dir = store->versions_fd < 0 ? NULL : gk_store_opendir(store->versions_fd);
	if (!dir)
		return store->versions_fd < 0 ? 0 : -errno;
	int r = 0;
	size_t nnames = list->n;
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		char image[GK_IMAGE_NAME_MAX + 1];
		size_t len = strcspn(e->d_name, "@");
		bool known = e->d_name[len] != '@' || len >= sizeof image ||
			strlen(e->d_name) >= GK_VERSION_NAME_MAX;
		for (size_t i = 0; i < nnames && !known; i++)
			known = strcmp(list->list[i].dir, e->d_name) == 0;
		if (known)
			continue;
		memcpy(image, e->d_name, len);
		image[len] = '\0';
		if (gk_image_name_ok(image) && (!name || strcmp(name, image) == 0))
			r = add(list, image, e->d_name, false);
	}
	(void)closedir(dir);
	return r;
}

static int by_name_and_age(const void *a, const void *b)
{
	const struct gk_image_version *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	if (c == 0)
		c = (int)y->current - (int)x->current;
	if (c == 0)
		c = (y->made.tv_sec > x->made.tv_sec) - (y->made.tv_sec < x->made.tv_sec);
	if (c == 0)
		c = (y->made.tv_nsec > x->made.tv_nsec) - (y->made.tv_nsec < x->made.tv_nsec);
	return c ? c : strcmp(y->dir, x->dir);
}

/* When a version was made: its manifest is written once. Its name has whole seconds only. */
static struct timespec made_at(const struct gk_store *store, const char *dir)
{
	char path[GK_VERSION_NAME_MAX + 16];
	struct stat st;
	snprintf(path, sizeof path, "%s/manifest", dir);
	if (!*dir || fstatat(store->versions_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (struct timespec){ 0 };
	return st.st_mtim;
}

static bool is_aside(const struct gk_store *store, const char *dir)
{
	char path[GK_VERSION_NAME_MAX + sizeof GK_ASIDE];
	struct stat st;
	snprintf(path, sizeof path, "%s/" GK_ASIDE, dir);
	return fstatat(store->versions_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool in_use(const struct gk_store *store, const char *dir)
{
	gk_autoclose int fd =
		openat(store->versions_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int gk_store_list(const struct gk_store *store, const char *name, struct gk_image_list *ret,
	struct gk_err *err)
{
	gk_autolist struct gk_image_list list = { 0 };
	int r = list_names(store, name, &list);
	if (r == 0)
		r = list_versions(store, name, &list);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot read %s", store->path);
	for (size_t i = 0; i < list.n; i++)
		list.list[i].made = made_at(store, list.list[i].dir);
	if (list.n)
		qsort(list.list, list.n, sizeof *list.list, by_name_and_age);
	for (size_t i = 0; i < list.n; i++)
		if (list.list[i].dir[0]) {
			list.list[i].in_use = in_use(store, list.list[i].dir);
			list.list[i].aside = is_aside(store, list.list[i].dir);
		}
	*ret = list;
	list.list = NULL;
	return 0;
}

void gk_image_list_free(struct gk_image_list *list)
{
	free(list->list);
	list->list = NULL;
	list->n = 0;
}

static int no_image(const struct gk_store *store, const char *name, struct gk_err *err)
{
	if (strcmp(name, GK_IMAGE_HOST) == 0)
		return gk_fail(err, -ENOENT,
			"'%s' is made of this host's own files at each login: nothing is stored of it; "
			"see 'gocker image show %s'",
			name, name);
	return gk_fail(err, -ENOENT, "there is no image '%s' in %s", name, store->path);
}

int gk_store_current(const struct gk_store *store, const char *name, struct gk_image_version *ret,
	struct gk_err *err)
{
	gk_autolist struct gk_image_list list = { 0 };
	if (!gk_image_name_ok(name))
		return gk_fail(err, -EINVAL, "not a name for an image (letters, digits, . _ -)");
	int r = gk_store_list(store, name, &list, err);
	if (r < 0)
		return r;
	if (list.n == 0 || !list.list[0].current)
		return no_image(store, name, err);
	*ret = list.list[0];
	return 0;
}

int gk_store_open_version(const struct gk_store *store, const struct gk_image_version *version,
	int *ret_fd, int *ret_root_fd, struct gk_err *err)
{
	const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	gk_autoclose int fd = -1, root = -1;
	if (!version->dir[0] && ret_fd)
		return gk_fail(err, -EINVAL, "image '%s' is a plain directory: it has no versions",
			version->name);
	if (version->dir[0]) {
		fd = openat(store->versions_fd, version->dir, how);
		if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0)
			return gk_fail_errno(err, -errno, "image '%s'", version->name);
	}
	root = version->dir[0] ? openat(fd, "root", how) :
				 openat(store->dir_fd, version->name, how);
	if (root < 0)
		return gk_fail_errno(err, -errno, "image '%s'", version->name);
	if (ret_fd)
		*ret_fd = gk_steal_fd(&fd);
	if (ret_root_fd)
		*ret_root_fd = gk_steal_fd(&root);
	return 0;
}

/* The version to go back to, in a list that begins with the current one. */
static const struct gk_image_version *choose_older(
	const struct gk_image_list *list, const char *dir)
{
	const struct timespec *now = &list->list[0].made;
	for (size_t i = 1; i < list->n; i++) {
		const struct timespec *made = &list->list[i].made;
		bool older = made->tv_sec < now->tv_sec ||
			(made->tv_sec == now->tv_sec && made->tv_nsec < now->tv_nsec);
		if (dir ? strcmp(list->list[i].dir, dir) == 0 : older && !list->list[i].aside)
			return &list->list[i];
	}
	return NULL;
}

/* The versions of an image of which there is one at least, with the store locked where it keeps
 * versions: *ret_lock is to be closed in any case. */
static int lock_and_list(const struct gk_store *store, const char *name, struct gk_image_list *ret,
	int *ret_lock, struct gk_err *err)
{
	int r = store->versions_fd < 0 ? 0 : gk_store_lock(store, err);
	if (r >= 0 && store->versions_fd >= 0)
		*ret_lock = r;
	if (r >= 0)
		r = gk_store_list(store, name, ret, err);
	return r < 0 ? r : ret->n == 0 ? no_image(store, name, err) : 0;
}

int gk_store_rollback(const struct gk_store *store, const char *name, const char *dir,
	char *ret_dir, struct gk_err *err)
{
	gk_autolist struct gk_image_list list = { 0 };
	gk_autoclose int lock = -1;
	int r = lock_and_list(store, name, &list, &lock, err);
	if (r < 0)
		return r;
	if (!list.list[0].current)
		return no_image(store, name, err);
	const struct gk_image_version *to = choose_older(&list, dir);
	if (!to && dir)
		return gk_fail(err, -ENOENT,
			"image '%s' has no other version %s; see 'gocker image list %s'", name, dir,
			name);
	if (!to)
		return gk_fail(err, -ENOENT, "image '%s' has no version before this one", name);
	r = gk_store_switch_link(store, name, to->dir, err);
	if (r == 0 && to->aside) {
		char mark[GK_VERSION_NAME_MAX + sizeof GK_ASIDE];
		snprintf(mark, sizeof mark, "%s/" GK_ASIDE, to->dir);
		if (unlinkat(store->versions_fd, mark, 0) < 0)
			r = gk_fail_errno(err, -errno, "%s/.versions/%s", store->path, mark);
	}
	if (r == 0 && fsync(store->dir_fd) < 0)
		r = gk_fail_errno(err, -errno, "cannot sync %s", store->path);
	if (r == 0)
		snprintf(ret_dir, GK_VERSION_NAME_MAX, "%s", to->dir);
	return r;
}

struct doomed {
	char dir[GK_VERSION_NAME_MAX + 16];
	int fd;
};

/* Deletes what doom took out of use; the store's lock is not needed for that. */
static int bury(const struct gk_store *store, struct doomed *dead, size_t n, struct gk_err *err)
{
	int r = 0;
	for (size_t i = 0; i < n; i++) {
		int one = gk_tree_remove(store->versions_fd, dead[i].dir, store->tick, err);
		r = r < 0 ? r : one;
		gk_close_fd(&dead[i].fd);
	}
	return r;
}

int gk_store_remove(const struct gk_store *store, const char *name, struct gk_err *err)
{
	gk_autolist struct gk_image_list list = { 0 };
	gk_autoclose int lock = -1;
	int r = lock_and_list(store, name, &list, &lock, err);
	if (r < 0)
		return r;
	if (!list.list[0].dir[0])
		return gk_fail(err, -EPERM, "%s/%s was not made by gocker; remove it by hand",
			store->path, name);
	for (size_t i = 0; i < list.n; i++)
		if (list.list[i].in_use)
			return gk_fail(err, -EBUSY, "image '%s' is in use", name);
	/* The name first: from here on no session can start from it. */
	if (list.list[0].current && unlinkat(store->dir_fd, name, 0) < 0)
		return gk_fail_errno(err, -errno, "%s/%s", store->path, name);
	gk_autofree struct doomed *dead = calloc(list.n, sizeof *dead);
	size_t n = 0;
	for (size_t i = 0; dead && i < list.n; i++) {
		dead[n].fd =
			gk_store_doom(store, list.list[i].dir, dead[n].dir, sizeof dead[n].dir);
		if (dead[n].fd >= 0)
			n++;
		else if (r == 0) /* a session took it since: it goes with the next prune */
			r = gk_fail_errno(err, dead[n].fd, "cannot remove a version of '%s'", name);
	}
	gk_close_fd(&lock);
	int removed = dead ? bury(store, dead, n, err) : gk_fail_errno(err, -ENOMEM, "%s", name);
	return r < 0 ? r : removed;
}

int gk_store_prune(
	const struct gk_store *store, const char *name, struct gk_prune *prune, struct gk_err *err)
{
	gk_autolist struct gk_image_list list = { 0 };
	if (store->versions_fd < 0)
		return 0;
	gk_store_sweep(store);
	gk_autoclose int lock = gk_store_lock(store, err);
	int r = lock < 0 ? lock : gk_store_list(store, name, &list, err);
	if (r < 0 || list.n == 0)
		return r;
	gk_autofree struct doomed *dead = calloc(list.n, sizeof *dead);
	if (!dead)
		return gk_fail_errno(err, -ENOMEM, "%s", store->path);
	size_t n = 0, old = 0;
	for (size_t i = 0; i < list.n; i++) {
		bool same = i > 0 && strcmp(list.list[i].name, list.list[i - 1].name) == 0;
		old = same ? old : 0;
		if (list.list[i].current)
			continue;
		if (list.list[i].aside && !prune->edits) {
			prune->ret_edits++;
			continue;
		}
		if (!list.list[i].aside && old++ < prune->keep)
			continue;
		dead[n].fd =
			gk_store_doom(store, list.list[i].dir, dead[n].dir, sizeof dead[n].dir);
		if (dead[n].fd >= 0)
			n++;
		else if (dead[n].fd == -EBUSY)
			prune->ret_used++;
		else if (r == 0)
			r = gk_fail_errno(err, dead[n].fd, "version %s", list.list[i].dir);
	}
	gk_close_fd(&lock);
	prune->ret_removed += n;
	int removed = bury(store, dead, n, err);
	return r < 0 ? r : removed;
}
