#include "image/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"

static int open_below(int parent_fd, const char *name)
{
	return gk_sys_openat2(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_BENEATH);
}

/* The names in a directory: one after the other in text, and sorted in list. */
struct names {
	char *text;
	size_t used, room;
	char **list;
	size_t n;
};

static void names_free(struct names *names)
{
	free(names->text);
	free(names->list);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_add(struct names *names, const char *name)
{
	size_t size = strlen(name) + 1;
	if (size > names->room - names->used) {
		size_t room = 2 * names->room + 4096;
		char *grown = realloc(names->text, room);
		if (!grown)
			return -ENOMEM;
		names->text = grown;
		names->room = room;
	}
	memcpy(names->text + names->used, name, size);
	names->used += size;
	names->n++;
	return 0;
}

static int names_sort(struct names *names)
{
	if (names->n == 0)
		return 0;
	names->list = calloc(names->n, sizeof *names->list);
	if (!names->list)
		return -ENOMEM;
	char *name = names->text;
	for (size_t i = 0; i < names->n; i++, name += strlen(name) + 1)
		names->list[i] = name;
	qsort(names->list, names->n, sizeof *names->list, by_bytes);
	return 0;
}

/* Reads the names in a directory, sorted, so that a walk is the same every time. */
static int read_names(int fd, struct names *ret)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		int r = -errno;
		gk_close_fd(&copy);
		return r;
	}
	int r = 0;
	for (struct dirent *e; r == 0 && (errno = 0, e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = names_add(ret, e->d_name);
	if (r == 0 && errno)
		r = -errno;
	(void)closedir(dir);
	return r < 0 ? r : names_sort(ret);
}

struct walk {
	gk_walk_fn fn;
	void *arg;
	char path[PATH_MAX];
	struct gk_err *err;
};

static int walk_dir(struct walk *walk, int fd, size_t len, unsigned depth)
{
	__attribute__((cleanup(names_free))) struct names names = { 0 };
	int r = read_names(fd, &names);
	if (r < 0)
		return gk_fail_errno(walk->err, r, "cannot read /%s", walk->path);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.list[i];
		struct stat st;
		size_t at = len + (len ? 1 : 0), n = strlen(name);
		if (at + n >= sizeof walk->path || depth >= GK_TREE_DEPTH_MAX)
			return gk_fail(walk->err, -ENAMETOOLONG, "/%s is too deep", walk->path);
		if (len)
			walk->path[len] = '/';
		memcpy(walk->path + at, name, n + 1);
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return gk_fail_errno(walk->err, -errno, "cannot read /%s", walk->path);
		r = walk->fn(walk->arg, walk->path, fd, name, &st, walk->err);
		if (r < 0)
			return r;
		if (S_ISDIR(st.st_mode)) {
			gk_autoclose int below = open_below(fd, name);
			r = below < 0 ? gk_fail_errno(walk->err, below, "/%s", walk->path) :
					walk_dir(walk, below, at + n, depth + 1);
			if (r < 0)
				return r;
		}
		walk->path[len] = '\0';
	}
	return 0;
}

int gk_tree_walk(int root_fd, gk_walk_fn fn, void *arg, struct gk_err *err)
{
	gk_autofree struct walk *walk = calloc(1, sizeof *walk);
	if (!walk)
		return gk_fail_errno(err, -ENOMEM, "cannot walk the image");
	walk->fn = fn;
	walk->arg = arg;
	walk->err = err;
	return walk_dir(walk, root_fd, 0, 0);
}

/* Where a directory lies so deep that no fd would be left, it is moved up to the top first. */
struct removal {
	int top_fd; /* the directory being removed */
	unsigned moved;
	const struct gk_tick *tick;
	uint64_t n;
};
enum { REMOVE_DEPTH = 64 };

static int remove_inside(struct removal *removal, int fd, unsigned depth);

