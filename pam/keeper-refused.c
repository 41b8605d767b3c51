/* The last word after a refusal. A caller that goes on all the same is stopped by the module, which
 * is in it (children.c), as far as it forks; whatever else it finds to become the user is ended
 * here: a process with the user's effective uid below the caller that is not in a container. */
#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/creds.h"

/* The first look is at once, the next ones after 50, 100, 200 ms ...: twelve seconds altogether. */
enum { FIRST_MS = 50, LAST_MS = 6400 };
/* sshd's user side reports the refusal to each command that the client asks for. */
enum { WORDS_MS = 3000 };
/* No chain of parents is longer. */
enum { DEPTH_MOST = 64 };
/* How many are ended together, how often more are looked for, how long an end is waited for. */
enum { TOGETHER = 256, LOOKS_MOST = 16, DEATH_MS = 50 };

struct process {
	pid_t parent;
	uid_t real, effective, saved;
	bool is_inside; /* in a PID namespace below the keeper's */
	bool is_stopped;
	bool is_dead; /* and not waited for yet */
};

/* The text behind the name of a line of /proc/PID/status, or NULL. */
static const char *field(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	return at ? at + strlen(name) : NULL;
}

/* The line of the groups, up to 65,536 of them, lies before others that count. */
enum { STATUS_BYTES = 1 << 20 };

/* Returns 0 or -errno; one that has ended is -ENOENT or -ESRCH. */
static int read_process(pid_t pid, struct process *ret)
{
	static char text[STATUS_BYTES];
	char path[64], *end;
	size_t size = 0;
	ssize_t n = 1;
	*ret = (struct process){ 0 };
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (n > 0 && size < sizeof text - 1) {
		n = read(fd, text + size, sizeof text - 1 - size);
		if (n < 0)
			return -errno;
		size += (size_t)n;
	}
	text[size] = '\0';
	const char *parent = field(text, "\nPPid:"), *uids = field(text, "\nUid:"),
		   *pids = field(text, "\nNSpid:"), *state = field(text, "\nState:\t");
	if (!parent || !uids || !pids || !state)
		return -ESRCH;
	ret->is_stopped = *state == 'T' || *state == 't';
	ret->is_dead = *state == 'Z' || *state == 'X';
	ret->parent = (pid_t)strtol(parent, NULL, 10);
	ret->real = (uid_t)strtoul(uids, &end, 10);
	ret->effective = (uid_t)strtoul(end, &end, 10);
	ret->saved = (uid_t)strtoul(end, &end, 10);
	/* One number for each PID namespace, from that of this /proc on (proc(5)). */
	(void)strtol(pids, &end, 10);
	ret->is_inside = *end == '\t';
	return 0;
}

static bool is_below(const struct gk_keeper *k, pid_t parent)
{
	struct process p;
	for (int depth = 0; depth < DEPTH_MOST && parent > 1; depth++) {
		if (parent == k->login.caller.parent)
			return true;
		if (read_process(parent, &p) < 0)
			return false;
		parent = p.parent;
	}
	return false;
}

/* The caller itself may act with the user's effective uid for a moment; it is the user's process
 * when it cannot come back from there. */
static bool is_loose(const struct gk_keeper *k, pid_t pid)
{
	struct process p;
	uid_t uid = k->login.who.uid;
	if (read_process(pid, &p) < 0 || p.is_dead || p.is_inside || p.effective != uid)
		return false;
	if (pid == k->login.caller.parent)
		return p.real == uid && p.saved == uid;
	return is_below(k, p.parent);
}

static bool caller_lives(const struct gk_keeper *k, int wait_ms)
{
	struct pollfd p = { .fd = k->login.caller.parent_pidfd, .events = POLLIN };
	int64_t end = gk_now_ms() + wait_ms;
	for (;;) {
		int64_t left = end - gk_now_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);
		if (n >= 0)
			return n == 0;
		if (errno != EINTR)
			return false;
	}
}

