#include "join.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

int gk_join_verify(const struct gk_link_root *want)
{
	struct statx st;
	if (statx(AT_FDCWD, "/", AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID, &st) < 0)
		return -errno;
	return (st.stx_mask & STATX_MNT_ID) && st.stx_mnt_id == want->mount_id &&
			st.stx_ino == want->ino && st.stx_dev_major == want->dev_major &&
			st.stx_dev_minor == want->dev_minor ?
		0 :
		-EXDEV;
}

/* The C library answers for a kernel without statx(2), but knows no mount id. */
int gk_join_can_verify(void)
{
	struct statx st;
	if (statx(AT_FDCWD, "/", AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID, &st) < 0)
		return -errno;
	return st.stx_mask & STATX_MNT_ID ? 0 : -ENOSYS;
}

void gk_join_chdir(const char *path)
{
	gk_autoclose int fd =
		gk_sys_openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
	if (fd >= 0)
		(void)!fchdir(fd);
}

int gk_join_limits(uint64_t nofile)
{
	struct rlimit core, files;
	if (getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0) {
		core.rlim_max = 1;
		(void)setrlimit(RLIMIT_CORE, &core);
	}
	if (nofile == 0)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	if (files.rlim_max <= nofile)
		return 0;
	files.rlim_max = nofile;
	if (files.rlim_cur > nofile)
		files.rlim_cur = nofile;
	return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

static const struct {
	uint64_t flag;
	const char *name;
} kinds[] = {
	{ CLONE_NEWPID, "pid" },
	{ CLONE_NEWUTS, "uts" },
	{ CLONE_NEWIPC, "ipc" },
	{ CLONE_NEWCGROUP, "cgroup" },
	{ CLONE_NEWNET, "net" },
	{ CLONE_NEWNS, "mnt" },
};
enum { KINDS = sizeof kinds / sizeof *kinds };
_Static_assert(sizeof((struct gk_host_ns *)NULL)->fd == KINDS * sizeof(int), "one for each kind");

static int save(struct gk_host_ns *host)
{
	char path[32];
	for (int i = 0; i < KINDS; i++) {
		snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i].name);
		host->fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (host->fd[i] < 0)
			return -errno;
	}
	host->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return host->root < 0 ? -errno : 0;
}

void gk_join_forget(struct gk_host_ns *host)
{
	for (int i = 0; i < KINDS; i++)
		gk_close_fd(&host->fd[i]);
	gk_close_fd(&host->root);
	host->joined = 0;
}

int gk_join_leave(struct gk_host_ns *host, const char *cwd)
{
	int r = 0;
	for (int i = 0; i < KINDS; i++)
		if ((host->joined & kinds[i].flag) && setns(host->fd[i], (int)kinds[i].flag) < 0)
			r = r < 0 ? r : -errno;
	/* setns(2) moves both to the root of the namespace: a daemon may have another. */
	if (r == 0 && (fchdir(host->root) < 0 || chroot(".") < 0))
		r = -errno;
	if (r == 0)
		(void)!chdir(cwd);
	if (r == 0)
		gk_join_forget(host);
	return r;
}

int gk_join_all(
	struct gk_host_ns *host, int init, uint64_t namespaces, const struct gk_link_root *root)
{
	int r = save(host);
	if (r == 0 && setns(init, (int)namespaces) < 0)
		r = -errno;
	if (r < 0) {
		gk_join_forget(host);
		return r;
	}
	host->joined = namespaces;
	r = gk_join_verify(root);
	if (r < 0)
		(void)gk_join_leave(host, "/");
	return r;
}
