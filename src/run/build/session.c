#include "run/build/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/privilege/landlock.h"
#include "run/store/image.h"
#include "run/watch/relay.h"
#include "run/build/userns.h"
#include "run/cgroup/leave.h"

enum {
	SETUP_TIMEOUT_MS = 30000,
	DEATH_TIMEOUT_MS = 10000,
	ZOMBIE_TIMEOUT_MS = 20,
	REMOVE_TIMEOUT_MS = 5000,
};

void gk_session_init(
	struct gk_session *s, const struct gk_plan *plan, const struct gk_caller *caller)
{
	*s = (struct gk_session){
		.plan = plan,
		.caller = caller,
		.tty = { .fd = -1 },
		.stub = -1,
		.devlog = -1,
		.slot = GK_SLOT_INIT,
		.cgroup = GK_CGROUP_INIT,
		.image_fd = -1,
		.image_lock = -1,
		.network = GK_NETWORK_INIT,
		.counters = -1,
		.traffic = { UINT64_MAX, UINT64_MAX },
		.userns = -1,
		.pty_tree = -1,
		.init_pidfd = -1,
		.link = -1,
		.master = -1,
		.signals = -1,
		.container = GK_CONTAINER_INIT,
		.enter = GK_ENTER_INIT,
	};
	for (int i = 0; i < GK_BINDS_MOST; i++) {
		s->asked[i] = (struct gk_bind_asked)GK_BIND_ASKED_INIT;
		s->binds[i] = -1;
	}
	(void)clock_gettime(CLOCK_BOOTTIME, &s->opened);
}

/* The owner of a trial's place and cgroup: no account has it (the highest two uids are no uids). */
#define TRIAL_UID ((uid_t)-3)

void gk_session_as_trial(struct gk_plan *plan, struct gk_policy *policy, struct gk_identity *owner)
{
	*owner = *plan->who;
	owner->uid = TRIAL_UID;
	plan->who = owner;
	plan->npublish = 0; /* a session of the user's may have the ports */
	policy->sessions_max = policy->user_sessions_max = policy->group_sessions_max = 0;
	policy->user_pids_max = policy->user_memory_max = GK_UNLIMITED;
}

