#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <paths.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

#define PTYS "/dev/pts"

static const char *const record_files[] = { _PATH_UTMP, _PATH_WTMP, _PATH_LASTLOG,
	"/var/log/btmp" };

/* What the host does not have needs no cover. */
static int cover_records(void)
{
	for (size_t i = 0; i < sizeof record_files / sizeof *record_files; i++)
		if (mount("/dev/null", record_files[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			return -errno;
	return 0;
}

static void uncover(void)
{
	(void)umount2(PTYS, MNT_DETACH);
	for (size_t i = 0; i < sizeof record_files / sizeof *record_files; i++)
		(void)umount2(record_files[i], MNT_DETACH);
}

/* The copy holds every mount of the host. Where the host's are shared, as systemd makes them, an
 * umount(2) there takes the copy away as well. Where they are private a file system would live on
 * for as long as the session. A FUSE server that waits for its unmount, and that the session waits
 * for in turn (sshfs to this very host), would wait for ever: FUSE mounts go at once. Outer ones
 * come first and take along what is mounted below, so no path leads through one of them. A path
 * that a user changes meanwhile can take another mount out of this view, which only this session
 * has; gocker's own come after. */
static void drop_fuse_mounts(void)
{
	struct mntent entry;
	char text[4096];
	FILE *list = setmntent("/proc/self/mounts", "re");
	while (list && getmntent_r(list, &entry, text, sizeof text)) {
		bool fuse = strncmp(entry.mnt_type, "fuse", 4) == 0 && hasmntopt(&entry, "user_id");
		if (fuse && strcmp(entry.mnt_dir, "/") != 0)
			(void)umount2(entry.mnt_dir, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
	if (list)
		(void)endmntent(list);
}

static int change_mounts(int ptys, bool records)
{
	/* Nothing of this is to reach the host; what the host mounts later still arrives. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -errno;
	drop_fuse_mounts();
	gk_autoclose int place = open(PTYS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = place < 0 ? -errno : gk_sys_move_mount(ptys, place);
	return r == 0 && records ? cover_records() : r;
}

int gk_view_make(struct gk_view *v, int ptys, bool records)
{
	gk_autoclose int mnt = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	gk_autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	gk_autoclose int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mnt < 0 || root < 0 || unshare(CLONE_NEWNS) < 0)
		return -errno;
	*v = (struct gk_view){ gk_steal_fd(&mnt), gk_steal_fd(&root), gk_steal_fd(&cwd) };
	int r = change_mounts(ptys, records);
	if (r < 0)
		(void)gk_view_leave(v);
	return r;
}

static int identify(int dir, struct statx *ret)
{
	const int flags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
	return statx(dir, "", flags, STATX_INO, ret);
}

/* Whether the daemon is still in the directory that it had, which is asked of no file server. */
static bool is_where_it_was(const struct gk_view *v)
{
	struct statx was, now;
	return identify(v->cwd, &was) == 0 && identify(AT_FDCWD, &now) == 0 &&
		was.stx_ino == now.stx_ino && was.stx_dev_major == now.stx_dev_major &&
		was.stx_dev_minor == now.stx_dev_minor;
}

int gk_view_leave(struct gk_view *v)
{
	char cwd[PATH_MAX];
	if (v->mnt < 0)
		return 0;
	/* One that the view has lost was on a FUSE mount: back there, its server would be asked. */
	if (!getcwd(cwd, sizeof cwd) || cwd[0] != '/')
		cwd[0] = '\0';
	bool stayed = cwd[0] && is_where_it_was(v);
	if (setns(v->mnt, CLONE_NEWNS) < 0) {
		int r = -errno;
		/* A thread that was made meanwhile shares root and directory (setns(2)): what is
		 * the session's goes all the same. */
		uncover();
		return r;
	}
	/* setns(2) has moved both to the root of the namespace: a daemon may have another. */
	int r = fchdir(v->root) < 0 || chroot(".") < 0 ? -errno : 0;
	/* Not by its path, on which a user's FUSE mount may lie by now. */
	if (stayed)
		(void)!fchdir(v->cwd);
	else if (cwd[0])
		(void)!chdir(cwd);
	gk_close_fd(&v->mnt);
	gk_close_fd(&v->root);
	gk_close_fd(&v->cwd);
	return r;
}
