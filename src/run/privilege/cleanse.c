#include "run/privilege/cleanse.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <linux/ioprio.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "run/privilege/status.h"

/* The kernel's own for the first process of all, in nanoseconds. */
#define TIMER_SLACK_NS 50000UL

extern char **environ;

static int cleanse_fds(struct gk_err *err)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest free number is this one: those below it are open by now. */
		if (open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			return gk_fail(
				err, -EBADF, "cannot open /dev/null for a closed descriptor");
	}
	int r = gk_sys_close_range(3, ~0U);
	return r < 0 ? gk_fail_errno(err, r, "cannot close inherited descriptors") : 0;
}

/* A client's command is taken whatever its length and its place: a ForceCommand that does not find
 * it would start a login shell. */
static bool is_command(const char *var)
{
	static const char name[] = "SSH_ORIGINAL_COMMAND=";
	return strncmp(var, name, sizeof name - 1) == 0;
}

static int take_environment(struct gk_arena *arena, struct gk_caller *ret, struct gk_err *err)
{
	static char *fresh[] = { NULL, NULL };
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	size_t given = 0, kept = 0, bytes = 0;
	bool command = false;
	/* No room for more than are given: an array for the most is eight pages a session. */
	while (environ && given <= GK_ENV_MAX_VARS && environ[given])
		given++;
	const char **copy = gk_arena_array(arena, given + 1, sizeof *copy);
	if (!copy)
		return gk_fail_errno(err, -ENOMEM, "environment");
	for (char **var = environ; var && *var; var++) {
		size_t len = strlen(*var) + 1;
		bool exempt = is_command(*var) && !command;
		if (!exempt && (len > GK_ENV_MAX_BYTES - bytes || kept >= GK_ENV_MAX_VARS))
			continue;
		command |= exempt;
		bytes += exempt ? 0 : len;
		copy[kept] = gk_arena_strdup(arena, *var);
		if (!copy[kept++])
			return gk_fail_errno(err, -ENOMEM, "environment");
	}
	ret->env = copy;
	fresh[0] = path;
	environ = fresh;
	return 0;
}

int gk_forbid_core(void)
{
	const struct rlimit one = { 1, 1 }, none = { 0, 0 };
	if (setrlimit(RLIMIT_CORE, &one) == 0 || setrlimit(RLIMIT_CORE, &none) == 0)
		return 0;
	return -errno;
}

static bool is_same(const struct rlimit *a, const struct rlimit *b)
{
	return a->rlim_cur == b->rlim_cur && a->rlim_max == b->rlim_max;
}

/* Returns 0 or -errno; ret->raised tells what holds. */
static int change_limit(struct gk_caller *ret, unsigned what, struct rlimit to)
{
	if (is_same(&to, &ret->raised[what]))
		return 0;
	if (setrlimit(what, &to) < 0)
		return -errno;
	ret->raised[what] = to;
	return 0;
}

/* The user's limits must not break the privileged work (a file size of 0 kills even root's write
 * to a cgroup file); where raising is refused (no CAP_SYS_RESOURCE, as in many containers), the
 * soft limit goes up to the hard one and a failing step is an ordinary error. */
static int raise_limits(struct gk_caller *ret, struct gk_err *err)
{
	static const unsigned raised[] = { RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_CPU,
		RLIMIT_STACK, RLIMIT_MEMLOCK, RLIMIT_NPROC, RLIMIT_RTTIME, RLIMIT_SIGPENDING,
		RLIMIT_MSGQUEUE };
	bool may = true; /* raise hard limits */
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		if (getrlimit(i, &ret->limits[i]) < 0)
			return gk_fail_errno(err, -errno, "cannot read resource limits");
	memcpy(ret->raised, ret->limits, sizeof ret->raised);
	for (size_t i = 0; i < sizeof raised / sizeof *raised; i++) {
		const struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };
		const struct rlimit *was = &ret->limits[raised[i]];
		const struct rlimit hard = { was->rlim_max, was->rlim_max };
		if (was->rlim_cur == RLIM_INFINITY)
			continue;
		if (may && change_limit(ret, raised[i], most) == 0)
			continue;
		may = may && hard.rlim_max == RLIM_INFINITY;
		(void)change_limit(ret, raised[i], hard);
	}
	struct rlimit files = { 1024, ret->limits[RLIMIT_NOFILE].rlim_max };
	if (files.rlim_max < files.rlim_cur) {
		files.rlim_max = files.rlim_cur;
		if (change_limit(ret, RLIMIT_NOFILE, files) < 0)
			files.rlim_cur = files.rlim_max = ret->limits[RLIMIT_NOFILE].rlim_max;
	}
	(void)change_limit(ret, RLIMIT_NOFILE, files);
	int r = gk_forbid_core();
	if (r < 0)
		return gk_fail_errno(err, r, "cannot forbid core files");
	return 0;
}

