#include "run/build/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/sys.h"
#include "run/build/init.h"
#include "run/build/staging.h"

static uint64_t attributes(unsigned flags)
{
	return (flags & GK_MF_RO ? MOUNT_ATTR_RDONLY : 0) |
		(flags & GK_MF_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
		(flags & GK_MF_NODEV ? MOUNT_ATTR_NODEV : 0) |
		(flags & GK_MF_NOEXEC ? MOUNT_ATTR_NOEXEC : 0);
}

static int open_target(const struct gk_stage *stage, const char *target)
{
	char relative[PATH_MAX];
	snprintf(relative, sizeof relative, ".%s", target);
	return gk_sys_openat2(stage->root, relative, O_PATH | O_NOFOLLOW,
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
static int open_image(const struct gk_rootfs_sources *sources, struct gk_err *err)
{
	gk_autoclose int fd =
		open(sources->image_path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat outside, here;
	if (fd < 0 || fstat(fd, &here) < 0 || fstat(sources->image_fd, &outside) < 0)
		return gk_fail_errno(err, -errno, "cannot open the image");
	if (here.st_dev != outside.st_dev || here.st_ino != outside.st_ino)
		return gk_fail(err, -ESTALE, "the image was replaced during this login; try again");
	return gk_steal_fd(&fd);
}

/* In a user namespace the image's files are root's inside by a mount that says so
 * (mount_setattr(2); overlay takes one as a layer since Linux 5.19). It is put on the building
 * stage: a detached one can't be a layer everywhere. Takes image, gives the fd to use. */
static int map_ids(const struct gk_stage *stage, int image, struct gk_err *err)
{
	struct gk_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)(unsigned)stage->sources->userns };
	int scratch = stage->scratch[GK_SCRATCH_ROOT];
	gk_autoclose int from = image;
	if (!stage->plan->userns_base)
		return gk_steal_fd(&from);
	gk_autoclose int tree =
		gk_sys_open_tree(from, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	gk_autoclose int target = gk_sys_openat2(
		scratch, "lower", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	int r = tree < 0 ? tree : target < 0 ? target : gk_sys_mount_setattr(tree, 0, &attr);
	if (r == 0)
		r = gk_sys_move_mount(tree, target);
	if (r == 0)
		r = gk_sys_openat2(scratch, "lower", O_PATH | O_DIRECTORY,
			RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (r == -EINVAL)
		return gk_fail(err, r,
			"cannot map the image's owners: the file system of image_dir cannot do that, "
			"as overlay cannot; put the images on ext4, xfs, btrfs or tmpfs, or leave "
			"--userns out");
	return r < 0 ? gk_fail_errno(err, r, "cannot map the image's owners (needs Linux 5.19)") :
		       r;
}

static int mount_overlay(struct gk_stage *stage, const struct gk_mount *m, struct gk_err *err)
{
	gk_autoclose int plain = open_image(stage->sources, err);
	gk_autoclose int image = plain < 0 ? plain : map_ids(stage, gk_steal_fd(&plain), err);
	if (image < 0)
		return image;
	gk_autoclose int work = gk_sys_openat2(stage->scratch[GK_SCRATCH_ROOT], "work",
		O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	gk_autoclose int target = gk_sys_openat2(stage->scratch[GK_SCRATCH_ROOT], "root",
		O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	if (work < 0 || target < 0)
		return gk_fail_errno(err, work < 0 ? work : target, "overlay");
	/* Layers by fd: no comma, colon or backslash of a path is read as an option. */
	char options[256];
	snprintf(options, sizeof options,
		"lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,"
		"redirect_dir=off,index=off,metacopy=off,xino=off",
		image, stage->upper, work);
	int r = mount_new("overlay", options, m->flags & ~(unsigned)GK_MF_RO, target);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot mount the overlay root");
	stage->root = gk_sys_openat2(stage->scratch[GK_SCRATCH_ROOT], "root", O_PATH | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	return stage->root < 0 ? gk_fail_errno(err, stage->root, "root") : 0;
}

/* A root that is no overlay: the copy of an image that is edited; with image = host the directory
 * that holds what gocker puts there. */
static int mount_plain(struct gk_stage *stage, const struct gk_mount *m, struct gk_err *err)
{
	gk_autoclose int target = gk_sys_openat2(stage->scratch[GK_SCRATCH_ROOT], "root",
		O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	int r = target < 0 ? target :
		m->kind == GK_MOUNT_EDIT ?
			     attach(stage->sources->binds[m->index], m->flags, 0, target) :
			     bind_at(stage->scratch[m->index], m->source, m->flags, target);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot mount the root");
	stage->root = gk_sys_openat2(stage->scratch[GK_SCRATCH_ROOT], "root", O_PATH | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	return stage->root < 0 ? gk_fail_errno(err, stage->root, "root") : 0;
}

/* What m is mounted on, if that is directly in dir ("/proc/"), else NULL. */
static const char *name_in(const char *dir, const struct gk_mount *m)
{
	size_t n = strlen(dir);
	const char *name = strncmp(m->target, dir, n) == 0 ? m->target + n : "";
	return *name && !strchr(name, '/') ? name : NULL;
}

/* A clone of the host's /etc with the flags of m, not to be seen inside, and the session's own
 * /etc. It is put on the building stage: before Linux 6.15 a detached one can't be cloned. */
static int prepare_etc(struct gk_stage *stage, const struct gk_mount *m)
{
	struct gk_mount_attr attr = { .attr_set = attributes(m->flags) };
	gk_autoclose int tree = gk_sys_open_tree(AT_FDCWD, "/etc",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
	int r = tree < 0 ? tree : gk_sys_mount_setattr(tree, AT_RECURSIVE, &attr);
	if (r == 0)
		r = gk_sys_move_mount_at(tree, stage->scratch[GK_SCRATCH_ROOT], "lower");
	if (r == 0)
		r = stage->etc.target = open_target(stage, "/etc");
	if (r < 0)
		return r;
	stage->etc.source = gk_steal_fd(&tree);
	stage->etc.flags = m->flags;
	return 0;
}

/* Directly in /etc, where most are: a clone of the clone has its flags, and is moved by name into a
 * directory where nothing but gocker makes names. */
static int mount_in_etc(const struct gk_stage *stage, const char *name)
{
	gk_autoclose int tree = gk_sys_open_tree(stage->etc.source, name,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
	return tree < 0 ? tree : gk_sys_move_mount_at(tree, stage->etc.target, name);
}

/* A directory of the host, which is where this process still has its root; this mount namespace is
 * private, and so is the clone. In a user namespace its owners are not mapped: nothing of the
 * host's belongs to the root inside, who reads what everyone may. */
static int mount_host(struct gk_stage *stage, const struct gk_mount *m)
{
	const char *name = name_in("/etc/", m);
	int r = name && stage->etc.source < 0 ? prepare_etc(stage, m) : 0;
	if (r < 0 || (name && stage->etc.flags == m->flags))
		return r < 0 ? r : mount_in_etc(stage, name);
	gk_autoclose int target = open_target(stage, m->target);
	if (target < 0)
		return target;
	gk_autoclose int dir = gk_sys_openat2(AT_FDCWD, m->source, O_PATH | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (dir < 0)
		return dir;
	gk_autoclose int tree = gk_sys_open_tree(
		dir, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	return tree < 0 ? tree : attach(tree, m->flags, AT_RECURSIVE, target);
}

/* proc and devpts have been faked before (CVE-2019-19921): what was mounted is looked at. Returns
 * the fd of its root. */
static int open_typed(const struct gk_stage *stage, const char *target, long magic)
{
	gk_autoclose int fd = open_target(stage, target);
	struct statfs fs;
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return fd < 0 ? fd : -errno;
	return fs.f_type == magic ? gk_steal_fd(&fd) : -EPERM;
}

static int check_type(const struct gk_stage *stage, const char *target, long magic)
{
	gk_autoclose int fd = open_typed(stage, target, magic);
	return fd < 0 ? fd : 0;
}

/* Makes mask->next. A clone of a mask that is mounted has its flags (clone_mnt in the kernel's
 * fs/namespace.c); the first of a kind, or one with other flags, gets them here. That the mask
 * itself is missing is no reason to do without: only the target may be. */
static int prepare_mask(
	const struct gk_stage *stage, const struct gk_mount *m, struct gk_stage_mask *mask)
{
	const unsigned clone = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	const char *source = m->kind == GK_MOUNT_MASK_FILE ? "mask" : "empty";
	struct gk_mount_attr attr = { .attr_set = attributes(m->flags) };
	if (mask->flags != m->flags) {
		gk_close_fd(&mask->model);
		gk_close_fd(&mask->next);
	}
	if (mask->next >= 0)
		return 0;
	bool first = mask->model < 0;
	gk_autoclose int tree = first ?
		gk_sys_open_tree(stage->veil, source, clone | AT_SYMLINK_NOFOLLOW) :
		gk_sys_open_tree(mask->model, "", clone | AT_EMPTY_PATH);
	int r = tree >= 0 && first ? gk_sys_mount_setattr(tree, 0, &attr) : tree;
	if (r < 0)
		return r == -ENOENT ? -EIO : r;
	mask->flags = m->flags;
	mask->next = gk_steal_fd(&tree);
	return 0;
}

/* Directly below the session's own /proc, which has been checked and where nothing but the kernel
 * makes names: name is one component. */
static int mount_in_proc(struct gk_stage *stage, const struct gk_mount *m, const char *name)
{
	struct gk_stage_mask *mask = &stage->masks[m->kind == GK_MOUNT_MASK_DIR];
	if (m->kind == GK_MOUNT_BIND_RO) {
		gk_autoclose int tree = gk_sys_open_tree(stage->proc, name,
			OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
		struct gk_mount_attr attr = { .attr_set = attributes(m->flags) };
		int r = tree < 0 ? tree : gk_sys_mount_setattr(tree, 0, &attr);
		return r < 0 ? r : gk_sys_move_mount_at(tree, stage->proc, name);
	}
	int r = prepare_mask(stage, m, mask);
	if (r == 0)
		r = gk_sys_move_mount_at(mask->next, stage->proc, name);
	if (r < 0)
		return r; /* after -ENOENT the clone is for the next */
	gk_close_fd(&mask->model);
	mask->model = gk_steal_fd(&mask->next);
	return 0;
}

/* The name of what is hidden or made read-only directly below /proc, else NULL. */
static const char *name_in_proc(const struct gk_stage *stage, const struct gk_mount *m)
{
	bool hides = m->kind == GK_MOUNT_MASK_FILE || m->kind == GK_MOUNT_MASK_DIR ||
		m->kind == GK_MOUNT_BIND_RO;
	return hides && stage->proc >= 0 ? name_in("/proc/", m) : NULL;
}

static int mount_one(struct gk_stage *stage, const struct gk_mount *m)
{
	const struct gk_rootfs_sources *sources = stage->sources;
	const char *name = name_in_proc(stage, m);
	if (name)
		return mount_in_proc(stage, m, name);
	if (m->kind == GK_MOUNT_HOST)
		return mount_host(stage, m);
	gk_autoclose int target = open_target(stage, m->target);
	if (target < 0)
		return target;
	int r;
	char options[96];
	switch (m->kind) {
	case GK_MOUNT_PROC:
		r = mount_new("proc", NULL, m->flags, target);
		if (r == 0)
			r = stage->proc = open_typed(stage, m->target, PROC_SUPER_MAGIC);
		return r < 0 ? r : 0;
	case GK_MOUNT_DEVPTS:
		/* kernel.pty.max is one for the host: without max= one user could take away
		 * everybody's terminals. */
		snprintf(options, sizeof options,
			"newinstance,ptmxmode=0666,mode=0620,gid=%" PRIu64 ",max=%u",
			stage->plan->userns_base + GK_TTY_GID, stage->plan->terminals_max);
		r = mount_new("devpts", options, m->flags, target);
		return r < 0 ? r : check_type(stage, m->target, DEVPTS_SUPER_MAGIC);
	case GK_MOUNT_SCRATCH:
		return bind_at(stage->scratch[m->index], m->source, m->flags, target);
	case GK_MOUNT_BIND:
		if (sources->binds[m->index] < 0)
			return -ENOENT; /* an optional one that could not be had */
		return attach(sources->binds[m->index], m->flags, AT_RECURSIVE, target);
	case GK_MOUNT_PTY: return attach(sources->pty, m->flags, 0, target);
	case GK_MOUNT_STUB:
		return sources->stub < 0 ? -ENOENT : attach(sources->stub, m->flags, 0, target);
	case GK_MOUNT_MASK_FILE: return bind_at(stage->veil, "mask", m->flags, target);
	case GK_MOUNT_MASK_DIR: return bind_at(stage->veil, "empty", m->flags, target);
	case GK_MOUNT_BIND_RO: return bind_at(target, "", m->flags, target);
	default: return -EINVAL;
	}
}

static int mount_all(struct gk_stage *stage, bool *made, struct gk_err *err)
{
	const struct gk_plan *plan = stage->plan;
	for (size_t i = 0; i < plan->nmounts; i++) {
		const struct gk_mount *m = &plan->mounts[i];
		int r = m->kind == GK_MOUNT_OVERLAY ? mount_overlay(stage, m, err) :
			m->kind == GK_MOUNT_EDIT || m->kind == GK_MOUNT_SKELETON ?
						      mount_plain(stage, m, err) :
						      mount_one(stage, m);
		if (r == -ENOENT && (m->flags & GK_MF_OPTIONAL))
			continue;
		if (r < 0)
			return gk_fail_errno(err, r, "cannot mount %s in the session", m->target);
		made[i] = true;
		if (m->kind == GK_MOUNT_BIND && plan->binds[m->index].as_user)
			stage->home = m->target;
	}
	return 0;
}

/* The trees are opened outside while the root is made. One that is optional and could not be had
 * comes without a descriptor. */
static int receive_trees(struct gk_stage *stage, struct gk_err *err)
{
	for (size_t i = 0; i < stage->plan->nbinds; i++) {
		struct gk_message m = { 0 };
		int n = gk_fd_recv(stage->sources->link, &m, sizeof m, &stage->sources->binds[i]);
		if (n != (int)sizeof m || m.kind != GK_MSG_BIND || m.value != (int)i)
			return gk_fail_errno(err, n < 0 ? n : -EPIPE, "cannot take over the home");
		if (stage->plan->binds[i].as_user)
			snprintf(stage->home_real, sizeof stage->home_real, "%s", m.path);
	}
	return 0;
}

static int make_readonly(const struct gk_stage *stage, struct gk_err *err)
{
	for (size_t i = 0; i < stage->plan->nmounts; i++) {
		const struct gk_mount *m = &stage->plan->mounts[i];
		if (!(m->flags & GK_MF_LATE_RO))
			continue;
		gk_autoclose int fd = strcmp(m->target, "/") == 0 ? dup(stage->root) :
								    open_target(stage, m->target);
		struct gk_mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
		int r = fd < 0 ? fd : gk_sys_mount_setattr(fd, 0, &attr);
		if (r < 0)
			return gk_fail_errno(err, r, "cannot make %s read-only", m->target);
	}
	return 0;
}

/* The new root is nowhere stacked on the old one, so that one detach leaves nothing behind `/..`.
 */
static int enter(const struct gk_stage *stage, struct gk_err *err)
{
	if (fchdir(stage->root) < 0 || gk_sys_pivot_root(".", ".") < 0)
		return gk_fail_errno(err, -errno, "cannot change to the new root");
	if (umount2(".", MNT_DETACH) < 0)
		return gk_fail_errno(err, -errno, "cannot detach the old root");
	if (chdir("/") < 0)
		return gk_fail_errno(err, -errno, "cannot enter the new root");
	return 0;
}

int gk_rootfs_build(const struct gk_plan *plan, const struct gk_rootfs_sources *sources, bool *made,
	struct gk_err *err)
{
	struct gk_stage stage = { plan, sources, { -1, -1 }, -1, -1, -1, -1, { -1, -1, 0 },
		{ { -1, -1, 0 }, { -1, -1, 0 } }, NULL, "" };
	int r = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ?
		gk_fail_errno(err, -errno, "cannot make the mounts private") :
		0;
	if (r == 0)
		r = gk_stage_lay_out(&stage, err);
	if (r == 0)
		r = gk_stage_make_nodes(&stage, err);
	if (r == 0)
		r = gk_stage_make_dirs(&stage, err);
	if (r == 0)
		r = gk_stage_make_entries(&stage, err);
	if (r == 0)
		r = receive_trees(&stage, err);
	if (r == 0)
		r = mount_all(&stage, made, err);
	if (r == 0)
		r = gk_stage_link_shells(&stage, err);
	if (r == 0)
		gk_stage_link_home(&stage);
	if (r == 0)
		r = make_readonly(&stage, err);
	if (r == 0)
		r = enter(&stage, err);
	return r;
}
