#include "run/build/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "plan/plan.h"
#include "run/store/record.h"

static bool is_id(const char *name)
{
	return strlen(name) == GK_ID_BYTES - 1 &&
		strspn(name, "0123456789abcdef") == GK_ID_BYTES - 1;
}

/* A login has written its record before its socket is here, so that none that is just joining is
 * taken for one that is over. */
static void detach_old(const struct gk_agent *agent, int dir)
{
	char path[64];
	gk_autoclose int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = again < 0 ? NULL : fdopendir(again);
	if (!list)
		return;
	(void)gk_steal_fd(&again);
	for (const struct dirent *e; (e = readdir(list));) {
		if (!is_id(e->d_name) || gk_record_lives(agent->uid, agent->slots, e->d_name))
			continue;
		snprintf(path, sizeof path, GK_AGENTS "/%s", e->d_name);
		(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
		(void)unlinkat(dir, e->d_name, 0);
	}
	closedir(list);
}

int gk_agent_attach(const struct gk_agent *agent)
{
	struct statfs fs;
	struct stat st;
	if (agent->socket < 0)
		return 0;
	gk_autoclose int dir =
		gk_sys_openat2(AT_FDCWD, GK_AGENTS, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	if (dir < 0)
		return dir;
	if (fstatfs(dir, &fs) < 0 || fstat(dir, &st) < 0)
		return -errno;
	if (fs.f_type != TMPFS_MAGIC || st.st_uid != 0)
		return -EPERM;
	detach_old(agent, dir);
	gk_autoclose int file =
		openat(dir, agent->id, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return file < 0 ? -errno : gk_sys_move_mount(agent->socket, file);
}
