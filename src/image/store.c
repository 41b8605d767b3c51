#include "image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "image/tree.h"

/* Names below .versions that are no version: no image's name begins with a dot. */
#define NEW_PREFIX ".new@"
#define DEAD_PREFIX ".dead@"

static int make_dirs(const char *path, struct gk_err *err)
{
	gk_autofree char *copy = strdup(path);
	if (!copy)
		return gk_fail_errno(err, -ENOMEM, "%s", path);
	for (char *p = copy + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return gk_fail_errno(err, -errno, "cannot make %s", copy);
		*p = was;
		if (!was)
			return 0;
	}
}

int gk_store_open(const char *path, bool create, struct gk_store *ret, struct gk_err *err)
{
	gk_autostore struct gk_store store = { .path = path, .dir_fd = -1, .versions_fd = -1 };
	if (path[0] != '/')
		return gk_fail(err, -EINVAL, "image directory %s is not an absolute path", path);
	int r = create ? make_dirs(path, err) : 0;
	if (r < 0)
		return r;
	store.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store.dir_fd < 0)
		return gk_fail_errno(err, -errno, "image directory %s", path);
	struct stat st;
	if (fstat(store.dir_fd, &st) < 0)
		return gk_fail_errno(err, -errno, "image directory %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return gk_fail(err, -EPERM, "%s must belong to root and be writable by nobody else",
			path);
	if (create && mkdirat(store.dir_fd, ".versions", 0700) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, "cannot make %s/.versions", path);
	store.versions_fd = openat(store.dir_fd, ".versions",
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (store.versions_fd < 0 && (create || errno != ENOENT))
		return gk_fail_errno(err, -errno, "%s/.versions", path);
	if (store.versions_fd >= 0 && (fstat(store.versions_fd, &st) < 0 ||
			st.st_uid != geteuid() || (st.st_mode & 077)))
		return gk_fail(err, -EPERM, "%s/.versions must be root's alone (mode 0700)", path);
	*ret = store;
	store.dir_fd = store.versions_fd = -1;
	return 0;
}

void gk_store_close(struct gk_store *store)
{
	gk_close_fd(&store->dir_fd);
	gk_close_fd(&store->versions_fd);
}

/* The lock under which names change. Held for the time of a rename or two; never while unpacking.
 * A new open file each time: the lock goes with the fd returned. */
