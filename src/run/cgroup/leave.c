#include "run/cgroup/leave.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "run/cgroup/cgfile.h"

/* Where gocker's processes go that may not stay: below its own cgroup; on hybrid hosts, where it
 * has none in these hierarchies, at their root. */
#define OWN_GROUP "supervisors"

/* The hierarchies in which a process can be frozen. v2: on a host that has no other. */
static const struct hierarchy {
	bool v2;
	const char *names; /* as /proc/PID/cgroup has them */
	const char *mount;
} hierarchies[] = {
	{ true, "", GK_CGROUP_ROOT },
	{ false, "", GK_CGROUP_ROOT "/unified" },
	{ false, "freezer", GK_CGROUP_ROOT "/freezer" },
};

static bool is_roots(int dir, const char *name)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0)
		return errno == ENOENT;
	return gk_is_roots_alone(&st);
}

/* Whether root alone can change a cgroup: who may write one of these could stop what is in it, or
 * move it to where he may. */
static bool is_firm(int dir)
{
	static const char *const names[] = { "", "cgroup.procs", "cgroup.freeze", "freezer.state" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!is_roots(dir, names[i]))
			return false;
	return true;
}

int gk_cgroup_is_firm(const char *mount, const char *path)
{
	gk_autoclose int at = gk_cgfile_dir(AT_FDCWD, mount);
	if (at < 0)
		return at == -ENOENT ? 1 : at; /* not mounted: nobody can write to it by this */
	for (const char *p = path + strspn(path, "/"); *p; p += strspn(p, "/")) {
		char name[256];
		size_t len = strcspn(p, "/");
		if (len >= sizeof name)
			return -ENAMETOOLONG;
		memcpy(name, p, len);
		name[len] = '\0';
		p += len;
		int next = gk_cgfile_dir(at, name);
		if (next < 0)
			return next == -ENOENT ? 1 : next;
		(void)close(at);
		at = next;
		if (!is_firm(at))
			return 0;
	}
	return 1;
}

static int move_to(int dir)
{
	return dir < 0 ? dir : gk_cgfile_write(dir, "cgroup.procs", "0");
}

static int leave(const struct hierarchy *h)
{
	gk_autoclose int base =
		h->v2 ? gk_cgroup_open_base(NULL) : gk_cgfile_dir(AT_FDCWD, h->mount);
	if (base < 0 || !h->v2)
		return move_to(base);
	if (mkdirat(base, OWN_GROUP, 0755) < 0 && errno != EEXIST)
		return -errno;
	gk_autoclose int own = gk_cgfile_dir(base, OWN_GROUP);
	return move_to(own);
}

/* The path of this process in a hierarchy, or NULL. A path that begins with "/.." is not in this
 * cgroup namespace: no file system that is mounted in it leads there. */
static const char *path_in(const char *text, const char *names, char *buf, size_t size)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *name = strchr(line, ':'), *path = name ? strchr(name + 1, ':') : NULL;
		if (!path || (size_t)(path - name - 1) != strlen(names) ||
			strncmp(name + 1, names, strlen(names)) != 0 ||
			strncmp(path + 1, "/..", 3) == 0)
			continue;
		int n = snprintf(buf, size, "%.*s", (int)strcspn(path + 1, "\n"), path + 1);
		return n > 0 && (size_t)n < size ? buf : NULL;
	}
	return NULL;
}

static int leave_where(bool always, struct gk_err *err)
{
	char text[8192], path[4096];
	int v1 = gk_cgroup_is_v1(err);
	if (v1 < 0)
		return v1;
	ssize_t n = gk_cgfile_read(AT_FDCWD, "/proc/self/cgroup", text, sizeof text);
	int r = n < 0 ? (int)n : (size_t)n == sizeof text - 1 ? -ENAMETOOLONG : 0;
	for (size_t i = 0; r == 0 && i < sizeof hierarchies / sizeof *hierarchies; i++) {
		const struct hierarchy *h = &hierarchies[i];
		if (h->v2 == (v1 != 0) || !path_in(text, h->names, path, sizeof path))
			continue;
		r = always ? 0 : gk_cgroup_is_firm(h->mount, path);
		r = r == 0 ? leave(h) : r > 0 ? 0 : r;
		/* Not mounted: nobody can be ended by it either. */
		if (always && !h->v2 && r == -ENOENT)
			r = 0;
	}
	return r < 0 ? gk_fail_errno(err, r, "cannot leave the caller's cgroup") : 0;
}

int gk_leave_caller_cgroup(struct gk_err *err)
{
	return leave_where(false, err);
}

int gk_leave_for_good(struct gk_err *err)
{
	return leave_where(true, err);
}
