#include "run/build/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"
#include "plan/hostroot.h"

#define STAGE GK_RUNDIR "/mnt"

/* ---- the scratch file systems ---- */

static int mount_scratch(const char *target, const struct gk_tmpfs *limits, struct gk_err *err)
{
	char options[96];
	snprintf(options, sizeof options, "mode=0755,size=%llu,nr_inodes=%llu",
		(unsigned long long)limits->size_bytes, (unsigned long long)limits->inodes);
	if (mount("gocker", target, "tmpfs", MS_NOSUID, options) < 0)
		return gk_fail_errno(err, -errno, "cannot mount the session's tmpfs");
	int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? gk_fail_errno(err, -errno, "%s", target) : fd;
}

/* Root's inside. */
static int give_to_root(const struct gk_plan *plan, int dirfd, const char *name)
{
	uid_t root = (uid_t)plan->userns_base;
	return root && fchownat(dirfd, name, root, (gid_t)root, AT_SYMLINK_NOFOLLOW) < 0 ? -errno :
											   0;
}

static int make_dir(
	const struct gk_stage *stage, int dirfd, const char *name, mode_t mode, struct gk_err *err)
{
	int r = mkdirat(dirfd, name, mode) < 0 && errno != EEXIST ?
		-errno :
		give_to_root(stage->plan, dirfd, name);
	return r < 0 ? gk_fail_errno(err, r, "cannot make %s", name) : 0;
}

/* What hides parts of /proc: a file that nobody may open, and an empty directory. On a ramfs, since
 * df(1) shows no file system that has no size. Nothing of it can be written to inside. */
static int make_masks(struct gk_stage *stage, struct gk_err *err)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	if (mount("gocker", STAGE "/veil", "ramfs", flags, "mode=0755") < 0)
		return gk_fail_errno(err, -errno, "cannot mask files of the host");
	stage->veil = open(STAGE "/veil", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (stage->veil < 0 || mknodat(stage->veil, "mask", S_IFREG, 0) < 0)
		return gk_fail_errno(err, -errno, "cannot make the mask");
	return make_dir(stage, stage->veil, "empty", 0755, err);
}

int gk_stage_lay_out(struct gk_stage *stage, struct gk_err *err)
{
	static const char *const dirs[] = { "upper", "work", "root", "dev", "dev/pts", "dev/shm",
		"veil", "tmpdir", "lower", "agents" };
	/* The root-only directory under which everything is put together. */
	gk_autoclose int run = gk_open_private_dir(AT_FDCWD, GK_RUNDIR, err);
	gk_autoclose int mnt = run < 0 ? run : gk_open_private_dir(run, "mnt", err);
	if (mnt < 0)
		return mnt;
	int r = stage->scratch[GK_SCRATCH_ROOT] =
		mount_scratch(STAGE, &stage->plan->scratch[GK_SCRATCH_ROOT], err);
	if (r < 0)
		return r;
	(void)umask(0);
	for (size_t i = 0; r >= 0 && i < sizeof dirs / sizeof *dirs; i++)
		r = make_dir(stage, stage->scratch[GK_SCRATCH_ROOT], dirs[i], 0755, err);
	if (r >= 0)
		r = stage->scratch[GK_SCRATCH_TMP] =
			mount_scratch(STAGE "/tmpdir", &stage->plan->scratch[GK_SCRATCH_TMP], err);
	if (r >= 0)
		r = make_masks(stage, err);
	if (r < 0)
		return r;
	r = gk_sys_openat2(stage->scratch[GK_SCRATCH_ROOT], "upper", O_RDONLY | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (r < 0)
		return gk_fail_errno(err, r, "upper layer");
	stage->upper = r;
	return 0;
}

/* The keeper's socket gets its name here, in the session's own /dev; the keeper holds the same open
 * socket outside, reads, and looks who wrote. */
static int bind_log(int dev, int sock)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/log", dev);
	if (bind(sock, (const struct sockaddr *)&addr, sizeof addr) < 0)
		return -errno;
	return fchmodat(dev, "log", 0666, 0) < 0 ? -errno : 0;
}

/* The directory of a node below a directory of /dev, made where it is missing; nobody else is in
 * this mount namespace. name becomes what is left of it. Returns the fd or -errno. */
