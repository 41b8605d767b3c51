#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"

/* One entry, its name already made safe. */
struct entry {
	struct archive_entry *e;
	char path[PATH_MAX];
	const char *name; /* the last component */
	int parent_fd;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
};

int gk_extract_path(const char *name, char *ret)
{
	size_t out = 0;
	unsigned depth = 0;
	while (*name) {
		size_t len = strcspn(name, "/");
		bool dot = len == 1 && name[0] == '.';
		if (len == 2 && name[0] == '.' && name[1] == '.')
			return -EINVAL;
		if (len > NAME_MAX || out + len + 2 > PATH_MAX)
			return -ENAMETOOLONG;
		if (len && !dot) {
			if (++depth > GK_EXTRACT_DEPTH)
				return -ENAMETOOLONG;
			if (out)
				ret[out++] = '/';
			memcpy(ret + out, name, len);
			out += len;
		}
		name += len;
		name += strspn(name, "/");
	}
	ret[out] = '\0';
	return 0;
}

/* A refusal that names the entry, made printable. */
static int refuse(struct gk_unpack *x, int code, const char *path, const char *why)
{
	char name[160];
	return gk_fail(
		x->err, code, "%s: '%s' %s", x->label, gk_escape(name, sizeof name, path), why);
}

static int refuse_errno(struct gk_unpack *x, int code, const char *path)
{
	char name[160];
	return gk_fail_errno(x->err, code, "%s: cannot unpack '%s'", x->label,
		gk_escape(name, sizeof name, path));
}

static int count_bytes(struct gk_unpack *x, const char *path, uint64_t more)
{
	const uint64_t max = x->options->limits.size_bytes;
	if (x->stats.size_bytes > max || more > max - x->stats.size_bytes)
		return refuse(x, -EFBIG, path, "goes over the limit on the size (--max-size)");
	return 0;
}

/* The notes count against the size: they are files, too. */
static int note(struct gk_unpack *x, enum gk_note kind, const char *path, const char *target)
{
	const size_t size = strlen(path) + 1, target_size = target ? strlen(target) + 1 : 0;
	if (!x->notes)
		return 0;
	int r = count_bytes(x, path, 1 + size + target_size);
	if (r < 0)
		return r;
	x->stats.size_bytes += 1 + size + target_size;
	if (fputc((char)kind, x->notes) == EOF || fwrite(path, 1, size, x->notes) != size ||
		(target && fwrite(target, 1, target_size, x->notes) != target_size))
		return refuse_errno(x, -EIO, path);
	return 0;
}

static int open_parent(const struct gk_unpack *x, const char *path)
{
	return gk_sys_openat2(x->root_fd, *path ? path : ".", O_PATH | O_DIRECTORY,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/* Makes what is missing of a directory's path. */
static int make_parents(struct gk_unpack *x, char *path)
{
	for (char *p = path;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = '\0';
		int fd = open_parent(x, path);
		if (fd == -ENOENT) {
			const char *slash = strrchr(path, '/');
			gk_autoclose int above = -1;
			char up[PATH_MAX];
			snprintf(up, sizeof up, "%.*s", slash ? (int)(slash - path) : 0, path);
			above = open_parent(x, up);
			int r = gk_unpack_count(x);
			if (r == 0 &&
				(above < 0 || mkdirat(above, slash ? slash + 1 : path, 0755) < 0))
				r = refuse_errno(x, above < 0 ? above : -errno, path);
			if (r == 0)
				r = note(x, GK_NOTE_IMPLIED, path, NULL);
			if (r < 0)
				return r;
			fd = open_parent(x, path);
		}
		*p = was;
		if (fd < 0)
			return fd;
		if (!was)
			return fd;
		(void)close(fd);
	}
}

/* Opens the directory that path lies in; *ret_name is the last part of path. */
static int enter_parent(struct gk_unpack *x, const char *path, int *ret_fd, const char **ret_name)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - path) : 0, path);
	*ret_name = slash ? slash + 1 : path;
	if (x->parent_fd < 0 || strcmp(parent, x->parent) != 0) {
		int fd = open_parent(x, parent);
		if (fd == -ENOENT)
			fd = make_parents(x, parent);
		if (fd == -ELOOP || fd == -ENOTDIR)
			return refuse(
				x, -EINVAL, path, "lies below something that is not a directory");
		if (fd < 0)
			return refuse_errno(x, fd, path);
		gk_close_fd(&x->parent_fd);
		x->parent_fd = fd;
		snprintf(x->parent, sizeof x->parent, "%s", parent);
	}
	*ret_fd = x->parent_fd;
	return 0;
}