static int reset_signals(struct gk_caller *ret, struct gk_err *err)
{
	struct itimerval off = { 0 };
	for (unsigned which = ITIMER_REAL; which <= ITIMER_PROF; which++)
		(void)setitimer(which, &off, NULL);
	/* All, where it is not known which are not the default already. */
	_Static_assert(NSIG <= 65, "a mask of 64 signals");
	struct gk_status status;
	uint64_t change =
		gk_status_read(&status) < 0 ? ~0ULL : status.sig_ignored | status.sig_caught;
	for (int sig = 1; sig < NSIG; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		/* A write to a closed pipe or over a size limit is an error here, no death. */
		bool ignore = sig == SIGPIPE || sig == SIGXFSZ;
		if (ignore || (change >> (sig - 1) & 1))
			(void)signal(sig, ignore ? SIG_IGN : SIG_DFL);
	}
	/* Until the session stands nothing but SIGKILL interrupts: each step is undone in order. */
	sigset_t all;
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &ret->mask) < 0)
		return gk_fail_errno(err, -errno, "cannot set the signal mask");
	return 0;
}

/* Ours are the ordinary ones, so that no caller starves the privileged work; what he ran with is
 * remembered, since it may be a limit of the administrator's (pam_limits' priority, nice(1)). */
static void reset_scheduling(struct gk_caller *ret)
{
	const struct sched_param none = { 0 };
	char adj[16] = "";
	ret->sched_policy = sched_getscheduler(0);
	ret->nice = getpriority(PRIO_PROCESS, 0);
	(void)sched_setscheduler(0, SCHED_OTHER, &none);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	ret->ioprio = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
	/* All that the cpuset allows: on the one that the caller keeps busy its time limits would
	 * come late. */
	cpu_set_t all;
	memset(&all, 0xff, sizeof all);
	ret->has_cpus = sched_getaffinity(0, sizeof ret->cpus, &ret->cpus) == 0 &&
		sched_setaffinity(0, sizeof all, &all) == 0;
	/* How late a timer may be survives an execve, set-uid or not (prctl(2)): with the caller's,
	 * which may be centuries, no time limit would ever come. */
	(void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
	gk_autoclose int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, adj, sizeof adj - 1) > 0)
		ret->oom_score_adj = atoi(adj);
	(void)!pwrite(fd, "0", 1, 0);
}

int gk_restore_scheduling(const struct gk_caller *caller, struct gk_err *err)
{
	const struct sched_param none = { 0 };
	char adj[16];
	/* Only what takes something away: a real-time class or a raised priority is not passed on.
	 */
	if ((caller->sched_policy == SCHED_BATCH || caller->sched_policy == SCHED_IDLE) &&
		sched_setscheduler(0, caller->sched_policy, &none) < 0)
		return gk_fail_errno(err, -errno, "cannot restore the scheduling class");
	if (caller->nice > 0 && setpriority(PRIO_PROCESS, 0, caller->nice) < 0)
		return gk_fail_errno(err, -errno, "cannot restore the nice value");
	int class = caller->ioprio < 0 ? IOPRIO_CLASS_NONE : IOPRIO_PRIO_CLASS(caller->ioprio);
	if ((class == IOPRIO_CLASS_BE || class == IOPRIO_CLASS_IDLE) &&
		syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, caller->ioprio) < 0)
		return gk_fail_errno(err, -errno, "cannot restore the I/O priority");
	if (caller->has_cpus && sched_setaffinity(0, sizeof caller->cpus, &caller->cpus) < 0)
		return gk_fail_errno(err, -errno, "cannot restore the CPU affinity");
	if (caller->oom_score_adj <= 0)
		return 0;
	gk_autoclose int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int n = snprintf(adj, sizeof adj, "%d", caller->oom_score_adj);
	return fd < 0 || write(fd, adj, (size_t)n) != n ?
		gk_fail_errno(err, -errno, "cannot restore oom_score_adj") :
		0;
}

