#include "run/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/log.h"

/* The inode number of the first user namespace: a constant of the kernel's interface
 * (PROC_USER_INIT_INO; USER_NS_INIT_INO in linux/nsfs.h since 6.18). */
#define INITIAL_USER_NS_INO 0xEFFFFFFDU

enum { PASSWD_MAX_BYTES = 1 << 20, GROUPS_MAX = 65536 };

int gk_require_initial_user_ns(struct gk_err *err)
{
	static const char advice[] =
		"not in the host's own user namespace; log in to the host itself";
	gk_autoclose int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return gk_fail_errno(err, -errno, "cannot read /proc/self/ns/user");
	struct stat st;
	struct statfs fs;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return gk_fail_errno(err, -errno, "cannot examine /proc/self/ns/user");
	if ((unsigned long)fs.f_type != NSFS_MAGIC || st.st_ino != INITIAL_USER_NS_INO)
		return gk_fail(err, -EPERM, "%s", advice);
	return 0;
}

int gk_become_root(uid_t *ret_uid, struct gk_err *err)
{
	uid_t real, effective, saved;
	if (getresuid(&real, &effective, &saved) < 0)
		return gk_fail_errno(err, -errno, "cannot read the user ids");
	if (effective != 0)
		return gk_fail(err, -EPERM,
			"not running as root: the program must be set-uid root, on a file system "
			"mounted without nosuid, and not called under no_new_privs or a debugger");
	int r = gk_require_initial_user_ns(err);
	if (r < 0)
		return r;
	/* The group as well: files made on the way must not carry the user's. */
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || setgroups(0, NULL) < 0)
		return gk_fail_errno(err, -errno, "cannot become root");
	/* A change of ids sets it to fs.suid_dumpable, which is 2 where a core handler is installed. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return gk_fail_errno(err, -errno, "cannot forbid dumps");
	*ret_uid = real;
	return 0;
}

/* With several services in nsswitch.conf the answer of the last one hides that an earlier one could
 * not look; what that one ran out of stays in errno. */
static int ran_out(void)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EIO: return -errno;
	default: return 0;
	}
}

/* A look-up that failed is not a group without a name: sections of the policy go by names. */
static int group_name(gid_t gid, struct gk_arena *arena, char *buf, size_t size, const char **ret)
{
	struct group entry, *found = NULL;
	/* Asked twice before it is believed: a file that could not be read on seems to have ended. */
	for (int i = 0; i < 2 && !found; i++) {
		errno = 0;
		int e = getgrgid_r(gid, &entry, buf, size, &found);
		if (e != 0 && e != ENOENT && e != ESRCH)
			return -e;
	}
	*ret = found ? gk_arena_strdup(arena, found->gr_name) : NULL;
	if (found)
		return *ret ? 0 : -ENOMEM;
	return ran_out();
}

/* getgrouplist has no way to say that it could not look: it gives the primary group alone, and
 * whoever is in a group with a strict section would get the default. So what it found is asked for
 * twice as well. Returns 0 or -errno, -ERANGE where more room is needed. */
static int list_groups(const struct gk_identity *id, gid_t *list, int *n)
{
	errno = 0;
	int r = getgrouplist(id->name, id->gid, list, n);
	int e = ran_out();
	return e < 0 ? e : r < 0 ? -ERANGE : 0;
}

