#include "run/root.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/init.h"

#define STAGE GK_RUNDIR "/mnt"

/* The building site: the two scratch file systems and the new root, all by fd. */
struct site {
	const struct gk_plan *plan;
	const struct gk_root_sources *sources;
	int scratch[GK_SCRATCH_COUNT]; /* the roots of the scratch file systems */
	int upper;		       /* the overlay's upper layer */
	int root;		       /* the new root, once the overlay is mounted */
};

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
	return root && fchownat(dirfd, name, root, (gid_t)root, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int make_dir(const struct site *site, int dirfd, const char *name, mode_t mode,
	struct gk_err *err)
{
	int r = mkdirat(dirfd, name, mode) < 0 && errno != EEXIST ? -errno :
		give_to_root(site->plan, dirfd, name);
	return r < 0 ? gk_fail_errno(err, r, "cannot make %s", name) : 0;
}

static int lay_out_scratch(struct site *site, struct gk_err *err)
{
	static const char *const dirs[] = { "upper", "work", "root", "dev", "dev/pts", "dev/shm",
		"empty", "tmpdir", "lower" };
	/* The root-only directory under which everything is put together. */
	gk_autoclose int run = gk_open_private_dir(AT_FDCWD, GK_RUNDIR, err);
	gk_autoclose int stage = run < 0 ? run : gk_open_private_dir(run, "mnt", err);
	if (stage < 0)
		return stage;
	int r = site->scratch[GK_SCRATCH_ROOT] = mount_scratch(STAGE,
		&site->plan->scratch[GK_SCRATCH_ROOT], err);
	if (r < 0)
		return r;
	(void)umask(0);
	for (size_t i = 0; r >= 0 && i < sizeof dirs / sizeof *dirs; i++)
		r = make_dir(site, site->scratch[GK_SCRATCH_ROOT], dirs[i], 0755, err);
	if (r >= 0)
		r = site->scratch[GK_SCRATCH_TMP] = mount_scratch(STAGE "/tmpdir",
			&site->plan->scratch[GK_SCRATCH_TMP], err);
	if (r < 0)
		return r;
	r = gk_sys_openat2(site->scratch[GK_SCRATCH_ROOT], "upper", O_RDONLY | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (r < 0)
		return gk_fail_errno(err, r, "upper layer");
	site->upper = r;
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

static int make_nodes(const struct site *site, struct gk_err *err)
{
	static const char *const links[][2] = { { "fd", "/proc/self/fd" },
		{ "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" } };
	gk_autoclose int dev = gk_sys_openat2(site->scratch[GK_SCRATCH_ROOT], "dev",
		O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (dev < 0)
		return gk_fail_errno(err, dev, "/dev");
	for (size_t i = 0; i < site->plan->nnodes; i++) {
		const struct gk_node *n = &site->plan->nodes[i];
		if (mknodat(dev, n->name, S_IFCHR | n->mode, makedev(n->major, n->minor)) < 0)
			return gk_fail_errno(err, -errno, "cannot make /dev/%s", n->name);
		int r = give_to_root(site->plan, dev, n->name);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot make /dev/%s", n->name);
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlinkat(links[i][1], dev, links[i][0]) < 0)
			return gk_fail_errno(err, -errno, "cannot make /dev/%s", links[i][0]);
	/* What the terminal is bound over. */
	if (site->sources->pty >= 0 && mknodat(dev, "console", S_IFREG | 0600, 0) < 0)
		return gk_fail_errno(err, -errno, "cannot make /dev/console");
	if (site->sources->devlog >= 0) {
		int r = bind_log(dev, site->sources->devlog);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot make /dev/log");
	}
	/* The node that masks: nobody may open it for writing or reading. */
	if (mknodat(site->scratch[GK_SCRATCH_ROOT], "mask", S_IFREG, 0) < 0)
		return gk_fail_errno(err, -errno, "cannot make the mask");
	return 0;
}

/* ---- what gocker puts into the root ---- */

static int copy_from_host(const char *source, int to)
{
	gk_autoclose int from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (from < 0)
		return errno == ENOENT || errno == ENXIO || errno == ELOOP ? 0 : -errno;
	if (fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	char buf[8192];
	size_t total = 0;
	ssize_t n;
	while ((n = read(from, buf, sizeof buf)) > 0 && total < GK_COPY_MAX) {
		int r = gk_write_all(to, buf, (size_t)n);
		if (r < 0)
			return r;
		total += (size_t)n;
	}
	return n < 0 ? -errno : 0;
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
	if (last->fd >= 0 && last->len == len && memcmp(last->path, path, len) == 0)
		return last->fd;
	int n = snprintf(parent, sizeof parent, ".%.*s", (int)len, path);
	if (n < 0 || (size_t)n >= sizeof parent)
		return -ENAMETOOLONG;
	gk_close_fd(&last->fd);
	int fd = gk_sys_openat2(upper, parent, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (fd >= 0)
		*last = (struct parent){ fd, path, len };
	return fd;
}

static int fill_file(int dir, const char *name, const struct gk_entry *e)
{
	/* There is no umask any more. */
	gk_autoclose int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		e->mode);
	if (fd < 0)
		return -errno;
	int r = e->kind == GK_ENTRY_COPY ? copy_from_host(e->content, fd) :
		e->content ? gk_write_all(fd, e->content, strlen(e->content)) : 0;
	if (r == 0 && (e->uid || e->gid) && fchown(fd, e->uid, e->gid) < 0)
		r = -errno;
	return r;
}

static int make_entry(const struct site *site, const struct gk_entry *e, struct parent *last)
{
	if (e->kind == GK_ENTRY_SHELL)
		return 0; /* needs the merged root: see link_missing_shell */
	const char *name = strrchr(e->path, '/') + 1;
	int dir = open_parent(site->upper, e->path, last);
	if (dir < 0)
		return dir;
	switch (e->kind) {
	case GK_ENTRY_DIR:
		if (mkdirat(dir, name, e->mode) < 0)
			return errno == EEXIST ? 0 : -errno;
		return (e->uid || e->gid) && fchownat(dir, name, e->uid, e->gid,
			AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	case GK_ENTRY_SYMLINK:
		return symlinkat(e->content, dir, name) < 0 ? -errno : 0;
	default:
		return fill_file(dir, name, e);
	}
}

static int make_entries(const struct site *site, struct gk_err *err)
{
	struct parent last = { .fd = -1 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < site->plan->nentries; i++) {
		const struct gk_entry *e = &site->plan->entries[i];
		r = make_entry(site, e, &last);
		if (r < 0)
			gk_fail_errno(err, r, "cannot put %s into the root", e->path);
	}
	gk_close_fd(&last.fd);
	return r;
}

/* ---- mounts ---- */

static uint64_t attributes(unsigned flags)
{
	return (flags & GK_MF_RO ? MOUNT_ATTR_RDONLY : 0) |
		(flags & GK_MF_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
		(flags & GK_MF_NODEV ? MOUNT_ATTR_NODEV : 0) |
		(flags & GK_MF_NOEXEC ? MOUNT_ATTR_NOEXEC : 0);
}

static int open_target(const struct site *site, const char *target)
{
	char relative[PATH_MAX];
	snprintf(relative, sizeof relative, ".%s", target);
	return gk_sys_openat2(site->root, relative, O_PATH | O_NOFOLLOW,
		RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH);
}

static int attach(int tree, unsigned flags, unsigned at_flags, int target)
{
	struct gk_mount_attr attr = { .attr_set = attributes(flags) };
	int r = gk_sys_mount_setattr(tree, at_flags, &attr);
	return r < 0 ? r : gk_sys_move_mount(tree, target);
}

static int bind_at(int dirfd, const char *path, unsigned flags, int target)
{
	gk_autoclose int tree = gk_sys_open_tree(dirfd, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
		(*path ? 0 : AT_EMPTY_PATH));
	return tree < 0 ? tree : attach(tree, flags, 0, target);
}

static int mount_new(const char *type, const char *options, unsigned flags, int target)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", target);
	unsigned long ms = (flags & GK_MF_NOSUID ? MS_NOSUID : 0UL) |
		(flags & GK_MF_NODEV ? MS_NODEV : 0UL) | (flags & GK_MF_NOEXEC ? MS_NOEXEC : 0UL);
	return mount(type, path, type, ms, options) < 0 ? -errno : 0;
}

/* The image is opened again here: a layer opened outside is of another mount namespace and can't be
 * used (EINVAL). It must be the very directory that the supervisor opened and locked. */
static int open_image(const struct gk_root_sources *sources, struct gk_err *err)
{
	gk_autoclose int fd = open(sources->image_path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat outside, here;
	if (fd < 0 || fstat(fd, &here) < 0 || fstat(sources->image_fd, &outside) < 0)
		return gk_fail_errno(err, -errno, "cannot open the image");
	if (here.st_dev != outside.st_dev || here.st_ino != outside.st_ino)
		return gk_fail(err, -ESTALE, "the image was replaced meanwhile; try again");
	return gk_steal_fd(&fd);
}

/* In a user namespace the image's files are root's inside by a mount that says so (mount_setattr(2); overlay
 * takes one as a layer since Linux 5.19). It is put on the building site: a detached one can't be a layer
 * everywhere. Takes image, gives the fd to use. */
static int map_ids(const struct site *site, int image, struct gk_err *err)
{
	struct gk_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)(unsigned)site->sources->userns };
	int scratch = site->scratch[GK_SCRATCH_ROOT];
	gk_autoclose int from = image;
	if (!site->plan->userns_base)
		return gk_steal_fd(&from);
	gk_autoclose int tree = gk_sys_open_tree(from, "",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	gk_autoclose int target = gk_sys_openat2(scratch, "lower", O_PATH | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	int r = tree < 0 ? tree : target < 0 ? target : gk_sys_mount_setattr(tree, 0, &attr);
	if (r == 0)
		r = gk_sys_move_mount(tree, target);
	if (r == 0)
		r = gk_sys_openat2(scratch, "lower", O_PATH | O_DIRECTORY,
			RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	return r < 0 ? gk_fail_errno(err, r,
		"cannot map the image's owners (needs Linux 5.19 and a file system that can)") : r;
}

static int mount_overlay(struct site *site, const struct gk_mount *m, struct gk_err *err)
{
	gk_autoclose int plain = open_image(site->sources, err);
	gk_autoclose int image = plain < 0 ? plain : map_ids(site, gk_steal_fd(&plain), err);
	if (image < 0)
		return image;
	gk_autoclose int work = gk_sys_openat2(site->scratch[GK_SCRATCH_ROOT], "work",
		O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	gk_autoclose int target = gk_sys_openat2(site->scratch[GK_SCRATCH_ROOT], "root",
		O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (work < 0 || target < 0)
		return gk_fail_errno(err, work < 0 ? work : target, "overlay");
	/* Layers by fd: no comma, colon or backslash of a path is read as an option. */
	char options[256];
	snprintf(options, sizeof options,
		"lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,"
		"redirect_dir=off,index=off,metacopy=off,xino=off",
		image, site->upper, work);
	int r = mount_new("overlay", options, m->flags & ~(unsigned)GK_MF_RO, target);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot mount the overlay root");
	site->root = gk_sys_openat2(site->scratch[GK_SCRATCH_ROOT], "root", O_PATH | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	return site->root < 0 ? gk_fail_errno(err, site->root, "root") : 0;
}

/* An image being edited: the copy itself is the root. */
static int mount_edit(struct site *site, const struct gk_mount *m, struct gk_err *err)
{
	gk_autoclose int target = gk_sys_openat2(site->scratch[GK_SCRATCH_ROOT], "root",
		O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	int r = target < 0 ? target : attach(site->sources->trees[m->index], m->flags, 0, target);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot mount the root");
	site->root = gk_sys_openat2(site->scratch[GK_SCRATCH_ROOT], "root", O_PATH | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	return site->root < 0 ? gk_fail_errno(err, site->root, "root") : 0;
}

/* proc and devpts have been faked before (CVE-2019-19921): what was mounted is looked at. */
static int check_type(const struct site *site, const char *target, long magic)
{
	gk_autoclose int fd = open_target(site, target);
	struct statfs fs;
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return fd < 0 ? fd : -errno;
	return fs.f_type == magic ? 0 : -EPERM;
}

static int mount_one(struct site *site, const struct gk_mount *m)
{
	const struct gk_root_sources *sources = site->sources;
	gk_autoclose int target = open_target(site, m->target);
	if (target < 0)
		return target;
	int root = site->scratch[GK_SCRATCH_ROOT], r;
	char options[96];
	switch (m->kind) {
	case GK_MOUNT_PROC:
		r = mount_new("proc", NULL, m->flags, target);
		return r < 0 ? r : check_type(site, m->target, PROC_SUPER_MAGIC);
	case GK_MOUNT_DEVPTS:
		/* kernel.pty.max is one for the host, 4096 with 1024 of them kept for its own
		 * devpts: without max= one user could take away everybody's terminals. */
		snprintf(options, sizeof options, "newinstance,ptmxmode=0666,mode=0620,gid=%" PRIu64 ",max=128",
			site->plan->userns_base + GK_TTY_GID);
		r = mount_new("devpts", options, m->flags, target);
		return r < 0 ? r : check_type(site, m->target, DEVPTS_SUPER_MAGIC);
	case GK_MOUNT_SCRATCH:
		return bind_at(site->scratch[m->index], m->source, m->flags, target);
	case GK_MOUNT_TREE:
		if (sources->trees[m->index] < 0)
			return -ENOENT; /* an optional one that could not be had */
		return attach(sources->trees[m->index], m->flags, AT_RECURSIVE, target);
	case GK_MOUNT_PTY:
		return attach(sources->pty, m->flags, 0, target);
	case GK_MOUNT_STUB:
		return attach(sources->stub, m->flags, 0, target);
	case GK_MOUNT_MASK_FILE:
		return bind_at(root, "mask", m->flags, target);
	case GK_MOUNT_MASK_DIR:
		return bind_at(root, "empty", m->flags, target);
	case GK_MOUNT_BIND_RO:
		return bind_at(target, "", m->flags, target);
	default:
		return -EINVAL;
	}
}

/* The directories that the plan's scratch mounts show, made with the modes they need. */
static int make_scratch_dirs(const struct site *site, struct gk_err *err)
{
	const struct gk_plan *plan = site->plan;
	for (size_t i = 0; i < plan->nmounts; i++) {
		const struct gk_mount *m = &plan->mounts[i];
		if (m->kind != GK_MOUNT_SCRATCH || m->index != GK_SCRATCH_TMP)
			continue;
		bool home = strcmp(m->source, "home") == 0;
		int r = make_dir(site, site->scratch[m->index], m->source, home ? 0700 : 01777, err);
		if (r < 0)
			return r;
		if (home && fchownat(site->scratch[m->index], m->source,
			(uid_t)plan->userns_base + plan->cred.uid,
			(gid_t)plan->userns_base + plan->cred.gid, AT_SYMLINK_NOFOLLOW) < 0)
			return gk_fail_errno(err, -errno, "home");
	}
	return 0;
}

static int mount_all(struct site *site, bool *made, struct gk_err *err)
{
	const struct gk_plan *plan = site->plan;
	for (size_t i = 0; i < plan->nmounts; i++) {
		const struct gk_mount *m = &plan->mounts[i];
		int r = m->kind == GK_MOUNT_OVERLAY ? mount_overlay(site, m, err) :
			m->kind == GK_MOUNT_EDIT    ? mount_edit(site, m, err) :
						      mount_one(site, m);
		if (r == -ENOENT && (m->flags & GK_MF_OPTIONAL))
			continue;
		if (r < 0)
			return gk_fail_errno(err, r, "cannot mount %s in the session", m->target);
		made[i] = true;
	}
	return 0;
}

/* The trees are opened outside while the root is made. One that is optional and could not be had comes
 * without a descriptor. */
static int receive_trees(const struct site *site, struct gk_err *err)
{
	for (size_t i = 0; i < site->plan->ntrees; i++) {
		struct gk_message m = { 0 };
		int n = gk_fd_recv(site->sources->link, &m, sizeof m, &site->sources->trees[i]);
		if (n != (int)sizeof m || m.kind != GK_MSG_TREE || m.value != (int)i)
			return gk_fail_errno(err, n < 0 ? n : -EPIPE, "cannot take over the home");
	}
	return 0;
}

/* A directory of the merged root by its path there, links followed as they will be inside; what is missing
 * is made. Made by a descriptor and a name alone: a path would follow the image's links on the host, which
 * is where this process still has its root. Returns the fd or -errno. */
static int make_path(int root, const char *path)
{
	gk_autoclose int at = gk_sys_openat2(root, "/", O_RDONLY | O_DIRECTORY, RESOLVE_IN_ROOT);
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
		int next = gk_sys_openat2(root, upto, O_RDONLY | O_DIRECTORY, RESOLVE_IN_ROOT);
		if (next == -ENOENT && mkdirat(at, name, 0755) < 0)
			return -errno;
		if (next == -ENOENT)
			next = gk_sys_openat2(root, upto, O_RDONLY | O_DIRECTORY, RESOLVE_IN_ROOT);
		(void)close(at);
		at = next;
	}
	return gk_steal_fd(&at);
}

/* A passwd shell that the image lacks becomes a link to the entry stub; one that it has is never
 * covered. Looked up in the merged root, links followed as they will be inside. */
static int link_missing_shell(const struct site *site, const struct gk_entry *e)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(e->path, '/');
	gk_autoclose int there = gk_sys_openat2(site->root, e->path, O_PATH, RESOLVE_IN_ROOT);
	if (there != -ENOENT)
		return there < 0 ? there : 0;
	snprintf(parent, sizeof parent, "%.*s", (int)(slash - e->path), e->path);
	gk_autoclose int dir = make_path(site->root, parent);
	if (dir < 0)
		return dir;
	/* A dangling link in the image stands in the way: its name is taken over. */
	if (symlinkat(e->content, dir, slash + 1) < 0)
		return errno == EEXIST && unlinkat(dir, slash + 1, 0) == 0 &&
			symlinkat(e->content, dir, slash + 1) == 0 ? 0 : -errno;
	return 0;
}

static int link_shells(const struct site *site, struct gk_err *err)
{
	for (size_t i = 0; i < site->plan->nentries; i++) {
		const struct gk_entry *e = &site->plan->entries[i];
		int r = e->kind == GK_ENTRY_SHELL ? link_missing_shell(site, e) : 0;
		if (r < 0)
			return gk_fail_errno(err, r, "cannot put %s into the root", e->path);
	}
	return 0;
}

static int make_readonly(const struct site *site, struct gk_err *err)
{
	for (size_t i = 0; i < site->plan->nmounts; i++) {
		const struct gk_mount *m = &site->plan->mounts[i];
		if (!(m->flags & GK_MF_LATE_RO))
			continue;
		gk_autoclose int fd = strcmp(m->target, "/") == 0 ? dup(site->root) :
			open_target(site, m->target);
		struct gk_mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
		int r = fd < 0 ? fd : gk_sys_mount_setattr(fd, 0, &attr);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot make %s read-only", m->target);
	}
	return 0;
}

/* The new root is nowhere stacked on the old one, so that one detach leaves nothing behind `/..`. */
static int enter(const struct site *site, struct gk_err *err)
{
	if (fchdir(site->root) < 0 || gk_sys_pivot_root(".", ".") < 0)
		return gk_fail_errno(err, -errno, "cannot change to the new root");
	if (umount2(".", MNT_DETACH) < 0)
		return gk_fail_errno(err, -errno, "cannot detach the old root");
	if (chdir("/") < 0)
		return gk_fail_errno(err, -errno, "cannot enter the new root");
	return 0;
}

static void close_site(struct site *site)
{
	for (int i = 0; i < GK_SCRATCH_COUNT; i++)
		gk_close_fd(&site->scratch[i]);
	gk_close_fd(&site->upper);
	gk_close_fd(&site->root);
}

int gk_root_build(const struct gk_plan *plan, const struct gk_root_sources *sources, bool *made,
	struct gk_err *err)
{
	struct site site = { plan, sources, { -1, -1 }, -1, -1 };
	int r = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ?
		gk_fail_errno(err, -errno, "cannot make the mounts private") : 0;
	if (r == 0)
		r = lay_out_scratch(&site, err);
	if (r == 0)
		r = make_nodes(&site, err);
	if (r == 0)
		r = make_scratch_dirs(&site, err);
	if (r == 0)
		r = make_entries(&site, err);
	if (r == 0)
		r = receive_trees(&site, err);
	if (r == 0)
		r = mount_all(&site, made, err);
	if (r == 0)
		r = link_shells(&site, err);
	if (r == 0)
		r = make_readonly(&site, err);
	if (r == 0)
		r = enter(&site, err);
	close_site(&site);
	return r;
}
