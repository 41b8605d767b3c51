#include "run/build/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143 };

static bool is_pty(const struct stat *st)
{
	unsigned m = major(st->st_rdev);
	return m >= PTY_MAJOR_FIRST && m <= PTY_MAJOR_LAST;
}

void gk_tty_detect(struct gk_tty *ret, pid_t caller)
{
	struct stat first = { 0 };
	*ret = (struct gk_tty){ .mode = GK_TTY_NONE, .fd = -1 };
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;
		int flags = fcntl(fd, F_GETFL);
		/* It will be opened again with root's power: only with the access that the caller
		 * has shown to have. A terminal held in one direction stays as it is. */
		if (flags < 0 || (flags & O_ACCMODE) != O_RDWR)
			continue;
		if (!isatty(fd) || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
			continue;
		if (ret->fd < 0) {
			ret->fd = fd;
			first = st;
		}
		if (st.st_rdev == first.st_rdev && st.st_dev == first.st_dev)
			ret->same |= 1U << fd;
	}
	if (ret->fd < 0)
		return;
	bool leader = getsid(0) == caller && tcgetsid(ret->fd) == caller;
	ret->mode = leader && is_pty(&first) ? GK_TTY_TAKEOVER : GK_TTY_RELAY;
}

static uint64_t read_sysctl(const char *path)
{
	char text[32] = "";
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	return n > 0 ? strtoull(text, NULL, 10) : 0;
}

void gk_tty_count(uint64_t *ret_used, uint64_t *ret_most)
{
	*ret_used = read_sysctl("/proc/sys/kernel/pty/nr");
	*ret_most = read_sysctl("/proc/sys/kernel/pty/max");
}

int gk_tty_check_left(const struct gk_tty *tty, struct gk_err *err)
{
	enum { KEPT = 16 }; /* the part of all that is kept */
	uint64_t used, most;
	if (tty->mode != GK_TTY_TAKEOVER)
		return 0;
	gk_tty_count(&used, &most);
	if (most == 0 || used < most - most / KEPT)
		return 0;
	return gk_fail(err, -ENOSPC,
		"%" PRIu64 " of this host's %" PRIu64 " terminals are in use, and the rest is kept "
		"for administrators; log in without one (ssh -T)",
		used, most);
}

int gk_tty_take(const char *path, unsigned same, struct gk_err *err)
{
	/* Opened by its name inside, so that ttyname() finds it. */
	gk_autoclose int inside = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (inside < 0)
		return gk_fail_errno(err, -errno, "cannot open %s in the session", path);
	if (setsid() < 0)
		return gk_fail_errno(err, -errno, "cannot start a terminal session");
	/* 1: taken from the session that has it, the supervisor's own (ioctl_tty(2)). */
	if (ioctl(inside, TIOCSCTTY, 1) < 0)
		return gk_fail_errno(err, -errno, "cannot take the terminal over");
	for (int i = 0; i <= 2; i++)
		if ((same >> i & 1) && dup2(inside, i) < 0)
			return gk_fail_errno(err, -errno, "cannot pass the terminal");
	return 0;
}

int gk_tty_open_inner(uid_t uid, gid_t group, char *ret_path, size_t size, struct gk_err *err)
{
	gk_autoclose int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	unsigned number;
	int unlock = 0;
	if (master < 0 && errno == ENOSPC)
		return gk_fail(err, -ENOSPC,
			"the container has no terminal left; log in without one (ssh -T) and end "
			"programs that use some");
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
		ioctl(master, TIOCGPTN, &number) < 0)
		return gk_fail_errno(err, -errno, "cannot open a terminal in the session");
	snprintf(ret_path, size, "/dev/pts/%u", number);
	if (chown(ret_path, uid, group) < 0 || chmod(ret_path, 0620) < 0)
		return gk_fail_errno(err, -errno, "cannot pass the session's terminal");
	return gk_steal_fd(&master);
}