static int look_up_groups(struct gk_identity *id, struct gk_arena *arena, struct gk_err *err)
{
	gk_autofree gid_t *list = NULL;
	int n = 64;
	for (;;) {
		free(list);
		list = calloc((size_t)n, sizeof *list);
		int got = n, again = n;
		gk_autofree gid_t *second = calloc((size_t)n, sizeof *second);
		if (!list || !second)
			return gk_fail_errno(err, -ENOMEM, "groups of %s", id->name);
		int r = list_groups(id, list, &got);
		if (r == 0)
			r = list_groups(id, second, &again);
		if (r == 0 && (got != again ||
			memcmp(list, second, (size_t)got * sizeof *list) != 0))
			r = -EAGAIN;
		if (r < 0 && r != -ERANGE)
			return gk_fail_errno(err, r, "cannot look up the groups of %s", id->name);
		if (r == 0) {
			n = got;
			break;
		}
		if (got <= n)
			got = n * 2;
		if (got > GROUPS_MAX)
			return gk_fail(err, -E2BIG, "%s is in more than %d groups", id->name,
				GROUPS_MAX);
		n = got;
	}
	gk_autofree char *buf = malloc(PASSWD_MAX_BYTES);
	struct gk_group *groups = gk_arena_array(arena, (size_t)n + 1, sizeof *groups);
	if (!buf || !groups)
		return gk_fail_errno(err, -ENOMEM, "groups of %s", id->name);
	size_t count = 1;
	groups[0].gid = id->gid;
	for (int i = 0; i < n; i++) {
		size_t seen = 0;
		while (seen < count && groups[seen].gid != list[i])
			seen++;
		if (seen == count)
			groups[count++].gid = list[i];
	}
	for (size_t i = 0; i < count; i++) {
		int r = group_name(groups[i].gid, arena, buf, PASSWD_MAX_BYTES, &groups[i].name);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot look up group %u of %s",
				(unsigned)groups[i].gid, id->name);
	}
	id->groups = groups;
	id->ngroups = count;
	return 0;
}

static int fill(const struct passwd *pw, struct gk_arena *arena, struct gk_identity *ret,
	struct gk_err *err)
{
	struct gk_identity id = {
		.uid = pw->pw_uid,
		.gid = pw->pw_gid,
		.name = gk_arena_strdup(arena, pw->pw_name),
		.gecos = gk_arena_strdup(arena, pw->pw_gecos ? pw->pw_gecos : ""),
		.home = gk_arena_strdup(arena, pw->pw_dir ? pw->pw_dir : ""),
		.shell = gk_arena_strdup(arena,
			pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh"),
	};
	if (!id.name || !id.gecos || !id.home || !id.shell)
		return gk_fail_errno(err, -ENOMEM, "account");
	int r = look_up_groups(&id, arena, err);
	if (r == 0)
		*ret = id;
	return r;
}

int gk_identity_by_uid(uid_t uid, struct gk_arena *arena, struct gk_identity *ret,
	struct gk_err *err)
{
	gk_autofree char *buf = malloc(PASSWD_MAX_BYTES);
	if (!buf)
		return gk_fail_errno(err, -ENOMEM, "account");
	struct passwd entry, *pw = NULL;
	int e = getpwuid_r(uid, &entry, buf, PASSWD_MAX_BYTES, &pw);
	if (e != 0 && e != ENOENT && e != ESRCH)
		return gk_fail_errno(err, -e, "cannot look up uid %u", (unsigned)uid);
	if (!pw)
		return gk_fail(err, -ENOENT, "uid %u has no account on this host", (unsigned)uid);
	return fill(pw, arena, ret, err);
}

int gk_identity_by_name(const char *name, struct gk_arena *arena, struct gk_identity *ret,
	struct gk_err *err)
{
	char shown[128];
	gk_autofree char *buf = malloc(PASSWD_MAX_BYTES);
	if (!buf)
		return gk_fail_errno(err, -ENOMEM, "account");
	struct passwd entry, *pw = NULL;
	int e = getpwnam_r(name, &entry, buf, PASSWD_MAX_BYTES, &pw);
	gk_escape(shown, sizeof shown, name);
	if (e != 0 && e != ENOENT && e != ESRCH)
		return gk_fail_errno(err, -e, "cannot look up user %s", shown);
	if (!pw)
		return gk_fail(err, -ENOENT, "user %s has no account on this host", shown);
	return fill(pw, arena, ret, err);
}
