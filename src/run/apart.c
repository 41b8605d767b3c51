#include "run/apart.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/identity.h"

/* What the child leaves behind, in memory that both have: this, then the texts, each with its length
 * before it (NONE: there is none), in the order of struct gk_identity; the groups' gids before names. */
struct answer {
	int r;
	struct gk_err err;
	uid_t uid;
	gid_t gid;
	size_t ngroups, used;
	bool whole; /* set last */
	unsigned char data[];
};

enum { ANSWER_BYTES = 4 << 20, GROUPS_MAX = 65537 };
#define NONE UINT32_MAX

static bool put(struct answer *a, const void *data, size_t size)
{
	if (size > ANSWER_BYTES - sizeof *a - a->used)
		return false;
	memcpy(a->data + a->used, data, size);
	a->used += size;
	return true;
}

static bool put_text(struct answer *a, const char *s)
{
	uint32_t len = s ? (uint32_t)strnlen(s, ANSWER_BYTES) : NONE;
	return put(a, &len, sizeof len) && (!s || put(a, s, len));
}

static bool put_identity(struct answer *a, const struct gk_identity *id)
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

static bool take(const struct answer *a, size_t *at, void *data, size_t size)
{
	if (a->used > ANSWER_BYTES - sizeof *a || *at > a->used || size > a->used - *at)
		return false;
	memcpy(data, a->data + *at, size);
	*at += size;
	return true;
}

static bool take_text(const struct answer *a, size_t *at, struct gk_arena *arena, const char **ret)
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

static bool take_identity(const struct answer *a, struct gk_arena *arena, struct gk_identity *ret)
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

static void __attribute__((noreturn)) look_up(pid_t parent, const char *name, uid_t uid,
	struct gk_arena *arena, struct answer *a)
{
	struct gk_identity id = { 0 };
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	a->r = name ? gk_identity_by_name(name, arena, &id, &a->err) :
		      gk_identity_by_uid(uid, arena, &id, &a->err);
	if (a->r == 0 && !put_identity(a, &id))
		a->r = gk_fail(&a->err, -E2BIG, "the account's groups are too many");
	a->whole = true;
	_exit(0);
}

/* Runs the child to its end. Returns 0 if it left a whole answer. */
static int ask(const char *name, uid_t uid, struct gk_arena *arena, struct answer *a)
{
	int status = 0;
	pid_t parent = getpid(), pid = fork(), got;
	if (pid < 0)
		return -errno;
	if (pid == 0)
		look_up(parent, name, uid, arena, a);
	while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	if (got < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 && a->whole ? 0 : -EIO;
}

int gk_identity_apart(const char *name, uid_t uid, struct gk_arena *arena, struct gk_identity *ret,
	struct gk_err *err)
{
	struct answer *a = mmap(NULL, ANSWER_BYTES, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a == MAP_FAILED)
		return gk_fail_errno(err, -errno, "account");
	int r = ask(name, uid, arena, a);
	if (r < 0) {
		gk_fail_errno(err, r, "cannot look up the account");
	} else if (a->r < 0) {
		r = a->r;
		a->err.msg[sizeof a->err.msg - 1] = a->err.detail[sizeof a->err.detail - 1] = '\0';
		gk_fail(err, r, "%s", a->err.msg);
		gk_err_detail(err, "%s", a->err.detail);
	} else if (!take_identity(a, arena, ret)) {
		r = gk_fail(err, -EIO, "cannot look up the account");
	}
	(void)munmap(a, ANSWER_BYTES);
	return r;
}