/* An archive may name a thing twice: the later one counts. A directory only gives way when empty.
 */
static int make_room(struct gk_unpack *x, const struct entry *entry)
{
	if (unlinkat(entry->parent_fd, entry->name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return refuse_errno(x, -errno, entry->path);
	if (unlinkat(entry->parent_fd, entry->name, AT_REMOVEDIR) < 0)
		return refuse(
			x, -EINVAL, entry->path, "takes the place of a directory with files in it");
	return 0;
}

static int remember_dir(struct gk_unpack *x, const struct entry *entry, mode_t mode)
{
	if (x->ndirs == x->room) {
		x->room = x->room ? 2 * x->room : 256;
		struct gk_late_dir *grown = reallocarray(x->dirs, x->room, sizeof *grown);
		if (!grown)
			return gk_fail_errno(x->err, -ENOMEM, "%s", x->label);
		x->dirs = grown;
	}
	struct gk_late_dir *dir = &x->dirs[x->ndirs];
	dir->path = strdup(entry->path);
	dir->mode = mode;
	dir->mtime = entry->mtime;
	if (!dir->path)
		return gk_fail_errno(x->err, -ENOMEM, "%s", x->label);
	x->ndirs++;
	return 0;
}

static int unpack_dir(struct gk_unpack *x, struct entry *entry)
{
	struct stat st;
	if (!entry->path[0]) /* the root itself: always 0755 root, whatever the archive says */
		return 0;
	if (fstatat(entry->parent_fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISDIR(st.st_mode)) {
		int r = make_room(x, entry);
		if (r < 0)
			return r;
		if (mkdirat(entry->parent_fd, entry->name, 0700) < 0)
			return refuse_errno(x, -errno, entry->path);
	} else {
		int r = note(x, GK_NOTE_EXPLICIT, entry->path, NULL);
		if (r < 0)
			return r;
	}
	if (x->options->owners &&
		fchownat(entry->parent_fd, entry->name, entry->uid, entry->gid,
			AT_SYMLINK_NOFOLLOW) < 0)
		return refuse_errno(x, -errno, entry->path);
	/* Without root's powers a directory stays enterable, to be filled and removed. */
	mode_t mode = archive_entry_perm(entry->e) & 01777;
	x->stats.setid += (archive_entry_perm(entry->e) & (S_ISUID | S_ISGID)) != 0;
	return remember_dir(x, entry, x->options->owners ? mode : mode | 0700);
}

/* Writes an entry's data. Holes stay holes, but count. */
static int unpack_data(struct gk_unpack *x, const struct entry *entry, int fd)
{
	uint64_t end = 0;
	for (;;) {
		const void *data;
		size_t size;
		la_int64_t at;
		int r = archive_read_data_block(x->archive, &data, &size, &at);
		if (r == ARCHIVE_EOF)
			break;
		if (r < ARCHIVE_WARN)
			return gk_unpack_archive_failed(x);
		if (at < 0 || (uint64_t)at > INT64_MAX - size)
			return refuse(x, -EINVAL, entry->path, "has data beyond any file's end");
		uint64_t new_end = (uint64_t)at + size;
		if (new_end > end) {
			r = count_bytes(x, entry->path, new_end);
			if (r < 0)
				return r;
			end = new_end;
		}
		for (size_t done = 0; fd >= 0 && done < size;) {
			ssize_t n = pwrite(fd, (const char *)data + done, size - done,
				(off_t)at + (off_t)done);
			if (n < 0 && errno != EINTR)
				return refuse_errno(x, -errno, entry->path);
			done += n < 0 ? 0 : (size_t)n;
		}
	}
	/* A sparse file may end in a hole. */
	la_int64_t size = archive_entry_size(entry->e);
	if (fd >= 0 && size > 0 && (uint64_t)size > end) {
		int r = count_bytes(x, entry->path, (uint64_t)size);
		if (r < 0)
			return r;
		end = (uint64_t)size;
		if (ftruncate(fd, (off_t)size) < 0)
			return refuse_errno(x, -errno, entry->path);
	}
	x->stats.size_bytes += end;
	return 0;
}

static int unpack_file(struct gk_unpack *x, struct entry *entry)
{
	const struct timespec times[2] = { entry->mtime, entry->mtime };
	mode_t mode = archive_entry_perm(entry->e);
	la_int64_t size = archive_entry_size(entry->e);
	int r = size > 0 ? count_bytes(x, entry->path, (uint64_t)size) : 0;
	if (r == 0)
		r = make_room(x, entry);
	if (r < 0)
		return r;
	gk_autoclose int fd = openat(entry->parent_fd, entry->name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return refuse_errno(x, -errno, entry->path);
	r = unpack_data(x, entry, fd);
	if (r < 0)
		return r;
	if (mode & (S_ISUID | S_ISGID))
		x->stats.setid++;
	if ((x->options->owners && fchown(fd, entry->uid, entry->gid) < 0) ||
		fchmod(fd, mode & 0777) < 0 || futimens(fd, times) < 0)
		return refuse_errno(x, -errno, entry->path);
	return 0;
}

static int unpack_symlink(struct gk_unpack *x, struct entry *entry)
{
	const struct timespec times[2] = { entry->mtime, entry->mtime };
	const char *target = archive_entry_symlink(entry->e);
	if (!target)
		target = archive_entry_symlink_utf8(entry->e);
	if (!target || !*target || strlen(target) >= PATH_MAX)
		return refuse(x, -EINVAL, entry->path, "is a symlink to nothing");
	int r = make_room(x, entry);
	if (r < 0)
		return r;
	if (symlinkat(target, entry->parent_fd, entry->name) < 0 ||
		(x->options->owners &&
			fchownat(entry->parent_fd, entry->name, entry->uid, entry->gid,
				AT_SYMLINK_NOFOLLOW) < 0) ||
		utimensat(entry->parent_fd, entry->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return refuse_errno(x, -errno, entry->path);
	return 0;
}

static int unpack_hardlink(struct gk_unpack *x, struct entry *entry, const char *to)
{
	char target[PATH_MAX];
	struct stat st, here;
	if (gk_extract_path(to, target) < 0 || !target[0])
		return refuse(x, -EINVAL, entry->path, "is a hard link out of the archive");
	const char *slash = strrchr(target, '/');
	char up[PATH_MAX];
	snprintf(up, sizeof up, "%.*s", slash ? (int)(slash - target) : 0, target);
	const char *name = slash ? slash + 1 : target;
	gk_autoclose int dir = open_parent(x, up);
	if (x->notes &&
		(dir == -ENOENT ||
			(dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
				errno == ENOENT))) {
		/* In a layer below, or nowhere: which one is found out when they are merged. */
		int r = make_room(x, entry);
		return r < 0 ? r : note(x, GK_NOTE_LINK, entry->path, target);
	}
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		(!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)))
		return refuse(x, -EINVAL, entry->path,
			"is a hard link to something that the archive did not hold before it");
	if (fstatat(entry->parent_fd, entry->name, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
		here.st_ino == st.st_ino && here.st_dev == st.st_dev)
		return 0;
	int r = make_room(x, entry);
	if (r == 0 && linkat(dir, name, entry->parent_fd, entry->name, 0) < 0)
		r = refuse_errno(x, -errno, entry->path);
	return r;
}

static int check_owner(struct gk_unpack *x, struct entry *entry)
{
	la_int64_t uid = archive_entry_uid(entry->e), gid = archive_entry_gid(entry->e);
	/* (uid_t)-1 means "leave it" to chown(2). */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return refuse(x, -EINVAL, entry->path, "has an owner out of range");
	entry->uid = (uid_t)uid;
	entry->gid = (gid_t)gid;
	entry->mtime.tv_sec = archive_entry_mtime(entry->e);
	entry->mtime.tv_nsec = archive_entry_mtime_nsec(entry->e);
	if (entry->mtime.tv_nsec < 0 || entry->mtime.tv_nsec > 999999999)
		entry->mtime.tv_nsec = 0;
	return 0;
}

#define WHITEOUT ".wh."
#define META     ".wh..wh."
#define OPAQUE   ".wh..wh..opq"

/* A whiteout's directory need not be in the layer, but if it is it must be one. */
static int check_whiteout_parent(struct gk_unpack *x, const char *path, const char *parent)
{
	gk_autoclose int fd = open_parent(x, parent);
	if (fd == -ELOOP || fd == -ENOTDIR)
		return refuse(x, -EINVAL, path, "lies below something that is not a directory");
	return fd < 0 && fd != -ENOENT ? refuse_errno(x, fd, path) : 0;
}

/* Names that mean something in a layer: .wh.NAME, .wh..wh..opq, and others that begin with
 * .wh..wh., which AUFS kept for itself. Returns 1 when the entry was one of them, 0 when it is not.
 */
static int unpack_whiteout(struct gk_unpack *x, const char *path)
{
	char parent[PATH_MAX], removed[PATH_MAX];
	static const size_t len = sizeof WHITEOUT - 1;
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	for (const char *p = path; p < name; p = strchr(p, '/') + 1)
		if (strncmp(p, WHITEOUT, len) == 0)
			return refuse(x, -EINVAL, path, "lies below a whiteout");
	if (strncmp(name, WHITEOUT, len) != 0)
		return 0;
	snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - path) : 0, path);
	int r = check_whiteout_parent(x, path, parent);
	if (r < 0)
		return r;
	if (strcmp(name, OPAQUE) == 0) {
		r = note(x, GK_NOTE_OPAQUE, parent, NULL);
	} else if (strncmp(name, META, sizeof META - 1) == 0) {
		x->stats.special++;
		return 1;
	} else {
		const size_t before = (size_t)(name - path);
		name += len;
		if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return refuse(x, -EINVAL, path, "is a whiteout without a name");
		memcpy(removed, path, before);
		memcpy(removed + before, name, strlen(name) + 1);
		r = note(x, GK_NOTE_WHITEOUT, removed, NULL);
	}
	x->stats.whiteouts++;
	return r < 0 ? r : 1;
}

int gk_unpack_entry(struct gk_unpack *x, struct archive_entry *e)
{
	struct entry entry = { .e = e };
	const char *raw = archive_entry_pathname(e);
	if (!raw)
		raw = archive_entry_pathname_utf8(e);
	if (!raw)
		return gk_fail(x->err, -EINVAL, "%s holds an entry without a name", x->label);
	int r = gk_extract_path(raw, entry.path);
	if (r == -EINVAL)
		return refuse(x, r, raw, "leads out of the image");
	if (r < 0)
		return refuse(x, r, raw, "is too long or too deep a name");
	x->stats.absolute += raw[0] == '/';
	r = x->notes ? unpack_whiteout(x, entry.path) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	r = check_owner(x, &entry);
	if (r == 0)
		r = enter_parent(x, entry.path, &entry.parent_fd, &entry.name);
	if (r < 0)
		return r;
	if (archive_entry_xattr_count(e) > 0 || archive_entry_acl_types(e) != 0)
		x->stats.xattrs++;
	const char *hardlink = archive_entry_hardlink(e);
	if (!hardlink)
		hardlink = archive_entry_hardlink_utf8(e);
	mode_t type = archive_entry_filetype(e);
	if (!entry.path[0] && (hardlink || type != AE_IFDIR))
		return refuse(x, -EINVAL, raw, "takes the place of the root directory");
	if (hardlink)
		return unpack_hardlink(x, &entry, hardlink);
	if (type == AE_IFDIR)
		return unpack_dir(x, &entry);
	if (type == AE_IFREG)
		return unpack_file(x, &entry);
	if (type == AE_IFLNK)
		return unpack_symlink(x, &entry);
	x->stats.special++;
	return unpack_data(x, &entry, -1);
}

/* In the archive's order, so that a directory named twice ends as the later entry says. */
int gk_unpack_finish(struct gk_unpack *x)
{
	for (size_t i = 0; i < x->ndirs; i++) {
		const struct gk_late_dir *dir = &x->dirs[i];
		const struct timespec times[2] = { dir->mtime, dir->mtime };
		gk_autoclose int fd = gk_sys_openat2(x->root_fd, dir->path, O_RDONLY | O_DIRECTORY,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
			continue; /* replaced by a later entry */
		if (fd < 0 || fchmod(fd, dir->mode) < 0 || futimens(fd, times) < 0)
			return refuse_errno(x, fd < 0 ? fd : -errno, dir->path);
	}
	return 0;
}
