#include "run/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/cgroup/cgfile.h"
#include "run/cgroup/devices.h"
#include "run/cgroup/io.h"
#include "run/cgroup/memorylow.h"
#include "run/watch/shutdown.h"
#include "run/cgroup/scope.h"
#include "run/cgroup/leave.h"

enum { MAKE_TRIES = 100, WAIT_STEP_US = 500 };

/* How long a user's lock is waited for: by a login, and by an end, which goes on without it. */
enum { LOCK_MS = 15000, END_LOCK_MS = 5000 };

static bool is_fs(const char *path, long magic)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 && fs.f_type == magic;
}

int gk_cgroup_is_v1(struct gk_err *err)
{
	if (is_fs(GK_CGROUP_ROOT, CGROUP2_SUPER_MAGIC))
		return 0;
	if (is_fs(GK_CGROUP_V1, CGROUP_SUPER_MAGIC))
		return 1;
	return gk_fail(err, -ENOENT,
		"no cgroup file system with the pids controller; mount cgroup2 on " GK_CGROUP_ROOT);
}

/* Hands every controller of dirfd that gocker uses down to its children. */
static int hand_down(int dirfd)
{
	static const char *const wanted[] = { "pids", "memory", "cpu", "io" };
	char have[512];
	ssize_t n = gk_cgfile_read(dirfd, "cgroup.controllers", have, sizeof have);
	if (n < 0)
		return (int)n;
	have[strcspn(have, "\n")] = '\0';
	int r = -ENOENT;
	for (char *save, *word = strtok_r(have, " ", &save); word;
		word = strtok_r(NULL, " ", &save))
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
			if (strcmp(word, wanted[i]) != 0)
				continue;
			char plus[16];
			snprintf(plus, sizeof plus, "+%s", word);
			int w = gk_cgfile_write(dirfd, "cgroup.subtree_control", plus);
			if (i == 0)
				r = w;
		}
	return r;
}

