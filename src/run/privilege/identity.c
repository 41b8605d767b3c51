#include "run/privilege/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
	/* A change of ids sets it to fs.suid_dumpable, which is 2 where a core handler is
	 * installed. */
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
	/* Asked twice before it is believed: a file that could not be read on seems to have ended.
	 */
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

/* Asks once. Returns 0 or -errno, -ERANGE where more room than *n is needed. */
static int list_groups(const struct gk_identity *id, gid_t *list, int *n)
{
	errno = 0;
	int r = getgrouplist(id->name, id->gid, list, n);
	int e = ran_out();
	return e < 0 ? e : r < 0 ? -ERANGE : 0;
}

/* The primary group first, each once. Returns how many are left. */
static size_t sort_out(gid_t primary, gid_t *list, size_t n)
{
	size_t count = 1;
	for (size_t i = 0; i < n; i++) {
		gid_t gid = list[i];
		size_t seen = gid == primary ? 0 : 1;
		while (seen > 0 && seen < count && list[seen] != gid)
			seen++;
		if (seen == count)
			list[count++] = gid;
	}
	list[0] = primary;
	return count;
}

/* Fills ret_list, the caller's to free. Returns 0, or -errno with err. */
static int ask_groups(
	const struct gk_identity *id, gid_t **ret_list, size_t *ret_n, struct gk_err *err)
{
	gk_autofree gid_t *list = NULL;
	for (int n = 64, got = n;; n = got) {
		free(list);
		/* One more for the primary group, should it not be the first. */
		list = calloc((size_t)n + 1, sizeof *list);
		int r = list ? list_groups(id, list + 1, &got) : -ENOMEM;
		if (r == 0) {
			list[0] = id->gid;
			*ret_n = sort_out(id->gid, list, (size_t)got + 1);
			*ret_list = list;
			list = NULL;
			return 0;
		}
		if (r != -ERANGE)
			return gk_fail_errno(err, r, "cannot look up the groups of %s", id->name);
		if (got <= n)
			got = n * 2;
		if (got > GROUPS_MAX)
			return gk_fail(
				err, -E2BIG, "%s is in more than %d groups", id->name, GROUPS_MAX);
	}
}

static int look_up_groups(struct gk_identity *id, struct gk_arena *arena, struct gk_err *err)
{
	gk_autofree gid_t *list = NULL;
	size_t n = 0;
	int r = ask_groups(id, &list, &n, err);
	if (r < 0)
		return r;
	gk_autofree char *buf = malloc(PASSWD_MAX_BYTES);
	struct gk_group *groups = gk_arena_array(arena, n, sizeof *groups);
	if (!buf || !groups)
		return gk_fail_errno(err, -ENOMEM, "groups of %s", id->name);
	for (size_t i = 0; i < n; i++) {
		groups[i].gid = list[i];
		r = group_name(list[i], arena, buf, PASSWD_MAX_BYTES, &groups[i].name);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot look up group %u of %s",
				(unsigned)list[i], id->name);
	}
	id->groups = groups;
	id->ngroups = n;
	return 0;
}

int gk_identity_confirm(const struct gk_identity *id, struct gk_err *err)
{
	gk_autofree gid_t *list = NULL;
	size_t n = 0;
	int r = ask_groups(id, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n && n == id->ngroups; i++)
		if (list[i] != id->groups[i].gid)
			n = 0;
	return r < 0 || n == id->ngroups ?
		r :
		gk_fail_errno(err, -EAGAIN, "cannot look up the groups of %s", id->name);
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
		.shell = gk_arena_strdup(
			arena, pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh"),
	};
	if (!id.name || !id.gecos || !id.home || !id.shell)
		return gk_fail_errno(err, -ENOMEM, "account");
	int r = look_up_groups(&id, arena, err);
	if (r == 0)
		*ret = id;
	return r;
}

static int look_up_uid(
	uid_t uid, struct gk_arena *arena, struct gk_identity *ret, struct gk_err *err)
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

static int look_up_name(
	const char *name, struct gk_arena *arena, struct gk_identity *ret, struct gk_err *err)
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

int gk_identity_look_up(const char *name, uid_t uid, struct gk_arena *arena,
	struct gk_identity *ret, struct gk_err *err)
{
	return name ? look_up_name(name, arena, ret, err) : look_up_uid(uid, arena, ret, err);
}

/* id->name and the other name, in the order of the alphabet: it is no matter which was found first.
 */
