#include "run/privilege/nss-worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/watch/shutdown.h"
#include "run/privilege/creds.h"
#include "run/privilege/identity.h"

/* What the child leaves behind, in memory that both have: this, then the texts, each with its
 * length before it (NONE: there is none), in the order of struct gk_identity; the groups' gids
 * before names. It says by a byte in the pipe that the answer is there, and by a second one that it
 * is confirmed. */
struct gk_nss_answer {
	int r, confirmed; /* 0 or -errno with err */
	struct gk_err err;
	uid_t uid;
	gid_t gid;
	size_t ngroups, used;
	unsigned char data[];
};

enum { ANSWER_BYTES = 4 << 20, GROUPS_MAX = 65537, END_MS = 1000 };
#define NONE UINT32_MAX

static bool put(struct gk_nss_answer *a, const void *data, size_t size)
{
	if (size > ANSWER_BYTES - sizeof *a - a->used)
		return false;
	memcpy(a->data + a->used, data, size);
	a->used += size;
	return true;
}

static bool put_text(struct gk_nss_answer *a, const char *s)
{
	uint32_t len = s ? (uint32_t)strnlen(s, ANSWER_BYTES) : NONE;
	return put(a, &len, sizeof len) && (!s || put(a, s, len));
}

static bool put_identity(struct gk_nss_answer *a, const struct gk_identity *id)
{
	a->uid = id->uid;
	a->gid = id->gid;
	a->ngroups = id->ngroups;
	bool fits = put_text(a, id->name) && put_text(a, id->gecos) && put_text(a, id->home) &&
		put_text(a, id->shell);
	for (size_t i = 0; fits && i < id->ngroups; i++)
		fits = put(a, &id->groups[i].gid, sizeof id->groups[i].gid) &&
			put_text(a, id->groups[i].name);
	return fits;
}

static bool take(const struct gk_nss_answer *a, size_t *at, void *data, size_t size)
{
	if (a->used > ANSWER_BYTES - sizeof *a || *at > a->used || size > a->used - *at)
		return false;
	memcpy(data, a->data + *at, size);
	*at += size;
	return true;
}

static bool take_text(
	const struct gk_nss_answer *a, size_t *at, struct gk_arena *arena, const char **ret)
{
	uint32_t len;
	if (!take(a, at, &len, sizeof len))
		return false;
	*ret = NULL;
	if (len == NONE)
		return true;
	if (len > a->used - *at)
		return false;
	*ret = gk_arena_strndup(arena, (const char *)a->data + *at, len);
	*at += len;
	return *ret != NULL;
}

static bool take_identity(
	const struct gk_nss_answer *a, struct gk_arena *arena, struct gk_identity *ret)
{
	struct gk_identity id = { .uid = a->uid, .gid = a->gid, .ngroups = a->ngroups };
	size_t at = 0;
	if (a->ngroups > GROUPS_MAX)
		return false;
	struct gk_group *groups = gk_arena_array(arena, a->ngroups, sizeof *groups);
	bool good = groups && take_text(a, &at, arena, &id.name) && id.name &&
		take_text(a, &at, arena, &id.gecos) && id.gecos &&
		take_text(a, &at, arena, &id.home) && id.home &&
		take_text(a, &at, arena, &id.shell) && id.shell;
	for (size_t i = 0; good && i < a->ngroups; i++)
		good = take(a, &at, &groups[i].gid, sizeof groups[i].gid) &&
			take_text(a, &at, arena, &groups[i].name);
	if (!good || at != a->used)
		return false;
	id.groups = groups;
	*ret = id;
	return true;
}

static bool say(int to)
{
	ssize_t n;
	while ((n = write(to, "", 1)) < 0 && errno == EINTR)
		;
	return n == 1;
}

/* Modules of NSS run with no descriptor but /dev/null and the pipe, and with no capability. uid 0
 * stays, since a module may have files that only root can read. */
static int strip(int *to)
{
	struct gk_err ignored = GK_ERR_INIT;
	enum { TO = 3 };
	if (*to != TO && dup3(*to, TO, O_CLOEXEC) < 0)
		return -errno;
	*to = TO;
	int r = gk_sys_close_range(TO + 1, ~0U);
	gk_autoclose int null = r < 0 ? r : open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; r == 0 && fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			r = -errno;
	return r < 0 ? r : gk_creds_reduce(0, &ignored);
}

