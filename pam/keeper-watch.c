#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/bites.h"

/* The longest line that is relayed, and how many at a time. */
enum { RELAY_BYTES = 8192, RELAY_BURST = 64 };

struct watch {
	struct gk_keeper *k;
	int signals; /* signalfd */
	struct gk_bites bites;
	int64_t started_ms;
	bool ended; /* the container is dead; the caller still has to close */
};

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the log ---- */

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
static bool may_log(const struct watch *w, const struct ucred *who)
{
	if (who->uid == 0)
		return true;
	return strcmp(w->k->question.tty, "ssh") == 0 && who->pid > 0 &&
		parent_of(who->pid) == w->k->caller.parent;
}

/* Receives one line and who wrote it. Returns its length, or -1 when there is none. */
static ssize_t receive_line(int sock, char *line, size_t size, struct ucred *who)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(16 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { line, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
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
static void relay_log(const struct watch *w)
{
	char line[RELAY_BYTES];
	for (int i = 0; i < RELAY_BURST; i++) {
		struct ucred who;
		ssize_t n = receive_line(w->k->log_socket, line, sizeof line, &who);
		if (n < 0)
			return;
		if (n > 0 && gk_log_fd() >= 0 && may_log(w, &who))
			(void)send(gk_log_fd(), line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

/* ---- limits ---- */

/* The log alone: the user's terminal is the daemon's. */
static void check_limits(struct watch *w)
{
	char text[256];
	while (gk_bites_next(&w->bites, w->k->id, &w->k->policy, text, sizeof text))
		;
}

/* The container's death is the login's end for its user; the daemon sees its child die and closes. */
static void end_container(struct watch *w, const char *why)
{
	if (w->ended)
		return;
	w->ended = true;
	gk_log(LOG_INFO, "event=end id=%s reason=%s", w->k->id, why);
	(void)gk_sys_pidfd_send_signal(w->k->session.init_pidfd, SIGKILL);
}

/* Returns how long to wait at most, in ms; -1 for as long as it takes. */
static int check_time(struct watch *w)
{
	uint64_t most = w->k->policy.max_duration_s;
	if (!most || w->ended)
		return -1;
	int64_t left = (int64_t)most * 1000 - (now_ms() - w->started_ms);
	if (left <= 0)
		end_container(w, "max_duration");
	return left <= 0 ? -1 : left > 3600000 ? 3600000 : (int)left + 1;
}

/* ---- the loop ---- */

/* Returns true when the module asks for the end. */
static bool on_signal(struct watch *w)
{
	struct signalfd_siginfo info;
	if (read(w->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return false;
	if (info.ssi_signo == SIGUSR1)
		return true;
	/* TERM and HUP: an administrator ends the session. */
	end_container(w, "terminated");
	return false;
}

static void loop(struct watch *w)
{
	enum { CALLER, SIGNALS, INIT, LOG, TASKS, MEMORY, COUNT };
	for (;;) {
		int timeout = check_time(w);
		struct pollfd p[COUNT] = {
			[CALLER] = { .fd = w->k->caller.parent_pidfd, .events = POLLIN },
			[SIGNALS] = { .fd = w->signals, .events = POLLIN },
			[INIT] = { .fd = w->ended ? -1 : w->k->session.init_pidfd, .events = POLLIN },
			[LOG] = { .fd = w->k->log_socket, .events = POLLIN },
			[TASKS] = { .fd = w->bites.fd[GK_BITE_TASKS], .events = POLLPRI },
			[MEMORY] = { .fd = w->bites.fd[GK_BITE_MEMORY], .events = POLLPRI },
		};
		if (poll(p, COUNT, timeout) < 0 && errno != EINTR)
			return;
		if (p[LOG].revents)
			relay_log(w);
		if ((p[TASKS].revents | p[MEMORY].revents) & POLLPRI)
			check_limits(w);
		if (p[INIT].revents)
			end_container(w, "init-killed");
		if (p[SIGNALS].revents && on_signal(w))
			return;
		if (p[CALLER].revents) {
			if (!w->ended)
				gk_log(LOG_INFO, "event=end id=%s reason=caller-gone", w->k->id);
			return;
		}
	}
}

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void log_close(const struct watch *w)
{
	struct gk_usage usage;
	char user[256];
	gk_cgroup_usage(&w->k->session.cgroup, &usage);
	gk_log(LOG_INFO,
		"event=close id=%s door=pam user=\"%s\" uid=%u duration_ms=%" PRId64 " pids_peak=%" PRId64
		" pids_hits=%" PRId64 " oom_kills=%" PRId64,
		w->k->id, gk_escape(user, sizeof user, w->k->who.name), (unsigned)w->k->who.uid,
		now_ms() - w->started_ms, (int64_t)usage.pids_peak, (int64_t)usage.pids_max_hits,
		(int64_t)usage.oom_kills);
}

void gk_keeper_watch(struct gk_keeper *k)
{
	struct watch w = { .k = k, .started_ms = now_ms() };
	w.signals = open_signals();
	gk_bites_open(&w.bites, k->session.cgroup.leaf_fd);
	/* Without a way to be asked, the caller's end alone is the end. */
	loop(&w);
	relay_log(&w);
	check_limits(&w);
	log_close(&w);
	gk_close_fd(&w.signals);
	gk_bites_close(&w.bites);
}
