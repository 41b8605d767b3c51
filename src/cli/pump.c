#include "cli/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"

static int open_flow(struct gk_flow_end *f, int fd)
{
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	gk_autoclose int reader = pair[0], writer = pair[1];
	f->caller = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	/* Nobody inside holds this process up by not reading; the caller's terminal is left as it is. */
	int *theirs = fd == 0 ? &reader : &writer, *ours = fd == 0 ? &writer : &reader;
	if (f->caller < 0 || fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 || dup2(*theirs, fd) < 0)
		return -errno;
	int mine = gk_steal_fd(ours);
	f->from = fd == 0 ? f->caller : mine;
	f->to = fd == 0 ? mine : f->caller;
	return 0;
}

int gk_pump_open(struct gk_pump *pump, struct gk_err *err)
{
	for (int fd = 0; fd <= 2; fd++) {
		int r = isatty(fd) ? open_flow(&pump->flow[fd], fd) : 0;
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

/* No more than the command has left: others of the session may have the pipe, and fill it for ever. */
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
