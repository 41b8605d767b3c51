#include "run/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/scope.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define V1_PIDS CGROUP_ROOT "/pids"

enum { MAKE_TRIES = 100, KILL_ROUNDS = 100, WAIT_STEP_US = 500 };

static bool is_fs(const char *path, long magic)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 && fs.f_type == magic;
}

int gk_cgroup_is_v1(struct gk_err *err)
{
	if (is_fs(CGROUP_ROOT, CGROUP2_SUPER_MAGIC))
		return 0;
	if (is_fs(V1_PIDS, CGROUP_SUPER_MAGIC))
		return 1;
	return gk_fail(err, -ENOENT,
		"no cgroup file system with the pids controller; mount cgroup2 on " CGROUP_ROOT);
}

static int write_file(int dirfd, const char *name, const char *value)
{
	gk_autoclose int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	/* One write: cgroup files take a value whole or not at all. */
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static ssize_t read_file(int dirfd, const char *name, char *buf, size_t size)
{
	gk_autoclose int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

static int open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Hands every controller of dirfd that gocker uses down to its children. */
static int hand_down(int dirfd)
{
	static const char *const wanted[] = { "pids", "memory", "cpu" };
	char have[512];
	ssize_t n = read_file(dirfd, "cgroup.controllers", have, sizeof have);
	if (n < 0)
		return (int)n;
	have[strcspn(have, "\n")] = '\0';
	int r = -ENOENT;
	for (char *save, *word = strtok_r(have, " ", &save); word; word = strtok_r(NULL, " ", &save))
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
			if (strcmp(word, wanted[i]) != 0)
				continue;
			char plus[16];
			snprintf(plus, sizeof plus, "+%s", word);
			int w = write_file(dirfd, "cgroup.subtree_control", plus);
			if (i == 0)
				r = w;
		}
	return r;
}

static int open_base_v2(bool make, struct gk_err *err)
{
	if (gk_scope_host_has_systemd())
		return gk_scope_open(make, err);
	gk_autoclose int root = open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return gk_fail_errno(err, -errno, CGROUP_ROOT);
	if (make && mkdirat(root, "gocker", 0755) < 0) {
		if (errno != EEXIST)
			return gk_fail_errno(err, -errno, "cannot make " CGROUP_ROOT "/gocker");
	} else if (make) {
		int r = hand_down(root);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot enable the pids controller in "
				CGROUP_ROOT);
	}
	int fd = open_dir(root, "gocker");
	return fd < 0 ? gk_fail_errno(err, fd, CGROUP_ROOT "/gocker") : fd;
}

