#include "base/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

static int check_trusted(int fd, const char *path, size_t len, struct stat *st, struct gk_err *err)
{
	int n = (int)len;
	if (fstat(fd, st) < 0)
		return gk_fail_errno(err, -errno, "%.*s", n, path);
	if (S_ISLNK(st->st_mode))
		return gk_fail(
			err, -ELOOP, "%.*s is a symbolic link; put the file itself there", n, path);
	if (st->st_uid != 0)
		return gk_fail(err, -EPERM, "%.*s belongs to uid %u, not to root; chown it to root",
			n, path, (unsigned)st->st_uid);
	/* A sticky directory is no better here: anyone could make the next component first. */
	if (st->st_mode & 022)
		return gk_fail(err, -EPERM,
			"%.*s can be written by others (mode %04o); chmod go-w it", n, path,
			(unsigned)(st->st_mode & 07777));
	return 0;
}

int gk_open_trusted(const char *path, struct gk_err *err)
{
	if (path[0] != '/')
		return gk_fail(err, -EINVAL, "%s is not an absolute path", path);
	gk_autoclose int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return gk_fail_errno(err, -errno, "/");
	struct stat st;
	int r = check_trusted(at, "/", 1, &st, err);
	for (const char *p = path; r == 0 && *p;) {
		p += strspn(p, "/");
		size_t len = strcspn(p, "/");
		char name[256];
		if (len == 0)
			break;
		if (len >= sizeof name)
			return gk_fail_errno(err, -ENAMETOOLONG, "%s", path);
		memcpy(name, p, len);
		name[len] = '\0';
		p += len;
		int next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return gk_fail_errno(err, -errno, "%.*s", (int)(p - path), path);
		(void)close(at);
		at = next;
		r = check_trusted(at, path, (size_t)(p - path), &st, err);
	}
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return gk_fail(err, -EINVAL, "%s is not a regular file", path);
	/* The same object again, now to be read: nothing is looked up by name a second time. */
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", at);
	int fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? gk_fail_errno(err, -errno, "%s", path) : fd;
}

int gk_read_all(int fd, size_t max, struct gk_arena *arena, char **ret_data, size_t *ret_size,
	struct gk_err *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return gk_fail_errno(err, -errno, "cannot read");
	size_t want = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 4096;
	if (want > max)
		return gk_fail(err, -EFBIG, "larger than %zu bytes", max);
	for (size_t room = want + 1;; room = room * 2 > max + 1 ? max + 1 : room * 2) {
		char *data = gk_arena_alloc(arena, room + 1);
		if (!data)
			return gk_fail_errno(err, -ENOMEM, "cannot read");
		size_t n = 0;
		ssize_t got = 0;
		while (n < room &&
			((got = pread(fd, data + n, room - n, (off_t)n)) > 0 ||
				(got < 0 && errno == EINTR)))
			n += got > 0 ? (size_t)got : 0;
		if (got < 0)
			return gk_fail_errno(err, -errno, "cannot read");
		if (n < room) {
			data[n] = '\0';
			*ret_data = data;
			*ret_size = n;
			return 0;
		}
		if (room == max + 1)
			return gk_fail(err, -EFBIG, "larger than %zu bytes", max);
	}
}

int gk_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;
	while (size > 0) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int gk_open_private_dir(int dirfd, const char *name, struct gk_err *err)
{
	gk_autoclose int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
			return gk_fail_errno(err, -errno, "cannot make %s", name);
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return gk_fail_errno(err, -errno, "cannot open %s", name);
	struct stat st;
	if (fstat(fd, &st) < 0)
		return gk_fail_errno(err, -errno, "%s", name);
	if (st.st_uid != 0 || (st.st_mode & 077))
		return gk_fail(err, -EPERM,
			"%s must belong to root with mode 0700 (found uid %u, mode %04o)", name,
			(unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
	return gk_steal_fd(&fd);
}
