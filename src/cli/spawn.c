#include "cli/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

static void exec_clean(const char *const *argv, int out, int error) __attribute__((noreturn));
static void exec_clean(const char *const *argv, int out, int error)
{
	static const char *const envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
		NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out < 0 ? null : out, 1) < 0 ||
		(error < 0 && dup2(null, 2) < 0))
		_exit(125);
	/* execve(2) takes pointers to char for history's sake; it changes nothing. */
	(void)execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)envp);
	_exit(127);
}

FILE *gk_spawn_stream(const char *const *argv, pid_t *ret_pid, struct gk_err *err)
{
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) < 0) {
		gk_fail_errno(err, -errno, "cannot run %s", argv[0]);
		return NULL;
	}
	gk_autoclose int from = pair[0], to = pair[1];
	pid_t pid = fork();
	if (pid == 0)
		exec_clean(argv, to, -1);
	FILE *f = pid < 0 ? NULL : fdopen(from, "re");
	if (!f) {
		gk_fail_errno(err, -errno, "cannot run %s", argv[0]);
		if (pid > 0) {
			gk_close_fd(&from);
			(void)gk_spawn_wait(pid);
		}
		return NULL;
	}
	(void)gk_steal_fd(&from);
	*ret_pid = pid;
	return f;
}

int gk_spawn_run(const char *const *argv)
{
	pid_t pid = fork();
	if (pid == 0)
		exec_clean(argv, -1, STDERR_FILENO);
	return pid < 0 ? 125 : gk_spawn_wait(pid);
}

int gk_spawn_quietly(const char *const *argv)
{
	pid_t pid = fork();
	if (pid == 0)
		exec_clean(argv, -1, -1);
	return pid < 0 ? 125 : gk_spawn_wait(pid);
}

int gk_spawn_wait(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 125;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const char *gk_spawn_find(const char *const *paths)
{
	for (; *paths; paths++)
		if (access(*paths, X_OK) == 0)
			return *paths;
	return NULL;
}
