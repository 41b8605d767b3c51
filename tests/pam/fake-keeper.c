/*
 * fake-keeper: what the unit tests of the module meet in place of the keeper. The service's name
 * says how it behaves; it needs no power and makes no container.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../pam/link.h"
#include "base/fdpass.h"

static void say(int kind, const char *text, int fd)
{
	struct gk_link_message m = {
		.kind = kind, .namespaces = CLONE_NEWUTS, .umask = -1, .mode = GK_LINK_WHOLE
	};
	snprintf(m.text, sizeof m.text, "%s", text);
	(void)gk_fd_send(0, &m, sizeof m, fd);
}

/* The cgroup's file is a pipe. Returns what the module wrote to it before it said that it is in; 0:
 * it did not say so. */
static char hand_leaf(int flags)
{
	struct gk_link_message m;
	int ends[2], fd;
	char byte = '-';
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return 0;
	say(GK_LINK_LEAF, "", ends[flags == O_RDONLY ? 0 : 1]);
	if (gk_fd_recv(0, &m, sizeof m, &fd) != (int)sizeof m || m.kind != GK_LINK_COUNTED)
		return 0;
	(void)!read(ends[0], &byte, 1);
	return byte;
}

int main(void)
{
	struct gk_link_message q;
	int fd;
	pid_t pid = fork();
	if (pid != 0)
		return pid < 0;
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	say(GK_LINK_KEEPER, "", self);
	if (gk_fd_recv(0, &q, sizeof q, &fd) != (int)sizeof q)
		return 1;
	char service[sizeof q.service];
	memcpy(service, q.service, sizeof service);
	if (strcmp(service, "gt-gone") == 0)
		return 0;
	if (strcmp(service, "gt-short") == 0)
		return send(0, "short", 5, MSG_NOSIGNAL) < 0;
	if (strcmp(service, "gt-free") == 0)
		say(GK_LINK_FREE, "", -1);
	else if (strcmp(service, "gt-early") == 0)
		say(GK_LINK_READY, "", self);
	else if (strcmp(service, "gt-refused") == 0)
		say(GK_LINK_REFUSED, "this is why", -1);
	else
		say(GK_LINK_LIMITS, "", -1);
	/* The end of the link: the module has given up. */
	if (gk_fd_recv(0, &q, sizeof q, &fd) != (int)sizeof q || strcmp(service, "gt-late") == 0)
		return 0;
	if (strcmp(service, "gt-leaf") == 0)
		say(GK_LINK_REFUSED, hand_leaf(O_WRONLY) == '0' ? "it went in" : "it did not", -1);
	else if (strcmp(service, "gt-shut") == 0)
		say(GK_LINK_REFUSED, hand_leaf(O_RDONLY) ? "it says that it went in" : "", -1);
	else if (strcmp(service, "gt-full") == 0)
		say(GK_LINK_REFUSED, "no room", -1);
	else
		say(GK_LINK_READY, "", strcmp(service, "gt-bare") == 0 ? -1 : self);
	(void)gk_fd_recv(0, &q, sizeof q, &fd);
	return 0;
}
