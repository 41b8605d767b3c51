/* faults [-t] [-k] [-s] [-e ERRNO] FROM TO STEP USER CMD [ARG...]: runs CMD as the user (its
 * set-uid bit works), once for each FROM, FROM+STEP, ... TO, and makes the N-th system call of
 * gocker fail: those of the supervisor, of its helper, of init, and of the payload before its
 * execve, in the order in which they are made. Ends when a run needed fewer than N. -t: on a
 * terminal. -k: CMD is a PAM application; its calls, the keeper's and init's are counted, up to the
 * first execve that is not the keeper's. -e 0: an error that fits the call. -s: no call fails, but
 * each close(2) of the payload's is answered late, as on a machine that is busy: a payload that
 * this disturbs would look as if a fault did it.
 *
 * A seccomp filter hands every call to a listener here, which lets it go on or answers with the
 * error. Root installs it without no_new_privs, so set-uid still works, and its kind of action is
 * weaker than the refusals of gocker's own filters, so those stay.
 *
 * One line a run: N, the process (super, open, init, payload), the call, the error, how often that
 * call was made before, what the run ended with ("exit-125", "signal-9", "hung"), and:
 * "ran:" and its second line if the first line of MARKER (a path, from the environment) is another
 * mount namespace than ours, "none" if it is not there, "UNCONTAINED" if it is ours; "clean" if
 * nothing matches the pattern LEFT, "swept" if SWEEP, run by a shell, took it away, "LEFT" if it
 * did not. A run ends when no process under the filter lives, so no process is left ever: one that
 * stays makes it "hung". */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pty.h>
#include <pwd.h>
#include <sched.h>
#include <glob.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* With -k longer than the module waits for its keeper. */
enum { TASKS = 64, RUN_MS = 45000, RUN_MS_KEEPER = 70000 };
/* With -s: how late an answer comes, and how long a run may take. */
enum { LATE_US = 8000, RUN_MS_SLOW = 20000 };

struct task {
	pid_t pid;
	int execs;    /* of this process */
	bool ignored; /* the payload's program, and what it starts */
	const char *name;
};

struct run {
	struct task tasks[TASKS];
	int ntasks;
	bool payload_runs, keeper, slow;
	long n, wanted; /* calls so far; the one to fail */
	int error;
	int made[1024]; /* how often each call was made */
	char what[256]; /* the fault that was injected */
	bool main_runs; /* the dynamic loader is through */
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* What fails where: memory, descriptors, space, tasks, else permission. */
static int error_for(int nr)
{
	switch (nr) {
	case SYS_openat:
	case SYS_dup3:
	case SYS_socket:
	case SYS_socketpair:
	case SYS_pipe2:
	case SYS_fcntl:
	case SYS_openat2:
	case SYS_pidfd_open:
	case SYS_signalfd4: return EMFILE;
	case SYS_mmap:
	case SYS_mprotect:
	case SYS_clone3: return ENOMEM;
	case SYS_write:
	case SYS_pwrite64:
	case SYS_ftruncate:
	case SYS_mkdirat:
	case SYS_mknodat:
	case SYS_symlinkat:
	case SYS_mount: return ENOSPC;
	case SYS_read:
	case SYS_pread64: return EIO;
	case SYS_clone: return EAGAIN;
	case SYS_newfstatat:
	case SYS_fstat:
	case SYS_lseek:
	case SYS_getdents64: return EIO;
	case SYS_sendmsg:
	case SYS_sendto: return ENOBUFS;
	case SYS_poll:
	case SYS_ppoll:
	case SYS_wait4:
	case SYS_waitid: return ENOMEM;
	default: return EPERM;
	}
}

/* By their manual pages, with arguments as they are here; there is nothing to look at. */
static bool cannot_fail(int nr)
{
	switch (nr) {
	case SYS_umask:
	case SYS_getuid:
	case SYS_geteuid:
	case SYS_getgid:
	case SYS_getegid:
	case SYS_getpid:
	case SYS_getppid:
	case SYS_gettid:
	case SYS_set_tid_address:
	case SYS_brk:   /* it gives the old break, no error */
	case SYS_close: /* a bad descriptor apart: with any error the descriptor is closed */
	case SYS_getsid:
	case SYS_rt_sigaction:
	case SYS_setitimer:
	case SYS_wait4:
	case SYS_waitid: return true;
	default: return false;
	}
}

static void send_fd(int sock, int fd)
{
	char c = 0, control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	if (sendmsg(sock, &msg, 0) != 1)
		_exit(99);
}

static int recv_fd(int sock)
{
	char c, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	int fd = -1;
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fd);
	return fd;
}