static int open_node_dir(const struct gk_stage *stage, int dev, const char **name)
{
	gk_autoclose int at = dup(dev);
	for (const char *slash; at >= 0 && (slash = strchr(*name, '/')); *name = slash + 1) {
		char part[NAME_MAX + 1];
		size_t len = (size_t)(slash - *name);
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(part, *name, len);
		part[len] = '\0';
		int r = mkdirat(at, part, 0755) < 0 && errno != EEXIST ?
			-errno :
			give_to_root(stage->plan, at, part);
		int next = r < 0 ? r :
				   gk_sys_openat2(at, part, O_RDONLY | O_DIRECTORY,
					   RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
		(void)close(at);
		at = next;
	}
	return gk_steal_fd(&at);
}

static int make_node(const struct gk_stage *stage, int dev, const struct gk_node *n)
{
	const char *name = n->name;
	bool nested = strchr(name, '/') != NULL;
	gk_autoclose int below = nested ? open_node_dir(stage, dev, &name) : -1;
	int dir = nested ? below : dev;
	if (dir < 0)
		return dir;
	if (mknodat(dir, name, (n->block ? S_IFBLK : S_IFCHR) | n->mode,
		    makedev(n->major, n->minor)) < 0)
		return -errno;
	if ((n->uid || n->gid) && fchownat(dir, name, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return give_to_root(stage->plan, dir, name);
}

int gk_stage_make_nodes(const struct gk_stage *stage, struct gk_err *err)
{
	static const char *const links[][2] = { { "fd", "/proc/self/fd" },
		{ "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" } };
	gk_autoclose int dev = gk_sys_openat2(stage->scratch[GK_SCRATCH_ROOT], "dev",
		O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (dev < 0)
		return gk_fail_errno(err, dev, "/dev");
	for (size_t i = 0; i < stage->plan->nnodes; i++) {
		const struct gk_node *n = &stage->plan->nodes[i];
		int r = make_node(stage, dev, n);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot make /dev/%s", n->name);
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlinkat(links[i][1], dev, links[i][0]) < 0)
			return gk_fail_errno(err, -errno, "cannot make /dev/%s", links[i][0]);
	/* What the terminal is bound over. */
	if (stage->sources->pty >= 0 && mknodat(dev, "console", S_IFREG | 0600, 0) < 0)
		return gk_fail_errno(err, -errno, "cannot make /dev/console");
	if (stage->sources->devlog >= 0) {
		int r = bind_log(dev, stage->sources->devlog);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot make /dev/log");
	}
	return 0;
}

/* ---- what gocker puts into the root ---- */

/* size is what fstat(2) said, 0 where that says nothing (/proc): what has it is read without asking
 * for the end. */
static int copy_all(int from, int to, off_t size, size_t most)
{
	static char buf[65536]; /* on the stack it would be cleared for each of many small files */
	size_t total = 0;
	ssize_t n;
	while ((n = read(from, buf, sizeof buf)) > 0 && total < most) {
		int r = gk_write_all(to, buf, (size_t)n);
		if (r < 0)
			return r;
		total += (size_t)n;
		if (size > 0 && total >= (size_t)size)
			break;
	}
	return n < 0 ? -errno : 0;
}

static int copy_from_host(const char *source, int to)
{
	gk_autoclose int from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (from < 0)
		return errno == ENOENT || errno == ENXIO || errno == ELOOP ? 0 : -errno;
	if (fstat(from, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? copy_all(from, to, st.st_size, GK_COPY_MAX) : 0;
}

/* A missing or larger file is as an empty one: the session then asks for no names. */
static int copy_resolv(const char *source, int to)
{
	char text[GK_RESOLV_MAX], changed[GK_RESOLV_MAX];
	gk_autoclose int from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = from < 0 ? 0 : read(from, text, sizeof text - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	size_t len = gk_network_resolv(text, changed, sizeof changed);
	return gk_write_all(to, changed, len);
}

/* A file of the host's that the allow-list of image = host let in. Everyone may read the copy, so
 * that everyone must be allowed to read the file. */
static int open_host_file(const char *source, off_t *ret_size)
{
	struct stat st;
	gk_autoclose int fd = gk_sys_openat2(AT_FDCWD, source, O_RDONLY | O_NONBLOCK | O_NOCTTY,
		RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 04) || (size_t)st.st_size > GK_HOST_COPY_MAX)
		return -ENOENT;
	*ret_size = st.st_size;
	return gk_steal_fd(&fd);
}

/* The directory of the entry before, which is most often that of the next one, too. */
struct parent {
	int fd;
	const char *path; /* of an entry in it */
	size_t len;
};

/* The entry's parent in the upper layer: made by an earlier entry, never a symlink. */
static int open_parent(int upper, const char *path, struct parent *last)
{
	char parent[PATH_MAX];
	size_t len = (size_t)(strrchr(path, '/') - path);
	if (len == 0)
		return upper;
	if (last->fd >= 0 && last->len == len && memcmp(last->path, path, len) == 0)
		return last->fd;
	int n = snprintf(parent, sizeof parent, ".%.*s", (int)len, path);
	if (n < 0 || (size_t)n >= sizeof parent)
		return -ENAMETOOLONG;
	gk_close_fd(&last->fd);
	int fd = gk_sys_openat2(
		upper, parent, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (fd >= 0)
		*last = (struct parent){ fd, path, len };
	return fd;
}

static int fill_file(int dir, const char *name, const struct gk_entry *e)
{
	off_t size = 0;
	gk_autoclose int from = e->kind == GK_ENTRY_HOST ? open_host_file(e->content, &size) : -1;
	/* A package may have gone a moment ago. */
	if (e->kind == GK_ENTRY_HOST && from < 0)
		return from == -ENOENT || from == -ELOOP ? 0 : from;
	/* There is no umask any more. */
	gk_autoclose int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, e->mode);
	if (fd < 0)
		return -errno;
	int r = e->kind == GK_ENTRY_HOST   ? copy_all(from, fd, size, GK_HOST_COPY_MAX) :
		e->kind == GK_ENTRY_COPY   ? copy_from_host(e->content, fd) :
		e->kind == GK_ENTRY_RESOLV ? copy_resolv(e->content, fd) :
		e->content                 ? gk_write_all(fd, e->content, strlen(e->content)) :
					     0;
	if (r == 0 && (e->uid || e->gid) && fchown(fd, e->uid, e->gid) < 0)
		r = -errno;
	return r;
}

static int make_entry(const struct gk_stage *stage, const struct gk_entry *e, struct parent *last)
{
	if (e->kind == GK_ENTRY_SHELL)
		return 0; /* needs the merged root: see link_missing_shell */
	const char *name = strrchr(e->path, '/') + 1;
	int dir = open_parent(stage->upper, e->path, last);
	if (dir < 0)
		return dir;
	switch (e->kind) {
	case GK_ENTRY_DIR:
		if (mkdirat(dir, name, e->mode) < 0)
			return errno == EEXIST ? 0 : -errno;
		return (e->uid || e->gid) &&
				fchownat(dir, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0 ?
			-errno :
			0;
	case GK_ENTRY_SYMLINK: return symlinkat(e->content, dir, name) < 0 ? -errno : 0;
	default: return fill_file(dir, name, e);
	}
}

int gk_stage_make_entries(const struct gk_stage *stage, struct gk_err *err)
{
	struct parent last = { .fd = -1 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < stage->plan->nentries; i++) {
		const struct gk_entry *e = &stage->plan->entries[i];
		r = make_entry(stage, e, &last);
		if (r < 0)
			gk_fail_errno(err, r, "cannot put %s into the root", e->path);
	}
	gk_close_fd(&last.fd);
	return r;
}

/* ---- what the mounts need ---- */

int gk_stage_make_dirs(const struct gk_stage *stage, struct gk_err *err)
{
	const struct gk_plan *plan = stage->plan;
	for (size_t i = 0; i < plan->nmounts; i++) {
		const struct gk_mount *m = &plan->mounts[i];
		if (m->kind != GK_MOUNT_SCRATCH || m->index != GK_SCRATCH_TMP)
			continue;
		bool home = strcmp(m->source, "home") == 0;
		int r = make_dir(
			stage, stage->scratch[m->index], m->source, home ? 0700 : 01777, err);
		if (r < 0)
			return r;
		if (home &&
			fchownat(stage->scratch[m->index], m->source,
				(uid_t)plan->userns_base + plan->cred.uid,
				(gid_t)plan->userns_base + plan->cred.gid, AT_SYMLINK_NOFOLLOW) < 0)
			return gk_fail_errno(err, -errno, "home");
	}
	return 0;
}

/* A directory of the merged root by its path there, links followed as they will be inside; what is
 * missing is made. Made by a descriptor and a name alone: a path would follow the image's links on
 * the host, which is where this process still has its root. resolve: RESOLVE_IN_ROOT, and what
 * else. Returns the fd or -errno. */
static int make_path(int root, const char *path, uint64_t resolve)
{
	gk_autoclose int at = gk_sys_openat2(root, "/", O_RDONLY | O_DIRECTORY, resolve);
	for (const char *p = path + strspn(path, "/"); at >= 0 && *p; p += strspn(p, "/")) {
		char upto[PATH_MAX], name[NAME_MAX + 1];
		size_t len = strcspn(p, "/");
		if (len > NAME_MAX || (size_t)(p - path) + len >= sizeof upto)
			return -ENAMETOOLONG;
		memcpy(name, p, len);
		name[len] = '\0';
		p += len;
		memcpy(upto, path, (size_t)(p - path));
		upto[p - path] = '\0';
		int next = gk_sys_openat2(root, upto, O_RDONLY | O_DIRECTORY, resolve);
		if (next == -ENOENT && mkdirat(at, name, 0755) < 0)
			return -errno;
		if (next == -ENOENT)
			next = gk_sys_openat2(root, upto, O_RDONLY | O_DIRECTORY, resolve);
		(void)close(at);
		at = next;
	}
	return gk_steal_fd(&at);
}

/* Nothing is made in a volume or the home, or in what else is mounted, to which a link of the
 * image's may lead: that would be on the host. */
#define NOT_ON_HOST ((uint64_t)(RESOLVE_IN_ROOT | RESOLVE_NO_XDEV))

/* A passwd shell that the image lacks becomes a link to the entry stub; one that it has is never
 * covered. Looked up in the merged root, links followed as they will be inside. */
static int link_missing_shell(const struct gk_stage *stage, const struct gk_entry *e)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(e->path, '/');
	gk_autoclose int there = gk_sys_openat2(stage->root, e->path, O_PATH, RESOLVE_IN_ROOT);
	if (there != -ENOENT)
		return there < 0 ? there : 0;
	snprintf(parent, sizeof parent, "%.*s", (int)(slash - e->path), e->path);
	gk_autoclose int dir = make_path(stage->root, parent, NOT_ON_HOST);
	if (dir < 0)
		return dir;
	/* A dangling link in the image stands in the way: its name is taken over. */
	if (symlinkat(e->content, dir, slash + 1) < 0)
		return errno == EEXIST && unlinkat(dir, slash + 1, 0) == 0 &&
				symlinkat(e->content, dir, slash + 1) == 0 ?
			0 :
			-errno;
	return 0;
}

int gk_stage_link_shells(const struct gk_stage *stage, struct gk_err *err)
{
	for (size_t i = 0; i < stage->plan->nentries; i++) {
		const struct gk_entry *e = &stage->plan->entries[i];
		int r = e->kind == GK_ENTRY_SHELL ? link_missing_shell(stage, e) : 0;
		/* With image = host, /usr is the host's. */
		if (r == -EXDEV || r == -EROFS)
			return gk_fail(err, r,
				"the account's passwd shell %s does not exist, and %s cannot "
				"stand in for it there: change the shell (chsh)",
				e->path, e->content);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot put %s into the root", e->path);
	}
	return 0;
}

void gk_stage_link_home(const struct gk_stage *stage)
{
	const char *real = stage->home_real, *slash = strrchr(real, '/');
	char parent[PATH_MAX];
	if (!stage->home || !slash || !slash[1] || strcmp(real, stage->home) == 0)
		return;
	snprintf(parent, sizeof parent, "%.*s", (int)(slash - real), real);
	gk_autoclose int dir = make_path(stage->root, parent, NOT_ON_HOST);
	if (dir >= 0)
		(void)!symlinkat(stage->home, dir, slash + 1);
}
