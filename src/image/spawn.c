#include "image/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

static int start(const char *const *argv, int out, pid_t *ret_pid)
{
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	posix_spawn_file_actions_t files;
	int r = posix_spawn_file_actions_init(&files);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	/* The arrays' strings are not changed by it (POSIX: for compatibility with execv). */
	union {
		const char *const *in;
		char *const *out;
	} args = { argv }, envs = { env };
	if (r == 0)
		r = posix_spawn(ret_pid, argv[0], &files, NULL, args.out, envs.out);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int gk_spawn_read(const char *const *argv, char *ret, size_t size, struct gk_err *err)
{
	int pipe_fds[2];
	pid_t pid = 0;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "no pipe");
	gk_autoclose int in = pipe_fds[0];
	int r = start(argv, pipe_fds[1], &pid);
	(void)close(pipe_fds[1]);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot run %s", argv[0]);
	size_t len = 0;
	for (ssize_t n;
		r == 0 && len + 1 < size && (n = read(in, ret + len, size - 1 - len)) != 0;) {
		if (n < 0 && errno != EINTR)
			r = -errno;
		len += n > 0 ? (size_t)n : 0;
	}
	if (len + 1 >= size)
		r = -E2BIG;
	gk_close_fd(&in); /* a program that writes on gets SIGPIPE */
	ret[len] = '\0';
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return gk_fail_errno(err, -errno, "%s", argv[0]);
	if (r < 0)
		return gk_fail_errno(err, r, "%s", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   gk_fail(err, -EIO, "%s was ended by a signal", argv[0]);
}
