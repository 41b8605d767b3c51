#include "image/merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/extract.h"
#include "image/notes.h"
#include "image/tree.h"

enum { NOTES_MAX = 16 << 20 };

struct one_note {
	enum gk_note kind;
	const char *path, *target;
	size_t order;
};

struct merge {
	int tree_fd, root_fd, work_fd;
	const char *label;
	const struct gk_tick *tick;
	struct gk_arena arena;
	struct one_note *notes; /* in the archive's order */
	size_t nnotes;
	struct one_note *dirs; /* the last note of each directory that was implied, by path */
	size_t ndirs;
	int above[GK_TREE_DEPTH_MAX + 1]; /* the root's directories on the way to what is merged */
	uint64_t n;
	struct gk_err *err;
};

static int refuse(const struct merge *m, const char *path, const char *why)
{
	char name[160];
	return gk_fail(
		m->err, -EINVAL, "%s: '%s' %s", m->label, gk_escape(name, sizeof name, path), why);
}

static int refuse_errno(const struct merge *m, int code, const char *path)
{
	char name[160];
	return gk_fail_errno(m->err, code, "%s: cannot merge '%s'", m->label,
		gk_escape(name, sizeof name, path));
}

/* Takes one path off the notes. Only what gk_extract_path makes is one. */
static const char *take_path(char **at, const char *end)
{
	char clean[PATH_MAX], *path = *at;
	const char *nul = memchr(path, '\0', (size_t)(end - path));
	if (!nul || gk_extract_path(path, clean) < 0 || strcmp(clean, path) != 0)
		return NULL;
	*at += nul + 1 - path;
	return path;
}

static int by_path(const void *a, const void *b)
{
	const struct one_note *x = a, *y = b;
	int c = strcmp(x->path, y->path);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* Of the notes on directories the last one of each counts. */
static int index_dirs(struct merge *m)
{
	size_t n = 0;
	m->dirs = gk_arena_array(&m->arena, m->nnotes + 1, sizeof *m->dirs);
	if (!m->dirs)
		return gk_fail_errno(m->err, -ENOMEM, "%s", m->label);
	for (size_t i = 0; i < m->nnotes; i++)
		if (m->notes[i].kind == GK_NOTE_IMPLIED || m->notes[i].kind == GK_NOTE_EXPLICIT)
			m->dirs[n++] = m->notes[i];
	qsort(m->dirs, n, sizeof *m->dirs, by_path);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || strcmp(m->dirs[i].path, m->dirs[i + 1].path) != 0)
			m->dirs[m->ndirs++] = m->dirs[i];
	return 0;
}

