#include "cli/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

static int open_log(const char *log, struct gk_err *err)
{
	/* Made as root's umask would have had it, and readable by root alone if it is new. */
	int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600) :
		       open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return gk_fail_errno(err, -errno, "cannot write to %s", log ? log : "/dev/null");
	/* It would be inside for as long as the session lives. */
	if (isatty(fd)) {
		(void)close(fd);
		return gk_fail(err, -EINVAL, "cannot write to %s: it is a terminal", log);
	}
	return fd;
}

/* The child's id, or its exit status when it ends without one. */
static int wait_for(pid_t pid, int report)
{
	char id[64];
	size_t n = 0;
	ssize_t got;
	while (n < sizeof id - 1 &&
		((got = read(report, id + n, sizeof id - 1 - n)) > 0 ||
			(got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	id[n] = '\0';
	if (n > 0)
		return puts(id) < 0 || fflush(stdout) != 0 ? GK_EXIT_GOCKER : 0;
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : GK_EXIT_GOCKER;
}

int gk_detach(struct gk_detach *d, const char *log, struct gk_err *err)
{
	int report[2];
	gk_autoclose int output = open_log(log, err);
	gk_autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	gk_autoclose int errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (output < 0)
		return GK_EXIT_GOCKER;
	if (null < 0 || errors < 0 || pipe2(report, O_CLOEXEC) < 0) {
		gk_fail_errno(err, -errno, "cannot detach");
		return GK_EXIT_GOCKER;
	}
	gk_autoclose int from = report[0], to = report[1];
	pid_t pid = fork();
	if (pid < 0) {
		gk_fail_errno(err, -errno, "cannot detach");
		return GK_EXIT_GOCKER;
	}
	if (pid > 0) {
		gk_close_fd(&to);
		return wait_for(pid, from);
	}
	if (setsid() < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(GK_EXIT_GOCKER);
	d->report = gk_steal_fd(&to);
	d->errors = gk_steal_fd(&errors);
	return -1;
}

void gk_detach_refuse(struct gk_detach *d)
{
	if (d->errors >= 0)
		(void)dup2(d->errors, STDERR_FILENO);
}

void gk_detach_done(struct gk_detach *d, const char *id)
{
	if (d->report >= 0)
		(void)!write(d->report, id, strlen(id));
	gk_close_fd(&d->report);
	gk_close_fd(&d->errors);
}