static int remove_subdir(struct removal *removal, int fd, const char *name, unsigned depth)
{
	if (depth >= REMOVE_DEPTH) {
		char up[32];
		snprintf(up, sizeof up, ".deep.%u", removal->moved++);
		return renameat(fd, name, removal->top_fd, up) < 0 ? -errno : 0;
	}
	gk_autoclose int below = open_below(fd, name);
	int r = below < 0 ? below : remove_inside(removal, below, depth + 1);
	if (r == 0 && unlinkat(fd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

static int remove_inside(struct removal *removal, int fd, unsigned depth)
{
	/* Again from the start while there is something: directories may have been moved up. */
	for (;;) {
		__attribute__((cleanup(names_free))) struct names names = { 0 };
		int r = read_names(fd, &names);
		if (r < 0 || names.n == 0)
			return r;
		for (size_t i = 0; i < names.n; i++) {
			r = gk_tick(removal->tick, "removing", GK_UNIT_FILES, removal->n++, 0);
			if (r < 0)
				return r;
			if (unlinkat(fd, names.list[i], 0) == 0)
				continue;
			if (errno != EISDIR && errno != EPERM)
				return -errno;
			r = remove_subdir(removal, fd, names.list[i], depth);
			if (r < 0)
				return r;
		}
	}
}

int gk_tree_remove(int parent_fd, const char *name, const struct gk_tick *tick, struct gk_err *err)
{
	if (unlinkat(parent_fd, name, 0) == 0)
		return 0;
	gk_autoclose int fd = open_below(parent_fd, name);
	struct removal removal = { .top_fd = fd, .tick = tick };
	int r = fd < 0 ? fd : remove_inside(&removal, fd, 0);
	if (r == 0 && unlinkat(parent_fd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot remove %s", name) : 0;
}

int gk_copy_data(int from_fd, int to_fd)
{
	if (ioctl(to_fd, FICLONE, from_fd) == 0)
		return 0;
	for (;;) {
		ssize_t n = copy_file_range(from_fd, NULL, to_fd, NULL, (size_t)1 << 30, 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			break;
	}
	if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -errno;
	char buf[64 << 10];
	for (ssize_t n; (n = read(from_fd, buf, sizeof buf)) != 0;) {
		if (n < 0 && errno != EINTR)
			return -errno;
		int r = n < 0 ? 0 : gk_write_all(to_fd, buf, (size_t)n);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The first name of each file with more than one, by inode number: hard links stay hard links. */
struct link_seen {
	dev_t dev;
	ino_t ino;
	char *path;
};
struct copy {
	int to_fd;
	struct link_seen *links;
	size_t nlinks, room;
	uint64_t n;
	const struct gk_tick *tick;
};

static size_t link_slot(const struct copy *copy, const struct stat *st)
{
	size_t i = (size_t)(st->st_ino * 0x9e3779b97f4a7c15u) & (copy->room - 1);
	while (copy->links[i].path &&
		(copy->links[i].ino != st->st_ino || copy->links[i].dev != st->st_dev))
		i = (i + 1) & (copy->room - 1);
	return i;
}

static int links_grow(struct copy *copy)
{
	struct copy bigger = *copy;
	bigger.room = copy->room ? 2 * copy->room : 256;
	bigger.links = calloc(bigger.room, sizeof *bigger.links);
	if (!bigger.links)
		return -ENOMEM;
	for (size_t i = 0; i < copy->room; i++)
		if (copy->links[i].path) {
			struct stat st = { .st_ino = copy->links[i].ino,
				.st_dev = copy->links[i].dev };
			bigger.links[link_slot(&bigger, &st)] = copy->links[i];
		}
	free(copy->links);
	copy->links = bigger.links;
	copy->room = bigger.room;
	return 0;
}

/* 1: path was made as a link to an earlier copy; 0: it is the first, and remembered. */
static int copy_as_link(struct copy *copy, const char *path, const struct stat *st)
{
	if (2 * copy->nlinks >= copy->room) {
		int r = links_grow(copy);
		if (r < 0)
			return r;
	}
	struct link_seen *seen = &copy->links[link_slot(copy, st)];
	if (seen->path)
		return linkat(copy->to_fd, seen->path, copy->to_fd, path, 0) < 0 ? -errno : 1;
	seen->path = strdup(path);
	seen->ino = st->st_ino;
	seen->dev = st->st_dev;
	copy->nlinks++;
	return seen->path ? 0 : -ENOMEM;
}

static int copy_file(
	struct copy *copy, const char *path, int parent_fd, const char *name, const struct stat *st)
{
	int r = st->st_nlink > 1 ? copy_as_link(copy, path, st) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	gk_autoclose int from = openat(parent_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	gk_autoclose int to = from < 0 ?
		-1 :
		openat(copy->to_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	if (to < 0)
		return -errno;
	r = gk_copy_data(from, to);
	if (r == 0 &&
		(fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0 ||
			futimens(to, times) < 0))
		r = -errno;
	return r;
}

static int copy_symlink(
	struct copy *copy, const char *path, int parent_fd, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	ssize_t n = readlinkat(parent_fd, name, target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, copy->to_fd, path) < 0 ||
		fchownat(copy->to_fd, path, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		utimensat(copy->to_fd, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_dir(struct copy *copy, const char *path, const struct stat *st)
{
	if (mkdirat(copy->to_fd, path, 0700) < 0 ||
		fchownat(copy->to_fd, path, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(copy->to_fd, path, st->st_mode & 07777, 0) < 0)
		return -errno;
	return 0;
}

static int copy_one(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	struct copy *copy = arg;
	int r = 0;
	if (S_ISDIR(st->st_mode))
		r = copy_dir(copy, path, st);
	else if (S_ISREG(st->st_mode))
		r = copy_file(copy, path, parent_fd, name, st);
	else if (S_ISLNK(st->st_mode))
		r = copy_symlink(copy, path, parent_fd, name, st);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot copy /%s", path);
	copy->n++;
	r = gk_tick(copy->tick, "copying", GK_UNIT_FILES, copy->n, 0);
	return r < 0 ? gk_fail_errno(err, r, "copying stopped") : 0;
}

/* What goes into a directory changes its time, so these come after everything else. */
static int copy_dir_time(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	const struct copy *copy = arg;
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	(void)parent_fd;
	(void)name;
	if (S_ISDIR(st->st_mode) && utimensat(copy->to_fd, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return gk_fail_errno(err, -errno, "cannot copy /%s", path);
	return 0;
}

int gk_tree_copy(int from_fd, int to_fd, const struct gk_tick *tick, struct gk_err *err)
{
	struct copy copy = { .to_fd = to_fd, .tick = tick };
	int r = gk_tree_walk(from_fd, copy_one, &copy, err);
	if (r == 0)
		r = gk_tree_walk(from_fd, copy_dir_time, &copy, err);
	for (size_t i = 0; i < copy.room; i++)
		free(copy.links[i].path);
	free(copy.links);
	return r;
}
