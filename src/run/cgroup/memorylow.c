#include "run/cgroup/memorylow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "plan/policy.h"
#include "run/cgroup/cgfile.h"
#include "run/cgroup/scope.h"

#define FILE_NAME "memory.low"

enum { LOCK_MS = 5000, WAIT_STEP_US = 500 };

/* Bytes; 0 where there is no such file, UINT64_MAX for "max". */
static uint64_t read_low(int dirfd)
{
	char text[32] = "";
	if (gk_cgfile_read(dirfd, FILE_NAME, text, sizeof text) <= 0)
		return 0;
	return text[0] == 'm' ? UINT64_MAX : strtoull(text, NULL, 10);
}

static int write_low(int dirfd, uint64_t low)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, low);
	return gk_cgfile_write(dirfd, FILE_NAME, text);
}

bool gk_memory_low_kept(uint64_t low)
{
	gk_autoclose int root = gk_cgfile_dir(AT_FDCWD, GK_CGROUP_ROOT);
	/* The kernel's own root has no such file, and nothing above it. */
	return low == GK_UNLIMITED || root < 0 || faccessat(root, FILE_NAME, F_OK, 0) < 0 ||
		read_low(root) >= low;
}

int gk_memory_low_check(uint64_t low, struct gk_err *err)
{
	if (gk_memory_low_kept(low))
		return 0;
	return gk_fail(err, -EOPNOTSUPP,
		"memory_low cannot be enforced: this host is in a cgroup itself, which keeps less "
		"memory; give it more (" GK_CGROUP_ROOT "/" FILE_NAME ") or remove the key");
}

/* Who changes the sum holds this lock: only root can open the directory. An end that does not get
 * it in time goes on without. Returns a fd to be closed, or -1. */
static int lock_sum(void)
{
	gk_autoclose int fd = open(GK_RUNDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int64_t end = gk_now_ms() + LOCK_MS;
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (gk_now_ms() >= end)
			return -1;
		(void)usleep(WAIT_STEP_US);
	}
	return gk_steal_fd(&fd);
}

/* The slice follows the scope, unless its administrator has given it more (MemoryLow= of
 * systemd.resource-control(5)). */
static int set_above(int base_fd, uint64_t sum)
{
	uint64_t before = read_low(base_fd);
	int r = write_low(base_fd, sum);
	if (r < 0 || !gk_scope_host_has_systemd())
		return r;
	gk_autoclose int slice = openat(base_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (slice < 0)
		return -errno;
	uint64_t has = read_low(slice);
	return has == before || has < sum ? write_low(slice, sum) : 0;
}

static uint64_t sum_of_users(int base_fd)
{
	int fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint64_t sum = 0;
	if (!dir && fd >= 0)
		(void)close(fd);
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		gk_autoclose int user = e->d_type == DT_DIR && e->d_name[0] == 'u' ?
			gk_cgfile_dir(base_fd, e->d_name) :
			-1;
		if (user >= 0)
			sum += read_low(user);
	}
	if (dir)
		(void)closedir(dir);
	return sum;
}

int gk_memory_low_give(int base_fd, int user_fd, uint64_t low)
{
	uint64_t want = low == GK_UNLIMITED ? 0 : low;
	if (want == 0 && read_low(user_fd) == 0)
		return 0;
	int r = write_low(user_fd, want);
	gk_autoclose int lock = r < 0 ? -1 : lock_sum();
	return r < 0 ? r : lock < 0 ? -ETIMEDOUT : set_above(base_fd, sum_of_users(base_fd));
}

void gk_memory_low_remove_user(int base_fd, int user_fd, const char *name)
{
	uint64_t had = user_fd < 0 ? 0 : read_low(user_fd);
	/* By subtraction: the supervisor's filter does not let it list a directory. */
	gk_autoclose int lock = had ? lock_sum() : -1;
	if (unlinkat(base_fd, name, AT_REMOVEDIR) < 0 || !had)
		return;
	uint64_t sum = read_low(base_fd);
	(void)set_above(base_fd, sum > had ? sum - had : 0);
}
