#include "run/watch/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"

/* How long the last bytes may wait for a terminal, or for a process that should be gone. */
enum { DRAIN_MS = 5000 };
/* How long the last bytes of a command are waited for, and more than a pty holds
 * (pty_common_install() in the kernel). */
enum { LAST_MS = 20, PTY_BYTES = 64 << 10 };
/* How often a job in the background looks whether it still is. */
enum { BACKGROUND_MS = 250 };

int gk_relay_seed(int fd, int master, struct gk_err *err)
{
	struct termios modes;
	struct winsize size;
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	gk_autoclose int outer = open(self, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (outer < 0 || tcgetattr(outer, &modes) < 0)
		return gk_fail_errno(err, -errno, "cannot read the terminal's modes");
	if (tcsetattr(master, TCSANOW, &modes) < 0)
		return gk_fail_errno(err, -errno, "cannot set the session's terminal modes");
	if (ioctl(outer, TIOCGWINSZ, &size) == 0)
		(void)ioctl(master, TIOCSWINSZ, &size);
	return 0;
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_lflag == b->c_lflag &&
		a->c_cflag == b->c_cflag;
}

/* What the guard must know. */
struct charge {
	bool raw;
	struct termios before, ours;
};

/* Waits for the end of whoever relays, and gives the terminal back if he could not. In a session of
 * its own, so that no job control stops it, and with no descriptor but these two: a pipe of the
 * user's held here would hide its end. A shell that has put in modes of its own by then keeps them.
 */
static void __attribute__((noreturn)) guard(int outer, int link)
{
	struct charge charge = { 0 }, now;
	struct termios modes;
	struct gk_err err = { 0 };
	sigset_t all;
	sigfillset(&all);
	(void)prctl(PR_SET_NAME, "gocker-guard", 0, 0, 0);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0 || setsid() < 0 || dup2(outer, 0) < 0 ||
		dup2(link, 1) < 0 || gk_sys_close_range(2, ~0U) < 0 ||
		gk_creds_reduce(0, &err) < 0 || gk_seccomp_supervisor(&err) < 0)
		_exit(1);
	while (read(1, &now, sizeof now) == (ssize_t)sizeof now)
		charge = now;
	if (charge.raw && tcgetattr(0, &modes) == 0 && same_modes(&modes, &charge.ours))
		(void)tcsetattr(0, TCSANOW, &charge.before);
	_exit(0);
}

/* Without a guard the relay works as well: it is for a death by SIGKILL alone. */
static void post_guard(struct gk_relay *relay)
{
	int link[2];
	relay->guard = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
		return;
	relay->guard_pid = fork();
	if (relay->guard_pid == 0) {
		(void)close(link[0]);
		guard(relay->outer, link[1]);
	}
	(void)close(link[1]);
	if (relay->guard_pid > 0)
		relay->guard = link[0];
	else
		(void)close(link[0]);
}