/* Every call that can fail is handed over. */
static int install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof *code, .filter = code };
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
}

/* The child can't send the listener's fd, since its calls wait already: a helper does that shares
 * its table and has no filter. Counting begins with the execve, not here. */
static void child(int sock, const struct passwd *pw, int terminal, char **argv)
{
	static const char *const env_fixed[] = { "PATH=/usr/bin:/bin", "TERM=dumb", NULL };
	if (terminal >= 0 && (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0))
		_exit(98);
	int in = terminal >= 0 ? terminal : open("/dev/null", O_RDWR);
	int out = terminal >= 0 ? terminal :
				  open("/run/gkt/faults.out", O_WRONLY | O_CREAT | O_TRUNC, 0666);
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (chdir("/") < 0 || initgroups(pw->pw_name, pw->pw_gid) < 0)
		_exit(97);
	int guess = dup(0);
	close(guess);
	pid_t sender = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (sender == 0) {
		while (fcntl(guess, F_GETFD) < 0)
			usleep(50);
		send_fd(sock, guess);
		_exit(0);
	}
	/* A call that a signal handler interrupts while it waits for us is not made at all, and
	 * ends with EINTR: the probe's shell, whose handler of SIGCHLD does not restart (busybox),
	 * would keep a pipe open that it has closed, and wait for its end for ever. */
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &ends, NULL) < 0)
		_exit(96);
	if (install() != guess || waitpid(sender, NULL, 0) < 0)
		_exit(94);
	if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		_exit(93);
	execve(argv[0], argv, (char **)(uintptr_t)env_fixed);
	_exit(92);
}

static struct task *task_of(struct run *r, pid_t pid)
{
	static const char *const names[2][5] = { { "super", "open", "init", "payload", "other" },
		{ "daemon", "spawned", "keeper", "open", "init" } };
	for (int i = 0; i < r->ntasks; i++)
		if (r->tasks[i].pid == pid)
			return &r->tasks[i];
	if (r->ntasks == TASKS)
		return NULL;
	struct task *t = &r->tasks[r->ntasks];
	*t = (struct task){ .pid = pid,
		.ignored = r->payload_runs,
		.name = r->ntasks < 5 ? names[r->keeper][r->ntasks] : "other" };
	r->ntasks++;
	return t;
}

/* Whether what the waiting process is about to execute is the keeper. */
static bool is_keeper(const struct seccomp_notif *req)
{
	char path[64], name[128] = "";
	snprintf(path, sizeof path, "/proc/%u/mem", req->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, name, sizeof name - 1, (off_t)req->data.args[0]);
	if (fd >= 0)
		close(fd);
	return n > 0 && strstr(name, "/gocker-keeper");
}

/* Returns the error to inject, 0 to let it go on. */
static int decide(struct run *r, const struct seccomp_notif *req)
{
	int nr = req->data.nr;
	struct task *t = task_of(r, (pid_t)req->pid);
	if (!t || t->ignored)
		return 0;
	if (nr == SYS_execve && t == &r->tasks[0] && t->execs++ == 0)
		return 0;
	if (r->tasks[0].execs == 0)
		return 0;
	bool payload = nr == SYS_execve && !(r->keeper && is_keeper(req));
	if (cannot_fail(nr))
		return 0;
	r->n++;
	int before = nr >= 0 && nr < 1024 ? r->made[nr]++ : 0;
	if (t == &r->tasks[0] && nr == SYS_close_range)
		r->main_runs = true;
	if (r->n == r->wanted && !r->slow) {
		int e = r->error ? r->error : error_for(nr);
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
		snprintf(r->what, sizeof r->what, "%s%s %s %s %d", r->main_runs ? "" : "ld.so-",
			t->name, name ? name : "?", strerrorname_np(e), before);
		free(name);
		return e;
	}
	if (payload) {
		r->payload_runs = true;
		t->ignored = true;
	}
	return 0;
}

