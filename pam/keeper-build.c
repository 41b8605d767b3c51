#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/cgroup/cgfile.h"
#include "run/cgroup/scope.h"
#include "run/cgroup/leave.h"

/* A file of the host as a private mount of its own, to be attached inside. */
static int clone_file(const char *path)
{
	gk_autoclose int tree = gk_sys_open_tree(
		AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (tree < 0)
		return tree;
	struct gk_mount_attr attr = { .propagation = MS_PRIVATE };
	int r = gk_sys_mount_setattr(tree, 0, &attr);
	return r < 0 ? r : gk_steal_fd(&tree);
}

/* The container's /dev/log: a socket of ours that gets its name inside. Nothing of it is ever seen
 * outside. Each line comes with who wrote it (unix(7), SO_PASSCRED). */
static int open_log(struct gk_keeper *k, struct gk_err *err)
{
	k->log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->log_socket < 0)
		return gk_fail_errno(err, -errno, "cannot make the session's /dev/log");
	const int on = 1;
	if (setsockopt(k->log_socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
		return gk_fail_errno(err, -errno, "cannot make the session's /dev/log");
	k->session.devlog = fcntl(k->log_socket, F_DUPFD_CLOEXEC, 0);
	return k->session.devlog < 0 ?
		gk_fail_errno(err, -errno, "cannot make the session's /dev/log") :
		0;
}

/* Where the tasks of this login are counted. Under systemd pam_systemd may have given it a scope
 * with the limits that the module handed on: taken if it is a new one and the limits are in force.
 * In every other case (su within a session, cron, no pam_systemd, a limit that no scope can have)
 * it is a leaf of ours. */
static int choose_cgroup(struct gk_keeper *k, struct gk_err *err)
{
	char now[sizeof k->before];
	int r = gk_cgroup_procs_of(k->caller.parent, now, sizeof now);
	if (r == -EXDEV || r == -ENAMETOOLONG)
		now[0] = '\0';
	else if (r < 0)
		return gk_fail_errno(err, r, "cannot find the caller's cgroup");
	struct gk_err why = GK_ERR_INIT;
	bool fresh =
		now[0] && k->before[0] && strcmp(now, k->before) != 0 && strstr(now, ".scope/");
	fresh = fresh && gk_scope_host_has_systemd();
	if (fresh && gk_cgroup_adopt(&k->plan, k->caller.parent, &k->session.cgroup, &why) == 0)
		return 0;
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

/* The daemon goes into the leaf before it joins: what it forks is counted from the first task on.
 * On v1 it does that itself (count_caller). */
static int move_caller(struct gk_keeper *k, struct gk_err *err)
{
	if (k->session.cgroup.foreign || k->session.cgroup.v1)
		return 0;
	int r = k->in_scope ? take_its_place(k) : 0;
	if (r == 0)
		r = gk_cgroup_move(&k->session.cgroup, k->caller.parent);
	return r < 0 ? gk_fail_errno(err, r, "cannot limit the login") : 0;
}

int gk_keeper_root_of(pid_t init, struct gk_link_root *ret, struct gk_err *err)
{
	char path[64];
	struct statx st;
	snprintf(path, sizeof path, "/proc/%d/root/.", (int)init);
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID, &st) < 0)
		return gk_fail_errno(err, -errno, "cannot examine the container's root");
	*ret = (struct gk_link_root){ st.stx_dev_major, st.stx_dev_minor, st.stx_ino,
		st.stx_mnt_id };
	return 0;
}

int gk_keeper_build(struct gk_keeper *k, struct gk_err *err)
{
	gk_session_init(&k->session, &k->plan, &k->caller);
	int r = choose_cgroup(k, err);
	if (r == 0)
		r = open_log(k, err);
	if (r == 0) {
		r = k->session.stub = clone_file(GK_LIBEXECDIR "/gocker-entry");
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
	struct pollfd p = { .fd = k->caller.parent_pidfd, .events = POLLIN };
	return poll(&p, 1, 0) == 0;
}

/* Back to where the caller was, unless it went by itself; failing that to where the keeper is,
 * which is where the caller was when it was started. Otherwise the end of the leaf would be the end
 * of the daemon. */
static void move_out(const struct gk_keeper *k)
{
	char mine[sizeof k->before], text[16];
	const struct gk_cgroup *cg = &k->session.cgroup;
	if (cg->foreign || cg->leaf_fd < 0 || gk_cgroup_has(cg, k->caller.parent) == 0)
		return;
	const char *const ways[] = { k->origin, k->before,
		gk_cgroup_procs_of(getpid(), mine, sizeof mine) == 0 ? mine : "" };
	snprintf(text, sizeof text, "%d", (int)k->caller.parent);
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
	gk_close_fd(&k->log_socket);
	gk_keeper_close_terminals(k);
	return gk_session_close(&k->session);
}