int gk_session_new_id(char *buf)
{
	unsigned char raw[(GK_ID_BYTES - 1) / 2];
	ssize_t n;
	while ((n = getrandom(raw, sizeof raw, 0)) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof raw)
		return n < 0 ? -errno : -EIO;
	for (size_t i = 0; i < sizeof raw; i++)
		snprintf(buf + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

static int open_image(struct gk_session *s, struct gk_err *err)
{
	char dir[PATH_MAX], self[64];
	if (!s->plan->image_path)
		return 0; /* image = host: init binds what the plan says */
	const char *slash = strrchr(s->plan->image_path, '/');
	if (!slash)
		return gk_fail(err, -EINVAL, "the image has no path");
	snprintf(dir, sizeof dir, "%.*s", (int)(slash - s->plan->image_path), s->plan->image_path);
	int r = gk_image_open(dir, slash + 1, s->image_flags, &s->image_fd, &s->image_lock, err);
	if (r < 0)
		return r;
	/* The path of the version behind the name: init opens it again and compares. */
	snprintf(self, sizeof self, "/proc/self/fd/%d", s->image_fd);
	ssize_t n = readlink(self, s->image_path, sizeof s->image_path - 1);
	if (n <= 0 || s->image_path[0] != '/')
		return gk_fail_errno(err, n < 0 ? -errno : -EINVAL, "cannot find the image's path");
	s->image_path[n] = '\0';
	return 0;
}

/* What the user decides about is looked at by children while init is made and makes the root. */
static int ask_trees(struct gk_session *s, struct gk_err *err)
{
	if (s->plan->nbinds > GK_BINDS_MOST)
		return gk_fail(err, -E2BIG, "more than %d volumes and files", GK_BINDS_MOST);
	for (size_t i = 0; i < s->plan->nbinds; i++)
		gk_bind_ask(&s->plan->binds[i], &s->plan->cred, &s->asked[i]);
	if (s->tty.mode != GK_TTY_TAKEOVER)
		return 0;
	s->pty_tree = gk_bind_pty(s->tty.fd, err);
	return s->pty_tree < 0 ? s->pty_tree : 0;
}

/* A missing file is left out and logged: the service that owns a socket may be down. */
static void log_missing(const struct gk_session *s, const struct gk_bind *bind)
{
	char shown[256];
	gk_log(LOG_WARNING, "event=missing id=%s file=\"%s\"", s->plan->session_id,
		gk_escape(shown, sizeof shown, bind->source));
}

/* Hands them to init. One that has ended takes nothing; why is read next. */
static int hand_over_trees(struct gk_session *s, struct gk_err *err)
{
	for (size_t i = 0; i < s->plan->nbinds; i++) {
		const struct gk_bind *tree = &s->plan->binds[i];
		struct gk_message m = { .kind = GK_MSG_BIND, .value = (int)i };
		/* An agent's socket is named by the caller: one that is gone, or is someone else's
		 * (su keeps the variable), is left out. */
		bool optional = tree->socket;
		gk_autoclose int fd = gk_bind_take(tree, &s->plan->cred, &s->asked[i], m.path,
			sizeof m.path, optional ? NULL : err);
		if (fd == -ENOENT && tree->file) {
			gk_err_clear(err);
			log_missing(s, tree);
		} else if (fd < 0 && !optional) {
			return fd;
		}
		(void)gk_fd_send(s->link, &m, sizeof m, fd);
	}
	return 0;
}

static int make_userns(struct gk_session *s, struct gk_err *err)
{
	if (!s->plan->userns_base)
		return 0;
	s->userns = gk_userns_make(s->plan->userns_base, err);
	return s->userns < 0 ? s->userns : 0;
}

static int clone_init(struct gk_session *s, struct gk_err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return gk_fail_errno(err, -errno, "cannot start the session");
	s->link = pair[0];
	gk_autoclose int theirs = pair[1];
	gk_autoclose int self = gk_sys_pidfd_open(getpid());
	if (self < 0)
		return gk_fail_errno(err, self, "cannot start the session");
	struct gk_init init = {
		.plan = s->plan,
		.caller = s->caller,
		.cgroup = &s->cgroup,
		.sources = { s->image_path, s->image_fd, s->binds, theirs, s->pty_tree, s->stub,
			s->userns, s->devlog },
		.tty = s->tty,
		.link = theirs,
		.stdio = s->stdio ? s->stdio->payload : -1,
		.netns = s->network.netns,
		.supervisor_pidfd = self,
	};
	/* The user namespace is entered last of all: init builds with root's power. */
	uint64_t flags = (s->plan->namespaces & ~(uint64_t)CLONE_NEWUSER) | CLONE_PIDFD;
	/* One that is connected is there already. */
	if (s->network.netns >= 0)
		flags &= ~(uint64_t)CLONE_NEWNET;
	/* On v1 init joins the leaf, and makes the cgroup namespace after that. */
	flags = s->cgroup.v1 ? flags & ~(uint64_t)CLONE_NEWCGROUP : flags | CLONE_INTO_CGROUP;
	struct clone_args args = {
		.flags = flags,
		.pidfd = (uint64_t)(uintptr_t)&s->init_pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = s->cgroup.v1 ? 0ULL : (unsigned long long)s->cgroup.leaf_fd,
	};
	pid_t pid = gk_sys_clone3(&args);
	if (pid == 0)
		gk_init_main(&init);
	if (pid < 0) {
		s->init_pidfd = -1;
		return gk_fail_errno(err, pid, "cannot make the session's namespaces");
	}
	if (s->stdio)
		gk_close_fd(&s->stdio->payload);
	s->init = pid;
	return 0;
}

/* Waits for one message of the kind wanted. Returns 0, or the exit code with err. */
static int await(struct gk_session *s, int kind, struct gk_err *err)
{
	struct gk_message m = { 0 };
	struct pollfd p = { .fd = s->link, .events = POLLIN };
	int fd = -1, n = poll(&p, 1, SETUP_TIMEOUT_MS);
	if (n == 0) {
		gk_fail(err, -ETIMEDOUT, "the session was not ready within %d seconds",
			SETUP_TIMEOUT_MS / 1000);
		return GK_EXIT_GOCKER;
	}
	n = n < 0 ? -errno : gk_fd_recv(s->link, &m, sizeof m, &fd);
	/* Said once where init ended with something of ours unread; what it had to say comes after
	 * it. */
	if (n == -ECONNRESET)
		n = gk_fd_recv(s->link, &m, sizeof m, &fd);
	if (n == (int)sizeof m && m.kind == kind) {
		if (kind == GK_MSG_READY)
			s->master = gk_steal_fd(&fd);
		gk_close_fd(&fd);
		return 0;
	}
	gk_close_fd(&fd);
	if (n == (int)sizeof m && m.kind == GK_MSG_FAILED) {
		m.err.msg[sizeof m.err.msg - 1] = m.err.detail[sizeof m.err.detail - 1] = '\0';
		gk_fail(err, m.err.code ? m.err.code : -EIO, "%s", m.err.msg);
		gk_err_detail(err, "%s", m.err.detail);
		return m.value ? m.value : GK_EXIT_GOCKER;
	}
	gk_fail(err, -EIO, "the session ended before it was ready");
	return GK_EXIT_GOCKER;
}

/* What only the building needed. */
static void close_sources(struct gk_session *s)
{
	for (int i = 0; i < GK_BINDS_MOST; i++)
		gk_bind_forget(&s->asked[i]);
	gk_close_fd(&s->pty_tree);
	gk_close_fd(&s->image_fd);
	gk_close_fd(&s->stub);
	gk_close_fd(&s->userns);
	gk_close_fd(&s->network.netns);
	gk_close_fd(&s->devlog);
}

/* Where a supervisor stands ready and nothing is to be done between the two, init need not wait for
 * the word when it has compared the root with the plan. One that has ended is heard of next. */
static void go_early(struct gk_session *s)
{
	struct gk_message go = { .kind = GK_MSG_GO };
	s->told_to_go = s->signals >= 0 && s->tty.mode != GK_TTY_RELAY && s->plan->exec_path &&
		gk_fd_send(s->link, &go, sizeof go, -1) == 0;
}

int gk_session_open(struct gk_session *s, struct gk_err *err)
{
	int r = gk_landlock_check(s->plan, err);
	if (r == 0)
		r = gk_leave_caller_cgroup(err);
	/* The slot of a shared container has been taken by the login that has it made. */
	if (r == 0 && s->slot.fd < 0)
		r = gk_slot_take(s->plan->who->uid, s->plan->policy, &s->slot, err);
	if (r == 0)
		r = gk_session_record(s, err);
	if (r == 0)
		r = open_image(s, err);
	/* Of who it is there is nothing yet but a place with its record. */
	if (r == 0 && s->apart)
		r = gk_nss_worker_confirm(s->apart, err);
	if (r == 0 && !s->cgroup.foreign)
		r = gk_cgroup_make(s->plan, &s->cgroup, err);
	if (r == 0)
		r = gk_network_open(s->plan, &s->cgroup, &s->network, err);
	gk_ports_report(&s->network.ports, s->plan->session_id, s->tty.fd);
	if (r == 0)
		r = ask_trees(s, err);
	if (r == 0)
		r = make_userns(s, err);
	if (r == 0)
		r = gk_creds_bound(s->plan->cred.caps, err);
	if (r == 0)
		r = clone_init(s, err);
	if (r == 0)
		r = hand_over_trees(s, err);
	/* Nothing of ours is left in the caller's cgroup when the user's program begins. */
	if (r == 0 && s->apart)
		gk_nss_worker_end(s->apart);
	if (r == 0)
		go_early(s);
	if (r == 0 && await(s, GK_MSG_READY, err) != 0)
		r = err->code;
	/* Without them it is only not told. */
	if (r == 0 && (s->plan->namespaces & CLONE_NEWNET))
		s->counters = gk_traffic_open(s->init);
	close_sources(s);
	if (r < 0)
		(void)gk_session_close(s);
	return r;
}

int gk_session_start(struct gk_session *s, struct gk_err *err)
{
	struct gk_message go = { .kind = GK_MSG_GO };
	int r = s->master < 0 ? 0 : gk_relay_seed(s->tty.fd, s->master, err);
	if (r < 0)
		return GK_EXIT_GOCKER;
	if (s->joined)
		return gk_enter_go(&s->enter, err);
	r = s->told_to_go ? 0 : gk_fd_send(s->link, &go, sizeof go, -1);
	if (r < 0) {
		gk_fail_errno(err, r, "cannot start the session");
		return GK_EXIT_GOCKER;
	}
	return await(s, GK_MSG_STARTED, err);
}

/* Everything in the session is killed with init, but init's own end may have to wait: a process
 * whose parent is outside stays a zombie until that parent reaps it, and sshd's monitor reaps the
 * user's side only after it has closed the PAM session, which waits for us. The leaf is empty all
 * the same, and that is waited for. */
static void reap_init(struct gk_session *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->init_pidfd, .events = POLLIN };
	siginfo_t info;
	while (poll(&p, 1, timeout_ms) < 0 && errno == EINTR)
		;
	if (!(p.revents & POLLIN))
		return;
	while (waitid(P_PIDFD, (id_t)s->init_pidfd, &info, WEXITED | WNOHANG) < 0 && errno == EINTR)
		;
	gk_close_fd(&s->init_pidfd);
	s->init = 0;
}

/* The container and what else is in it are not this login's. */
static int leave_container(struct gk_session *s)
{
	gk_enter_end(&s->enter);
	gk_close_fd(&s->master);
	gk_close_fd(&s->signals);
	gk_slot_release(&s->slot);
	gk_container_close(&s->container);
	return 0;
}

int gk_session_close(struct gk_session *s)
{
	if (s->joined)
		return leave_container(s);
	int r = 0;
	if (s->init_pidfd >= 0) {
		/* init is the reaper of its PID namespace: when it is gone, all are. A process that
		 * hangs in the kernel (a dead NFS server) may hold it up; the record then stays. */
		(void)gk_sys_pidfd_send_signal(s->init_pidfd, SIGKILL);
		reap_init(s, s->plan->door == GK_DOOR_PAM ? ZOMBIE_TIMEOUT_MS : DEATH_TIMEOUT_MS);
	}
	/* Before the interface goes. */
	gk_session_traffic(s, &s->traffic);
	gk_close_fd(&s->counters);
	gk_network_close(&s->network);
	if (s->cgroup.leaf_fd >= 0) {
		(void)gk_cgroup_kill(&s->cgroup);
		r = gk_cgroup_remove(&s->cgroup, REMOVE_TIMEOUT_MS);
	}
	if (s->init_pidfd >= 0)
		reap_init(s, 0);
	gk_close_fd(&s->init_pidfd);
	close_sources(s);
	gk_close_fd(&s->image_lock);
	gk_close_fd(&s->link);
	gk_close_fd(&s->master);
	gk_close_fd(&s->signals);
	if (r < 0) {
		gk_log(LOG_ERR, "event=left id=%s cgroup=busy errno=%d", s->plan->session_id, -r);
		/* The record stays, so that the next login or `gocker gc` sweeps what it names. */
		gk_close_fd(&s->slot.fd);
		gk_close_fd(&s->slot.host_fd);
		gk_close_fd(&s->slot.group_fd);
	}
	gk_slot_release(&s->slot);
	return r;
}