/* By a process of its own, so that meanwhile the others are served. */
static void answer_late(int listener, struct seccomp_notif_resp *resp)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		usleep(LATE_US);
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, resp);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void serve(int listener, struct run *r)
{
	struct seccomp_notif req;
	struct seccomp_notif_resp resp;
	memset(&req, 0, sizeof req);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
		return;
	memset(&resp, 0, sizeof resp);
	resp.id = req.id;
	int e = decide(r, &req);
	if (e)
		resp.error = -e;
	else
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (r->slow && r->payload_runs && req.data.nr == SYS_close)
		answer_late(listener, &resp);
	else
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *marker(void)
{
	static char result[80];
	char ours[64] = "", theirs[64] = "", rest[64] = "";
	const char *path = getenv("MARKER");
	FILE *f = path ? fopen(path, "re") : NULL;
	if (!f)
		return "none";
	if (!fgets(theirs, sizeof theirs, f) || !fgets(rest, sizeof rest, f))
		rest[0] = '\0';
	fclose(f);
	unlink(path);
	if (readlink("/proc/self/ns/mnt", ours, sizeof ours - 1) < 0)
		die("mnt");
	theirs[strcspn(theirs, "\n")] = '\0';
	rest[strcspn(rest, "\n")] = '\0';
	snprintf(result, sizeof result, "ran:%s", rest);
	return strcmp(ours, theirs) == 0 ? "UNCONTAINED" : result;
}

static bool any_left(const char *pattern)
{
	glob_t g;
	int r = glob(pattern, GLOB_ONLYDIR, NULL, &g);
	if (r == 0)
		globfree(&g);
	return r == 0;
}

static const char *leftovers(void)
{
	const char *pattern = getenv("LEFT"), *sweep = getenv("SWEEP");
	if (!pattern || !any_left(pattern))
		return "clean";
	if (sweep && system(sweep) < 0)
		die(sweep);
	return any_left(pattern) ? "LEFT" : "swept";
}

static void run_once(struct run *r, const struct passwd *pw, bool tty, char **argv)
{
	int pair[2], master = -1, slave = -1, status = 0;
	char drop[4096];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	if (tty &&
		(openpty(&master, &slave, NULL, NULL, NULL) < 0 ||
			fchown(slave, pw->pw_uid, 5) < 0))
		die("openpty");
	pid_t pid = fork();
	if (pid == 0) {
		if (master >= 0)
			close(master);
		child(pair[1], pw, slave, argv);
	}
	close(pair[1]);
	if (slave >= 0)
		close(slave);
	/* The sender's message comes while the child is waiting in its first watched call. */
	int listener = recv_fd(pair[0]);
	if (listener < 0)
		die("no listener");
	int64_t end = now_ms() + (r->slow ? RUN_MS_SLOW : r->keeper ? RUN_MS_KEEPER : RUN_MS);
	bool gone = false, ended = false;
	while (now_ms() < end) {
		struct pollfd p[2] = { { .fd = listener, .events = POLLIN },
			{ .fd = master, .events = POLLIN } };
		poll(p, 2, gone ? 50 : 200);
		if (p[0].revents & POLLIN)
			serve(listener, r);
		if ((p[1].revents & POLLIN) && read(master, drop, sizeof drop) < 0)
			p[1].revents = 0;
		if (!gone && waitpid(pid, &status, WNOHANG) == pid)
			gone = true;
		/* Nobody under the filter is left: the session's processes are gone as well. */
		if (p[0].revents & POLLHUP) {
			ended = true;
			break;
		}
		if ((p[1].revents & POLLHUP) && !(p[1].revents & POLLIN) &&
			!(p[0].revents & POLLIN))
			usleep(1000);
	}
	close(listener);
	if (!gone) {
		int tries = 100;
		while (waitpid(pid, &status, WNOHANG) != pid && --tries > 0)
			usleep(10000);
		if (tries == 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			status = -1;
		}
	}
	close(pair[0]);
	if (master >= 0)
		close(master);
	const char *ran = marker(), *left = leftovers();
	if (!r->what[0] && !r->slow)
		return;
	printf("%ld %s ", r->wanted, r->slow ? "slow" : r->what);
	if (status == -1 || !ended)
		printf("hung");
	else if (WIFSIGNALED(status))
		printf("signal-%d", WTERMSIG(status));
	else
		printf("exit-%d", WEXITSTATUS(status));
	printf(" %s %s\n", ran, left);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool tty = false, keeper = false, slow = false;
	int error = 0, c;
	while ((c = getopt(argc, argv, "+tkse:")) != -1) {
		if (c == 't')
			tty = true;
		else if (c == 's')
			slow = true;
		else if (c == 'k')
			keeper = true;
		else
			error = atoi(optarg);
	}
	argv += optind;
	if (argc - optind < 5)
		return 2;
	long from = atol(argv[0]), to = atol(argv[1]), step = atol(argv[2]);
	struct passwd *pw = getpwnam(argv[3]);
	if (!pw)
		die(argv[3]);
	for (long n = from; n <= to; n += step) {
		static struct run r;
		memset(&r, 0, sizeof r);
		r.wanted = n;
		r.slow = slow;
		r.error = error;
		r.keeper = r.main_runs = keeper;
		run_once(&r, pw, tty, argv + 4);
		if (!r.what[0] && !slow) {
			printf("calls %ld\n", r.n);
			return 0;
		}
	}
	return 0;
}
