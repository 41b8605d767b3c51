#include "run/watch/below.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

enum {
	DEPTH_MOST = 64,  /* no chain of parents is longer */
	ROUNDS_MOST = 32, /* of those that start others while they are stopped */
};

/* Reads /proc/PID/stat: the parent, and the terminal (proc(5), fields 4 and 7). */
static bool read_stat(pid_t pid, pid_t *ret_parent, dev_t *ret_tty)
{
	char path[64], text[1024], state;
	int parent, tty;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	/* The name before it may have any character. */
	const char *end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %c %d %*d %*d %d", &state, &parent, &tty) != 3)
		return false;
	*ret_parent = parent;
	/* As new_encode_dev() of the kernel makes it. */
	*ret_tty = makedev(((unsigned)tty >> 8) & 0xfff,
		((unsigned)tty & 0xff) | (((unsigned)tty >> 12) & 0xfff00));
	return true;
}

static bool is_known(const struct gk_below *b, pid_t pid, size_t *ret_i)
{
	size_t i = 0;
	while (i < b->n && b->processes[i].pid != pid)
		i++;
	*ret_i = i;
	return i < b->n && !gk_pidfd_has_ended(b->processes[i].pidfd);
}

/* The top, or a process that was found before: its own parent may have ended since. */
static bool is_ours(const struct gk_below *b, pid_t top, pid_t pid)
{
	size_t ignored;
	return (top > 0 && pid == top) || (b && is_known(b, pid, &ignored));
}

static bool is_below(const struct gk_below *b, pid_t top, pid_t pid, dev_t *ret_tty)
{
	pid_t parent;
	dev_t ignored;
	if (!read_stat(pid, &parent, ret_tty))
		return false;
	if (is_ours(b, top, pid))
		return true;
	for (int depth = 0; depth < DEPTH_MOST && parent > 1; depth++) {
		if (is_ours(b, top, parent))
			return true;
		if (!read_stat(parent, &parent, &ignored))
			return false;
	}
	return false;
}

static void each(const struct gk_below *b, const struct gk_cgroup *cg, pid_t top,
	void (*fn)(pid_t pid, dev_t tty, void *arg), void *arg)
{
	int fd = openat(cg->leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	dev_t tty;
	if (!f) {
		gk_close_fd(&fd);
		return;
	}
	for (int pid; fscanf(f, "%d", &pid) == 1;)
		if (is_below(b, top, pid, &tty))
			fn(pid, tty, arg);
	fclose(f);
}

void gk_below_each(const struct gk_cgroup *cg, pid_t top,
	void (*fn)(pid_t pid, dev_t tty, void *arg), void *arg)
{
	each(NULL, cg, top, fn, arg);
}

struct finding {
	struct gk_below *b;
	const struct gk_cgroup *cg;
	pid_t top;
	size_t fresh; /* how many were not known before */
};

static bool has_room(struct gk_below *b)
{
	enum { FIRST = 64 };
	size_t room = b->room ? 2 * b->room : FIRST;
	if (b->n < b->room)
		return true;
	struct gk_below_process *more = reallocarray(b->processes, room, sizeof *more);
	if (!more)
		return false;
	b->processes = more;
	b->room = room;
	return true;
}

static void add(pid_t pid, dev_t tty, void *arg)
{
	struct finding *f = arg;
	struct gk_below *b = f->b;
	size_t i;
	if (is_known(b, pid, &i) || (i == b->n && !has_room(b)))
		return;
	/* Asked again once its number can mean no other. */
	gk_autoclose int fd = gk_cgroup_pidfd(f->cg, pid);
	if (fd < 0 || !is_below(b, f->top, pid, &tty))
		return;
	if (i < b->n)
		gk_close_fd(&b->processes[i].pidfd);
	else
		b->n++;
	b->processes[i] = (struct gk_below_process){ pid, gk_steal_fd(&fd) };
	f->fresh++;
}

static void signal_all(const struct gk_below *b, int sig)
{
	for (size_t i = 0; i < b->n; i++)
		(void)gk_sys_pidfd_send_signal(b->processes[i].pidfd, sig);
}

void gk_below_signal(struct gk_below *b, const struct gk_cgroup *cg, pid_t top, int sig)
{
	struct finding f = { b, cg, top, 0 };
	each(b, cg, top, add, &f);
	for (int i = 0; sig == SIGKILL && b->n > 0 && (i == 0 || f.fresh > 0) && i < ROUNDS_MOST;
		i++) {
		signal_all(b, SIGSTOP);
		f.fresh = 0;
		each(b, cg, top, add, &f);
	}
	signal_all(b, sig);
	if (sig != SIGKILL)
		signal_all(b, SIGCONT);
}

bool gk_below_has_ended(const struct gk_below *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!gk_pidfd_has_ended(b->processes[i].pidfd))
			return false;
	return true;
}

void gk_below_close(struct gk_below *b)
{
	while (b->n > 0)
		gk_close_fd(&b->processes[--b->n].pidfd);
	free(b->processes);
	*b = (struct gk_below){ 0 };
}