static int lock_store(const struct gk_store *store, struct gk_err *err)
{
	gk_autoclose int fd = openat(store->versions_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return gk_fail_errno(err, -errno, "%s/.versions", store->path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return gk_fail_errno(err, -errno, "cannot lock %s", store->path);
	return gk_steal_fd(&fd);
}

static int random_suffix(char *buf, size_t size)
{
	unsigned char bytes[6];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return -EIO;
	for (size_t i = 0; i < sizeof bytes && 2 * i + 2 < size; i++)
		snprintf(buf + 2 * i, size - 2 * i, "%02x", bytes[i]);
	return 0;
}

int gk_staging_begin(const struct gk_store *store, const char *name, struct gk_staging *ret,
	struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = { .store = store, .fd = -1, .root_fd = -1 };
	char suffix[16];
	struct stat st;
	if (!gk_image_name_ok(name))
		return gk_fail(err, -EINVAL, "not a name for an image (letters, digits, . _ -)");
	if (fstatat(store->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK(st.st_mode))
		return gk_fail(err, -EEXIST, "%s/%s was not made by gocker; move it away first",
			store->path, name);
	gk_store_sweep(store);
	if (random_suffix(suffix, sizeof suffix) < 0)
		return gk_fail(err, -EIO, "no random bytes");
	snprintf(staging.name, sizeof staging.name, "%s", name);
	snprintf(staging.dir, sizeof staging.dir, NEW_PREFIX "%s@%s", name, suffix);
	/* Under the store's lock, or a sweep could take the directory before it is locked. */
	gk_autoclose int lock = lock_store(store, err);
	if (lock < 0)
		return lock;
	if (mkdirat(store->versions_fd, staging.dir, 0700) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", store->path);
	staging.fd = openat(store->versions_fd, staging.dir,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (staging.fd < 0 || flock(staging.fd, LOCK_EX | LOCK_NB) < 0 ||
		mkdirat(staging.fd, "root", 0755) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", store->path);
	staging.root_fd = openat(staging.fd, "root",
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (staging.root_fd < 0 || fchmod(staging.root_fd, 0755) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", store->path);
	*ret = staging;
	staging.fd = staging.root_fd = -1;
	return 0;
}

/* NAME@UTC-time.random: sorts by age, never the same twice. */
static int stamp(const char *name, char *buf, size_t size)
{
	char suffix[16], when[32];
	struct tm tm;
	time_t now = time(NULL);
	if (random_suffix(suffix, sizeof suffix) < 0 || !gmtime_r(&now, &tm))
		return -EIO;
	strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
	snprintf(buf, size, "%s@%s.%.4s", name, when, suffix);
	return 0;
}

/* Makes the link under another name and renames it over the old one. */
static int switch_link(const struct gk_staging *staging, const char *version, struct gk_err *err)
{
	char target[GK_VERSION_NAME_MAX + 32], temp[GK_VERSION_NAME_MAX + 8];
	snprintf(target, sizeof target, ".versions/%s/root", version);
	snprintf(temp, sizeof temp, ".link@%s", version);
	int dir = staging->store->dir_fd;
	if (symlinkat(target, dir, temp) < 0)
		return gk_fail_errno(err, -errno, "cannot make a link in %s", staging->store->path);
	if (renameat(dir, temp, dir, staging->name) < 0) {
		int r = -errno;
		(void)unlinkat(dir, temp, 0);
		return gk_fail_errno(err, r, "cannot put %s/%s in place", staging->store->path,
			staging->name);
	}
	return 0;
}

int gk_staging_commit(struct gk_staging *staging, struct gk_err *err)
{
	const struct gk_store *store = staging->store;
	char version[GK_VERSION_NAME_MAX];
	if (syncfs(staging->fd) < 0)
		return gk_fail_errno(err, -errno, "cannot write %s to the disk", store->path);
	if (stamp(staging->name, version, sizeof version) < 0)
		return gk_fail(err, -EIO, "no random bytes");
	gk_autoclose int lock = lock_store(store, err);
	if (lock < 0)
		return lock;
	/* From exclusive to shared, so that a session can start at once; neither a sweep nor a
	 * prune can come between, since they hold the store's lock. */
	if (flock(staging->fd, LOCK_SH | LOCK_NB) < 0 ||
		renameat(store->versions_fd, staging->dir, store->versions_fd, version) < 0 ||
		fsync(store->versions_fd) < 0)
		return gk_fail_errno(err, -errno, "cannot put a version into %s", store->path);
	snprintf(staging->dir, sizeof staging->dir, "%s", version);
	int r = switch_link(staging, version, err);
	if (r < 0)
		return r;
	gk_close_fd(&staging->root_fd);
	gk_close_fd(&staging->fd);
	return fsync(store->dir_fd) < 0 ? gk_fail_errno(err, -errno, "cannot sync %s", store->path)
					: 0;
}

void gk_staging_end(struct gk_staging *staging)
{
	if (staging->fd >= 0)
		(void)gk_tree_remove(staging->store->versions_fd, staging->dir, NULL);
	gk_close_fd(&staging->root_fd);
	gk_close_fd(&staging->fd);
}

/* Takes a version out of use if no session holds it. The caller has the store's lock. Afterwards
 * the directory is called DEAD_PREFIX…, and *ret_fd holds it against a second sweep. */
static int doom(const struct gk_store *store, const char *dir, char *dead, size_t size)
{
	gk_autoclose int fd = openat(store->versions_fd, dir,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	snprintf(dead, size, DEAD_PREFIX "%s", dir[0] == '.' ? dir + 1 : dir);
	if (strncmp(dir, DEAD_PREFIX, strlen(DEAD_PREFIX)) == 0)
		snprintf(dead, size, "%s", dir);
	else if (renameat(store->versions_fd, dir, store->versions_fd, dead) < 0)
		return -errno;
	return gk_steal_fd(&fd);
}

static bool is_litter(const char *name)
{
	return strncmp(name, NEW_PREFIX, strlen(NEW_PREFIX)) == 0 ||
		strncmp(name, DEAD_PREFIX, strlen(DEAD_PREFIX)) == 0;
}

static DIR *open_dir_again(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir && copy >= 0)
		(void)close(copy);
	return dir;
}

void gk_store_sweep(const struct gk_store *store)
{
	for (bool more = true; more;) {
		char dead[GK_VERSION_NAME_MAX + 16] = "";
		gk_autoclose int held = -1;
		gk_autoclose int lock = lock_store(store, NULL);
		DIR *dir = lock < 0 ? NULL : open_dir_again(store->versions_fd);
		struct dirent *e;
		while (held < 0 && dir && (e = readdir(dir)))
			if (is_litter(e->d_name) && strlen(e->d_name) < GK_VERSION_NAME_MAX)
				held = doom(store, e->d_name, dead, sizeof dead);
		if (dir)
			(void)closedir(dir);
		gk_close_fd(&lock);
		more = held >= 0 && gk_tree_remove(store->versions_fd, dead, NULL) == 0;
	}
	DIR *dir = open_dir_again(store->dir_fd);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (strncmp(e->d_name, ".link@", 6) == 0)
			(void)unlinkat(store->dir_fd, e->d_name, 0);
	if (dir)
		(void)closedir(dir);
}

/* The version that the link NAME stands for: the middle part of ".versions/NAME@STAMP/root". */
static int read_link(const struct gk_store *store, const char *name, char *ret, size_t size)
{
	char target[GK_VERSION_NAME_MAX + 64];
	ssize_t n = readlinkat(store->dir_fd, name, target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	static const char head[] = ".versions/", tail[] = "/root";
	size_t len = (size_t)n;
	if (len <= sizeof head + sizeof tail - 2 || strncmp(target, head, sizeof head - 1) != 0 ||
		strcmp(target + len - (sizeof tail - 1), tail) != 0)
		return -EINVAL;
	len -= sizeof head + sizeof tail - 2;
	if (len >= size || memchr(target + sizeof head - 1, '/', len))
		return -EINVAL;
	memcpy(ret, target + sizeof head - 1, len);
	ret[len] = '\0';
	return 0;
}

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
	DIR *dir = open_dir_again(store->dir_fd);
	if (!dir)
		return -errno;
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		char version[GK_VERSION_NAME_MAX];
		struct stat st;
		if (!gk_image_name_ok(e->d_name) || (name && strcmp(name, e->d_name) != 0))
			continue;
		if (read_link(store, e->d_name, version, sizeof version) == 0)
			r = add(list, e->d_name, version, true);
		else if (fstatat(store->dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(st.st_mode))
			r = add(list, e->d_name, "", true);
	}
	(void)closedir(dir);
	return r;
}

static int list_versions(const struct gk_store *store, const char *name,
	struct gk_image_list *list)
{
	DIR *dir = store->versions_fd < 0 ? NULL : open_dir_again(store->versions_fd);
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
	return c ? c : strcmp(y->dir, x->dir);
}

static bool in_use(const struct gk_store *store, const char *dir)
{
	gk_autoclose int fd = openat(store->versions_fd, dir,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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
	if (list.n)
		qsort(list.list, list.n, sizeof *list.list, by_name_and_age);
	for (size_t i = 0; i < list.n; i++)
		list.list[i].in_use = list.list[i].dir[0] && in_use(store, list.list[i].dir);
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

int gk_store_current(const struct gk_store *store, const char *name,
	struct gk_image_version *ret, struct gk_err *err)
{
	gk_autolist struct gk_image_list list = { 0 };
	if (!gk_image_name_ok(name))
		return gk_fail(err, -EINVAL, "not a name for an image (letters, digits, . _ -)");
	int r = gk_store_list(store, name, &list, err);
	if (r < 0)
		return r;
	if (list.n == 0 || !list.list[0].current)
		return gk_fail(err, -ENOENT, "there is no image '%s' in %s", name, store->path);
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
	root = version->dir[0] ? openat(fd, "root", how) : openat(store->dir_fd, version->name, how);
	if (root < 0)
		return gk_fail_errno(err, -errno, "image '%s'", version->name);
	if (ret_fd)
		*ret_fd = gk_steal_fd(&fd);
	if (ret_root_fd)
		*ret_root_fd = gk_steal_fd(&root);
	return 0;
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
		int one = gk_tree_remove(store->versions_fd, dead[i].dir, err);
		r = r < 0 ? r : one;
		gk_close_fd(&dead[i].fd);
	}
	return r;
}

int gk_store_remove(const struct gk_store *store, const char *name, struct gk_err *err)
{
	gk_autolist struct gk_image_list list = { 0 };
	gk_autoclose int lock = store->versions_fd < 0 ? -1 : lock_store(store, err);
	if (store->versions_fd >= 0 && lock < 0)
		return lock;
	int r = gk_store_list(store, name, &list, err);
	if (r < 0)
		return r;
	if (list.n == 0)
		return gk_fail(err, -ENOENT, "there is no image '%s' in %s", name, store->path);
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
		dead[n].fd = doom(store, list.list[i].dir, dead[n].dir, sizeof dead[n].dir);
		if (dead[n].fd >= 0)
			n++;
		else if (r == 0) /* a session took it since: it goes with the next prune */
			r = gk_fail_errno(err, dead[n].fd, "a version of '%s' stays", name);
	}
	gk_close_fd(&lock);
	int removed = dead ? bury(store, dead, n, err) : gk_fail_errno(err, -ENOMEM, "%s", name);
	return r < 0 ? r : removed;
}

int gk_store_prune(const struct gk_store *store, const char *name, size_t *ret_removed,
	size_t *ret_kept, struct gk_err *err)
{
	gk_autolist struct gk_image_list list = { 0 };
	if (store->versions_fd < 0)
		return 0;
	gk_store_sweep(store);
	gk_autoclose int lock = lock_store(store, err);
	int r = lock < 0 ? lock : gk_store_list(store, name, &list, err);
	if (r < 0 || list.n == 0)
		return r;
	gk_autofree struct doomed *dead = calloc(list.n, sizeof *dead);
	if (!dead)
		return gk_fail_errno(err, -ENOMEM, "%s", store->path);
	size_t n = 0;
	for (size_t i = 0; i < list.n; i++) {
		if (list.list[i].current)
			continue;
		dead[n].fd = doom(store, list.list[i].dir, dead[n].dir, sizeof dead[n].dir);
		if (dead[n].fd >= 0)
			n++;
		else if (dead[n].fd == -EBUSY)
			(*ret_kept)++;
		else if (r == 0)
			r = gk_fail_errno(err, dead[n].fd, "version %s", list.list[i].dir);
	}
	gk_close_fd(&lock);
	*ret_removed += n;
	int removed = bury(store, dead, n, err);
	return r < 0 ? r : removed;
}
