#include "cli/enable/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "run/privilege/creds.h"
#include "run/privilege/landlock.h"

enum { PATIENCE_MS = 3000 };

bool gk_reach_is(const struct gk_reach *r)
{
	return r->end == 0 || r->end == ECONNREFUSED;
}

/* Begins a connection. Returns the socket, or -1 where it has ended at once. */
static int begin(struct gk_reach *r)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { .any.sa_family = strchr(r->address, ':') ? AF_INET6 : AF_INET };
	const bool six = a.any.sa_family == AF_INET6;
	a.in.sin_port = htons(r->port); /* in the same place for both */
	r->end = EINVAL;
	if (inet_pton(a.any.sa_family, r->address,
		    six ? (void *)&a.in6.sin6_addr : (void *)&a.in.sin_addr) != 1)
		return -1;
	gk_autoclose int fd =
		socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int e = fd < 0 || connect(fd, &a.any, six ? sizeof a.in6 : sizeof a.in) < 0 ? errno : 0;
	r->end = e == EINPROGRESS ? ETIMEDOUT : e;
	return e == EINPROGRESS ? gk_steal_fd(&fd) : -1;
}

static void on_end(struct gk_reach *r, struct pollfd *p)
{
	socklen_t len = sizeof r->end;
	if (!p->revents)
		return;
	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &r->end, &len) < 0)
		r->end = errno;
	gk_close_fd(&p->fd);
}

void gk_reach_try(struct gk_reach *list, size_t n)
{
	struct pollfd p[GK_REACH_MOST];
	const int64_t end = gk_now_ms() + PATIENCE_MS;
	size_t open = 0;
	for (size_t i = 0; i < n; i++) {
		p[i] = (struct pollfd){ .fd = begin(&list[i]), .events = POLLOUT };
		open += p[i].fd >= 0;
	}
	for (int64_t left; open && (left = end - gk_now_ms()) > 0;) {
		if (poll(p, (nfds_t)n, (int)left) < 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (p[i].fd < 0)
				continue;
			on_end(&list[i], &p[i]);
			open -= p[i].fd < 0;
		}
	}
	for (size_t i = 0; i < n; i++)
		gk_close_fd(&p[i].fd);
}

static int go_inside(const struct gk_session *s, struct gk_err *err)
{
	int rules = -1;
	int r = gk_landlock_rules(s->plan, &rules, err);
	if (r == 0 && (s->plan->namespaces & CLONE_NEWNET) &&
		setns(s->init_pidfd, CLONE_NEWNET) < 0)
		r = -errno;
	if (r == 0)
		r = gk_creds_become(&s->plan->cred);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = gk_landlock_enter(rules, gk_landlock_is_tcp(s->plan), err);
	gk_close_fd(&rules);
	return r;
}

int gk_reach_inside(const struct gk_session *s, struct gk_reach *list, size_t n, struct gk_err *err)
{
	int ends[2], status = 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot try what the session reaches");
	gk_autoclose int from = ends[0], to = ends[1];
	pid_t pid = fork();
	if (pid == 0) {
		if (go_inside(s, err) < 0)
			_exit(1);
		gk_reach_try(list, n);
		_exit(write(to, list, n * sizeof *list) < 0);
	}
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot try what the session reaches");
	gk_close_fd(&to);
	ssize_t got = read(from, list, n * sizeof *list);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return got == (ssize_t)(n * sizeof *list) ?
		0 :
		gk_fail(err, -EIO, "cannot try what the session reaches");
}
