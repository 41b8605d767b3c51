/* The log of a session: what sshd and the like write to /dev/log inside goes on to the host's. */
#include "keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* The longest line that is relayed, and how many at a time. */
enum { RELAY_BYTES = 8192, RELAY_BURST = 64 };

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
		parent_of(who->pid) == k->caller.parent;
}

/* Receives one line and who wrote it. Returns its length, or -1 when there is none. */
static ssize_t receive_line(int sock, char *line, size_t size, struct ucred *who)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(16 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { line, size };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof control.buf };
	*who = (struct ucred){ 0, (uid_t)-1, (gid_t)-1 };
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		size_t bytes = c->cmsg_len - CMSG_LEN(0);
		if (c->cmsg_type == SCM_CREDENTIALS && bytes == sizeof *who)
			memcpy(who, CMSG_DATA(c), sizeof *who);
		/* Nobody was asked for descriptors. */
		for (size_t at = 0; c->cmsg_type == SCM_RIGHTS && at + sizeof(int) <= bytes;
			at += sizeof(int)) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
			(void)close(fd);
		}
	}
	return n;
}

/* Hands lines to the host's log as they are. One that the host's log does not take now is lost, as
 * with any datagram. */
bool gk_keeper_relay_log(const struct gk_keeper *k)
{
	char line[RELAY_BYTES];
	bool in_vain = false;
	for (int i = 0; i < RELAY_BURST; i++) {
		struct ucred who;
		ssize_t n = receive_line(k->log_socket, line, sizeof line, &who);
		if (n < 0)
			break;
		if (!may_log(k, &who))
			in_vain = true;
		else if (n > 0 && gk_log_fd() >= 0)
			(void)send(gk_log_fd(), line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	return in_vain;
}
