#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/sys.h"
#include "children.h"
#include "who.h"

#define KEEPER GK_LIBEXECDIR "/gocker-keeper"

static int fail(struct gk_pam_failure *why, int r, const char *what)
{
	if (!why->log[0])
		snprintf(why->log, sizeof why->log, "%s: errno %d", what, -r);
	return r;
}

struct gk_pam_door *gk_door_new(void)
{
	void *page = mmap(NULL, sizeof(struct gk_pam_door), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, sizeof(struct gk_pam_door), MADV_WIPEONFORK) < 0) {
		(void)munmap(page, sizeof(struct gk_pam_door));
		return NULL;
	}
	struct gk_pam_door *door = page;
	*door = (struct gk_pam_door){ .magic = GK_PAM_MAGIC,
		.link = -1,
		.keeper = -1,
		.umask = -1,
		.view = GK_VIEW_INIT,
		.host = GK_HOST_NS_INIT };
	return door;
}

bool gk_door_is_ours(const struct gk_pam_door *door)
{
	return door->magic == GK_PAM_MAGIC;
}

void gk_door_free(struct gk_pam_door *door)
{
	if (gk_door_is_ours(door) && door->state != GK_PAM_INSIDE) {
		gk_close_fd(&door->link);
		gk_close_fd(&door->keeper);
	}
	(void)munmap(door, sizeof *door);
}