static bool is_implied(const struct merge *m, const char *path)
{
	size_t low = 0, high = m->ndirs;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(m->dirs[mid].path, path);
		if (c == 0)
			return m->dirs[mid].kind == GK_NOTE_IMPLIED;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static int read_notes(struct merge *m, int fd)
{
	char *text;
	size_t size, room = 0;
	int r = gk_read_all(fd, NOTES_MAX, &m->arena, &text, &size, m->err);
	if (r < 0) {
		gk_err_context(m->err, "%s: the notes of a layer", m->label);
		return r;
	}
	for (size_t i = 0; i < size; i++)
		room += text[i] == '\0';
	m->notes = gk_arena_array(&m->arena, room + 1, sizeof *m->notes);
	if (!m->notes)
		return gk_fail_errno(m->err, -ENOMEM, "%s", m->label);
	for (char *at = text, *end = text + size; at < end;) {
		struct one_note *note = &m->notes[m->nnotes];
		note->kind = (enum gk_note)(unsigned char)*at++;
		note->order = m->nnotes++;
		note->path = at < end ? take_path(&at, end) : NULL;
		if (note->path && note->kind == GK_NOTE_LINK)
			note->target = at < end ? take_path(&at, end) : NULL;
		if (!note->path || !strchr("wohid", (int)note->kind) ||
			(note->kind == GK_NOTE_LINK && !note->target))
			return gk_fail(
				m->err, -EBADMSG, "%s: a layer's notes are damaged", m->label);
	}
	return index_dirs(m);
}

/* The directory of the root that path lies in, reached through no symlink. */
static int enter(const struct merge *m, const char *path, const char **ret_name)
{
	char up[PATH_MAX];
	const char *slash = strrchr(path, '/');
	snprintf(up, sizeof up, "%.*s", slash ? (int)(slash - path) : 0, path);
	*ret_name = slash ? slash + 1 : path;
	return gk_sys_openat2(m->root_fd, *up ? up : ".", O_RDONLY | O_DIRECTORY,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/* Removes what is in a directory, not the directory. */
static int empty(const struct merge *m, int fd, const char *path)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir)
		return refuse_errno(m, -errno, path);
	int r = 0;
	/* A name may be passed over when others go meanwhile: again until there is none. */
	for (bool more = true; r == 0 && more;) {
		more = false;
		rewinddir(dir);
		for (struct dirent *e; r == 0 && (e = readdir(dir));) {
			if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
				continue;
			more = true;
			r = gk_tree_remove(fd, e->d_name, m->tick, m->err);
		}
	}
	(void)closedir(dir);
	return r;
}

static int apply_whiteout(const struct merge *m, const struct one_note *note)
{
	const char *name;
	struct stat st;
	if (!note->path[0])
		return note->kind == GK_NOTE_OPAQUE ? empty(m, m->root_fd, "/") : 0;
	gk_autoclose int dir = enter(m, note->path, &name);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	if (dir == -ELOOP)
		return refuse(m, note->path, "is a whiteout below a symlink");
	if (dir < 0)
		return refuse_errno(m, dir, note->path);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : refuse_errno(m, -errno, note->path);
	if (note->kind == GK_NOTE_WHITEOUT)
		return gk_tree_remove(dir, name, m->tick, m->err);
	if (S_ISLNK(st.st_mode) && is_implied(m, note->path))
		return refuse(m, note->path, "is a symlink, whose directory can't be made opaque");
	if (!S_ISDIR(st.st_mode))
		return 0;
	gk_autoclose int inside =
		openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return inside < 0 ? refuse_errno(m, -errno, note->path) : empty(m, inside, note->path);
}

/* What links stand for is taken from the layers below before the layer changes anything there. */
static int hold_link(const struct merge *m, const struct one_note *note)
{
	const char *name;
	char held[32];
	struct stat st;
	gk_autoclose int dir = enter(m, note->target, &name);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		(!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)))
		return refuse(m, note->path,
			"is a hard link to something that neither the archive held before it nor a "
			"layer below");
	snprintf(held, sizeof held, ".link.%zu", note->order);
	return linkat(dir, name, m->work_fd, held, 0) < 0 ? refuse_errno(m, -errno, note->path) : 0;
}

/* Unless a later entry of the layer has that name. The tree was merged, so the parents are there.
 */
static int put_link(const struct merge *m, const struct one_note *note)
{
	const char *name;
	char held[32];
	struct stat st;
	snprintf(held, sizeof held, ".link.%zu", note->order);
	gk_autoclose int there = gk_sys_openat2(m->tree_fd, note->path, O_PATH | O_NOFOLLOW,
		RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	if (there >= 0)
		return unlinkat(m->work_fd, held, 0) < 0 ? refuse_errno(m, -errno, note->path) : 0;
	gk_autoclose int dir = enter(m, note->path, &name);
	if (dir < 0)
		return refuse_errno(m, dir, note->path);
	int r = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ?
		gk_tree_remove(dir, name, m->tick, m->err) :
		0;
	if (r == 0 && renameat(m->work_fd, held, dir, name) < 0)
		r = refuse_errno(m, -errno, note->path);
	return r;
}

/* One file more than the file system lets have one inode (EMLINK), or where it has no links. */
static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	gk_autoclose int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	gk_autoclose int to = from < 0 ?
		-1 :
		openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	int r = gk_copy_data(from, to);
	if (r == 0 &&
		(fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 0777) < 0 ||
			futimens(to, times) < 0))
		r = -errno;
	return r;
}

static int merge_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	if (linkat(from_dir, name, to_dir, name, 0) == 0)
		return 0;
	return errno == EMLINK || errno == EPERM || errno == EXDEV ?
		copy_file(from_dir, to_dir, name, st) :
		-errno;
}

static int merge_symlink(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to_dir, name) < 0 ||
			fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
			utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ?
		-errno :
		0;
}