static int open_base(bool v1, bool make, struct gk_err *err)
{
	if (!v1)
		return open_base_v2(make, err);
	gk_autoclose int root = open(V1_PIDS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return gk_fail_errno(err, -errno, V1_PIDS);
	if (make && mkdirat(root, "gocker", 0755) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, "cannot make " V1_PIDS "/gocker");
	int fd = open_dir(root, "gocker");
	return fd < 0 ? gk_fail_errno(err, fd, V1_PIDS "/gocker") : fd;
}

/* A limit of a level: the file and its value; GK_UNLIMITED writes "max". */
static int set_limit(int dirfd, const char *name, uint64_t value)
{
	char text[32];
	if (value == GK_UNLIMITED)
		snprintf(text, sizeof text, "max");
	else
		snprintf(text, sizeof text, "%" PRIu64, value);
	int r = write_file(dirfd, name, text);
	/* A controller that this host lacks holds nobody back from having no limit. */
	return r == -ENOENT && value == GK_UNLIMITED ? 0 : r;
}

static int set_cpus(int dirfd, uint32_t milli)
{
	char text[48];
	enum { PERIOD_US = 100000 };
	if (milli == 0)
		return 0;
	snprintf(text, sizeof text, "%" PRIu64 " %d", (uint64_t)milli * PERIOD_US / 1000, PERIOD_US);
	return write_file(dirfd, "cpu.max", text);
}

static int limit_user(const struct gk_cgroup *cg, const struct gk_policy *policy)
{
	/* Each session's init is a task too; the limit is meant for the user's own. */
	uint64_t tasks = policy->user_pids_max;
	if (tasks != GK_UNLIMITED)
		tasks += policy->user_sessions_max ? policy->user_sessions_max : tasks;
	int r = set_limit(cg->user_fd, "pids.max", tasks);
	if (r == 0 && !cg->v1)
		r = set_limit(cg->user_fd, "memory.max", policy->user_memory_max);
	return r;
}

static int limit_leaf(const struct gk_cgroup *cg, const struct gk_plan *plan)
{
	const struct gk_policy *policy = plan->policy;
	int r = set_limit(cg->leaf_fd, "pids.max", plan->leaf_pids_max);
	if (cg->v1 || r < 0)
		return r;
	r = set_limit(cg->leaf_fd, "memory.max", policy->memory_max);
	if (r == 0)
		r = set_limit(cg->leaf_fd, "memory.swap.max", policy->memory_swap_max);
	/* One session's processes live and die together: half of them are of no use. */
	if (r == 0 && policy->memory_max != GK_UNLIMITED)
		r = write_file(cg->leaf_fd, "memory.oom.group", "0");
	if (r == 0)
		r = set_cpus(cg->leaf_fd, policy->cpus_milli);
	return r;
}

static int refuse_on_v1(const struct gk_policy *policy, struct gk_err *err)
{
	enum gk_key key = gk_policy_needs_v2(policy);
	if (key == GK_KEY_COUNT)
		return 0;
	return gk_fail(err, -EOPNOTSUPP,
		"%s cannot be enforced: this host has its controllers on cgroup v1; "
		"boot it with cgroup v2 or remove the key", gk_key_name(key));
}

/* The user's directory may be removed by a session that ends between our steps, and on v2 the
 * controllers may not have been handed down yet by the login that made it: hence the rounds. */
static int make_leaf(struct gk_cgroup *cg, const struct gk_plan *plan, const char *user)
{
	int r = -EAGAIN;
	for (int i = 0; i < MAKE_TRIES; i++) {
		gk_close_fd(&cg->user_fd);
		if (mkdirat(cg->base_fd, user, 0755) < 0 && errno != EEXIST)
			return -errno;
		cg->user_fd = open_dir(cg->base_fd, user);
		if (cg->user_fd < 0)
			continue;
		r = limit_user(cg, plan->policy);
		if (r == -ENOENT && !cg->v1)
			r = hand_down(cg->base_fd) < 0 ? -ENOENT : limit_user(cg, plan->policy);
		if (r < 0 && r != -ENOENT && r != -ENODEV)
			return r;
		if (mkdirat(cg->user_fd, cg->id, 0755) < 0) {
			r = -errno;
			if (r == -ENOENT || r == -ENODEV)
				continue;
			return r;
		}
		cg->leaf_fd = open_dir(cg->user_fd, cg->id);
		r = cg->leaf_fd < 0 ? cg->leaf_fd : limit_leaf(cg, plan);
		if (r == -ENOENT && !cg->v1 && hand_down(cg->user_fd) == 0)
			r = limit_leaf(cg, plan);
		return r;
	}
	return r;
}

int gk_cgroup_make(const struct gk_plan *plan, struct gk_cgroup *ret, struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	char user[24];
	int v1 = gk_cgroup_is_v1(err);
	if (v1 < 0)
		return v1;
	cg.v1 = v1 != 0;
	cg.uid = plan->who->uid;
	snprintf(cg.id, sizeof cg.id, "%s", plan->session_id);
	snprintf(user, sizeof user, "u%u", (unsigned)cg.uid);
	int r = cg.v1 ? refuse_on_v1(plan->policy, err) : 0;
	if (r == 0)
		r = cg.base_fd = open_base(cg.v1, true, err);
	if (r >= 0)
		r = make_leaf(&cg, plan, user);
	if (r < 0) {
		gk_fail_errno(err, r, "cannot set up the session's cgroup and its limits");
		(void)gk_cgroup_remove(&cg, 0);
		return r;
	}
	*ret = cg;
	return 0;
}

int gk_cgroup_find(uid_t uid, const char *id, struct gk_cgroup *ret, struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	char user[24];
	int v1 = gk_cgroup_is_v1(err);
	if (v1 < 0)
		return v1;
	cg.v1 = v1 != 0;
	cg.uid = uid;
	snprintf(cg.id, sizeof cg.id, "%s", id);
	snprintf(user, sizeof user, "u%u", (unsigned)uid);
	int r = cg.base_fd = open_base(cg.v1, false, NULL);
	if (r >= 0)
		r = cg.user_fd = open_dir(cg.base_fd, user);
	if (r >= 0)
		r = cg.leaf_fd = open_dir(cg.user_fd, id);
	if (r < 0) {
		gk_cgroup_close(&cg);
		return gk_fail_errno(err, r, "session %s has no cgroup", id);
	}
	*ret = cg;
	return 0;
}

int gk_cgroup_find_foreign(const char *path, struct gk_cgroup *ret, struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	if (strncmp(path, CGROUP_ROOT "/", sizeof CGROUP_ROOT) != 0 || strstr(path, "/.."))
		return gk_fail(err, -EINVAL, "%s is no cgroup", path);
	cg.foreign = true;
	cg.leaf_fd = open_dir(AT_FDCWD, path);
	if (cg.leaf_fd < 0)
		return gk_fail_errno(err, cg.leaf_fd, "%s", path);
	*ret = cg;
	return 0;
}

int gk_cgroup_join(const struct gk_cgroup *cg)
{
	return write_file(cg->leaf_fd, "cgroup.procs", "0");
}

int gk_cgroup_move(const struct gk_cgroup *cg, pid_t pid)
{
	char text[16];
	snprintf(text, sizeof text, "%d", (int)pid);
	return write_file(cg->leaf_fd, "cgroup.procs", text);
}

/* Fills buf with the directory of the cgroup in which pid is (cgroups(7), /proc/PID/cgroup). */
static int find_dir_of(bool v1, pid_t pid, char *buf, size_t size)
{
	char path[64], text[8192];
	snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	ssize_t n = read_file(AT_FDCWD, path, text, sizeof text);
	if (n < 0)
		return (int)n;
	for (char *save, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *where = names ? strchr(names + 1, ':') : NULL;
		if (!where)
			continue;
		*where++ = '\0';
		if (strcmp(names + 1, v1 ? "pids" : "") != 0)
			continue;
		/* Outside of what this cgroup namespace shows. */
		if (strncmp(where, "/..", 3) == 0)
			return -EXDEV;
		int len = snprintf(buf, size, "%s%s", v1 ? V1_PIDS : CGROUP_ROOT, where);
		return len > 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

int gk_cgroup_procs_of(pid_t pid, char *buf, size_t size)
{
	struct gk_err ignored = GK_ERR_INIT;
	int v1 = gk_cgroup_is_v1(&ignored);
	int r = v1 < 0 ? v1 : find_dir_of(v1 != 0, pid, buf, size);
	if (r < 0)
		return r;
	size_t len = strlen(buf);
	int more = snprintf(buf + len, size - len, "/cgroup.procs");
	return more > 0 && (size_t)more < size - len ? 0 : -ENAMETOOLONG;
}

/* Whether a limit file says what was asked, or less. */
static bool limit_holds(int dirfd, const char *name, uint64_t want)
{
	char buf[64] = "";
	if (want == GK_UNLIMITED)
		return true;
	if (read_file(dirfd, name, buf, sizeof buf) <= 0 || buf[0] < '0' || buf[0] > '9')
		return false;
	return strtoull(buf, NULL, 10) <= want;
}

int gk_cgroup_adopt(const struct gk_plan *plan, pid_t pid, struct gk_cgroup *ret,
	struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	char path[PATH_MAX];
	int v1 = gk_cgroup_is_v1(err);
	int r = v1 != 0 ? -EOPNOTSUPP : find_dir_of(false, pid, path, sizeof path);
	if (r == 0)
		r = cg.leaf_fd = open_dir(AT_FDCWD, path);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot find the cgroup of the login");
	const struct gk_policy *policy = plan->policy;
	/* pam_systemd(8) has no words for the last two. */
	if (!limit_holds(cg.leaf_fd, "pids.max", plan->leaf_pids_max) ||
		!limit_holds(cg.leaf_fd, "memory.max", policy->memory_max) ||
		!limit_holds(cg.leaf_fd, "memory.swap.max", policy->memory_swap_max) ||
		policy->cpus_milli != 0) {
		gk_cgroup_close(&cg);
		return gk_fail(err, -EPERM, "the limits of the login's scope are not those asked for");
	}
	cg.foreign = true;
	cg.uid = plan->who->uid;
	snprintf(cg.id, sizeof cg.id, "%s", plan->session_id);
	*ret = cg;
	return 0;
}

/* Whether the number stands in the leaf's cgroup.procs now. */
static bool is_member(int leaf_fd, pid_t pid)
{
	int fd = openat(leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	int member;
	bool found = false;
	if (!f) {
		gk_close_fd(&fd);
		return false;
	}
	while (!found && fscanf(f, "%d", &member) == 1)
		found = member == pid;
	fclose(f);
	return found;
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
			if (pidfd >= 0 && is_member(cg->leaf_fd, pid))
				(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
		}
		(void)usleep(WAIT_STEP_US);
	}
	return -EBUSY;
}

int gk_cgroup_pidfd(const struct gk_cgroup *cg, pid_t pid)
{
	gk_autoclose int pidfd = pid > 0 ? gk_sys_pidfd_open(pid) : -ESRCH;
	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : pidfd;
	return is_member(cg->leaf_fd, pid) ? gk_steal_fd(&pidfd) : -ESRCH;
}

static ino_t pid_namespace_of(pid_t pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
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

int gk_cgroup_kill(const struct gk_cgroup *cg)
{
	if (cg->foreign)
		return 0;
	int r = cg->v1 ? -ENOENT : write_file(cg->leaf_fd, "cgroup.kill", "1");
	return r == -ENOENT ? kill_by_pidfd(cg) : r;
}

int gk_cgroup_remove(struct gk_cgroup *cg, int timeout_ms)
{
	int r = 0;
	char user[24];
	if (cg->foreign) {
		gk_cgroup_close(cg);
		return 0;
	}
	/* Also one that was made and could not be opened. */
	if (cg->user_fd >= 0 && cg->id[0]) {
		int64_t left_us = (int64_t)timeout_ms * 1000;
		while ((r = unlinkat(cg->user_fd, cg->id, AT_REMOVEDIR) < 0 ? -errno : 0) == -EBUSY &&
			left_us > 0) {
			(void)usleep(WAIT_STEP_US);
			left_us -= WAIT_STEP_US;
		}
		if (r == -ENOENT)
			r = 0;
	}
	snprintf(user, sizeof user, "u%u", (unsigned)cg->uid);
	if (cg->user_fd >= 0)
		(void)unlinkat(cg->base_fd, user, AT_REMOVEDIR);
	gk_cgroup_close(cg);
	return r;
}

int gk_cgroup_freeze(const struct gk_cgroup *cg, bool freeze)
{
	return cg->v1 ? -EOPNOTSUPP : write_file(cg->leaf_fd, "cgroup.freeze", freeze ? "1" : "0");
}

bool gk_cgroup_is_frozen(const struct gk_cgroup *cg)
{
	char buf[16] = "";
	return !cg->v1 && read_file(cg->leaf_fd, "cgroup.freeze", buf, sizeof buf) > 0 &&
		buf[0] == '1';
}

static uint64_t read_number(int dirfd, const char *name)
{
	char buf[64] = "";
	if (read_file(dirfd, name, buf, sizeof buf) <= 0 || buf[0] < '0' || buf[0] > '9')
		return UINT64_MAX;
	return strtoull(buf, NULL, 10);
}

/* The number after `key` in a flat keyed file. */
static uint64_t read_keyed(int dirfd, const char *name, const char *key)
{
	char buf[4096];
	if (read_file(dirfd, name, buf, sizeof buf) <= 0)
		return UINT64_MAX;
	size_t len = strlen(key);
	for (char *save, *line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoull(line + len + 1, NULL, 10);
	return UINT64_MAX;
}

void gk_cgroup_usage(const struct gk_cgroup *cg, struct gk_usage *ret)
{
	int fd = cg->leaf_fd;
	*ret = (struct gk_usage){
		.pids_now = read_number(fd, "pids.current"),
		.pids_peak = read_number(fd, "pids.peak"),
		.pids_max_hits = read_keyed(fd, "pids.events", "max"),
		.memory_now = read_number(fd, "memory.current"),
		.memory_peak = read_number(fd, "memory.peak"),
		.oom_kills = read_keyed(fd, "memory.events", "oom_kill"),
		.cpu_usec = read_keyed(fd, "cpu.stat", "usage_usec"),
	};
}

void gk_cgroup_close(struct gk_cgroup *cg)
{
	gk_close_fd(&cg->leaf_fd);
	gk_close_fd(&cg->user_fd);
	gk_close_fd(&cg->base_fd);
}