/* Waits until fd is readable. The daemon's signal handlers may run meanwhile. */
static int await(int fd, int timeout_ms)
{
	int64_t end = gk_now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	for (;;) {
		int64_t left = end - gk_now_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return 0;
		if (n == 0 && left <= 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* ---- the keeper ---- */

/* Receives the one message that may come now, or a refusal. *ret_fd must come with `with_fd`. */
static int receive(struct gk_pam_door *door, struct gk_link_message *m, int *ret_fd,
	struct gk_pam_failure *why)
{
	gk_autoclose int fd = -1;
	int r = await(door->link, GK_LINK_TIMEOUT_MS);
	if (r < 0)
		return fail(why, r, "the keeper does not answer");
	r = gk_fd_recv(door->link, m, sizeof *m, &fd);
	if (r != (int)sizeof *m)
		return fail(why, r < 0 ? r : -EPIPE, "the keeper is gone");
	m->text[sizeof m->text - 1] = m->origin[sizeof m->origin - 1] = '\0';
	if (m->kind == GK_LINK_REFUSED) {
		door->mode = (enum gk_link_mode)m->mode;
		snprintf(why->user, sizeof why->user, "%s", m->text);
		snprintf(why->log, sizeof why->log, "refused: %s", m->text);
		return -EACCES;
	}
	if ((fd >= 0) != (ret_fd != NULL))
		return fail(why, -EPROTO, "protocol error: unexpected reply from the keeper");
	if (ret_fd)
		*ret_fd = gk_steal_fd(&fd);
	return 0;
}

/* posix_spawn(3) shares the caller's memory until the exec: no copy of a daemon's secrets is made.
 * The link becomes fd 0; the keeper closes all above 2 before it does anything else. */
static int spawn(int link, pid_t *ret_pid)
{
	static char name[] = "gocker-keeper";
	char *argv[] = { name, NULL }, *env[] = { NULL };
	posix_spawn_file_actions_t actions;
	int e = posix_spawn_file_actions_init(&actions);
	if (e != 0)
		return -e;
	e = posix_spawn_file_actions_adddup2(&actions, link, 0);
	for (int fd = 1; e == 0 && fd <= 2; fd++)
		e = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	if (e == 0)
		e = posix_spawn(ret_pid, KEEPER, &actions, NULL, argv, env);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -e;
}

/* The process that was spawned ends as soon as the keeper stands on its own, so that no wait() of
 * the daemon's meets it later. ECHILD: the daemon ignores SIGCHLD, and the kernel has reaped it. */
static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int start_keeper(struct gk_pam_door *door, struct gk_pam_failure *why)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(why, -errno, "socketpair");
	door->link = pair[0];
	gk_autoclose int theirs = pair[1];
	pid_t pid = 0;
	int r = spawn(theirs, &pid);
	if (r < 0)
		return fail(why, r, "cannot execute " KEEPER);
	gk_close_fd(&theirs);
	gk_autoclose int child = gk_sys_pidfd_open(pid);
	struct gk_link_message m;
	r = receive(door, &m, &door->keeper, why);
	if (r == 0 && m.kind != GK_LINK_KEEPER)
		r = fail(why, -EPROTO, "protocol error: no greeting from the keeper");
	if (r < 0)
		(void)(child >= 0 ? gk_sys_pidfd_send_signal(child, SIGKILL) : kill(pid, SIGKILL));
	reap(pid);
	return r;
}

/* One that has more than one thread would be moved by half; one that is inside already (a second
 * handle in one process) would execute the image's idea of a keeper. */
static int check_caller(struct gk_pam_failure *why)
{
	struct statfs fs;
	struct stat tasks, mine, children;
	if (statfs("/proc/self", &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC ||
		stat("/proc/self/task", &tasks) < 0 || stat("/proc/self/ns/pid", &mine) < 0 ||
		stat("/proc/self/ns/pid_for_children", &children) < 0)
		return fail(why, -ENOENT, "the caller is not in /proc");
	if (tasks.st_nlink != 3)
		return fail(why, -EBUSY, "the caller has more than one thread");
	if (mine.st_ino != children.st_ino || gk_children_busy())
		return fail(why, -EBUSY, "the caller is in a container already");
	return 0;
}

int gk_door_start(struct gk_pam_door *door, const struct gk_link_message *question,
	struct gk_link_message *answer, struct gk_pam_failure *why)
{
	int r = check_caller(why);
	if (r == 0)
		r = start_keeper(door, why);
	if (r == 0 && gk_fd_send(door->link, question, sizeof *question, -1) < 0)
		r = fail(why, -EPIPE, "the keeper is gone");
	if (r == 0)
		r = receive(door, answer, NULL, why);
	if (r == 0 && answer->kind != GK_LINK_LIMITS && answer->kind != GK_LINK_FREE)
		r = fail(why, -EPROTO, "protocol error: unexpected reply from the keeper");
	if (r == 0 && answer->kind == GK_LINK_FREE)
		door->state = GK_PAM_FREE;
	else if (r == 0)
		door->state = GK_PAM_STARTED;
	if (r == 0)
		door->mode = (enum gk_link_mode)answer->mode;
	if (r < 0 || answer->kind == GK_LINK_FREE || question->kind != GK_LINK_OPEN)
		(void)gk_door_end(door);
	return r;
}

/* ---- the session is opened: the caller stays on the host ---- */

/* pam_group(8) has given the caller groups, where sshd would have set them in the child again. gid
 * 0 is none that a user gets so. */
static int add_own_groups(struct gk_children *c)
{
	int n = getgroups(0, NULL);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	gid_t *all = realloc(c->groups, (c->ngroups + (size_t)n) * sizeof *all);
	if (!all)
		return -ENOMEM;
	c->groups = all;
	n = getgroups(n, all + c->ngroups);
	if (n < 0)
		return -errno;
	size_t end = c->ngroups + (size_t)n;
	for (size_t i = c->ngroups; i < end; i++)
		if (all[i] != 0)
			all[c->ngroups++] = all[i];
	return 0;
}

static int find_user(
	const struct gk_pam_door *door, const struct gk_link_message *ready, struct gk_children *c)
{
	int r = gk_who_groups(door->user, &c->uid, &c->gid, &c->groups, &c->ngroups);
	if (r == 0 && (c->uid != ready->uid || c->uid == 0))
		r = -ESTALE;
	return r == 0 ? add_own_groups(c) : r;
}

/* What is to be done on the host before the first child goes inside. */
static int stay_outside(struct gk_pam_door *door, struct gk_children *c, int ptys,
	const struct gk_link_message *ready, struct gk_pam_failure *why)
{
	int r = check_caller(why);
	if (r == 0 && (r = gk_join_can_verify()) < 0)
		return fail(why, r, "statx");
	if (r == 0 && c->mode == GK_LINK_DROP && (r = find_user(door, ready, c)) < 0)
		return fail(why, r, "cannot look the user up");
	if (r == 0 && (c->own_pid_ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC)) < 0)
		return fail(why, -errno, "/proc/self/ns/pid");
	if (r == 0 && (r = gk_view_make(&door->view, ptys, ready->records)) < 0)
		return fail(why, r, "cannot make the caller's mount namespace");
	if (r == 0 && (r = gk_powers_guard(&door->powers)) < 0)
		return fail(why, r, "cannot guard the caller");
	return r;
}

static int open_to_children(struct gk_pam_door *door, int init, const struct gk_link_message *ready,
	struct gk_pam_failure *why)
{
	struct gk_children c = { .mode = door->mode,
		.namespaces = ready->namespaces,
		.root = ready->root,
		.pid_ns = (ino_t)ready->pid_ns,
		.umask = ready->umask,
		.nofile = ready->nofile,
		.uid = ready->uid,
		.init = -1,
		.own_pid_ns = -1,
		.leaf = -1,
		.rules = -1,
		.tcp = ready->tcp != 0 };
	struct gk_link_message m;
	gk_autoclose int ptys = -1, leaf = -1, rules = -1;
	int r = receive(door, &m, &ptys, why);
	if (r == 0 && m.kind == GK_LINK_PTYS && ready->leaf)
		r = receive(door, &m, &leaf, why);
	if (r == 0 && m.kind != (ready->leaf ? GK_LINK_LEAF : GK_LINK_PTYS))
		r = fail(why, -EPROTO, "protocol error: unexpected reply from the keeper");
	if (r == 0 && ready->rules)
		r = receive(door, &m, &rules, why);
	if (r == 0 && ready->rules && m.kind != GK_LINK_RULES)
		r = fail(why, -EPROTO, "protocol error: unexpected reply from the keeper");
	c.leaf = leaf;
	c.rules = rules;
	if (r == 0)
		r = stay_outside(door, &c, ptys, ready, why);
	bool guarded = r == 0;
	c.others[0] = door->keeper;
	c.others[1] = door->view.mnt;
	c.others[2] = door->view.root;
	c.others[3] = door->view.cwd;
	/* The caller's copy of it is closed when the link is. */
	if (r == 0 && (r = c.init = fcntl(init, F_DUPFD_CLOEXEC, 3)) < 0)
		r = fail(why, -errno, "dup");
	if (r >= 0 && (r = gk_children_arm(&c)) < 0)
		fail(why, r, "cannot watch over the caller's forks");
	if (r == 0) {
		(void)gk_steal_fd(&leaf);
		(void)gk_steal_fd(&rules);
		return 0;
	}
	if (guarded)
		(void)gk_powers_restore(&door->powers);
	(void)gk_view_leave(&door->view);
	gk_close_fd(&c.init);
	gk_close_fd(&c.own_pid_ns);
	free(c.groups);
	return r;
}

/* ---- or the caller enters itself ---- */

/* By any of these a process inside could go out: a fork that executes nothing would have them. */
static int hide_host(const struct gk_pam_door *door)
{
	enum { KINDS = sizeof door->host.fd / sizeof *door->host.fd };
	int fds[KINDS + 2];
	_Static_assert(sizeof fds / sizeof *fds <= GK_CHILDREN_HIDE, "all of them");
	memcpy(fds, door->host.fd, sizeof door->host.fd);
	fds[KINDS] = door->host.root;
	fds[KINDS + 1] = door->keeper;
	return gk_children_hide(fds, sizeof fds / sizeof *fds);
}

static int enter_whole(struct gk_pam_door *door, int init, const struct gk_link_message *ready,
	struct gk_pam_failure *why)
{
	memcpy(door->origin, ready->origin, sizeof door->origin);
	if (!getcwd(door->cwd, sizeof door->cwd) || door->cwd[0] != '/')
		snprintf(door->cwd, sizeof door->cwd, "/");
	int r = gk_powers_guard_exec(&door->powers);
	if (r < 0)
		return fail(why, r, "cannot guard the caller");
	r = gk_join_all(&door->host, init, ready->namespaces, &ready->root);
	if (r == 0 && (r = hide_host(door)) < 0)
		(void)gk_join_leave(&door->host, door->cwd);
	if (r < 0) {
		(void)!chdir(door->cwd);
		(void)gk_powers_restore(&door->powers);
		return fail(why, r, "cannot join the container");
	}
	/* The C library's own connection to the host's log; the next line opens the session's. */
	closelog();
	gk_join_chdir(door->cwd);
	(void)gk_join_limits(0);
	if (ready->umask >= 0)
		door->umask = (int32_t)umask((mode_t)ready->umask);
	return 0;
}

/* Into the cgroup by the file that the keeper has opened, which looks whether it was done. */
static int enter_cgroup(struct gk_pam_door *door, int *file, struct gk_pam_failure *why)
{
	struct gk_link_message m = { .kind = GK_LINK_COUNTED };
	int r = write(*file, "0", 1) == 1 ? 0 : -errno;
	gk_close_fd(file);
	if (r < 0)
		return fail(why, r, "cannot enter the session's cgroup");
	r = gk_fd_send(door->link, &m, sizeof m, -1);
	return r < 0 ? fail(why, r, "the keeper is gone") : 0;
}

/* Back to the cgroup it came from, so that what the other modules start at close is not counted as
 * the session's. When that is gone, the keeper takes the caller along. */
static void leave_cgroup(const struct gk_pam_door *door)
{
	if (!door->origin[0])
		return;
	gk_autoclose int fd = open(door->origin, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		(void)!write(fd, "0", 1);
}

static int come_out(struct gk_pam_door *door)
{
	int r = gk_join_leave(&door->host, door->cwd);
	if (r < 0)
		return r;
	(void)gk_children_hide(NULL, 0);
	if (door->umask >= 0)
		(void)umask((mode_t)door->umask);
	door->umask = -1;
	closelog();
	leave_cgroup(door);
	return 0;
}

/* ---- */

static int opened(struct gk_pam_door *door, struct gk_pam_failure *why)
{
	struct gk_link_message m = { .kind = GK_LINK_ENTERED };
	door->state = GK_PAM_INSIDE;
	int r = gk_fd_send(door->link, &m, sizeof m, -1);
	if (r < 0) {
		(void)gk_door_come_back(door);
		return fail(why, r, "the keeper is gone");
	}
	gk_close_fd(&door->link);
	return 0;
}

int gk_door_enter(struct gk_pam_door *door, const char *names, struct gk_pam_failure *why)
{
	struct gk_link_message m = { .kind = GK_LINK_ENTER };
	gk_autoclose int init = -1;
	snprintf(m.names, sizeof m.names, "%s", names);
	int r = gk_fd_send(door->link, &m, sizeof m, -1);
	if (r < 0)
		fail(why, r, "the keeper is gone");
	else
		r = receive(door, &m, &init, why);
	if (r == 0 && m.kind == GK_LINK_LEAF && door->mode == GK_LINK_WHOLE) {
		r = enter_cgroup(door, &init, why);
		if (r == 0)
			r = receive(door, &m, &init, why);
	}
	if (r == 0 && m.kind != GK_LINK_READY)
		r = fail(why, -EPROTO, "protocol error: unexpected reply from the keeper");
	if (r == 0)
		r = door->mode == GK_LINK_WHOLE ? enter_whole(door, init, &m, why) :
						  open_to_children(door, init, &m, why);
	if (r == 0)
		r = opened(door, why);
	if (r < 0)
		(void)gk_door_end(door);
	return r;
}

int gk_door_come_back(struct gk_pam_door *door)
{
	int r = 0, back;
	if (door->state != GK_PAM_INSIDE)
		return 0;
	if (door->mode == GK_LINK_WHOLE && (r = come_out(door)) < 0)
		return r;
	gk_children_disarm();
	r = gk_powers_restore(&door->powers);
	back = gk_view_leave(&door->view);
	door->state = GK_PAM_BACK;
	return r < 0 ? r : back;
}

/* The keeper undoes everything when it is asked to (SIGUSR1) or when the link closes before the
 * caller is inside. */
int gk_door_end(struct gk_pam_door *door)
{
	int r = 0;
	gk_close_fd(&door->link);
	if (door->keeper >= 0) {
		(void)gk_sys_pidfd_send_signal(door->keeper, SIGUSR1);
		r = await(door->keeper, GK_LINK_END_MS);
		if (r < 0)
			(void)gk_sys_pidfd_send_signal(door->keeper, SIGKILL);
	}
	gk_close_fd(&door->keeper);
	return r;
}