/* Opens the root's directory for one of the layer's, made where it is missing. Returns the fd. */
static int merge_dir(
	struct merge *m, const char *path, int to_dir, const char *name, const struct stat *st)
{
	const bool implied = is_implied(m, path);
	struct stat here;
	int r = fstatat(to_dir, name, &here, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
	if (r == 0 && implied && S_ISLNK(here.st_mode)) {
		int fd = gk_sys_openat2(m->root_fd, path, O_RDONLY | O_DIRECTORY,
			RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
		if (fd >= 0)
			return fd;
	}
	if (r == 0 && !S_ISDIR(here.st_mode))
		r = unlinkat(to_dir, name, 0) < 0 ? -errno : -ENOENT;
	const bool made = r == -ENOENT;
	if (made)
		r = mkdirat(to_dir, name, 0700) < 0 ? -errno : 0;
	if (r < 0)
		return r;
	gk_autoclose int fd = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 ||
		((made || !implied) &&
			(fchown(fd, st->st_uid, st->st_gid) < 0 ||
				fchmod(fd, st->st_mode & 01777) < 0)))
		return -errno;
	return gk_steal_fd(&fd);
}

static unsigned depth_of(const char *path)
{
	unsigned depth = 0;
	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static int merge_one(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	struct merge *m = arg;
	const unsigned depth = depth_of(path);
	int r = 0, to = depth ? m->above[depth] : m->root_fd;
	struct stat here;
	(void)err;
	if (S_ISDIR(st->st_mode)) {
		int fd = merge_dir(m, path, to, name, st);
		if (fd < 0)
			return refuse_errno(m, fd, path);
		gk_close_fd(&m->above[depth + 1]);
		m->above[depth + 1] = fd;
	} else {
		if (fstatat(to, name, &here, AT_SYMLINK_NOFOLLOW) == 0)
			r = gk_tree_remove(to, name, m->tick, m->err);
		if (r == 0)
			r = S_ISREG(st->st_mode)     ? merge_file(parent_fd, to, name, st) :
				S_ISLNK(st->st_mode) ? merge_symlink(parent_fd, to, name, st) :
						       -EINVAL;
		if (r < 0)
			return refuse_errno(m, r, path);
	}
	r = gk_tick(m->tick, "merging", GK_UNIT_FILES, ++m->n, 0);
	return r < 0 ? gk_fail_errno(m->err, r, "%s", m->label) : 0;
}

/* What goes into a directory changes its time: these come last. */
static int set_dir_time(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	const struct merge *m = arg;
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	const char *last;
	(void)parent_fd;
	(void)name;
	(void)err;
	if (!S_ISDIR(st->st_mode) || is_implied(m, path))
		return 0;
	gk_autoclose int dir = enter(m, path, &last);
	if (dir >= 0 && utimensat(dir, last, times, AT_SYMLINK_NOFOLLOW) < 0)
		return refuse_errno(m, -errno, path);
	return 0;
}

static int merge(struct merge *m)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < m->nnotes; i++)
		if (m->notes[i].kind == GK_NOTE_LINK)
			r = hold_link(m, &m->notes[i]);
	for (size_t i = 0; r == 0 && i < m->nnotes; i++)
		if (m->notes[i].kind == GK_NOTE_WHITEOUT || m->notes[i].kind == GK_NOTE_OPAQUE)
			r = apply_whiteout(m, &m->notes[i]);
	if (r == 0)
		r = gk_tree_walk(m->tree_fd, merge_one, m, m->err);
	for (size_t i = 0; r == 0 && i < m->nnotes; i++)
		if (m->notes[i].kind == GK_NOTE_LINK)
			r = put_link(m, &m->notes[i]);
	return r == 0 ? gk_tree_walk(m->tree_fd, set_dir_time, m, m->err) : r;
}

int gk_layer_merge(int tree_fd, int notes_fd, int root_fd, int work_fd, const char *label,
	const struct gk_tick *tick, struct gk_err *err)
{
	gk_autofree struct merge *m = calloc(1, sizeof *m);
	if (!m)
		return gk_fail_errno(err, -ENOMEM, "%s", label);
	m->tree_fd = tree_fd;
	m->root_fd = root_fd;
	m->work_fd = work_fd;
	m->label = label;
	m->tick = tick;
	m->err = err;
	for (size_t i = 0; i <= GK_TREE_DEPTH_MAX; i++)
		m->above[i] = -1;
	int r = read_notes(m, notes_fd);
	if (r == 0)
		r = merge(m);
	for (size_t i = 0; i <= GK_TREE_DEPTH_MAX; i++)
		gk_close_fd(&m->above[i]);
	gk_arena_free(&m->arena);
	return r;
}
