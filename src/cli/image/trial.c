/* Running a program of an image that is being made, in a container. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/image/image.h"
#include "cli/program.h"
#include "plan/hostroot.h"

/* The time is no judgement of the program: what runs on for so long has begun. */
enum { LIMIT_MS = 60000, GRACE_MS = 10000, LOOK_MS = 200, ARGS_MAX = 32 };

static void exec_run(const char *image_dir, const char *image, const char *const *argv, int out)
	__attribute__((noreturn));
static void exec_run(const char *image_dir, const char *image, const char *const *argv, int out)
{
	const char *args[ARGS_MAX] = { "gocker", "run", "--image-dir", image_dir, "--image", image,
		"--network", "none", "--hostname", "gocker-try", "--pids-limit", "64", "-T", "--" };
	size_t n = 0;
	while (args[n])
		n++;
	for (; *argv && n + 1 < ARGS_MAX; argv++)
		args[n++] = *argv;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
		/* execve(2) takes pointers to char for history's sake; it changes nothing. */
		(void)gk_program_exec(GK_PROGRAM, (char **)(uintptr_t)args);
	_exit(GK_EXIT_GOCKER);
}

/* The end of what it prints. Returns false at the end of the file. */
static bool keep_output(int fd, char *text, size_t size, size_t *len)
{
	char buf[1024];
	ssize_t n = read(fd, buf, sizeof buf);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	size_t over = *len + (size_t)n >= size ? *len + (size_t)n - size + 1 : 0;
	if (over > *len) {
		*len = 0;
	} else if (over) {
		memmove(text, text + over, *len - over);
		*len -= over;
	}
	size_t take = (size_t)n < size ? (size_t)n : size - 1;
	memcpy(text + *len, buf + n - take, take);
	*len += take;
	text[*len] = '\0';
	return true;
}

/* Until it has ended, and closed what it prints to. Returns 0, -ETIME or -EINTR. */
static int attend(pid_t pid, int fd, char *text, size_t size)
{
	size_t len = 0;
	int r = 0;
	int64_t end = gk_now_ms() + LIMIT_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	text[0] = '\0';
	for (;;) {
		int ready = poll(&p, 1, LOOK_MS);
		if (ready > 0 && !keep_output(fd, text, size, &len))
			return r;
		bool late = gk_now_ms() >= end;
		if (!late && (r || !gk_image_interrupted()))
			continue;
		/* First so that the session ends in order; then in any case. */
		(void)kill(pid, r ? SIGKILL : SIGTERM);
		r = r ? r : late ? -ETIME : -EINTR;
		end = gk_now_ms() + GRACE_MS;
	}
}

int gk_image_try(void *arg, const char *dir, const char *const *argv, char *text, size_t size)
{
	const struct gk_image_cli *cli = arg;
	int pair[2], status = 0;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	gk_autoclose int from = pair[0];
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		exec_run(dir ? dir : cli->image_dir, dir ? "root" : GK_IMAGE_HOST, argv, pair[1]);
	(void)close(pair[1]);
	if (pid < 0)
		return -EAGAIN;
	int r = attend(pid, from, text, size);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
