/* The processes of a cgroup: into it, and found, signalled and killed in it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "run/cgroup/cgfile.h"
#include "run/cgroup/cgroup.h"

enum { KILL_ROUNDS = 100, KILL_STEP_US = 500 };

int gk_cgroup_join(const struct gk_cgroup *cg)
{
	return gk_cgfile_write(cg->leaf_fd, cg->v1 ? "tasks" : "cgroup.procs", "0");
}

int gk_cgroup_procs_of(pid_t pid, char *buf, size_t size)
{
	struct gk_err ignored = GK_ERR_INIT;
	int v1 = gk_cgroup_is_v1(&ignored);
	int r = v1 < 0 ? v1 : gk_cgfile_dir_of(v1 != 0, pid, buf, size);
	if (r < 0)
		return r;
	size_t len = strlen(buf);
	int more = snprintf(buf + len, size - len, "/cgroup.procs");
	return more > 0 && (size_t)more < size - len ? 0 : -ENAMETOOLONG;
}

int gk_cgroup_open_tasks(const struct gk_cgroup *cg)
{
	int fd = openat(
		cg->leaf_fd, cg->v1 ? "tasks" : "cgroup.procs", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Whether the number stands in the leaf's cgroup.procs now. */
int gk_cgroup_has(const struct gk_cgroup *cg, pid_t pid)
{
	int fd = openat(cg->leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	int member, r = 0;
	if (!f) {
		r = -errno;
		gk_close_fd(&fd);
		return r;
	}
	while (r == 0 && fscanf(f, "%d", &member) == 1)
		r = member == pid;
	if (r == 0 && ferror(f))
		r = -EIO;
	fclose(f);
	return r;
}

static int kill_by_pidfd(const struct gk_cgroup *cg)
{
	for (int round = 0; round < KILL_ROUNDS; round++) {
		gk_autoclose int fd = openat(cg->leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		char buf[4096];
		ssize_t n = read(fd, buf, sizeof buf - 1);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf[n] = '\0';
		/* A number cut off at the end of the buffer is left for the next round. */
		char *last = strrchr(buf, '\n');
		if (last)
			last[1] = '\0';
		for (char *save, *word = strtok_r(buf, "\n", &save); word;
			word = strtok_r(NULL, "\n", &save)) {
			pid_t pid = (pid_t)strtol(word, NULL, 10);
			gk_autoclose int pidfd = pid > 0 ? gk_sys_pidfd_open(pid) : -1;
			if (pidfd >= 0 && gk_cgroup_has(cg, pid) == 1)
				(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
		}
		(void)usleep(KILL_STEP_US);
	}
	return -EBUSY;
}

int gk_cgroup_pidfd(const struct gk_cgroup *cg, pid_t pid)
{
	gk_autoclose int pidfd = pid > 0 ? gk_sys_pidfd_open(pid) : -ESRCH;
	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : pidfd;
	return gk_cgroup_has(cg, pid) == 1 ? gk_steal_fd(&pidfd) : -ESRCH;
}

static ino_t pid_namespace_of(pid_t pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

bool gk_cgroup_is_inside(pid_t pid, pid_t init)
{
	ino_t inside = pid_namespace_of(init);
	return inside && pid_namespace_of(pid) == inside;
}

int gk_cgroup_signal(const struct gk_cgroup *cg, int sig, pid_t init)
{
	int fd = openat(cg->leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	int pid, reached = 0;
	ino_t inside = pid_namespace_of(init);
	if (!f || !inside) {
		int e = f ? -ESRCH : -errno;
		if (f)
			fclose(f);
		else
			gk_close_fd(&fd);
		return e;
	}
	while (fscanf(f, "%d", &pid) == 1) {
		gk_autoclose int pidfd = pid == init ? -1 : gk_cgroup_pidfd(cg, pid);
		reached += pidfd >= 0 && pid_namespace_of(pid) == inside &&
			gk_sys_pidfd_send_signal(pidfd, sig) == 0;
	}
	fclose(f);
	return reached;
}

/* The number after a name in a status file, or -1. */
static long number_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

/* NSpid of proc(5) has a number for each namespace from the reader's down. */
static bool is_inner(pid_t pid, const struct gk_cgroup_network *network)
{
	char path[64], text[4096];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (network->uid && number_of(text, "\nUid:") == (long)network->uid)
		return false;
	char *at = strstr(text, "\nNSpid:");
	if (!at)
		return true;
	at += sizeof "\nNSpid:" - 1;
	at[strcspn(at, "\n")] = '\0';
	(void)strtol(at, &at, 10);
	return at[strspn(at, " \t")] != '\0';
}

static int count_inner(const struct gk_cgroup *cg, pid_t init, int most)
{
	int fd = openat(cg->leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	int pid, n = 0;
	if (!f) {
		gk_close_fd(&fd);
		return 0;
	}
	while (n < most && fscanf(f, "%d", &pid) == 1)
		n += pid != init && pid != cg->network.pid && is_inner(pid, &cg->network);
	fclose(f);
	return n;
}

bool gk_cgroup_has_inner(const struct gk_cgroup *cg, pid_t init)
{
	return count_inner(cg, init, 1) > 0;
}

int gk_cgroup_count_inner(const struct gk_cgroup *cg, pid_t init)
{
	return count_inner(cg, init, INT_MAX);
}

int gk_cgroup_kill(const struct gk_cgroup *cg)
{
	if (cg->foreign)
		return 0;
	int r = cg->v1 ? -ENOENT : gk_cgfile_write(cg->leaf_fd, "cgroup.kill", "1");
	return r == -ENOENT ? kill_by_pidfd(cg) : r;
}
