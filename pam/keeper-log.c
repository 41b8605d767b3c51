/* The log of a session: what sshd and the like write to /dev/log inside goes on to the host's.
 *
 * A line may come with descriptors (unix(7), SCM_RIGHTS). Whoever receives it closes them, also
 * where it has no room for them, and a close may block for as long as the file's owner likes. So
 * the socket takes none where the kernel can say so, and the relay is a process with the user's
 * uid. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"

/* The longest line that is relayed, and how many at a time. */
enum { RELAY_BYTES = 8192, RELAY_BURST = 64 };
/* After lines of the user's own the relay pauses: to find out who wrote each costs more than to
 * write it, and what the relay uses up is not counted as the session's. Who writes waits. */
enum { PAUSE_MS = 100 };
/* How long the keeper waits for the last lines. */
enum { END_MS = 100 };

/* Linux 6.16 (include/uapi/asm-generic/socket.h). */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* The parent of a process, 0 when it is gone. A zombie still tells. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	const char *at = strstr(text, "\nPPid:");
	return at ? (pid_t)strtol(at + 6, NULL, 10) : 0;
}

/* Whose lines go on: root's, and those of sshd's user side, which has the user's uid and is the
 * monitor's own child (the user's programs are that one's). Whatever else the user writes there
 * stays here: it would reach the host's log in the name of a process of root's. */
static bool may_log(const struct gk_keeper *k, const struct ucred *who)
{
	if (who->uid == 0)
		return true;
	return strcmp(k->question.tty, "ssh") == 0 && who->pid > 0 &&
		parent_of(who->pid) == k->login.caller.parent;
}

/* Receives one line and who wrote it. Returns its length, or -1 when there is none. */
static ssize_t receive_line(int sock, char *line, size_t size, struct ucred *who)
{
	/* No room for descriptors: the kernel drops them. */
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	struct iovec iov = { line, size };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof control.buf };
	*who = (struct ucred){ 0, (uid_t)-1, (gid_t)-1 };
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
		c->cmsg_len == CMSG_LEN(sizeof *who))
		memcpy(who, CMSG_DATA(c), sizeof *who);
	return n;
}

/* Hands lines to the host's log as they are. One that the host's log does not take now is lost, as
 * with any datagram. Returns whether a line was the user's own, which goes nowhere. */
static bool relay_lines(const struct gk_keeper *k, int sock, int log)
{
	char line[RELAY_BYTES];
	bool in_vain = false;
	for (int i = 0; i < RELAY_BURST; i++) {
		struct ucred who;
		ssize_t n = receive_line(sock, line, sizeof line, &who);
		if (n < 0)
			break;
		if (!may_log(k, &who))
			in_vain = true;
		else if (n > 0)
			(void)send(log, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	return in_vain;
}

/* The numbers of the relay's descriptors. */
enum { SOCK, LOG, LINK, COUNT };

static int strip(const struct gk_keeper *k, int link)
{
	struct gk_err ignored = GK_ERR_INIT;
	int from[COUNT] = { [SOCK] = k->log_socket, [LOG] = gk_log_fd(), [LINK] = link };
	/* Out of the way of the numbers that they get. */
	for (int i = 0; i < COUNT; i++)
		if ((from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, COUNT)) < 0)
			return -errno;
	for (int i = 0; i < COUNT; i++)
		if (dup2(from[i], i) < 0)
			return -errno;
	int r = gk_sys_close_range(COUNT, ~0U);
	if (r == 0)
		r = gk_creds_become(&k->login.plan.cred);
	if (r == 0)
		r = gk_creds_reduce(0, &ignored);
	return r < 0 ? r : gk_seccomp_supervisor(&ignored);
}

static void relay(const struct gk_keeper *k, int link) __attribute__((noreturn));
static void relay(const struct gk_keeper *k, int link)
{
	(void)prctl(PR_SET_NAME, "gocker-log", 0, 0, 0);
	if (strip(k, link) < 0)
		_exit(1);
	struct pollfd p[] = { { .fd = SOCK, .events = POLLIN }, { .fd = LINK, .events = POLLIN } };
	while (!p[1].revents) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		/* The keeper's end is the session's. */
		if (p[0].revents && relay_lines(k, SOCK, LOG))
			(void)poll(&p[1], 1, PAUSE_MS);
	}
	(void)relay_lines(k, SOCK, LOG);
	_exit(0);
}

int gk_keeper_open_log(struct gk_keeper *k, struct gk_err *err)
{
	const int on = 1, off = 0;
	k->log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Each line comes with who wrote it (unix(7), SO_PASSCRED). */
	if (k->log_socket < 0 ||
		setsockopt(k->log_socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
		return gk_fail_errno(err, -errno, "cannot make the session's /dev/log");
	(void)setsockopt(k->log_socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off);
	k->session.devlog = fcntl(k->log_socket, F_DUPFD_CLOEXEC, 0);
	return k->session.devlog < 0 ?
		gk_fail_errno(err, -errno, "cannot make the session's /dev/log") :
		0;
}

int gk_keeper_start_log(struct gk_keeper *k, struct gk_err *err)
{
	int ends[2];
	/* A container without one. */
	if (k->log_socket < 0)
		return 0;
	/* A host without a log: lines are dropped when the socket is closed. */
	if (gk_log_fd() < 0) {
		gk_close_fd(&k->log_socket);
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return gk_fail_errno(err, -errno, "cannot relay the session's log");
	gk_autoclose int theirs = ends[0], ours = ends[1];
	pid_t pid = fork();
	if (pid == 0)
		relay(k, theirs);
	k->log_pidfd = pid < 0 ? -errno : gk_sys_pidfd_open(pid);
	if (k->log_pidfd < 0)
		return gk_fail_errno(err, k->log_pidfd, "cannot relay the session's log");
	k->log_pid = pid;
	k->log_link = gk_steal_fd(&ours);
	/* Before the first program of the user's: what waits in it is not for this process to
	 * close. */
	gk_close_fd(&k->log_socket);
	return 0;
}

void gk_keeper_end_log(struct gk_keeper *k)
{
	struct pollfd p = { .fd = k->log_pidfd, .events = POLLIN };
	gk_close_fd(&k->log_link);
	gk_close_fd(&k->log_socket);
	if (k->log_pid <= 0)
		return;
	if (poll(&p, 1, END_MS) != 1) {
		(void)gk_sys_pidfd_send_signal(k->log_pidfd, SIGKILL);
		(void)poll(&p, 1, END_MS);
	}
	/* One that is stuck in a close is the user's, and ends with it. */
	(void)waitpid(k->log_pid, NULL, WNOHANG);
	gk_close_fd(&k->log_pidfd);
	k->log_pid = 0;
}
