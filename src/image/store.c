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
#include "image/layout.h"
#include "image/tree.h"
#include "plan/hostroot.h"

/* Names below .versions that are no version: no image's name begins with a dot. */
#define NEW_PREFIX  ".new@"
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
		return gk_fail(
			err, -EPERM, "%s must belong to root and be writable by nobody else", path);
	if (create && mkdirat(store.dir_fd, ".versions", 0700) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, "cannot make %s/.versions", path);
	store.versions_fd =
		openat(store.dir_fd, ".versions", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (store.versions_fd < 0 && (create || errno != ENOENT))
		return gk_fail_errno(err, -errno, "%s/.versions", path);
	if (store.versions_fd >= 0 &&
		(fstat(store.versions_fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077)))
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

int gk_store_lock(const struct gk_store *store, struct gk_err *err)
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

int gk_store_stage(const struct gk_store *store, const char *name, char *ret_dir, size_t size,
	struct gk_err *err)
{
	char suffix[16];
	if (random_suffix(suffix, sizeof suffix) < 0)
		return gk_fail(err, -EIO, "no random bytes");
	snprintf(ret_dir, size, NEW_PREFIX "%s@%s", name, suffix);
	/* Under the store's lock, or a sweep could take the directory before it is locked. */
	gk_autoclose int lock = gk_store_lock(store, err);
	if (lock < 0)
		return lock;
	if (mkdirat(store->versions_fd, ret_dir, 0700) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", store->path);
	gk_autoclose int fd = openat(
		store->versions_fd, ret_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", store->path);
	return gk_steal_fd(&fd);
}

int gk_staging_begin(
	const struct gk_store *store, const char *name, struct gk_staging *ret, struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = { .store = store, .fd = -1, .root_fd = -1 };
	struct stat st;
	if (!gk_image_name_ok(name))
		return gk_fail(err, -EINVAL, "not a name for an image (letters, digits, . _ -)");
	if (strcmp(name, GK_IMAGE_HOST) == 0)
		return gk_fail(err, -EINVAL,
			"'%s' is reserved: image = %s is the host's own /usr; choose another name",
			name, name);
	if (fstatat(store->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK(st.st_mode))
		return gk_fail(err, -EEXIST, "%s/%s was not made by gocker; move it away first",
			store->path, name);
	gk_store_sweep(store);
	snprintf(staging.name, sizeof staging.name, "%s", name);
	staging.fd = gk_store_stage(store, name, staging.dir, sizeof staging.dir, err);
	if (staging.fd < 0)
		return staging.fd;
	if (mkdirat(staging.fd, "root", 0755) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", store->path);
	staging.root_fd =
		openat(staging.fd, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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

int gk_store_switch_link(
	const struct gk_store *store, const char *name, const char *version, struct gk_err *err)
{
	char target[GK_VERSION_NAME_MAX + 32], temp[GK_VERSION_NAME_MAX + 8];
	snprintf(target, sizeof target, ".versions/%s/root", version);
	snprintf(temp, sizeof temp, ".link@%s", version);
	if (symlinkat(target, store->dir_fd, temp) < 0)
		return gk_fail_errno(err, -errno, "cannot make a link in %s", store->path);
	if (renameat(store->dir_fd, temp, store->dir_fd, name) < 0) {
		int r = -errno;
		(void)unlinkat(store->dir_fd, temp, 0);
		return gk_fail_errno(err, r, "cannot put %s/%s in place", store->path, name);
	}
	return 0;
}

int gk_store_read_link(const struct gk_store *store, const char *name, char *ret, size_t size)
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

int gk_staging_commit(struct gk_staging *staging, struct gk_err *err)
{
	const struct gk_store *store = staging->store;
	char version[GK_VERSION_NAME_MAX];
	if (syncfs(staging->fd) < 0)
		return gk_fail_errno(err, -errno, "cannot write %s to the disk", store->path);
	if (stamp(staging->name, version, sizeof version) < 0)
		return gk_fail(err, -EIO, "no random bytes");
	gk_autoclose int mark = staging->aside ?
		openat(staging->fd, GK_ASIDE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600) :
		-1;
	if (staging->aside && mark < 0)
		return gk_fail_errno(err, -errno, "cannot write to %s", store->path);
	gk_autoclose int lock = gk_store_lock(store, err);
	if (lock < 0)
		return lock;
	char now[GK_VERSION_NAME_MAX] = "";
	if (staging->base[0] && !staging->aside &&
		(gk_store_read_link(store, staging->name, now, sizeof now) < 0 ||
			strcmp(now, staging->base) != 0))
		return gk_fail(
			err, -ESTALE, "image '%s' was replaced by another command", staging->name);
	/* From exclusive to shared, so that a session can start at once; neither a sweep nor a
	 * prune can come between, since they hold the store's lock. */
	if (flock(staging->fd, LOCK_SH | LOCK_NB) < 0 ||
		renameat(store->versions_fd, staging->dir, store->versions_fd, version) < 0 ||
		fsync(store->versions_fd) < 0)
		return gk_fail_errno(err, -errno, "cannot put a version into %s", store->path);
	snprintf(staging->dir, sizeof staging->dir, "%s", version);
	(void)unlinkat(staging->fd, GK_EDITING, 0);
	int r = staging->aside ? 0 : gk_store_switch_link(store, staging->name, version, err);
	if (r < 0)
		return r;
	gk_close_fd(&staging->root_fd);
	gk_close_fd(&staging->fd);
	return fsync(store->dir_fd) < 0 ?
		gk_fail_errno(err, -errno, "cannot sync %s", store->path) :
		0;
}

void gk_staging_end(struct gk_staging *staging)
{
	while (staging->nheld)
		gk_close_fd(&staging->held[--staging->nheld]);
	if (staging->fd >= 0)
		(void)unlinkat(staging->fd, GK_EDITING, 0);
	if (staging->fd >= 0)
		(void)gk_tree_remove(staging->store->versions_fd, staging->dir, NULL, NULL);
	gk_close_fd(&staging->root_fd);
	gk_close_fd(&staging->fd);
}

int gk_store_doom_layer(
	const struct gk_store *store, int layers_fd, const char *layer, char *dead, size_t size)
{
	char suffix[16];
	gk_autoclose int fd =
		openat(layers_fd, layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (random_suffix(suffix, sizeof suffix) < 0)
		return -EIO;
	snprintf(dead, size, DEAD_PREFIX "%s.%s", layer, suffix);
	if (renameat(layers_fd, layer, store->versions_fd, dead) < 0)
		return -errno;
	return gk_steal_fd(&fd);
}

int gk_store_doom(const struct gk_store *store, const char *dir, char *dead, size_t size)
{
	gk_autoclose int fd =
		openat(store->versions_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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

/* A copy that an edit has worked on is somebody's work, and none. */
static bool is_litter(const struct gk_store *store, const char *name)
{
	char mark[GK_VERSION_NAME_MAX + sizeof GK_EDITING + 1];
	struct stat st;
	if (strncmp(name, DEAD_PREFIX, strlen(DEAD_PREFIX)) == 0)
		return true;
	if (strncmp(name, NEW_PREFIX, strlen(NEW_PREFIX)) != 0)
		return false;
	int n = snprintf(mark, sizeof mark, "%s/" GK_EDITING, name);
	return n < (int)sizeof mark &&
		fstatat(store->versions_fd, mark, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

DIR *gk_store_opendir(int fd)
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
		gk_autoclose int lock = gk_store_lock(store, NULL);
		DIR *dir = lock < 0 ? NULL : gk_store_opendir(store->versions_fd);
		struct dirent *e;
		while (held < 0 && dir && (e = readdir(dir)))
			if (is_litter(store, e->d_name) && strlen(e->d_name) < GK_VERSION_NAME_MAX)
				held = gk_store_doom(store, e->d_name, dead, sizeof dead);
		if (dir)
			(void)closedir(dir);
		gk_close_fd(&lock);
		more = held >= 0 &&
			gk_tree_remove(store->versions_fd, dead, store->tick, NULL) == 0;
	}
	DIR *dir = gk_store_opendir(store->dir_fd);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (strncmp(e->d_name, ".link@", 6) == 0)
			(void)unlinkat(store->dir_fd, e->d_name, 0);
	if (dir)
		(void)closedir(dir);
}
