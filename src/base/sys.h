/* System calls that glibc 2.36 or musl lack, or wrap in a way that does not fit. All return a
 * result >= 0 or -errno. Numbers are the same on every architecture for calls after Linux 5.0. */
#ifndef GK_BASE_SYS_H
#define GK_BASE_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <linux/sched.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#define MOUNT_ATTR_NOSUID 0x00000002
#define MOUNT_ATTR_NODEV  0x00000004
#define MOUNT_ATTR_NOEXEC 0x00000008
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif

/* struct mount_attr of linux/mount.h, which can't be included beside sys/mount.h everywhere. */
struct gk_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

/* Whether the process behind a pidfd has ended, waited for or not. */
static inline bool gk_pidfd_has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	return poll(&p, 1, 0) != 0;
}

static inline long gk_sys_ret(long r)
{
	return r < 0 ? -errno : r;
}

static inline pid_t gk_sys_clone3(struct clone_args *args)
{
	return (pid_t)gk_sys_ret(syscall(SYS_clone3, args, sizeof *args));
}

/* With RESOLVE_BENEATH or RESOLVE_IN_ROOT the kernel gives up on a ".." with EAGAIN when anything
 * on the machine was renamed or mounted meanwhile (openat2(2)); it is asked again, with an end to
 * it. */
static inline int gk_sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	long r;
	int tries = 0;
	do
		r = gk_sys_ret(syscall(SYS_openat2, dirfd, path, &how, sizeof how));
	while (r == -EAGAIN && ++tries < 1000);
	return (int)r;
}

static inline int gk_sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)gk_sys_ret(syscall(SYS_open_tree, dirfd, path, flags));
}

static inline int gk_sys_move_mount(int from, int to)
{
	return (int)gk_sys_ret(syscall(SYS_move_mount, from, "", to, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

/* path below the directory dirfd; its last component is not followed if it is a symlink. */
static inline int gk_sys_move_mount_at(int from, int dirfd, const char *path)
{
	return (int)gk_sys_ret(
		syscall(SYS_move_mount, from, "", dirfd, path, MOVE_MOUNT_F_EMPTY_PATH));
}

static inline int gk_sys_mount_setattr(int fd, unsigned flags, struct gk_mount_attr *attr)
{
	return (int)gk_sys_ret(
		syscall(SYS_mount_setattr, fd, "", flags | AT_EMPTY_PATH, attr, sizeof *attr));
}

static inline int gk_sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)gk_sys_ret(syscall(SYS_pivot_root, new_root, put_old));
}

static inline int gk_sys_pidfd_open(pid_t pid)
{
	return (int)gk_sys_ret(syscall(SYS_pidfd_open, pid, 0));
}

static inline int gk_sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)gk_sys_ret(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

static inline int gk_sys_pidfd_queue_signal(int pidfd, int sig, siginfo_t *info)
{
	return (int)gk_sys_ret(syscall(SYS_pidfd_send_signal, pidfd, sig, info, 0));
}

static inline int gk_sys_close_range(unsigned first, unsigned last)
{
	return (int)gk_sys_ret(syscall(SYS_close_range, first, last, 0));
}

#endif