static int refuse_shared(const struct gk_identity *id, const char *other, struct gk_err *err)
{
	char a[128], b[128];
	bool first = strcmp(id->name, other) < 0;
	gk_escape(a, sizeof a, first ? id->name : other);
	gk_escape(b, sizeof b, first ? other : id->name);
	return gk_fail(err, -EPERM,
		"the accounts %s and %s share uid %u, so it is not known which of them logs in; give each a uid of "
		"its own",
		a, b, (unsigned)id->uid);
}

static bool is_other(const struct gk_identity *id, const struct passwd *pw)
{
	return pw->pw_uid == id->uid && strcmp(pw->pw_name, id->name) != 0;
}

/* Whether the claimed name belongs to another account with this uid. That may have another spelling
 * than the name by which it was asked for (a directory's aliases, letter case). */
static int check_claim(const struct gk_identity *id, const char *claimed, struct gk_err *err)
{
	enum { NAME_MOST = 255 }; /* no account has a longer one */
	char shown[128];
	if (!claimed || strcmp(claimed, id->name) == 0 ||
		strnlen(claimed, NAME_MOST + 1) > NAME_MOST)
		return 0;
	gk_autofree char *buf = malloc(PASSWD_MAX_BYTES);
	struct passwd entry, *pw = NULL;
	int e = buf ? getpwnam_r(claimed, &entry, buf, PASSWD_MAX_BYTES, &pw) : ENOMEM;
	if (e != 0 && e != ENOENT && e != ESRCH)
		return gk_fail_errno(
			err, -e, "cannot look up user %s", gk_escape(shown, sizeof shown, claimed));
	return pw && is_other(id, pw) ? refuse_shared(id, pw->pw_name, err) : 0;
}

/* A uid or gid of passwd(5), up to a colon or the end. */
static bool take_number(char **at, uid_t *ret)
{
	char *word = strsep(at, ":"), *end;
	if (!word)
		return false;
	unsigned long n = strtoul(word, &end, 10);
	*ret = (uid_t)(n > UINT32_MAX ? UINT32_MAX : n);
	return end != word && !*end;
}

/* The name and uid of a line of passwd(5) that the C library would take for an account.
 * fgetpwent(3) would do, but asks for the file's position before and after each line. */
static bool parse_account(char *line, struct passwd *ret)
{
	uid_t gid;
	line[strcspn(line, "\n")] = '\0';
	line += strspn(line, " \t\v\f\r");
	/* "+" and "-" begin lines of the compat service, nsswitch.conf(5). */
	if (strchr("#+-", *line))
		return false;
	ret->pw_name = strsep(&line, ":");
	return line && strsep(&line, ":") && take_number(&line, &ret->pw_uid) &&
		take_number(&line, &gid);
}

int gk_identity_check_sole(const struct gk_identity *id, const char *claimed, struct gk_err *err)
{
	int r = 0;
	gk_autofree char *line = NULL;
	size_t size = 0;
	struct passwd pw;
	FILE *f = fopen("/etc/passwd", "re");
	if (!f && errno != ENOENT)
		return gk_fail_errno(err, -errno, "cannot read /etc/passwd");
	while (r == 0 && f && getline(&line, &size, f) > 0)
		if (parse_account(line, &pw) && is_other(id, &pw))
			r = refuse_shared(id, pw.pw_name, err);
	if (r == 0 && f && !feof(f))
		r = gk_fail_errno(err, -EIO, "cannot read /etc/passwd");
	if (f)
		fclose(f);
	return r == 0 ? check_claim(id, claimed, err) : r;
}

static int look_up_surely(const char *name, uid_t uid, struct gk_arena *arena,
	struct gk_identity *ret, struct gk_err *err)
{
	struct gk_identity id = { 0 };
	int r = gk_identity_look_up(name, uid, arena, &id, err);
	if (r == 0)
		r = gk_identity_confirm(&id, err);
	if (r == 0)
		*ret = id;
	return r;
}

int gk_identity_by_uid(
	uid_t uid, struct gk_arena *arena, struct gk_identity *ret, struct gk_err *err)
{
	return look_up_surely(NULL, uid, arena, ret, err);
}

int gk_identity_by_name(
	const char *name, struct gk_arena *arena, struct gk_identity *ret, struct gk_err *err)
{
	return look_up_surely(name, 0, arena, ret, err);
}