static int open_base_v2(bool make, struct gk_err *err)
{
	if (gk_scope_host_has_systemd())
		return gk_scope_open(make, err);
	gk_autoclose int root = open(GK_CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return gk_fail_errno(err, -errno, GK_CGROUP_ROOT);
	if (make && mkdirat(root, "gocker", 0755) < 0) {
		if (errno != EEXIST)
			return gk_fail_errno(err, -errno, "cannot make " GK_CGROUP_ROOT "/gocker");
	} else if (make) {
		int r = hand_down(root);
		if (r < 0)
			return gk_fail_errno(
				err, r, "cannot enable the pids controller in " GK_CGROUP_ROOT);
	}
	int fd = gk_cgfile_dir(root, "gocker");
	return fd < 0 ? gk_fail_errno(err, fd, GK_CGROUP_ROOT "/gocker") : fd;
}

static int open_base(bool v1, bool make, struct gk_err *err)
{
	if (!v1)
		return open_base_v2(make, err);
	gk_autoclose int root = open(GK_CGROUP_V1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return gk_fail_errno(err, -errno, GK_CGROUP_V1);
	if (make && mkdirat(root, "gocker", 0755) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, "cannot make " GK_CGROUP_V1 "/gocker");
	int fd = gk_cgfile_dir(root, "gocker");
	return fd < 0 ? gk_fail_errno(err, fd, GK_CGROUP_V1 "/gocker") : fd;
}

int gk_cgroup_open_base(struct gk_err *err)
{
	int v1 = gk_cgroup_is_v1(err);
	return v1 < 0 ? v1 : open_base(v1 != 0, true, err);
}

/* A limit of a level: the file and its value; GK_UNLIMITED writes "max". */
static int set_limit(int dirfd, const char *name, uint64_t value)
{
	char text[32];
	if (value == GK_UNLIMITED)
		snprintf(text, sizeof text, "max");
	else
		snprintf(text, sizeof text, "%" PRIu64, value);
	int r = gk_cgfile_write(dirfd, name, text);
	/* A controller that this host lacks holds nobody back from having no limit. */
	return r == -ENOENT && value == GK_UNLIMITED ? 0 : r;
}

static int set_cpus(int dirfd, uint32_t milli)
{
	char text[48];
	enum { PERIOD_US = 100000 };
	if (milli == 0)
		return set_limit(dirfd, "cpu.max", GK_UNLIMITED);
	snprintf(
		text, sizeof text, "%" PRIu64 " %d", (uint64_t)milli * PERIOD_US / 1000, PERIOD_US);
	return gk_cgfile_write(dirfd, "cpu.max", text);
}

/* A share among the users; without one the kernel's own (cgroup-v2.rst, "Weights"). */
static int set_weight(int dirfd, const char *name, uint64_t weight)
{
	int r = set_limit(dirfd, name, weight == GK_UNLIMITED ? 100 : weight);
	return r == -ENOENT && weight == GK_UNLIMITED ? 0 : r;
}

/* Who changes the limit of a user, or the number of their leaves that it depends on, holds this
 * lock. Its directory is root's alone, so that no user can take it (flock(2) needs no right to
 * write), and exists for as long as a session of the user holds a slot. Who has it may be stuck in
 * the kernel. Returns a fd to be closed, -ETIMEDOUT or -errno. */
static int lock_user(uid_t uid, int timeout_ms)
{
	char path[64];
	snprintf(path, sizeof path, GK_RUNDIR "/u/%u", (unsigned)uid);
	gk_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int64_t end = gk_now_ms() + timeout_ms;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (gk_now_ms() >= end)
			return -ETIMEDOUT;
		(void)usleep(WAIT_STEP_US);
	}
	return gk_steal_fd(&fd);
}

/* The leaves in a user's directory: its link count has them and two more (kernfs). */
static uint64_t count_leaves(int user_fd)
{
	struct stat st;
	return fstat(user_fd, &st) == 0 && st.st_nlink > 2 ? (uint64_t)st.st_nlink - 2 : 0;
}

/* Each session's init is a task too, and the limit is meant for the user's own: one is added for
 * each leaf there is, and taken away with it. The caller holds the lock. */
static int limit_user(const struct gk_cgroup *cg, const struct gk_policy *policy)
{
	uint64_t tasks = policy->user_pids_max;
	if (tasks != GK_UNLIMITED)
		tasks += count_leaves(cg->user_fd);
	int r = set_limit(cg->user_fd, "pids.max", tasks);
	if (r < 0 || cg->v1)
		return r;
	r = set_limit(cg->user_fd, "memory.max", policy->user_memory_max);
	if (r == 0)
		r = set_cpus(cg->user_fd, policy->user_cpus_milli);
	if (r == 0)
		r = set_weight(cg->user_fd, "cpu.weight", policy->cpu_weight);
	if (r == 0)
		r = gk_memory_low_give(cg->base_fd, cg->user_fd, policy->memory_low);
	return r < 0 ? r : gk_io_set_weight(cg->user_fd, policy->io_weight);
}

/* Removes the leaf, and what was added for it to the user's limit: that of the policy which the
 * user's latest login had, not of the one that ends. */
static int remove_leaf(const struct gk_cgroup *cg)
{
	char text[32] = "";
	gk_autoclose int lock = lock_user(cg->uid, END_LOCK_MS);
	uint64_t before = count_leaves(cg->user_fd);
	ssize_t n = lock < 0 ? lock : gk_cgfile_read(cg->user_fd, "pids.max", text, sizeof text);
	if (unlinkat(cg->user_fd, cg->id, AT_REMOVEDIR) < 0)
		return -errno;
	uint64_t most = n > 0 && text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : 0;
	if (most > before)
		(void)set_limit(cg->user_fd, "pids.max", most - before + count_leaves(cg->user_fd));
	return 0;
}

static int limit_leaf(
	const struct gk_cgroup *cg, const struct gk_plan *plan, const struct gk_io_limits *limits)
{
	const struct gk_policy *policy = plan->policy;
	int r = set_limit(cg->leaf_fd, "pids.max", plan->leaf_pids_max);
	if (cg->v1 || r < 0)
		return r;
	r = set_limit(cg->leaf_fd, "memory.max", policy->memory_max);
	if (r == 0)
		r = set_limit(cg->leaf_fd, "memory.high", policy->memory_high);
	if (r == 0 && policy->memory_low != GK_UNLIMITED)
		r = set_limit(cg->leaf_fd, "memory.low", policy->memory_low);
	if (r == 0)
		r = set_limit(cg->leaf_fd, "memory.swap.max", policy->memory_swap_max);
	/* The one that takes too much is killed, not all with it: its user is told, and goes on. */
	if (r == 0 && policy->memory_max != GK_UNLIMITED)
		r = gk_cgfile_write(cg->leaf_fd, "memory.oom.group", "0");
	if (r == 0 && policy->cpus_milli)
		r = set_cpus(cg->leaf_fd, policy->cpus_milli);
	return r == 0 ? gk_io_limit(cg->leaf_fd, limits) : r;
}

static int refuse_on_v1(const struct gk_policy *policy, struct gk_err *err)
{
	enum gk_key key = gk_policy_needs_v2(policy);
	if (key == GK_KEY_COUNT)
		return 0;
	return gk_fail(err, -EOPNOTSUPP,
		"%s cannot be enforced: this host has its controllers on cgroup v1; "
		"boot it with cgroup v2 or remove the key",
		gk_key_name(key));
}

/* The user's directory may be removed by a session that ends between our steps, and on v2 the
 * controllers may not have been handed down yet by the login that made it: hence the rounds. */
static int make_leaf(struct gk_cgroup *cg, const struct gk_plan *plan,
	const struct gk_io_limits *limits, const char *user)
{
	gk_autoclose int lock = lock_user(cg->uid, LOCK_MS);
	int r = lock < 0 ? lock : -EAGAIN;
	for (int i = 0; lock >= 0 && i < MAKE_TRIES; i++) {
		gk_close_fd(&cg->user_fd);
		if (mkdirat(cg->base_fd, user, 0755) < 0 && errno != EEXIST)
			return -errno;
		cg->user_fd = gk_cgfile_dir(cg->base_fd, user);
		if (cg->user_fd < 0)
			continue;
		if (mkdirat(cg->user_fd, cg->id, 0755) < 0) {
			r = -errno;
			if (r == -ENOENT || r == -ENODEV)
				continue;
			return r;
		}
		r = limit_user(cg, plan->policy);
		if (r == -ENOENT && !cg->v1)
			r = hand_down(cg->base_fd) < 0 ? -ENOENT : limit_user(cg, plan->policy);
		if (r < 0)
			return r;
		cg->leaf_fd = gk_cgfile_dir(cg->user_fd, cg->id);
		r = cg->leaf_fd < 0 ? cg->leaf_fd : limit_leaf(cg, plan, limits);
		/* A user without limits of his own has not missed them above either. */
		if (r == -ENOENT && !cg->v1 && hand_down(cg->base_fd) == 0 &&
			hand_down(cg->user_fd) == 0)
			r = limit_leaf(cg, plan, limits);
		return r;
	}
	return r;
}

int gk_cgroup_make(const struct gk_plan *plan, struct gk_cgroup *ret, struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	struct gk_io_limits limits = { 0 };
	char user[24];
	int v1 = gk_cgroup_is_v1(err);
	if (v1 < 0)
		return v1;
	cg.v1 = v1 != 0;
	cg.uid = plan->who->uid;
	snprintf(cg.id, sizeof cg.id, "%s", plan->session_id);
	snprintf(user, sizeof user, "u%u", (unsigned)cg.uid);
	int r = cg.v1 ? refuse_on_v1(plan->policy, err) :
			gk_memory_low_check(plan->policy->memory_low, err);
	if (r == 0 && !cg.v1)
		r = gk_io_find(plan, &limits, err);
	if (r == 0)
		r = cg.base_fd = open_base(cg.v1, true, err);
	if (r >= 0)
		r = make_leaf(&cg, plan, &limits, user);
	if (r >= 0 && plan->policy->devices && *plan->policy->devices)
		r = gk_device_filter(cg.leaf_fd, plan, err);
	if (r < 0) {
		gk_fail_errno(err, r, "cannot set up the session's cgroup and its limits");
		(void)gk_cgroup_remove(&cg, 0);
		return r;
	}
	cg.user_hits_before = gk_cgroup_user_hits(&cg);
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
		r = cg.user_fd = gk_cgfile_dir(cg.base_fd, user);
	if (r >= 0)
		r = cg.leaf_fd = gk_cgfile_dir(cg.user_fd, id);
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
	if (strncmp(path, GK_CGROUP_ROOT "/", sizeof GK_CGROUP_ROOT) != 0 || strstr(path, "/.."))
		return gk_fail(err, -EINVAL, "%s is not a cgroup", path);
	cg.foreign = true;
	cg.leaf_fd = gk_cgfile_dir(AT_FDCWD, path);
	if (cg.leaf_fd < 0)
		return gk_fail_errno(err, cg.leaf_fd, "%s", path);
	*ret = cg;
	return 0;
}

/* Whether a limit file says what was asked, or less. */
static bool limit_holds(int dirfd, const char *name, uint64_t want)
{
	char buf[64] = "";
	if (want == GK_UNLIMITED)
		return true;
	if (gk_cgfile_read(dirfd, name, buf, sizeof buf) <= 0 || buf[0] < '0' || buf[0] > '9')
		return false;
	return strtoull(buf, NULL, 10) <= want;
}

int gk_cgroup_adopt(
	const struct gk_plan *plan, pid_t pid, struct gk_cgroup *ret, struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	char path[PATH_MAX];
	int v1 = gk_cgroup_is_v1(err);
	int r = v1 != 0 ? -EOPNOTSUPP : gk_cgfile_dir_of(false, pid, path, sizeof path);
	if (r == 0)
		r = cg.leaf_fd = gk_cgfile_dir(AT_FDCWD, path);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot find the cgroup of the login");
	/* One that a user rules (delegated to him) says what was asked for as long as he likes.
	 * Whoever runs su in it can move su to another while the stack is run through. */
	if (gk_cgroup_is_firm(GK_CGROUP_ROOT, path + strlen(GK_CGROUP_ROOT)) != 1) {
		gk_cgroup_close(&cg);
		return gk_fail(err, -EPERM, "the login's scope is not root's alone");
	}
	const struct gk_policy *policy = plan->policy;
	/* pam_systemd(8) has no words for the rest: the tasks and the memory of sessions are
	 * counted together in leaves of ours alone. */
	if (!limit_holds(cg.leaf_fd, "pids.max", plan->leaf_pids_max) ||
		!limit_holds(cg.leaf_fd, "memory.max", policy->memory_max) ||
		!limit_holds(cg.leaf_fd, "memory.swap.max", policy->memory_swap_max) ||
		gk_policy_needs_leaf(policy, plan->leaf_pids_max)) {
		gk_cgroup_close(&cg);
		return gk_fail(
			err, -EPERM, "the limits of the login's scope are not those asked for");
	}
	cg.foreign = true;
	cg.uid = plan->who->uid;
	snprintf(cg.id, sizeof cg.id, "%s", plan->session_id);
	*ret = cg;
	return 0;
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
		/* By the clock: thousands of short sleeps are each late on a busy machine. */
		int64_t end = gk_now_ms() + timeout_ms;
		while ((r = remove_leaf(cg)) == -EBUSY && gk_now_ms() < end)
			(void)usleep(WAIT_STEP_US);
		if (r == -ENOENT)
			r = 0;
	}
	snprintf(user, sizeof user, "u%u", (unsigned)cg->uid);
	if (cg->user_fd >= 0)
		gk_memory_low_remove_user(cg->base_fd, cg->user_fd, user);
	gk_cgroup_close(cg);
	return r;
}

void gk_cgroup_close(struct gk_cgroup *cg)
{
	gk_close_fd(&cg->leaf_fd);
	gk_close_fd(&cg->user_fd);
	gk_close_fd(&cg->base_fd);
}
