#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/cgroup/cgfile.h"
#include "run/cgroup/scope.h"
#include "run/store/bind.h"
#include "run/cgroup/leave.h"

/* Where the tasks of this login are counted. Under systemd pam_systemd may have given it a scope
 * with the limits that the module handed on: taken if it is a new one and the limits are in force.
 * In every other case (su within a session, cron, no pam_systemd, a limit that no scope can have)
 * it is a leaf of ours. */
static int choose_cgroup(struct gk_keeper *k, struct gk_err *err)
{
	char now[sizeof k->before];
	int r = gk_cgroup_procs_of(k->login.caller.parent, now, sizeof now);
	if (r == -EXDEV || r == -ENAMETOOLONG)
		now[0] = '\0';
	else if (r < 0)
		return gk_fail_errno(err, r, "cannot find the caller's cgroup");
	struct gk_err why = GK_ERR_INIT;
	bool fresh =
		now[0] && k->before[0] && strcmp(now, k->before) != 0 && strstr(now, ".scope/");
	fresh = fresh && gk_scope_host_has_systemd();
	if (fresh &&
		gk_cgroup_adopt(&k->login.plan, k->login.caller.parent, &k->session.cgroup, &why) ==
			0)
		return 0;
	/* The daemon stays where it is, and is not counted. */
	if (k->mode != GK_LINK_WHOLE) {
		k->login.plan.leaf_pids_max--;
		return 0;
	}
	snprintf(k->origin, sizeof k->origin, "%s", now);
	k->in_scope = fresh;
	return 0;
}

/* logind ends a session whose scope is empty. In the caller's place the keeper stays there: what
 * logind ends is ended by it, as the supervisor does behind the other door. Not where someone else
 * could freeze it. */
static int take_its_place(const struct gk_keeper *k)
{
	char dir[sizeof k->origin];
	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(k->origin, '/') - k->origin), k->origin);
	if (gk_cgroup_is_firm(GK_CGROUP_ROOT, dir + strlen(GK_CGROUP_ROOT)) != 1)
		return 0;
	gk_autoclose int fd = open(k->origin, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -errno;
}

/* A daemon that enters itself takes the session's tasks from its own place to the leaf, the rest is
 * count_caller's; on v1 there is no scope. */
static int move_caller(struct gk_keeper *k, struct gk_err *err)
{
	if (k->mode != GK_LINK_WHOLE || !k->in_scope)
		return 0;
	int r = take_its_place(k);
	return r < 0 ? gk_fail_errno(err, r, "cannot limit the login") : 0;
}

int gk_keeper_root_of(
	pid_t init, struct gk_link_root *ret, uint64_t *ret_pid_ns, struct gk_err *err)
{
	char path[64];
	struct statx st;
	struct stat ns;
	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)init);
	if (stat(path, &ns) < 0)
		return gk_fail_errno(err, -errno, "cannot examine the container");
	*ret_pid_ns = ns.st_ino;
	snprintf(path, sizeof path, "/proc/%d/root/.", (int)init);
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID, &st) < 0)
		return gk_fail_errno(err, -errno, "cannot examine the container's root");
	*ret = (struct gk_link_root){ st.stx_dev_major, st.stx_dev_minor, st.stx_ino,
		st.stx_mnt_id };
	return 0;
}

/* open_tree(2) clones only what is in the caller's mount namespace: a child goes into the
 * container's for it, and looks at what it finds there, without following a link of the image's. */
