#include "image/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
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

/* In memory that both have. What stands in it is believed no more than the input is. */
struct shared {
	uint64_t done; /* bytes read so far, for the parent to show */
	struct gk_err err;
	int r;
	bool whole; /* set last */
	max_align_t data[];
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

/* Fds 0-2 are /dev/null, from 3 on those of the list that are not -1; nothing else is open. */
static int keep_only(int *const *list, int n)
{
	enum { FIRST = 3, ABOVE = 16 };
	int kept = FIRST;
	for (int i = 0; i < n; i++) {
		int moved = *list[i] < 0 ? -1 : fcntl(*list[i], F_DUPFD_CLOEXEC, ABOVE);
		if (*list[i] >= 0 && moved < 0)
			return -errno;
		*list[i] = moved;
	}
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < FIRST; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return -errno;
	for (int i = 0; i < n; i++) {
		if (*list[i] < 0)
			continue;
		if (dup2(*list[i], kept) < 0)
			return -errno;
		*list[i] = kept++;
	}
	return gk_sys_close_range((unsigned)kept, ~0U);
}

static int confine(int root, uint64_t caps, struct gk_err *err)
{
	int r = 0;
	if (geteuid() == 0) {
		r = gk_creds_bound(caps, err);
		if (r == 0 && (fchdir(root) < 0 || chroot(".") < 0))
			r = -errno;
	} else {
		caps = 0;
	}
	if (r == 0)
		r = gk_creds_reduce(caps, err);
	if (r == 0)
		r = gk_seccomp_unpacker(err);
	return r < 0 ? gk_fail_errno(err, r, "cannot confine the process that reads it") : 0;
}

static void work(pid_t parent, const struct gk_cage *cage, struct shared *shared)
	__attribute__((noreturn));
static void work(pid_t parent, const struct gk_cage *cage, struct shared *shared)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGQUIT };
	const struct gk_tick tick = { note_progress, shared };
	int in = cage->in_fd, root = cage->root_fd, out = cage->out_fd;
	int *const fds[] = { &in, &root, &out };
	/* ^C is the parent's: it shows what there is to show, and ends this process. */
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)signal(ignored[i], SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	shared->r = keep_only(fds, sizeof fds / sizeof *fds);
	if (shared->r < 0)
		gk_fail_errno(&shared->err, shared->r, "cannot confine the process that reads it");
	else
		shared->r = confine(root, cage->caps, &shared->err);
	if (shared->r == 0)
		shared->r = cage->fn(cage->arg, in, root, out, &tick, shared->data, &shared->err);
	shared->whole = true;
	_exit(0);
}

/* Until the child has ended. Returns 0, or what the tick said when it stopped the work. */
static int attend(
	int pidfd, const struct gk_cage *cage, const struct shared *shared, uint64_t total)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	for (;;) {
		int r = poll(&p, 1, LOOK_MS);
		if (r > 0)
			return 0;
		r = r < 0 && errno != EINTR ?
			-errno :
			gk_tick(cage->tick, cage->what, GK_UNIT_BYTES,
				__atomic_load_n(&shared->done, __ATOMIC_RELAXED), total);
		if (r < 0) {
			(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
			return r;
		}
	}
}

static int run(const struct gk_cage *cage, struct shared *shared, struct gk_err *err)
{
	struct stat st;
	int status = 0;
	(void)fflush(NULL);
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return gk_fail_errno(err, -errno, "%s", cage->label);
	if (pid == 0)
		work(parent, cage, shared);
	gk_autoclose int pidfd = gk_sys_pidfd_open(pid);
	uint64_t total = cage->in_fd >= 0 && fstat(cage->in_fd, &st) == 0 && S_ISREG(st.st_mode) ?
		(uint64_t)st.st_size :
		0;
	int r = pidfd < 0 ? 0 : attend(pidfd, cage, shared, total);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return gk_fail_errno(err, r, "%s", cage->label);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !shared->whole) {
		gk_fail(err, -EIO, "%s: the process that read it did not finish", cage->label);
		gk_err_detail(err, "wait status %d", status);
		return -EIO;
	}
	return 0;
}

int gk_cage_run(const struct gk_cage *cage, void *ret, size_t size, struct gk_err *err)
{
	const size_t length = sizeof(struct shared) + size;
	struct shared *shared =
		mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return gk_fail_errno(err, -errno, "%s", cage->label);
	int r = run(cage, shared, err);
	if (r == 0 && shared->r < 0) {
		r = shared->r;
		shared->err.msg[sizeof shared->err.msg - 1] =
			shared->err.detail[sizeof shared->err.detail - 1] = '\0';
		gk_fail(err, r, "%s", shared->err.msg);
		gk_err_detail(err, "%s", shared->err.detail);
	} else if (r == 0) {
		memcpy(ret, shared->data, size);
	}
	(void)munmap(shared, length);
	return r;
}

struct extraction {
	const char *label;
	const struct gk_extract_options *options;
};

static int extract(const void *arg, int in_fd, int root_fd, int out_fd, const struct gk_tick *tick,
	void *ret, struct gk_err *err)
{
	const struct extraction *e = arg;
	struct gk_extract_options options = *e->options;
	options.tick = tick;
	if (options.layer)
		options.notes_fd = out_fd;
	return gk_extract(in_fd, e->label, root_fd, &options, ret, err);
}

int gk_extract_caged(int fd, const char *label, int root_fd,
	const struct gk_extract_options *options, struct gk_extract_stats *ret, struct gk_err *err)
{
	struct gk_extract_stats stats;
	const struct extraction e = { label, options };
	const struct gk_cage cage = {
		.label = label,
		.what = "unpacking",
		.in_fd = fd,
		.root_fd = root_fd,
		.out_fd = options->layer ? options->notes_fd : -1,
		.caps = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER |
			1ULL << CAP_FSETID,
		.tick = options->tick,
		.fn = extract,
		.arg = &e,
	};
	int r = gk_cage_run(&cage, &stats, sizeof stats, err);
	if (r == 0) {
		*ret = stats;
		ret->sum[sizeof ret->sum - 1] = ret->plain_sum[sizeof ret->plain_sum - 1] = '\0';
	}
	return r;
}
