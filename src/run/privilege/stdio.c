#include "run/privilege/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/sys.h"
#include "run/privilege/cleanse.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"

/* How long the caller's descriptors may take to be closed, how often the child is looked for
 * meanwhile. */
enum { TAKE_MS = 10000, CHECK_MS = 50 };

enum kind { REPORT = 1, SIGNAL, RELEASE, REFUSE, DISMISS };
struct message {
	enum kind kind;
	int value;
	bool alone;
	bool nobody;
	struct gk_tty tty;
	struct gk_err err;
};

/* The ends in gk_stdio.theirs. */
enum { LINK, PAYLOAD, QUEUE_IN, QUEUE_OUT };

/* Those of RFC 4254, 6.9, that can be caught; and, with GK_STDIO_ALONE only, what stops and
 * continues the session: job control is for whoever has the terminal. */
static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGUSR1, SIGSEGV,
	SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGTSTP, SIGCONT };

/* ---- the child ---- */

/* For good, and with no power left. */
static int become_caller(void)
{
	struct gk_err ignored = GK_ERR_INIT;
	gid_t gid = getgid();
	uid_t uid = getuid();
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	int r = gk_creds_reduce(0, &ignored);
	if (r == 0 && uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		r = -EPERM;
	return r < 0 ? r : prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* keep: numbers above 2. */
static int close_all_but(int *keep, size_t n)
{
	int r = gk_fd_keep_only(keep, n);
	/* Last: until here the parent, should it have to refuse, still has a stderr. */
	return r < 0 ? r : gk_sys_close_range(0, 2);
}

/* Out of the table that is shared with the parent, by way of a queue in which they have no number.
 * A close that blocks holds this process up, and nobody else. */
static int move_stdio(const struct gk_stdio *s)
{
	int keep[] = { s->link, s->payload, s->theirs[LINK], s->theirs[PAYLOAD],
		s->theirs[QUEUE_IN], s->theirs[QUEUE_OUT] };
	char byte = 0;
	int r = 0, fd;
	for (int i = 0; r == 0 && i <= 2; i++)
		r = gk_fd_send(s->theirs[QUEUE_IN], &byte, 1, i);
	if (r == 0)
		r = close_all_but(keep, sizeof keep / sizeof *keep);
	if (r == 0 && unshare(CLONE_FILES) < 0)
		r = -errno;
	/* The lowest free number is that which each had. */
	for (int i = 0; r >= 0 && i <= 2; i++) {
		r = gk_fd_recv(s->theirs[QUEUE_OUT], &byte, 1, &fd);
		if (r >= 0 && fd != i)
			r = -EBADF;
	}
	(void)close(s->link);
	(void)close(s->payload);
	(void)close(s->theirs[QUEUE_IN]);
	(void)close(s->theirs[QUEUE_OUT]);
	return r < 0 ? r : 0;
}

/* Whether stdin and stdout have lost what was at their other ends. */
static bool nobody_there(void)
{
	struct pollfd p[] = { { .fd = STDIN_FILENO }, { .fd = STDOUT_FILENO } };
	return poll(p, 2, 0) == 2 && (p[0].revents & (POLLHUP | POLLERR)) &&
		(p[1].revents & (POLLHUP | POLLERR));
}

/* A terminal goes to the parent by its name only: as a descriptor that is not open on it. */
static int report(int link)
{
	struct message m = { .kind = REPORT };
	char self[64];
	gk_autoclose int handle = -1;
	int r = gk_cleanse_stdio(&m.err);
	if (r == 0) {
		m.nobody = nobody_there();
		gk_tty_detect(&m.tty, getppid());
	}
	if (r == 0 && m.tty.fd >= 0) {
		snprintf(self, sizeof self, "/proc/self/fd/%d", m.tty.fd);
		handle = open(self, O_PATH | O_CLOEXEC);
		if (handle < 0)
			gk_fail_errno(&m.err, -errno, "cannot examine the terminal");
	}
	return gk_fd_send(link, &m, sizeof m, handle);
}

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		sigaddset(&set, forwarded[i]);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* What the terminal sends reaches the parent as well, and so does what a process of root's sends to
 * the group. */
static void forward(int signals, int link)
{
	struct signalfd_siginfo info;
	struct message m = { .kind = SIGNAL };
	if (read(signals, &info, sizeof info) != (ssize_t)sizeof info || info.ssi_code > 0 ||
		info.ssi_uid == 0)
		return;
	m.value = (int)info.ssi_signo;
	m.alone = info.ssi_code == SI_QUEUE && info.ssi_int == GK_STDIO_ALONE;
	if (!m.alone && (m.value == SIGTSTP || m.value == SIGCONT))
		return;
	(void)gk_fd_send(link, &m, sizeof m, -1);
}

static void give_stdio(int *payload)
{
	char byte;
	if (read(*payload, &byte, 1) == 1)
		for (int fd = 0; fd <= 2; fd++)
			if (gk_fd_send(*payload, &byte, 1, fd) < 0)
				break;
	gk_close_fd(payload);
}

/* Returns whether there is more to do. */
static bool on_link(int link)
{
	struct message m = { 0 };
	if (read(link, &m, sizeof m) != (ssize_t)sizeof m)
		return false;
	if (m.kind == RELEASE) {
		/* Held here as well, the end of a pipe of the caller's would not be seen. */
		for (int fd = 0; fd <= 2; fd++)
			(void)close(fd);
		return true;
	}
	if (m.kind == DISMISS)
		return false;
	m.err.msg[sizeof m.err.msg - 1] = '\0';
	dprintf(STDERR_FILENO, "gocker: %s\n", m.err.msg);
	return false;
}

static void serve(struct gk_stdio *s) __attribute__((noreturn));
static void serve(struct gk_stdio *s)
{
	enum { SIGNALS = PAYLOAD + 1, COUNT };
	struct gk_err ignored = GK_ERR_INIT;
	int link = s->theirs[LINK], payload = s->theirs[PAYLOAD];
	(void)prctl(PR_SET_NAME, "gocker-stdio", 0, 0, 0);
	if (become_caller() < 0 || move_stdio(s) < 0 || report(link) < 0)
		_exit(1);
	int signals = open_signals();
	if (signals < 0 || gk_seccomp_supervisor(&ignored) < 0)
		_exit(1);
	for (;;) {
		struct pollfd p[COUNT] = {
			[LINK] = { .fd = link, .events = POLLIN },
			[PAYLOAD] = { .fd = payload, .events = POLLIN },
			[SIGNALS] = { .fd = signals, .events = POLLIN },
		};
		if (poll(p, COUNT, -1) < 0 && errno != EINTR)
			_exit(1);
		if (p[SIGNALS].revents)
			forward(signals, link);
		if (p[LINK].revents && !on_link(link))
			_exit(0);
		if (p[PAYLOAD].revents)
			give_stdio(&payload);
	}
}

/* ---- the parent ---- */

static int make_pairs(struct gk_stdio *s)
{
	int link[2], payload[2], queue[2];
	const int type = SOCK_SEQPACKET | SOCK_CLOEXEC;
	for (int fd = 0; fd <= 2; fd++)
		/* The lowest free number is this one: those below it are open by now. */
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			return -EBADF;
	if (socketpair(AF_UNIX, type, 0, link) < 0)
		return -errno;
	s->link = link[0];
	s->theirs[LINK] = link[1];
	if (socketpair(AF_UNIX, type, 0, payload) < 0)
		return -errno;
	s->payload = payload[0];
	s->theirs[PAYLOAD] = payload[1];
	if (socketpair(AF_UNIX, type, 0, queue) < 0)
		return -errno;
	s->theirs[QUEUE_IN] = queue[0];
	s->theirs[QUEUE_OUT] = queue[1];
	return 0;
}

int gk_stdio_start(struct gk_stdio *s, struct gk_err *err)
{
	struct clone_args args = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	struct rlimit files;
	int r = getrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
	/* The caller may have left no number free below the limit; and the child keeps it. */
	gk_creds_raise_files();
	if (r == 0)
		r = make_pairs(s);
	pid_t pid = r < 0 ? r : gk_sys_clone3(&args);
	if (pid == 0)
		serve(s);
	if (pid > 0 && setrlimit(RLIMIT_NOFILE, &files) < 0) {
		r = -errno;
		(void)kill(pid, SIGKILL);
		pid = r;
	}
	if (pid < 0)
		return gk_fail_errno(err, (int)pid, "cannot pass the descriptors");
	s->pid = pid;
	return 0;
}

/* The link's other end is in this table as well, so that its end is not seen here. */
static int await_report(const struct gk_stdio *s)
{
	struct pollfd p = { .fd = s->link, .events = POLLIN };
	siginfo_t info;
	for (int64_t end = gk_now_ms() + TAKE_MS; gk_now_ms() < end;) {
		if (poll(&p, 1, CHECK_MS) == 1)
			return 0;
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
			info.si_pid != 0)
			return -EPIPE;
	}
	return -ETIMEDOUT;
}

/* To the lowest number that is free: what is copied at a fork grows with the highest one. */
static int lower(int *fd)
{
	int low = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (low < 0)
		return -errno;
	(void)close(low < *fd ? *fd : low);
	*fd = low < *fd ? low : *fd;
	return 0;
}

static int put_null(void)
{
	int null = open("/dev/null", O_RDWR);
	return null != 0 || dup2(0, 1) < 0 || dup2(0, 2) < 0 ? -EBADF : 0;
}

int gk_stdio_take(struct gk_stdio *s, struct gk_err *err)
{
	struct message m = { 0 };
	int r = await_report(s);
	if (r == -ETIMEDOUT)
		return gk_fail(err, r,
			"an inherited descriptor could not be closed within %d seconds; redirect "
			"it to a file or a pipe",
			TAKE_MS / 1000);
	/* The report has been sent: 0-2 are free, and must not become what is received. */
	if (r == 0)
		r = put_null();
	if (r == 0)
		r = gk_fd_recv(s->link, &m, sizeof m, &s->tty.fd);
	if (r != (int)sizeof m)
		return gk_fail_errno(err, r < 0 ? r : -EPIPE, "cannot pass the descriptors");
	s->taken = true;
	for (size_t i = 0; i < sizeof s->theirs / sizeof *s->theirs; i++)
		gk_close_fd(&s->theirs[i]);
	r = lower(&s->link) < 0 || lower(&s->payload) < 0 ? -EMFILE : 0;
	m.tty.fd = s->tty.fd;
	s->tty = m.tty;
	s->nobody = m.nobody;
	if (r == 0)
		r = s->pidfd = gk_sys_pidfd_open(s->pid);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot pass the descriptors");
	if (m.err.code) {
		m.err.msg[sizeof m.err.msg - 1] = m.err.detail[sizeof m.err.detail - 1] = '\0';
		*err = m.err;
	}
	return m.err.code < 0 ? m.err.code : 0;
}

int gk_stdio_receive(int payload, unsigned same, struct gk_err *err)
{
	int got[3] = { -1, -1, -1 }, r = 0;
	char byte = 0;
	if (same == 7)
		return 0;
	if (gk_fd_send(payload, &byte, 1, -1) < 0)
		return gk_fail(err, -EPIPE, "the calling process is gone");
	for (int i = 0; i <= 2; i++) {
		r = gk_fd_recv(payload, &byte, 1, &got[i]);
		if (r <= 0 || got[i] < 0)
			return gk_fail_errno(
				err, r < 0 ? r : -EPIPE, "cannot take descriptors 0 to 2 over");
	}
	for (int i = 0; i <= 2; i++)
		if (!(same >> i & 1) && dup2(got[i], i) < 0)
			return gk_fail_errno(err, -errno, "cannot take descriptors 0 to 2 over");
	for (int i = 0; i <= 2; i++)
		gk_close_fd(&got[i]);
	return 0;
}

int gk_stdio_signal(struct gk_stdio *s, bool *ret_alone)
{
	struct message m = { 0 };
	ssize_t n = read(s->link, &m, sizeof m);
	*ret_alone = m.alone;
	return n != (ssize_t)sizeof m ? -1 : m.kind == SIGNAL ? m.value : 0;
}

void gk_stdio_release(struct gk_stdio *s)
{
	struct message m = { .kind = RELEASE };
	(void)gk_fd_send(s->link, &m, sizeof m, -1);
}

void gk_stdio_refuse(struct gk_stdio *s, const char *msg)
{
	struct message m = { .kind = REFUSE };
	snprintf(m.err.msg, sizeof m.err.msg, "%s", msg);
	(void)gk_fd_send(s->link, &m, sizeof m, -1);
}

void gk_stdio_dismiss(struct gk_stdio *s)
{
	struct message m = { .kind = DISMISS };
	/* Told as well, so that nothing depends on who else still holds this end. */
	if (s->link >= 0)
		(void)gk_fd_send(s->link, &m, sizeof m, -1);
	gk_close_fd(&s->link);
	gk_close_fd(&s->payload);
}

void gk_stdio_end(struct gk_stdio *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->pidfd, .events = POLLIN };
	gk_stdio_dismiss(s);
	if (s->pidfd >= 0 && poll(&p, 1, timeout_ms) == 1)
		(void)waitpid(s->pid, NULL, WNOHANG);
	gk_close_fd(&s->pidfd);
	gk_close_fd(&s->tty.fd);
	s->pid = 0;
}
