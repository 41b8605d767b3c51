#include "run/cgroup/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "run/cgroup/cgfile.h"

enum { HELPER_TIMEOUT_MS = 25000 };

bool gk_scope_host_has_systemd(void)
{
	struct stat st;
	return lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

static void exec_helper(void)
{
	static char name[] = "gocker-scope", path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *argv[] = { name, NULL }, *envp[] = { path, NULL };
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(125);
	/* Out of the caller's cgroup, which his user may be able to freeze (run/cgroup/leave.h):
	 * the helper holds a lock that all logins wait for. */
	(void)gk_cgfile_write(AT_FDCWD, GK_CGROUP_ROOT "/cgroup.procs", "0");
	(void)gk_sys_close_range(3, ~0U);
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(GK_LIBEXECDIR "/gocker-scope", argv, envp);
	_exit(127);
}

static int run_helper(struct gk_err *err)
{
	pid_t pid = fork();
	if (pid < 0)
		return gk_fail_errno(
			err, -errno, "cannot start the helper that makes gocker.scope");
	if (pid == 0)
		exec_helper();
	gk_autoclose int pidfd = gk_sys_pidfd_open(pid);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	if (pidfd < 0 || poll(&p, 1, HELPER_TIMEOUT_MS) != 1)
		(void)kill(pid, SIGKILL);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return gk_fail(err, -EIO,
		"gocker.scope is missing and could not be made; see `systemctl status gocker.service`");
}

bool gk_scope_is_held(void)
{
	char pid;
	gk_autoclose int fd =
		open(GK_SCOPE_PATH "/" GK_SCOPE_ANCHOR "/cgroup.procs", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &pid, 1) == 1;
}

int gk_scope_open(bool make, struct gk_err *err)
{
	if (make && !gk_scope_is_held()) {
		int r = run_helper(err);
		if (r < 0)
			return r;
	}
	int fd = open(GK_SCOPE_PATH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? gk_fail_errno(err, -errno, GK_SCOPE_PATH) : fd;
}
