/* A login in a container that all of its user's logins share (share = user): which of the processes
 * and terminals in it are this login's. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

/* No chain of parents is longer. */
enum { DEPTH_MOST = 64 };
/* The first major number of ptys (devices.txt); the container has no more than it counts. */
enum { PTY_MAJOR = 136 };

bool gk_keeper_is_shared(const struct gk_keeper *k)
{
	return k->policy.share == GK_SHARE_USER && k->policy.contain && !gk_keeper_is_trial(k);
}

int gk_keeper_init(const struct gk_keeper *k)
{
	return k->session.joined ? k->session.container.init_pidfd : k->session.init_pidfd;
}

const struct gk_cgroup *gk_keeper_cgroup(const struct gk_keeper *k)
{
	return k->session.joined ? &k->session.container.cgroup : &k->session.cgroup;
}

/* Reads /proc/PID/stat: the parent, and the terminal (proc(5), fields 4 and 7). Returns 0 or
 * -errno. */
static int read_stat(pid_t pid, pid_t *ret_parent, dev_t *ret_tty)
{
	char path[64], text[1024], state;
	int parent, tty;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	/* The name before it may have any character. */
	const char *end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %c %d %*d %*d %d", &state, &parent, &tty) != 3)
		return -ESRCH;
	*ret_parent = parent;
	/* As new_encode_dev() of the kernel makes it. */
	*ret_tty = makedev(((unsigned)tty >> 8) & 0xfff,
		((unsigned)tty & 0xff) | (((unsigned)tty >> 12) & 0xfff00));
	return 0;
}

static bool is_below(const struct gk_keeper *k, pid_t pid, dev_t *ret_tty)
{
	pid_t parent;
	dev_t ignored;
	if (read_stat(pid, &parent, ret_tty) < 0)
		return false;
	for (int depth = 0; depth < DEPTH_MOST && parent > 1; depth++) {
		if (parent == k->caller.parent)
			return true;
		if (read_stat(parent, &parent, &ignored) < 0)
			return false;
	}
	return false;
}

typedef void own_fn(pid_t pid, dev_t tty, void *arg);

/* Calls fn for each process of the container that is below the caller. */
static void each_own(const struct gk_keeper *k, own_fn *fn, void *arg)
{
	int fd = openat(gk_keeper_cgroup(k)->leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	dev_t tty;
	if (!f) {
		gk_close_fd(&fd);
		return;
	}
	for (int pid; fscanf(f, "%d", &pid) == 1;)
		if (is_below(k, pid, &tty))
			fn(pid, tty, arg);
	fclose(f);
}

struct found {
	const struct gk_keeper *k;
	int *pidfds;
	size_t n, most;
};

static void add_pidfd(pid_t pid, dev_t tty, void *arg)
{
	struct found *found = arg;
	if (found->n == found->most)
		return;
	/* Asked again once its number can mean no other. */
	gk_autoclose int fd = gk_cgroup_pidfd(gk_keeper_cgroup(found->k), pid);
	if (fd >= 0 && is_below(found->k, pid, &tty))
		found->pidfds[found->n++] = gk_steal_fd(&fd);
}

size_t gk_keeper_find_own(const struct gk_keeper *k, int *pidfds, size_t most)
{
	struct found found = { k, pidfds, 0, most };
	each_own(k, add_pidfd, &found);
	return found.n;
}

static void add_pty(pid_t pid, dev_t tty, void *arg)
{
	bool *own = arg;
	(void)pid;
	if (major(tty) == PTY_MAJOR && minor(tty) < GK_PTYS_MAX)
		own[minor(tty)] = true;
}

void gk_keeper_find_ptys(struct gk_keeper *k)
{
	if (!gk_keeper_is_shared(k))
		return;
	memset(k->own_pty, 0, sizeof k->own_pty);
	/* One that the caller has brought from outside has its number on the host. */
	if (k->outer_tty < 0)
		each_own(k, add_pty, k->own_pty);
}
