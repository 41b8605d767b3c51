#include "cli/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"

/* How often one in the background looks whether it still is, in ms. */
enum { BACKGROUND_MS = 250 };

static int open_flow(struct gk_flow_end *f, int fd)
{
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	gk_autoclose int reader = pair[0], writer = pair[1];
	f->caller = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	/* Nobody inside holds this process up by not reading; the caller's terminal is left as it
	 * is. */
	int *theirs = fd == 0 ? &reader : &writer, *ours = fd == 0 ? &writer : &reader;
	if (f->caller < 0 || fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 || dup2(*theirs, fd) < 0)
		return -errno;
	int mine = gk_steal_fd(ours);
	f->from = fd == 0 ? f->caller : mine;
	f->to = fd == 0 ? mine : f->caller;
	return 0;
}

/* What goes to one terminal by two pipes would come there in any order. */
static bool goes_with_stdout(const struct gk_pump *pump, int fd)
{
	struct stat a, b;
	return fd == 2 && pump->flow[1].from >= 0 && fstat(pump->flow[1].caller, &a) == 0 &&
		fstat(fd, &b) == 0 && a.st_rdev == b.st_rdev && a.st_dev == b.st_dev;
}

static int join_stdout(struct gk_flow_end *f)
{
	f->caller = fcntl(2, F_DUPFD_CLOEXEC, 3);
	return f->caller < 0 || dup2(1, 2) < 0 ? -errno : 0;
}

int gk_pump_open(struct gk_pump *pump, unsigned but, struct gk_err *err)
{
	for (int fd = 0; fd <= 2; fd++) {
		int r = 0;
		if (!(but >> fd & 1) && isatty(fd))
			r = goes_with_stdout(pump, fd) ? join_stdout(&pump->flow[fd]) :
							 open_flow(&pump->flow[fd], fd);
		if (r < 0) {
			gk_pump_undo(pump);
			return gk_fail_errno(err, r, "cannot keep the terminal out of the session");
		}
	}
	return 0;
}

void gk_pump_undo(struct gk_pump *pump)
{
	for (int fd = 0; fd <= 2; fd++)
		if (pump->flow[fd].caller >= 0)
			(void)dup2(pump->flow[fd].caller, fd);
}

static bool is_empty(const struct gk_flow_end *f)
{
	return f->at == f->end;
}

void gk_pump_poll(const struct gk_pump *pump, struct pollfd fds[3])
{
	for (int i = 0; i < 3; i++) {
		const struct gk_flow_end *f = &pump->flow[i];
		fds[i] = is_empty(f) ? (struct pollfd){ .fd = f->from, .events = POLLIN } :
				       (struct pollfd){ .fd = f->to, .events = POLLOUT };
	}
}

/* The reader's end is closed with it: he sees that nothing more comes. */
static void finish(struct gk_flow_end *f)
{
	if (f->to != f->caller)
		gk_close_fd(&f->to);
	f->from = f->to = -1;
	f->at = f->end = 0;
}

static bool is_over(ssize_t n)
{
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static bool take(struct gk_flow_end *f)
{
	ssize_t n = read(f->from, f->data, sizeof f->data);
	if (is_over(n))
		finish(f);
	f->at = 0;
	f->end = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static void give(struct gk_flow_end *f)
{
	ssize_t n = write(f->to, f->data + f->at, f->end - f->at);
	if (n > 0)
		f->at += (size_t)n;
	else if (is_over(n))
		finish(f);
}

void gk_pump_move(struct gk_pump *pump, const struct pollfd fds[3])
{
	for (int i = 0; i < 3; i++) {
		struct gk_flow_end *f = &pump->flow[i];
		if (f->from < 0 || !fds[i].revents)
			continue;
		if (is_empty(f))
			(void)take(f);
		if (!is_empty(f))
			give(f);
	}
}

/* What is in a pipe. */
static int64_t waiting(int fd)
{
	int n = 0;
	return ioctl(fd, FIONREAD, &n) < 0 ? 0 : n;
}

/* No more than the command has left: others of the session may have the pipe, and fill it for ever.
 */
void gk_pump_drain(struct gk_pump *pump)
{
	for (int i = 1; i < 3; i++) {
		struct gk_flow_end *f = &pump->flow[i];
		int64_t left = f->from < 0 ? 0 : waiting(f->from);
		while (f->from >= 0) {
			if (is_empty(f)) {
				if (left <= 0 || !take(f))
					break;
				left -= (int64_t)f->end;
			}
			give(f);
		}
	}
}

/* ---- in a process of its own ---- */

/* What is typed while another job has the terminal is that one's. */
static bool is_in_background(int terminal, pid_t job)
{
	pid_t group = tcgetpgrp(terminal);
	return group > 0 && group != job;
}

static void carry(struct gk_pump *pump, int control) __attribute__((noreturn));
static void carry(struct gk_pump *pump, int control)
{
	enum { CONTROL = 3, COUNT };
	struct gk_err ignored = GK_ERR_INIT;
	pid_t job = getpgrp(); /* the filter knows no such call */
	sigset_t all;
	sigfillset(&all);
	/* Nothing but the session's end ends or stops it: it is to bring the last words. */
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)prctl(PR_SET_NAME, "gocker-pump", 0, 0, 0);
	gk_autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(1);
	if (gk_creds_reduce(0, &ignored) < 0 || gk_seccomp_supervisor(&ignored) < 0)
		_exit(1);
	for (;;) {
		struct pollfd p[COUNT] = { [CONTROL] = { .fd = control, .events = POLLIN } };
		gk_pump_poll(pump, p);
		bool waits =
			p[0].fd >= 0 && p[0].events == POLLIN && is_in_background(p[0].fd, job);
		if (waits)
			p[0].fd = -1;
		(void)poll(p, COUNT, waits ? BACKGROUND_MS : -1);
		gk_pump_move(pump, p);
		if (p[CONTROL].revents)
			break;
	}
	gk_pump_drain(pump);
	_exit(0);
}

int gk_pump_start(struct gk_pump *pump, struct gk_err *err)
{
	int pair[2];
	bool any = false;
	for (int i = 0; i < 3; i++)
		any = any || pump->flow[i].from >= 0;
	if (!any)
		return 0;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot keep the terminal out of the session");
	gk_autoclose int control = pair[0];
	pump->control = pair[1];
	pump->pid = fork();
	if (pump->pid == 0) {
		gk_close_fd(&pump->control);
		carry(pump, control);
	}
	if (pump->pid < 0)
		return gk_fail_errno(err, -errno, "cannot keep the terminal out of the session");
	/* Held here as well, a pipe's end would not be seen. */
	for (int i = 0; i < 3; i++) {
		struct gk_flow_end *f = &pump->flow[i];
		if (f->from != f->caller)
			gk_close_fd(&f->from);
		finish(f);
	}
	return 0;
}

void gk_pump_end(struct gk_pump *pump)
{
	gk_close_fd(&pump->control);
	while (pump->pid > 0 && waitpid(pump->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pump->pid = 0;
}

int gk_pump_no_input(void)
{
	gk_autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return null < 0 || dup2(null, 0) < 0 ? -errno : 0;
}