static int watch_parent(const struct gk_stdio *stdio, struct gk_caller *ret, struct gk_err *err)
{
	if (ret->parent == 0)
		return 0;
	int fd = gk_sys_pidfd_open(ret->parent);
	if (fd < 0)
		return gk_fail_errno(err, fd, "cannot watch the calling process");
	ret->parent_pidfd = fd;
	/* It may have died before the pidfd was taken, and its number may be someone else's. Its
	 * number is from before 0-2 were examined: one that died since then was there when they
	 * were. */
	if (getppid() != ret->parent)
		return gk_fail(err, -ESRCH, "the calling process is gone");
	/* Or before our first instruction: who has died has closed his descriptors before his
	 * children become init's (do_exit). A real child of init (a login program that did not
	 * fork) has a terminal. */
	if (ret->parent == 1 && stdio && stdio->nobody)
		return gk_fail(err, -ESRCH, "the calling process is gone");
	return 0;
}

int gk_cleanse(
	struct gk_arena *arena, struct gk_stdio *stdio, struct gk_caller *ret, struct gk_err *err)
{
	int r = 0;
	ret->parent = getppid();
	ret->parent_pidfd = -1;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		r = gk_fail_errno(err, -errno, "cannot forbid dumps");
	if (r == 0)
		r = reset_signals(ret, err);
	if (r == 0)
		r = raise_limits(ret, err);
	if (r == 0 && chdir("/") < 0)
		r = gk_fail_errno(err, -errno, "cannot enter /");
	if (r == 0)
		r = stdio ? gk_stdio_start(stdio, err) : cleanse_fds(err);
	/* Nothing with a descriptor is done until the child has emptied the table. */
	if (r == 0)
		r = take_environment(arena, ret, err);
	if (r == 0 && stdio)
		r = gk_stdio_take(stdio, err);
	if (r < 0)
		return r;
	ret->umask = umask(077);
	reset_scheduling(ret);
	return watch_parent(stdio, ret, err);
}

void gk_caller_title(struct gk_caller *caller, int argc, char **argv)
{
	caller->title = argv[0];
	/* The kernel lays the strings out one behind the other (execve(2)); trusted only so far. */
	char *end = argv[0] + strlen(argv[0]) + 1;
	for (int i = 1; i < argc && argv[i] == end; i++)
		end += strlen(argv[i]) + 1;
	caller->title_size = (size_t)(end - argv[0]);
}

void gk_take_title(const struct gk_caller *caller, const char *name)
{
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	if (!caller || caller->title_size == 0)
		return;
	memset(caller->title, 0, caller->title_size);
	for (size_t i = 0; i + 1 < caller->title_size && name[i]; i++)
		caller->title[i] = name[i];
}

int gk_cleanse_stdio(struct gk_err *err)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;
		int flags = fcntl(fd, F_GETFL);
		if (flags < 0 || fstat(fd, &st) < 0)
			return gk_fail_errno(err, -errno, "descriptor %d", fd);
		if (S_ISDIR(st.st_mode) || (flags & O_PATH))
			return gk_fail(err, -EISDIR,
				"descriptor %d is open on a directory; redirect it to a file or a pipe",
				fd);
	}
	return 0;
}

int gk_restore_limits(const struct gk_caller *caller, rlim_t nofile)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit want = caller->limits[i];
		if (i == RLIMIT_NOFILE && nofile && want.rlim_max > nofile)
			want.rlim_max = nofile;
		if (want.rlim_cur > want.rlim_max)
			want.rlim_cur = want.rlim_max;
		/* As gk_cleanse left it: that of core files can't be raised again. */
		if (i == RLIMIT_CORE || is_same(&want, &caller->raised[i]))
			continue;
		if (setrlimit(i, &want) < 0)
			return -errno;
	}
	return 0;
}
