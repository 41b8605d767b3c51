#include "run/build/init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/watch/shutdown.h"
#include "run/build/payload.h"
#include "run/privilege/seccomp.h"
#include "run/build/userns.h"
#include "run/build/verify.h"

static void tell(int link, int kind, int value, const struct gk_err *err, int fd)
{
	struct gk_message m = { .kind = kind, .value = value };
	if (err)
		m.err = *err;
	(void)gk_fd_send(link, &m, sizeof m, fd);
}

static void fail(int link, int value, const struct gk_err *err) __attribute__((noreturn));
static void fail(int link, int value, const struct gk_err *err)
{
	tell(link, GK_MSG_FAILED, value, err, -1);
	_exit(value);
}

/* Killed when the supervisor dies, also when that happened a moment ago. */
static int follow_supervisor(int pidfd, struct gk_err *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return gk_fail_errno(err, -errno, "cannot follow the supervisor");
	if (gk_pidfd_has_ended(pidfd))
		return gk_fail(err, -ESRCH, "the supervisor is gone");
	return 0;
}

/* On v1 init goes into the leaf before it does anything else, and makes its cgroup namespace after
 * that: the other order shows the leaf's path inside. On v2 the clone did both. */
static int enter_cgroup(const struct gk_init *init, struct gk_err *err)
{
	if (!init->cgroup->v1)
		return 0;
	int r = gk_cgroup_join(init->cgroup);
	if (r == 0 && (init->plan->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot enter the session's cgroup") : 0;
}

static int enter_network(const struct gk_init *init, struct gk_err *err)
{
	if (init->netns < 0)
		return 0;
	return setns(init->netns, CLONE_NEWNET) < 0 ?
		gk_fail_errno(err, -errno, "cannot enter the session's network") :
		0;
}

static int bring_up_loopback(const struct gk_plan *plan, struct gk_err *err)
{
	if (!(plan->namespaces & CLONE_NEWNET))
		return 0;
	gk_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return gk_fail_errno(err, -errno, "cannot see the loopback interface");
	ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
	return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ?
		gk_fail_errno(err, -errno, "cannot bring the loopback interface up") :
		0;
}

static int set_up(const struct gk_init *init, bool *made, struct gk_err *err)
{
	int r = follow_supervisor(init->supervisor_pidfd, err);
	if (r == 0)
		r = enter_cgroup(init, err);
	if (r == 0 && sethostname(init->plan->hostname, strlen(init->plan->hostname)) < 0)
		r = gk_fail_errno(err, -errno, "cannot set the host name");
	/* A new UTS namespace begins with a copy of the host's, and its NIS domain names the site.
	 */
	if (r == 0 && setdomainname("(none)", strlen("(none)")) < 0)
		r = gk_fail_errno(err, -errno, "cannot set the NIS domain name");
	if (r == 0)
		r = enter_network(init, err);
	if (r == 0)
		r = bring_up_loopback(init->plan, err);
	return r == 0 ? gk_rootfs_build(init->plan, &init->sources, made, err) : r;
}

/* After the root stands only this is kept: fds 0-2, the link, the user namespace, the way to the
 * caller's 0-2 and the inner terminal's master where there are such. */
static int close_the_rest(struct gk_init *init, int *master)
{
	int *const kept[] = { &init->link, &init->userns, &init->stdio, master };
	enum { FIRST = 3, KEPT = sizeof kept / sizeof *kept };
	int next = FIRST;
	init->userns = init->plan->userns_base ? init->sources.userns : -1;
	/* Out of the way of the numbers that they get. */
	for (int i = 0; i < KEPT; i++)
		if (*kept[i] >= 0 &&
			(*kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, FIRST + KEPT)) < 0)
			return -errno;
	for (int i = 0; i < KEPT; i++) {
		if (*kept[i] < 0)
			continue;
		if (dup3(*kept[i], next, O_CLOEXEC) < 0)
			return -errno;
		*kept[i] = next++;
	}
	gk_log_forget();
	return gk_sys_close_range((unsigned)next, ~0U);
}

/* One that gets ready, and waits at the gate before its execve. */
struct payload {
	pid_t pid; /* -1: none */
	int report, gate;
};

static int start_payload(
	struct gk_init *init, const char *pty_path, struct payload *ret, struct gk_err *err)
{
	int report[2], gate[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot start the command");
	gk_autoclose int from = report[0], to = report[1];
	if (pipe2(gate, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot start the command");
	gk_autoclose int outside = gate[0], inside = gate[1];
	pid_t pid = fork();
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot start the command");
	if (pid == 0) {
		struct gk_message m = { .kind = GK_MSG_FAILED };
		gk_close_fd(&inside);
		m.value = gk_payload_exec(init, pty_path, to, outside, &m.err);
		(void)!write(to, &m, sizeof m);
		_exit(m.value);
	}
	gk_close_fd(&init->stdio);
	*ret = (struct payload){
		.pid = pid, .report = gk_steal_fd(&from), .gate = gk_steal_fd(&inside)
	};
	return 0;
}

/* Opens the gate, and waits until the execve was made. */
static void let_go(const struct gk_init *init, struct payload *payload)
{
	struct gk_message m;
	(void)!write(payload->gate, "", 1); /* one that is no more has left word why */
	gk_close_fd(&payload->gate);
	ssize_t n = read(payload->report, &m, sizeof m);
	gk_close_fd(&payload->report);
	/* The end of the pipe without a message: exec closed it, or the payload was killed. */
	if (n == 0)
		return;
	if (n != (ssize_t)sizeof m) {
		m = (struct gk_message){ .value = GK_EXIT_GOCKER };
		gk_fail(&m.err, -EIO, "the command could not be started");
	}
	fail(init->link, m.value, &m.err);
}

/* With a banner: the supervisor counts who is left, and then kills init or closes the link. The
 * bound is against one that was stopped. */
static void await_count(int link)
{
	enum { COUNT_MS = 2000 };
	struct pollfd p = { .fd = link };
	(void)poll(&p, 1, COUNT_MS);
}

static void reap(int link, pid_t payload, bool counted)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		if (pid == payload) {
			tell(link, GK_MSG_STATUS, status, NULL, -1);
			if (counted)
				await_count(link);
			/* PID 1 ends, and the kernel ends all that is left. */
			_exit(0);
		}
}

static const int forwarded[] = { SIGHUP, SIGTERM, SIGCONT, SIGINT, SIGQUIT, SIGTSTP };

/* What never goes to all. */
static const int for_group[] = { SIGILL, SIGABRT, SIGFPE, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
	SIGALRM };

/* Returns what kill(2) takes for those whom a signal is for. */
static pid_t meant(const siginfo_t *info, pid_t payload)
{
	int whom = info->si_code == SI_QUEUE && payload > 0 ? info->si_value.sival_int : 0;
	return whom == GK_SIGNAL_GROUP ? -payload : whom == GK_SIGNAL_PAYLOAD ? payload : -1;
}

/* How long init lets a supervisor have for an end that is due, beyond the steps of its own
 * (run/watch/shutdown.c). */
enum { GRACE_MS = 10000, LOOK_MS = 3600000 };

/* When a session with max_duration is over at the latest, whatever its supervisor does: one that
 * job control has stopped looks at no clock, and the user's processes can be continued from outside
 * by the user. 0: never. */
static int64_t deadline_of(const struct gk_plan *plan)
{
	uint64_t most = plan->policy->max_duration_s;
	return most ? gk_now_ms() + (int64_t)most * 1000 + GRACE_MS : 0;
}

/* Waits for a signal. Returns its number, or 0 when it is time to look at the clock. */
static int await_signal(const sigset_t *wanted, siginfo_t *info, int64_t deadline_ms)
{
	int64_t left = deadline_ms - gk_now_ms();
	left = left < 0 ? 0 : left > LOOK_MS ? LOOK_MS : left;
	const struct timespec most = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
	int sig = sigtimedwait(wanted, info, deadline_ms ? &most : NULL);
	return sig < 0 ? 0 : sig;
}

static void serve(int link, pid_t payload, const struct gk_plan *plan) __attribute__((noreturn));
static void serve(int link, pid_t payload, const struct gk_plan *plan)
{
	int64_t deadline_ms = deadline_of(plan);
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		sigaddset(&wanted, forwarded[i]);
	for (size_t i = 0; i < sizeof for_group / sizeof *for_group; i++)
		sigaddset(&wanted, for_group[i]);
	for (;;) {
		siginfo_t info;
		int sig = await_signal(&wanted, &info, deadline_ms);
		if (deadline_ms && gk_now_ms() >= deadline_ms)
			_exit(0); /* PID 1 */
		if (sig == SIGCHLD)
			reap(link, payload, plan->banner != NULL);
		else if (sig > 0 && info.si_pid == 0)
			/* From outside the namespace only: the session's own can't end it so. The
			 * supervisor is about to stop: nothing inside may go on, whatever it does
			 * with SIGTSTP. */
			(void)kill(meant(&info, payload), sig == SIGTSTP ? SIGSTOP : sig);
	}
}

/* Up to the moment when the payload waits at the gate. It gets ready while the root is compared
 * with the plan and the supervisor's word comes. */
static int get_ready(struct gk_init *init, int *master, struct payload *payload, struct gk_err *err)
{
	char pty_path[32] = "/dev/console";
	gk_autofree bool *made = calloc(init->plan->nmounts, sizeof *made);
	int r = made ? set_up(init, made, err) : gk_fail_errno(err, -ENOMEM, "root");
	if (r == 0 && init->tty.mode == GK_TTY_RELAY)
		r = *master =
			gk_tty_open_inner((uid_t)init->plan->userns_base + init->plan->cred.uid,
				(gid_t)init->plan->userns_base + GK_TTY_GID, pty_path,
				sizeof pty_path, err);
	if (r < 0)
		return r;
	r = close_the_rest(init, master);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot start the session");
	if (init->plan->exec_path)
		r = start_payload(
			init, init->tty.mode == GK_TTY_NONE ? NULL : pty_path, payload, err);
	return r == 0 ? gk_verify_mounts(init->plan, made, err) : r;
}

/* All that can fail before the gate opens: what is refused has not run. */
static int give_up_powers(struct gk_init *init, struct gk_err *err)
{
	/* What ps shows inside must not be the caller's command line a second time. */
	gk_take_title(init->caller, "gocker-init");
	/* The session's own /dev/null: a held copy would hide the end of the user's pipes. */
	int r = gk_fd_null_stdio();
	if (r == 0 && init->plan->userns_base)
		r = gk_userns_enter(init->userns, init->plan->cred.caps, err);
	gk_close_fd(&init->userns);
	if (r == 0)
		r = gk_creds_reduce(1ULL << CAP_KILL, err);
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = gk_seccomp_supervisor(err);
	return r < 0 ? gk_fail_errno(err, r, "init cannot give up its privileges") : 0;
}

void gk_init_main(struct gk_init *init)
{
	struct gk_err err = GK_ERR_INIT;
	struct payload payload = { .pid = -1, .report = -1, .gate = -1 };
	gk_autoclose int master = -1;
	if (get_ready(init, &master, &payload, &err) < 0 || give_up_powers(init, &err) < 0)
		fail(init->link, GK_EXIT_GOCKER, &err);
	tell(init->link, GK_MSG_READY, 0, NULL, master);
	gk_close_fd(&master);
	if (init->plan->exec_path) {
		struct gk_message go = { 0 };
		if (read(init->link, &go, sizeof go) != (ssize_t)sizeof go || go.kind != GK_MSG_GO)
			_exit(GK_EXIT_GOCKER);
		let_go(init, &payload);
	}
	tell(init->link, GK_MSG_STARTED, 0, NULL, -1);
	serve(init->link, payload.pid, init->plan);
}
