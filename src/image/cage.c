#include "image/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"

enum { LOOK_MS = 100 };

/* In memory that both have. What stands in it is believed no more than the archive is. */
struct shared {
	uint64_t done; /* bytes read so far, for the parent to show */
	struct gk_extract_stats stats;
	struct gk_err err;
	int r;
	bool whole; /* set last */
};

static int note_progress(
	void *arg, const char *what, enum gk_unit unit, uint64_t done, uint64_t total)
{
	struct shared *shared = arg;
	(void)what;
	(void)unit;
	(void)total;
	__atomic_store_n(&shared->done, done, __ATOMIC_RELAXED);
	return 0;
}

/* Fds 0-2 are /dev/null, 3 the archive, 4 the root; nothing else is open. */
static int keep_only(int *archive, int *root)
{
	enum { ARCHIVE_FD = 3, ROOT_FD = 4 };
	int a = fcntl(*archive, F_DUPFD_CLOEXEC, ROOT_FD + 1),
	    r = fcntl(*root, F_DUPFD_CLOEXEC, ROOT_FD + 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (a < 0 || r < 0 || null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (dup2(a, ARCHIVE_FD) < 0 || dup2(r, ROOT_FD) < 0)
		return -errno;
	*archive = ARCHIVE_FD;
	*root = ROOT_FD;
	return gk_sys_close_range(ROOT_FD + 1, ~0U);
}

static int confine(int root, struct gk_err *err)
{
	const uint64_t caps = geteuid() != 0 ? 0 :
					       1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE |
			1ULL << CAP_FOWNER | 1ULL << CAP_FSETID;
	int r = 0;
	if (geteuid() == 0) {
		r = gk_creds_bound(caps, err);
		if (r == 0 && (fchdir(root) < 0 || chroot(".") < 0))
			r = -errno;
	}
	if (r == 0)
		r = gk_creds_reduce(caps, err);
	if (r == 0)
		r = gk_seccomp_unpacker(err);
	return r < 0 ? gk_fail_errno(err, r, "cannot confine the unpacking") : 0;
}

static void unpack(pid_t parent, int archive, const char *label, int root,
	const struct gk_extract_options *given, struct shared *shared) __attribute__((noreturn));
static void unpack(pid_t parent, int archive, const char *label, int root,
	const struct gk_extract_options *given, struct shared *shared)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGQUIT };
	const struct gk_tick tick = { note_progress, shared };
	struct gk_extract_options options = *given;
	options.tick = &tick;
	/* ^C is the parent's: it shows what there is to show, and ends this process. */
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)signal(ignored[i], SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	shared->r = keep_only(&archive, &root);
	if (shared->r < 0)
		gk_fail_errno(&shared->err, shared->r, "cannot confine the unpacking");
	else
		shared->r = confine(root, &shared->err);
	if (shared->r == 0)
		shared->r =
			gk_extract(archive, label, root, &options, &shared->stats, &shared->err);
	shared->whole = true;
	_exit(0);
}

/* Until the child has ended. Returns 0, or what the tick said when it stopped the work. */
static int attend(
	int pidfd, const struct gk_tick *tick, const struct shared *shared, uint64_t total)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	for (;;) {
		int r = poll(&p, 1, LOOK_MS);
		if (r > 0)
			return 0;
		r = r < 0 && errno != EINTR ?
			-errno :
			gk_tick(tick, "unpacking", GK_UNIT_BYTES,
				__atomic_load_n(&shared->done, __ATOMIC_RELAXED), total);
		if (r < 0) {
			(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
			return r;
		}
	}
}

static int run(int fd, const char *label, int root_fd, const struct gk_extract_options *options,
	struct shared *shared, struct gk_err *err)
{
	struct stat st;
	int status = 0;
	(void)fflush(NULL);
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return gk_fail_errno(err, -errno, "%s", label);
	if (pid == 0)
		unpack(parent, fd, label, root_fd, options, shared);
	gk_autoclose int pidfd = gk_sys_pidfd_open(pid);
	uint64_t total = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	int r = pidfd < 0 ? 0 : attend(pidfd, options->tick, shared, total);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return gk_fail_errno(err, r, "%s", label);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !shared->whole) {
		gk_fail(err, -EIO, "%s: the process that unpacked it did not come to its end",
			label);
		gk_err_detail(err, "wait status %d", status);
		return -EIO;
	}
	return 0;
}

int gk_extract_caged(int fd, const char *label, int root_fd,
	const struct gk_extract_options *options, struct gk_extract_stats *ret, struct gk_err *err)
{
	struct shared *shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return gk_fail_errno(err, -errno, "%s", label);
	int r = run(fd, label, root_fd, options, shared, err);
	if (r == 0 && shared->r < 0) {
		r = shared->r;
		shared->err.msg[sizeof shared->err.msg - 1] =
			shared->err.detail[sizeof shared->err.detail - 1] = '\0';
		gk_fail(err, r, "%s", shared->err.msg);
		gk_err_detail(err, "%s", shared->err.detail);
	} else if (r == 0) {
		*ret = shared->stats;
		ret->sum[sizeof ret->sum - 1] = '\0';
	}
	(void)munmap(shared, sizeof *shared);
	return r;
}