static int clone_ptys_inside(const struct gk_keeper *k, int report)
{
	struct statfs fs;
	if (setns(gk_keeper_init(k), CLONE_NEWNS) < 0)
		return -errno;
	gk_autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	gk_autoclose int dir = root < 0 ? -errno :
					  gk_sys_openat2(root, "dev/pts", O_PATH | O_DIRECTORY,
						  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (dir < 0)
		return dir;
	if (fstatfs(dir, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return -ENOTTY;
	gk_autoclose int tree =
		gk_sys_open_tree(dir, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	return tree < 0 ? tree : gk_fd_send(report, "", 1, tree);
}

int gk_keeper_clone_ptys(struct gk_keeper *k, struct gk_err *err)
{
	int pair[2], fd = -1, status = 0;
	char byte;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return gk_fail_errno(err, -errno, "cannot find the session's terminals");
	gk_autoclose int from = pair[0], to = pair[1];
	pid_t pid = fork();
	if (pid == 0) {
		int r = clone_ptys_inside(k, to);
		_exit(r < 0 ? -r & 0xff : 0);
	}
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot find the session's terminals");
	gk_close_fd(&to);
	int r = gk_fd_recv(from, &byte, 1, &fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 1 && fd >= 0)
		return fd;
	return gk_fail_errno(err,
		WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EIO,
		"cannot find the session's terminals");
}

/* Its /dev/log would be one login's, and ends with that. */
static int join_shared(struct gk_keeper *k, struct gk_err *err)
{
	int r = gk_join_open(&k->session, &k->login.join, err);
	if (r < 0)
		return r;
	r = gk_keeper_check_room(k, err);
	if (r < 0)
		(void)gk_keeper_undo(k);
	return r;
}

int gk_keeper_build(struct gk_keeper *k, struct gk_err *err)
{
	gk_session_init(&k->session, &k->login.plan, &k->login.caller);
	if (gk_keeper_is_shared(k))
		return join_shared(k, err);
	int r = choose_cgroup(k, err);
	if (r == 0)
		r = gk_keeper_open_log(k, err);
	if (r == 0) {
		r = k->session.stub = gk_bind_program(GK_LIBEXECDIR "/gocker-entry");
		if (r < 0)
			gk_fail_errno(err, r, "cannot use " GK_LIBEXECDIR "/gocker-entry");
	}
	if (r < 0) {
		(void)gk_session_close(&k->session);
		return r;
	}
	r = gk_session_open(&k->session, err);
	if (r < 0)
		return r;
	/* init has no payload to start; it says that it has given its powers up. */
	r = gk_session_start(&k->session, err) != 0 ? err->code :
						      gk_session_record(&k->session, err);
	if (r == 0)
		r = move_caller(k, err);
	if (r < 0)
		(void)gk_keeper_undo(k);
	return r;
}

/* A pidfd is readable once its process has ended; until then its number means no other. */
static bool caller_lives(const struct gk_keeper *k)
{
	struct pollfd p = { .fd = k->login.caller.parent_pidfd, .events = POLLIN };
	return poll(&p, 1, 0) == 0;
}

/* Back to where the caller was, unless it went by itself; failing that to where the keeper is,
 * which is where the caller was when it was started. Otherwise the end of the leaf would be the end
 * of the daemon. */
static void move_out(const struct gk_keeper *k)
{
	char mine[sizeof k->before], text[16];
	const struct gk_cgroup *cg = &k->session.cgroup;
	if (k->mode != GK_LINK_WHOLE || cg->foreign || cg->leaf_fd < 0 ||
		gk_cgroup_has(cg, k->login.caller.parent) == 0)
		return;
	const char *const ways[] = { k->origin, k->before,
		gk_cgroup_procs_of(getpid(), mine, sizeof mine) == 0 ? mine : "" };
	snprintf(text, sizeof text, "%d", (int)k->login.caller.parent);
	for (size_t i = 0; i < sizeof ways / sizeof *ways && caller_lives(k); i++) {
		gk_autoclose int fd =
			ways[i][0] ? open(ways[i], O_WRONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
		if (fd >= 0 && write(fd, text, strlen(text)) > 0)
			return;
	}
}

int gk_keeper_undo(struct gk_keeper *k)
{
	move_out(k);
	gk_keeper_end_log(k);
	gk_keeper_close_terminals(k);
	return gk_session_close(&k->session);
}
