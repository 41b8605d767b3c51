#include "run/cgroup/cgfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

int gk_cgfile_write(int dirfd, const char *name, const char *value)
{
	gk_autoclose int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	/* One write: cgroup files take a value whole or not at all. */
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

ssize_t gk_cgfile_read(int dirfd, const char *name, char *buf, size_t size)
{
	gk_autoclose int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

int gk_cgfile_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int gk_cgfile_dir_of(bool v1, pid_t pid, char *buf, size_t size)
{
	char path[64], text[8192];
	snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	ssize_t n = gk_cgfile_read(AT_FDCWD, path, text, sizeof text);
	if (n < 0)
		return (int)n;
	for (char *save, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *where = names ? strchr(names + 1, ':') : NULL;
		if (!where)
			continue;
		*where++ = '\0';
		if (strcmp(names + 1, v1 ? "pids" : "") != 0)
			continue;
		/* Outside of what this cgroup namespace shows. */
		if (strncmp(where, "/..", 3) == 0)
			return -EXDEV;
		int len = snprintf(buf, size, "%s%s", v1 ? GK_CGROUP_V1 : GK_CGROUP_ROOT, where);
		return len > 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}
