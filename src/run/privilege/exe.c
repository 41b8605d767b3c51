#include "run/privilege/exe.h"

#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "run/privilege/identity.h"

#define SELF "/proc/self/exe"

extern char **environ;

static int clone_readonly(void)
{
	gk_autoclose int tree =
		gk_sys_open_tree(AT_FDCWD, SELF, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct gk_mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	int r = tree < 0 ? tree : gk_sys_mount_setattr(tree, 0, &attr);
	return r < 0 ? r : gk_steal_fd(&tree);
}

int gk_exe_protect(const char *name, char **argv, struct gk_err *err)
{
	struct statvfs st;
	/* Any uid reads 0 in a user namespace of one's own, and can do none of this there. */
	int r = gk_require_initial_user_ns(err);
	if (r < 0)
		return r;
	if (statvfs(SELF, &st) < 0)
		return gk_fail_errno(err, -errno, "cannot examine " SELF);
	if (st.f_flag & ST_RDONLY) {
		/* Executed by descriptor, a program is called by its number. */
		(void)prctl(PR_SET_NAME, name, 0, 0, 0);
		return 0;
	}
	gk_autoclose int fd = clone_readonly();
	if (fd < 0)
		return gk_fail_errno(err, fd, "cannot keep the program from being changed");
	(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return gk_fail_errno(err, -errno, "cannot keep the program from being changed");
}