struct found {
	pid_t pid[TOGETHER];
	int fd[TOGETHER];
	size_t n;
};

static bool is_found(const struct found *f, pid_t pid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->pid[i] == pid)
			return true;
	return false;
}

/* Stops those that are loose and were not found before. */
static void stop_more(const struct gk_keeper *k, DIR *proc, struct found *f)
{
	rewinddir(proc);
	for (const struct dirent *e; f->n < TOGETHER && (e = readdir(proc));) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (pid <= 1 || is_found(f, pid) || !is_loose(k, pid))
			continue;
		/* Asked again once its number can mean no other. */
		gk_autoclose int fd = gk_sys_pidfd_open(pid);
		if (fd < 0 || !is_loose(k, pid) || gk_sys_pidfd_send_signal(fd, SIGSTOP) < 0)
			continue;
		f->pid[f->n] = pid;
		f->fd[f->n++] = gk_steal_fd(&fd);
	}
}

static bool all_stand_still(const struct found *f)
{
	struct process p;
	for (size_t i = 0; i < f->n; i++)
		if (read_process(f->pid[i], &p) == 0 && !p.is_stopped && !p.is_dead)
			return false;
	return true;
}

/* All stand still before the first is ended: what one forks meanwhile would lose its parent, and
 * be below the caller no more. Returns how many were ended. */
static int end_those_found(const struct gk_keeper *k, DIR *proc)
{
	struct found f = { .n = 0 };
	int killed = 0;
	for (int look = 0; look < LOOKS_MOST; look++) {
		bool still = all_stand_still(&f);
		size_t before = f.n;
		stop_more(k, proc, &f);
		if (still && f.n == before)
			break;
		if (f.n == before)
			(void)poll(NULL, 0, 1);
	}
	for (size_t i = 0; i < f.n; i++)
		killed += gk_sys_pidfd_send_signal(f.fd[i], SIGKILL) == 0;
	for (size_t i = 0; i < f.n; i++) {
		struct pollfd p = { .fd = f.fd[i], .events = POLLIN };
		(void)poll(&p, 1, DEATH_MS);
		gk_close_fd(&f.fd[i]);
	}
	return killed;
}

void gk_keeper_end_loose(const struct gk_keeper *k)
{
	char user[256];
	int killed = 0;
	DIR *proc = k->login.who.uid != 0 && caller_lives(k, 0) ? opendir("/proc") : NULL;
	for (int look = 0, more = 1; proc && more > 0 && look < LOOKS_MOST; look++) {
		more = end_those_found(k, proc);
		killed += more;
	}
	if (proc)
		(void)closedir(proc);
	if (killed > 0)
		gk_log(LOG_ALERT,
			"event=killed door=pam user=\"%s\" processes=%d "
			"reason=\"outside, and the session is not open\"",
			gk_escape(user, sizeof user, k->login.who.name), killed);
}

void gk_keeper_end_refused(struct gk_keeper *k)
{
	struct gk_err ignored = GK_ERR_INIT;
	int64_t start = gk_now_ms();
	if (k->question.kind != GK_LINK_OPEN || k->login.who.uid == 0 || gk_keeper_is_trial(k) ||
		(k->login.policy.image && !k->login.policy.contain))
		return;
	gk_close_fd(&k->link);
	/* The module waits for the end of the keeper. */
	pid_t pid = fork();
	if (pid != 0)
		return;
	if (gk_creds_reduce(1ULL << CAP_KILL | 1ULL << CAP_SYS_PTRACE, &ignored) < 0)
		return;
	for (int wait = FIRST_MS; wait <= LAST_MS; wait *= 2) {
		if (k->mode != GK_LINK_DROP || gk_now_ms() - start > WORDS_MS)
			gk_keeper_end_loose(k);
		if (!caller_lives(k, wait))
			return;
	}
}