static void __attribute__((noreturn)) look_up(pid_t parent, int to, const char *name, uid_t uid,
	const char *claimed, struct gk_nss_answer *a)
{
	struct gk_arena arena = { 0 };
	struct gk_identity id = { 0 };
	gk_log_forget();
	if (strip(&to) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	a->r = gk_identity_look_up(name, uid, &arena, &id, &a->err);
	if (a->r == 0 && !put_identity(a, &id))
		a->r = gk_fail(&a->err, -E2BIG, "the account has too many groups");
	if (!say(to) || a->r < 0)
		_exit(1);
	/* A name was proven by whoever gives it; a uid may have several. */
	a->confirmed = name ? 0 : gk_identity_check_sole(&id, claimed, &a->err);
	if (a->confirmed == 0)
		a->confirmed = gk_identity_confirm(&id, &a->err);
	_exit(!say(to));
}

int gk_nss_worker_start(struct gk_nss_worker *a, const char *name, uid_t uid, const char *claimed,
	struct gk_err *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot look up the account");
	gk_autoclose int from = ends[0], to = ends[1];
	struct gk_nss_answer *answer = mmap(NULL, ANSWER_BYTES, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (answer == MAP_FAILED)
		return gk_fail_errno(err, -errno, "cannot look up the account");
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		look_up(parent, to, name, uid, claimed, answer);
	int pidfd = pid < 0 ? -errno : gk_sys_pidfd_open(pid);
	if (pidfd < 0) {
		if (pid > 0)
			(void)kill(pid, SIGKILL);
		(void)munmap(answer, ANSWER_BYTES);
		return gk_fail_errno(err, pidfd, "cannot look up the account");
	}
	*a = (struct gk_nss_worker){ .pid = pid,
		.pidfd = pidfd,
		.said = gk_steal_fd(&from),
		.answer = answer,
		.deadline_ms = gk_now_ms() + GK_NSS_WORKER_TIMEOUT_MS };
	return 0;
}

/* Returns 1 when the child has said something or is gone, 0 when it is too late, or -errno. */
static int await(const struct gk_nss_worker *a)
{
	struct pollfd p = { .fd = a->said, .events = POLLIN };
	int n;
	do {
		int64_t left = a->deadline_ms - gk_now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Waits until the child has said something. Returns what it said then: 0, or -errno with err. */
static int hear(const struct gk_nss_worker *a, const int *r, struct gk_err *err)
{
	char byte;
	ssize_t n = await(a);
	if (n == 0)
		return gk_fail(err, -ETIMEDOUT,
			"the account could not be looked up within %d seconds; try again later",
			GK_NSS_WORKER_TIMEOUT_MS / 1000);
	if (n > 0)
		while ((n = read(a->said, &byte, 1)) < 0 && errno == EINTR)
			;
	if (n != 1)
		return gk_fail_errno(err, n < 0 ? -errno : -EIO, "cannot look up the account");
	if (*r == 0)
		return 0;
	struct gk_err *told = &a->answer->err;
	told->msg[sizeof told->msg - 1] = told->detail[sizeof told->detail - 1] = '\0';
	gk_fail(err, *r, "%s", told->msg);
	gk_err_detail(err, "%s", told->detail);
	return *r < 0 ? *r : -EIO;
}

int gk_nss_worker_answer(const struct gk_nss_worker *a, struct gk_arena *arena,
	struct gk_identity *ret, struct gk_err *err)
{
	int r = hear(a, &a->answer->r, err);
	if (r == 0 && !take_identity(a->answer, arena, ret))
		r = gk_fail(err, -EIO, "cannot look up the account");
	return r;
}

int gk_nss_worker_confirm(const struct gk_nss_worker *a, struct gk_err *err)
{
	return hear(a, &a->answer->confirmed, err);
}

void gk_nss_worker_end(struct gk_nss_worker *a)
{
	gk_close_fd(&a->said);
	if (a->pid > 0) {
		struct pollfd p = { .fd = a->pidfd, .events = POLLIN };
		(void)kill(a->pid, SIGKILL);
		/* In a file system that does not answer it may be beyond SIGKILL for now. */
		if (poll(&p, 1, END_MS) == 1)
			(void)waitpid(a->pid, NULL, WNOHANG);
	}
	gk_close_fd(&a->pidfd);
	a->pid = 0;
	if (a->answer)
		(void)munmap(a->answer, ANSWER_BYTES);
	a->answer = NULL;
}
