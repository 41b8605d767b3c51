#include "run/cgroup/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "plan/iomax.h"
#include "run/cgroup/cgfile.h"

/* ---- which disk ---- */

/* The device that a directory is on. Neither its file system nor an automounter is asked: a home
 * may be on a server that hangs, or in the hands of its user (FUSE). */
static int device_of(const char *path, unsigned *ret_major, unsigned *ret_minor)
{
	struct statx stx;
	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &stx) < 0)
		return -errno;
	*ret_major = stx.stx_dev_major;
	*ret_minor = stx.stx_dev_minor;
	return 0;
}

static int device_at(const char *path, unsigned *ret_major, unsigned *ret_minor)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	*ret_major = major(st.st_rdev);
	*ret_minor = minor(st.st_rdev);
	return 0;
}

/* A partition's number becomes that of its disk, for which alone the kernel takes limits. */
static int whole_disk(unsigned *maj, unsigned *min)
{
	char path[96], text[32];
	snprintf(path, sizeof path, "/sys/dev/block/%u:%u", *maj, *min);
	gk_autoclose int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ENOTBLK : -errno;
	if (faccessat(dir, "partition", F_OK, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	ssize_t n = gk_cgfile_read(dir, "../dev", text, sizeof text);
	return n < 0 ? (int)n : sscanf(text, "%u:%u", maj, min) == 2 ? 0 : -EIO;
}

/* The home that is bound, or NULL. */
static const char *home_of(const struct gk_plan *plan)
{
	for (size_t i = 0; i < plan->nbinds; i++)
		if (plan->binds[i].as_user)
			return plan->binds[i].source;
	return NULL;
}

/* Returns 1 where the target has nothing to limit: a home in memory. */
static int find_disk(const struct gk_plan *plan, const struct gk_io_limit *limit,
	struct gk_io_disk *ret, struct gk_err *err)
{
	const char *path = limit->target;
	bool device = *path == '/';
	if (strcmp(path, "home") == 0)
		path = home_of(plan);
	else if (!device)
		path = plan->image_path ? plan->image_path : "/usr";
	if (!path)
		return 1;
	*ret = (struct gk_io_disk){ .limit = limit };
	int r = device ? device_at(path, &ret->major, &ret->minor) :
			 device_of(path, &ret->major, &ret->minor);
	if (r == 0)
		r = whole_disk(&ret->major, &ret->minor);
	if (r == -ENOTBLK)
		return gk_fail(err, -EOPNOTSUPP,
			"io_max cannot be enforced: %s is not on a disk of this host that the kernel "
			"can limit; remove %s from the key",
			path, limit->target);
	return r < 0 ? gk_fail_errno(err, r, "io_max: cannot find the disk of %s", path) : 0;
}

/* ---- weights ---- */

static bool file_says(int dirfd, const char *name, const char *what)
{
	char text[4096];
	return gk_cgfile_read(dirfd, name, text, sizeof text) > 0 && strstr(text, what);
}

static bool has_bfq(void)
{
	DIR *dir = opendir("/sys/block");
	bool found = false;
	for (const struct dirent *e; dir && !found && (e = readdir(dir));) {
		char name[sizeof e->d_name + sizeof "/queue/scheduler"];
		snprintf(name, sizeof name, "%s/queue/scheduler", e->d_name);
		found = e->d_name[0] != '.' && file_says(dirfd(dir), name, "[bfq]");
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

bool gk_io_divides(void)
{
	gk_autoclose int root = gk_cgfile_dir(AT_FDCWD, GK_CGROUP_ROOT);
	return (root >= 0 && file_says(root, "io.cost.qos", "enable=1")) || has_bfq();
}

static int check_weight(struct gk_err *err)
{
	if (gk_io_divides())
		return 0;
	return gk_fail(err, -EOPNOTSUPP,
		"io_weight cannot be enforced: no disk of this host divides its time by weight; give "
		"one the scheduler bfq (/sys/block/DISK/queue/scheduler) or io.cost, or remove the "
		"key");
}

int gk_io_set_weight(int user_fd, uint64_t weight)
{
	static const char *const files[] = { "io.bfq.weight", "io.weight" };
	bool none = weight == GK_UNLIMITED, written = false;
	char text[32];
	snprintf(text, sizeof text, "default %" PRIu64, none ? 100 : weight);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		int r = gk_cgfile_write(user_fd, files[i], text);
		if (r < 0 && r != -ENOENT)
			return r;
		written = written || r == 0;
	}
	return none || written ? 0 : -ENOENT;
}

/* ---- limits ---- */

static void lower(uint64_t most[GK_IO_KINDS], const struct gk_io_limit *limit)
{
	for (int kind = 0; kind < GK_IO_KINDS; kind++)
		if (limit->most[kind] < most[kind])
			most[kind] = limit->most[kind];
}

int gk_io_find(const struct gk_plan *plan, struct gk_io_limits *ret, struct gk_err *err)
{
	const struct gk_policy *policy = plan->policy;
	ret->n = 0;
	if (policy->io_weight != GK_UNLIMITED) {
		int r = check_weight(err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < policy->nio_max && i < GK_IO_LIMITS_MOST; i++) {
		int r = find_disk(plan, &policy->io_max[i], &ret->list[ret->n], err);
		if (r < 0)
			return r;
		ret->n += r == 0;
	}
	return 0;
}

int gk_io_limit(int leaf_fd, const struct gk_io_limits *limits)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < limits->n; i++) {
		const struct gk_io_disk *disk = &limits->list[i];
		uint64_t most[GK_IO_KINDS];
		char text[192];
		memcpy(most, disk->limit->most, sizeof most);
		for (size_t k = 0; k < limits->n; k++)
			if (limits->list[k].major == disk->major &&
				limits->list[k].minor == disk->minor)
				lower(most, limits->list[k].limit);
		int at = snprintf(text, sizeof text, "%u:%u", disk->major, disk->minor);
		for (int kind = 0; kind < GK_IO_KINDS; kind++)
			if (most[kind] != GK_UNLIMITED)
				at += snprintf(text + at, sizeof text - (size_t)at, " %s=%" PRIu64,
					gk_io_names[kind], most[kind]);
		r = gk_cgfile_write(leaf_fd, "io.max", text);
	}
	return r;
}
