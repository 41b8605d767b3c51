#include "run/build/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"
#include "plan/policy.h"
#include "run/privilege/creds.h"
#include "run/store/record.h"

int gk_userns_take(uint64_t first, uint64_t *ret_base, struct gk_err *err)
{
	unsigned n;
	int fd = gk_slot_take_range(GK_USERNS_RANGES, &n, err);
	if (fd >= 0)
		*ret_base = first + (uint64_t)n * GK_USERNS_IDS;
	return fd;
}

static int write_map(pid_t pid, const char *name, uint64_t base)
{
	char path[64], line[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int n = snprintf(line, sizeof line, "0 %llu %d\n", (unsigned long long)base, GK_USERNS_IDS);
	gk_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : gk_write_all(fd, line, (size_t)n);
}

static int open_namespace(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A namespace lives in a process until there is an fd of it: this one does nothing but be there. */
static void stay(pid_t parent) __attribute__((noreturn));
static void stay(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	for (;;)
		(void)pause();
}

int gk_userns_make(uint64_t base, struct gk_err *err)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	pid_t parent = getpid(), pid = gk_sys_clone3(&args);
	if (pid == 0)
		stay(parent);
	if (pid < 0)
		return gk_fail_errno(err, pid, "cannot make a user namespace");
	/* Our child, not yet waited for: its number is its own. */
	int r = write_map(pid, "uid_map", base);
	if (r == 0)
		r = write_map(pid, "gid_map", base);
	gk_autoclose int fd = r < 0 ? r : open_namespace(pid);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd < 0 ? gk_fail_errno(err, fd, "cannot make a user namespace") : gk_steal_fd(&fd);
}

int gk_userns_enter(int fd, uint64_t caps, struct gk_err *err)
{
	if (setns(fd, CLONE_NEWUSER) < 0)
		return gk_fail_errno(err, -errno, "cannot enter the session's user namespace");
	return gk_creds_bound(caps, err);
}
