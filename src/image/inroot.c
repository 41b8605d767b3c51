#include "image/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "image/tree.h"

static int open_dir(int root_fd, const char *path)
{
	return gk_sys_openat2(root_fd, path, O_PATH | O_DIRECTORY,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

/* Makes the directory path, whose parent exists. */
static int make_dir(int root_fd, const char *path)
{
	const char *name = "";
	gk_autoclose int above = gk_inroot_parent(root_fd, path, false, &name, NULL);
	if (above < 0)
		return above;
	if (mkdirat(above, name, 0755) < 0)
		return -errno;
	return fchmodat(above, name, 0755, 0) < 0 ? -errno : 0;
}

int gk_inroot_parent(
	int root_fd, const char *path, bool make, const char **ret_name, struct gk_err *err)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash || !slash[1] || (size_t)(slash - path) >= sizeof dir)
		return gk_fail(err, -EINVAL, "%s is not the path of a file", path);
	snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
	*ret_name = slash + 1;
	int fd = open_dir(root_fd, dir[0] ? dir : "/");
	for (char *p = dir; make && fd == -ENOENT && *p;) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		char was = *p;
		*p = '\0';
		gk_autoclose int known = open_dir(root_fd, dir);
		int r = known == -ENOENT ? make_dir(root_fd, dir) : 0;
		*p = was;
		if (r < 0)
			return gk_fail_errno(err, r, "cannot make %s in the image", dir);
		if (!was)
			fd = open_dir(root_fd, dir);
	}
	return fd < 0 ? gk_fail_errno(err, fd, "%s in the image", dir) : fd;
}

int gk_inroot_copy(int root_fd, const char *path, int from_fd, mode_t mode, struct gk_err *err)
{
	const char *name = "";
	struct stat st;
	gk_autoclose int dir = gk_inroot_parent(root_fd, path, true, &name, err);
	if (dir < 0)
		return dir;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return gk_fail_errno(err, -errno, "cannot replace %s in the image", path);
	gk_autoclose int to =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = to < 0 ? -errno : gk_copy_data(from_fd, to);
	if (r == 0 && fchmod(to, mode & 0777) < 0)
		r = -errno;
	/* Python compares the time of a module with what its compiled form says. */
	if (r == 0 && fstat(from_fd, &st) == 0)
		(void)futimens(to, (const struct timespec[]){ st.st_mtim, st.st_mtim });
	return r < 0 ? gk_fail_errno(err, r, "cannot copy %s", path) : 0;
}
