#include "run/store/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/sys.h"

bool gk_image_name_ok(const char *name)
{
	static const char ok[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strnlen(name, GK_IMAGE_NAME_MAX + 1);
	return len > 0 && len <= GK_IMAGE_NAME_MAX && strspn(name, ok) == len &&
		!strchr("._-", name[0]);
}

/* Root's directory, which nobody else can write. */
static int check_dir(int fd, const char *path, size_t len, struct gk_err *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return gk_fail_errno(err, -errno, "%.*s", (int)len, path);
	if (st.st_uid != 0)
		return gk_fail(err, -EPERM, "%.*s belongs to uid %u, not to root", (int)len, path,
			(unsigned)st.st_uid);
	if (st.st_mode & 022)
		return gk_fail(err, -EPERM, "%.*s can be written by others (mode %04o)", (int)len,
			path, (unsigned)(st.st_mode & 07777));
	return 0;
}

/* Walks to the image directory one component at a time. Returns an O_PATH fd or -errno. */
static int open_image_dir(const char *path, unsigned flags, struct gk_err *err)
{
	gk_autoclose int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (path[0] != '/' || at < 0)
		return gk_fail(err, -EINVAL, "image_dir %s is not an absolute path", path);
	for (const char *p = path + strspn(path, "/"); *p;) {
		char name[256];
		size_t len = strcspn(p, "/");
		if (len >= sizeof name)
			return gk_fail_errno(err, -ENAMETOOLONG, "image_dir %s", path);
		memcpy(name, p, len);
		name[len] = '\0';
		p += len;
		int next = gk_sys_openat2(at, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
		if (next < 0)
			return gk_fail_errno(err, next, "%.*s", (int)(p - path), path);
		(void)close(at);
		at = next;
		size_t upto = (size_t)(p - path);
		p += strspn(p, "/");
		if (*p && (flags & GK_IMAGE_ANY_PARENT))
			continue;
		int r = check_dir(at, path, upto, err);
		if (r < 0)
			return r;
	}
	return gk_steal_fd(&at);
}

/* The shared lock on the version directory that holds root. Mode 0700 keeps users from taking the
 * lock themselves, which would hold up every login. Returns the fd or -errno. */
static int lock_version(int root, const char *name, struct gk_err *err)
{
	struct stat st;
	gk_autoclose int fd = openat(root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return gk_fail_errno(err, -errno, "image %s", name);
	if (st.st_uid != 0 || (st.st_mode & 077))
		return gk_fail(
			err, -EPERM, "image %s: its version directory is not root's alone", name);
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : gk_fail_errno(err, -errno, "image %s", name);
	return gk_steal_fd(&fd);
}

/* One try. The name is looked up again under the lock: a version that was replaced and pruned
 * between the two look-ups gives -EBUSY without a message. */
static int open_once(int dir, const char *name, int *ret_root, int *ret_lock, struct gk_err *err)
{
	const uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
	struct stat link, st, again;
	gk_autoclose int root = gk_sys_openat2(dir, name, O_PATH | O_DIRECTORY, beneath);
	if (root == -ENOENT)
		return gk_fail(err, root, "there is no image '%s'", name);
	if (root < 0)
		return gk_fail_errno(err, root, "image %s", name);
	gk_autoclose int lock = -1;
	if (fstat(root, &st) < 0 || fstatat(dir, name, &link, AT_SYMLINK_NOFOLLOW) < 0)
		return gk_fail_errno(err, -errno, "image %s", name);
	if (S_ISLNK(link.st_mode)) {
		lock = lock_version(root, name, err);
		if (lock < 0)
			return lock;
		gk_autoclose int now = gk_sys_openat2(dir, name, O_PATH | O_DIRECTORY, beneath);
		if (now < 0 || fstat(now, &again) < 0 || again.st_ino != st.st_ino ||
			again.st_dev != st.st_dev)
			return -EBUSY;
	}
	int r = check_dir(root, name, strlen(name), err);
	if (r < 0)
		return r;
	*ret_root = gk_steal_fd(&root);
	*ret_lock = gk_steal_fd(&lock);
	return 0;
}

int gk_image_open(const char *image_dir, const char *name, unsigned flags, int *ret_root_fd,
	int *ret_lock_fd, struct gk_err *err)
{
	if (!gk_image_name_ok(name))
		return gk_fail(err, -EINVAL, "not a name for an image (letters, digits, . _ -)");
	gk_autoclose int dir = open_image_dir(image_dir, flags, err);
	if (dir < 0)
		return dir;
	/* `gocker image list` looks whether a version is in use by trying the lock for an instant.
	 */
	const struct timespec pause = { .tv_nsec = 2000000 };
	int r = open_once(dir, name, ret_root_fd, ret_lock_fd, err);
	for (int tries = 0; r == -EBUSY && tries < 100; tries++) {
		(void)nanosleep(&pause, NULL);
		r = open_once(dir, name, ret_root_fd, ret_lock_fd, err);
	}
	return r == -EBUSY ? gk_fail(err, r, "image %s is being removed", name) : r;
}
