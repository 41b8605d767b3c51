#include "run/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { DRAIN_MS = 5000 };

int gk_relay_open(struct gk_relay *relay, int fd, int master, struct gk_err *err)
{
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	/* A description of our own: O_NONBLOCK must not reach the shell that shares the caller's. */
	relay->outer = open(self, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (relay->outer < 0)
		return gk_fail_errno(err, -errno, "cannot open the terminal");
	relay->master = master;
	if (fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return gk_fail_errno(err, -errno, "cannot relay the terminal");
	if (tcgetattr(relay->outer, &relay->before) < 0)
		return gk_fail_errno(err, -errno, "cannot read the terminal's modes");
	if (tcsetattr(master, TCSANOW, &relay->before) < 0)
		return gk_fail_errno(err, -errno, "cannot set the session's terminal modes");
	gk_relay_resize(relay);
	gk_relay_resume(relay);
	return 0;
}

void gk_relay_resume(struct gk_relay *relay)
{
	if (relay->raw || relay->outer < 0 || tcgetpgrp(relay->outer) != getpgrp())
		return;
	struct termios modes;
	if (tcgetattr(relay->outer, &relay->before) < 0)
		return;
	modes = relay->before;
	cfmakeraw(&modes);
	relay->raw = tcsetattr(relay->outer, TCSADRAIN, &modes) == 0;
}

void gk_relay_suspend(struct gk_relay *relay)
{
	if (relay->raw)
		(void)tcsetattr(relay->outer, TCSADRAIN, &relay->before);
	relay->raw = false;
}

void gk_relay_resize(struct gk_relay *relay)
{
	struct winsize size;
	if (relay->outer >= 0 && ioctl(relay->outer, TIOCGWINSZ, &size) == 0)
		(void)ioctl(relay->master, TIOCSWINSZ, &size);
}

static bool flow_empty(const struct gk_flow *flow)
{
	return flow->from == flow->to;
}

void gk_relay_poll(const struct gk_relay *relay, struct pollfd fds[2])
{
	short outer = 0, inner = 0;
	if (relay->raw && flow_empty(&relay->in) && !relay->in.ended)
		outer |= POLLIN;
	if (!flow_empty(&relay->out))
		outer |= POLLOUT;
	if (flow_empty(&relay->out) && !relay->out.ended)
		inner |= POLLIN;
	if (!flow_empty(&relay->in))
		inner |= POLLOUT;
	fds[0] = (struct pollfd){ .fd = relay->outer, .events = outer };
	/* An idle master whose slaves are all closed reports POLLHUP for ever: not watched then. */
	fds[1] = (struct pollfd){ .fd = inner ? relay->master : -1, .events = inner };
}

static void flow_read(struct gk_flow *flow, int fd)
{
	if (!flow_empty(flow) || flow->ended)
		return;
	ssize_t n = read(fd, flow->data, sizeof flow->data);
	flow->from = 0;
	flow->to = n > 0 ? (size_t)n : 0;
	/* EIO: the last slave of a pty was closed, or its master was. */
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		flow->ended = true;
}

static void flow_write(struct gk_flow *flow, int fd)
{
	if (flow_empty(flow))
		return;
	ssize_t n = write(fd, flow->data + flow->from, flow->to - flow->from);
	if (n > 0)
		flow->from += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		flow->from = flow->to;
}

bool gk_relay_move(struct gk_relay *relay, const struct pollfd fds[2])
{
	if (fds[0].revents & POLLOUT)
		flow_write(&relay->out, relay->outer);
	if (fds[0].revents & POLLIN) {
		flow_read(&relay->in, relay->outer);
		flow_write(&relay->in, relay->master);
	}
	if (fds[1].revents & POLLOUT)
		flow_write(&relay->in, relay->master);
	if (fds[1].revents & (POLLIN | POLLHUP)) {
		flow_read(&relay->out, relay->master);
		flow_write(&relay->out, relay->outer);
	}
	return !(fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) && !relay->in.ended;
}

void gk_relay_close(struct gk_relay *relay)
{
	if (relay->outer < 0)
		return;
	/* No process holds a slave any more: what the pty buffered comes, then the end. */
	while (!relay->out.ended || !flow_empty(&relay->out)) {
		flow_read(&relay->out, relay->master);
		flow_write(&relay->out, relay->outer);
		struct pollfd p = { .fd = relay->outer, .events = POLLOUT };
		if (!flow_empty(&relay->out) && poll(&p, 1, DRAIN_MS) != 1)
			break;
		if (p.revents & (POLLHUP | POLLERR))
			break;
	}
	gk_relay_suspend(relay);
	gk_close_fd(&relay->outer);
}