static void tell_guard(const struct gk_relay *relay, bool raw)
{
	struct charge charge = { .raw = raw, .before = relay->before, .ours = relay->ours };
	if (relay->guard >= 0)
		(void)send(relay->guard, &charge, sizeof charge, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void dismiss_guard(struct gk_relay *relay)
{
	if (relay->guard < 0)
		return;
	gk_close_fd(&relay->guard);
	(void)kill(relay->guard_pid, SIGKILL); /* it may be stopped */
	while (waitpid(relay->guard_pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Not part of struct gk_relay: clearing that would put eight pages into the memory of each session,
 * and most have no relay. */
enum { RELAY_BYTES = 16384 };
static unsigned char buffers[2][RELAY_BYTES];

int gk_relay_open(struct gk_relay *relay, int fd, int master, struct gk_err *err)
{
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	/* A description of our own: O_NONBLOCK must not reach the shell that shares the caller's.
	 */
	relay->outer = open(self, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (relay->outer < 0)
		return gk_fail_errno(err, -errno, "cannot open the terminal");
	relay->master = master;
	relay->in.data = buffers[0];
	relay->out.data = buffers[1];
	relay->group = getpgrp();
	if (fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return gk_fail_errno(err, -errno, "cannot relay the terminal");
	post_guard(relay);
	gk_relay_resize(relay);
	gk_relay_resume(relay);
	return 0;
}

/* Whether the terminal is ours to read. `su -c` and others start their command in a session without
 * a controlling terminal: nobody's job control is asked then, as for any reader of that terminal.
 */
static bool may_read(const struct gk_relay *relay)
{
	pid_t group = tcgetpgrp(relay->outer);
	return group == relay->group || (group < 0 && errno == ENOTTY);
}

void gk_relay_resume(struct gk_relay *relay)
{
	struct termios now;
	if (relay->outer < 0 || relay->raw || relay->in.ended || !may_read(relay) ||
		tcgetattr(relay->outer, &now) < 0)
		return;
	/* After a stop that nobody announced (SIGSTOP) they may still be, or be again, our own. */
	if (!relay->known || !same_modes(&now, &relay->ours))
		relay->before = now;
	relay->known = true;
	relay->ours = relay->before;
	cfmakeraw(&relay->ours);
	tell_guard(relay, true);
	/* Not TCSADRAIN: a terminal that takes no output must not hold the supervisor up. */
	relay->raw = tcsetattr(relay->outer, TCSANOW, &relay->ours) == 0;
}

void gk_relay_suspend(struct gk_relay *relay)
{
	if (relay->raw)
		(void)tcsetattr(relay->outer, TCSANOW, &relay->before);
	tell_guard(relay, false);
	relay->raw = false;
}

void gk_relay_continue(struct gk_relay *relay)
{
	relay->raw = false;
	gk_relay_resume(relay);
	gk_relay_resize(relay);
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

int gk_relay_poll(struct gk_relay *relay, struct pollfd fds[2])
{
	short outer = 0, inner = 0;
	/* A shell that brings a running job to the foreground tells it nothing. */
	gk_relay_resume(relay);
	bool gone = relay->in.ended;
	if (relay->raw && flow_empty(&relay->in))
		outer |= POLLIN;
	if (!flow_empty(&relay->out))
		outer |= POLLOUT;
	if (flow_empty(&relay->out) && !relay->out.ended)
		inner |= POLLIN;
	if (!flow_empty(&relay->in))
		inner |= POLLOUT;
	/* One that has hung up would report that for ever. */
	fds[0] = (struct pollfd){ .fd = gone ? -1 : relay->outer, .events = outer };
	/* An idle master whose slaves are all closed reports POLLHUP for ever: not watched then. */
	fds[1] = (struct pollfd){ .fd = inner ? relay->master : -1, .events = inner };
	return relay->raw || gone ? -1 : BACKGROUND_MS;
}

static void flow_read(struct gk_flow *flow, int fd)
{
	if (!flow_empty(flow) || flow->ended)
		return;
	ssize_t n = read(fd, flow->data, RELAY_BYTES);
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
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		relay->in.ended = true;
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
	if (relay->in.ended) /* nobody reads it any more */
		relay->out.from = relay->out.to;
	return !relay->in.ended;
}

/* What the pty still holds. No process has a slave any more, so that its end comes at once. */
static void drain(struct gk_relay *relay)
{
	while (!relay->in.ended && (!relay->out.ended || !flow_empty(&relay->out))) {
		bool writing = !flow_empty(&relay->out);
		struct pollfd p = { .fd = writing ? relay->outer : relay->master,
			.events = writing ? POLLOUT : POLLIN };
		if (poll(&p, 1, DRAIN_MS) != 1 || (writing && !(p.revents & POLLOUT)))
			return;
		if (!writing)
			flow_read(&relay->out, relay->master);
		flow_write(&relay->out, relay->outer);
	}
}

void gk_relay_close(struct gk_relay *relay)
{
	if (relay->outer < 0)
		return;
	drain(relay);
	gk_relay_suspend(relay);
	dismiss_guard(relay);
	gk_close_fd(&relay->outer);
}

void gk_relay_finish(struct gk_relay *relay)
{
	struct pollfd p[2];
	int64_t end = gk_now_ms() + DRAIN_MS;
	for (size_t moved = 0; relay->outer >= 0 && moved < PTY_BYTES && gk_now_ms() < end;) {
		gk_relay_poll(relay, p);
		p[0].events &= POLLOUT;
		if (poll(p, 2, LAST_MS) <= 0 || !gk_relay_move(relay, p) || relay->out.ended)
			break;
		if (p[1].revents & POLLIN)
			moved += relay->out.to;
	}
	relay->out.ended = true;
	gk_relay_close(relay);
}
