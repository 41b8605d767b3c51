/*
 * nshost: runs a command as PID 1's child in namespaces of its own, for the throwaway host of the
 * tests (see tests/README.md). Only the part that a shell script can't do well lives here: cgroups
 * that are found, locked, joined and removed again, and a life that ends with its first process.
 *
 *     nshost SETUP CMD [ARG...]
 *
 * Three processes: the outer one (outside all namespaces) waits and removes the cgroups; it is the
 * parent of init, PID 1 inside, which only reaps; init's first child executes SETUP with CMD as its
 * arguments. init dies with the outer process (parent-death signal), and the kernel ends everything
 * in a PID namespace with its init: no way to end leaves a process or a mount.
 *
 * The exit status is the command's, 128 + N if signal N ended it, 125 if the host could not be
 * made. SIGALRM says that the time is up: it ends the host as other signals do, but first `state`,
 * which lies beside SETUP, writes what everybody in it is doing.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME_PREFIX "gocker-test-"
#define HOSTS_MAX   1000
#define FAILED      125
/* A fork bomb in a test stops here and not at the real host's limit; GKT_TASKS is another number.
 */
#define HOST_TASKS_MAX "4096"

/* One cgroup hierarchy in which the throwaway host gets a group of its own. */
struct hierarchy {
	char top[512];   /* where it is mounted on the real host; empty: absent */
	char group[600]; /* our group below it */
	bool v2;
};

struct host {
	struct hierarchy pids;    /* v1, hybrid hosts only */
	struct hierarchy unified; /* v2 */
	int lock_fd;              /* our group of the first hierarchy, locked as long as we live */
	int alive_fd; /* read end of a pipe whose write end only the outer process has */
	sigset_t saved_mask;
};

static int write_file(const char *text, const char *fmt, ...)
{
	char path[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* --- cgroups ---------------------------------------------------------------------------------- */

/* True if the comma-separated `list` has the word `word`. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

static void find_hierarchies(struct host *h)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		err(FAILED, "host: /proc/self/mountinfo");
	while (getline(&line, &size, f) > 0) {
		char root[256], where[512], type[64], super[512];
		char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%*s %*s %*s %255s %511s", root, where) != 2 ||
			sscanf(dash, " - %63s %*s %511s", type, super) != 2)
			continue;
		struct hierarchy *y = NULL;
		if (strcmp(type, "cgroup2") == 0)
			y = &h->unified;
		else if (strcmp(type, "cgroup") == 0 && has_word(super, "pids"))
			y = &h->pids;
		if (y)
			snprintf(y->top, sizeof(y->top), "%s", where);
	}
	free(line);
	fclose(f);
	h->unified.v2 = true;
	if (!h->unified.top[0] && !h->pids.top[0])
		errx(FAILED, "host: no cgroup hierarchy is mounted");
}

static int remove_dir(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

/* Removes a group and those below it; what still has processes stays. True once it is gone. */
static bool remove_tree(const char *group)
{
	nftw(group, remove_dir, 16, FTW_DEPTH | FTW_PHYS);
	return access(group, F_OK) < 0;
}

/* Removes the groups that throwaway hosts killed before their end have left: nobody locks them. */
static void sweep(const char *top, const char *other_top)
{
	DIR *dir = opendir(top);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[1024];

		if (strncmp(e->d_name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
			continue;
		int fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if (other_top[0]) {
				snprintf(path, sizeof(path), "%s/%s", other_top, e->d_name);
				remove_tree(path);
			}
			snprintf(path, sizeof(path), "%s/%s", top, e->d_name);
			remove_tree(path);
		}
		close(fd);
	}
	if (dir)
		closedir(dir);
}

/* Makes the group number n below `first`; the lock on it, or -1 if somebody else has that number.
 */
static int claim(const char *group)
{
	struct stat by_fd, by_path;

	if (mkdir(group, 0755) < 0) {
		if (errno != EEXIST)
			err(FAILED, "host: %s", group);
		return -1;
	}
	int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A sweep may have taken the new group for a stale one before it was locked. */
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &by_fd) == 0 &&
		stat(group, &by_path) == 0 && by_fd.st_ino == by_path.st_ino)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void make_groups(struct host *h)
{
	struct hierarchy *first = h->pids.top[0] ? &h->pids : &h->unified;
	struct hierarchy *second = first == &h->pids && h->unified.top[0] ? &h->unified : NULL;

	sweep(first->top, second ? second->top : "");
	h->lock_fd = -1;
	for (int n = 1; n <= HOSTS_MAX && h->lock_fd < 0; n++) {
		snprintf(first->group, sizeof(first->group), "%s/" NAME_PREFIX "%d", first->top, n);
		h->lock_fd = claim(first->group);
		if (h->lock_fd < 0 || !second)
			continue;
		snprintf(second->group, sizeof(second->group), "%s/" NAME_PREFIX "%d", second->top,
			n);
		if (mkdir(second->group, 0755) < 0 && errno != EEXIST)
			err(FAILED, "host: %s", second->group);
	}
	if (h->lock_fd < 0)
		errx(FAILED, "host: more than %d throwaway hosts", HOSTS_MAX);
	/* On v2 a controller is there only if the level above passes it on. */
	if (first->v2)
		write_file("+pids +memory +cpu", "%s/cgroup.subtree_control", first->top);
	const char *tasks = getenv("GKT_TASKS");
	write_file(tasks ? tasks : HOST_TASKS_MAX, "%s/pids.max", first->group);
}

static void remove_groups(struct host *h)
{
	struct hierarchy *all[] = { &h->pids, &h->unified };

	for (int i = 0; i < 2; i++) {
		int tries = 200;

		while (all[i]->group[0] && !remove_tree(all[i]->group) && --tries > 0)
			usleep(10000);
		if (tries == 0)
			warnx("host: %s is still in use", all[i]->group);
	}
}

/* --- inside ----------------------------------------------------------------------------------- */

/* Joins the groups and makes them the roots that this process and its children see. */
static void enter_groups(const struct host *h)
{
	const struct hierarchy *all[] = { &h->pids, &h->unified };

	for (int i = 0; i < 2; i++) {
		int r = all[i]->group[0] ? write_file("0\n", "%s/cgroup.procs", all[i]->group) : 0;
		if (r < 0)
			errx(FAILED, "host: joining %s: %s", all[i]->group, strerror(-r));
	}
	if (unshare(CLONE_NEWCGROUP) < 0)
		err(FAILED, "host: a cgroup namespace");
}

static void loopback_up(void)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		err(FAILED, "host: loopback");
	close(fd);
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* PID 1: reaps until the command has ended, and ends with it. */
static void reap_until_end(pid_t command)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);

		if (pid == command)
			_exit(exit_code(status));
		if (pid < 0 && errno != EINTR)
			_exit(FAILED);
	}
}

static void run_init(const struct host *h, char **argv)
{
	struct pollfd outer = { .fd = h->alive_fd };
	pid_t command;

	/* The signal comes only for a death that happens from now on; the pipe tells of an earlier
	 * one. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || poll(&outer, 1, 0) != 0)
		_exit(FAILED);
	close(h->alive_fd);
	close(h->lock_fd);
	enter_groups(h);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		err(FAILED, "host: private mounts");
	if (sethostname("throwaway", 9) < 0)
		err(FAILED, "host: host name");
	loopback_up();
	setenv("GKT_CGROUP", h->pids.top[0] ? "hybrid" : "unified", 1);
	command = fork();
	if (command < 0)
		err(FAILED, "host: fork");
	if (command == 0) {
		sigprocmask(SIG_SETMASK, &h->saved_mask, NULL);
		execv(argv[0], argv);
		err(FAILED, "host: %s", argv[0]);
	}
	reap_until_end(command);
}

/* --- outside ---------------------------------------------------------------------------------- */

static pid_t clone_init(struct host *h, char **argv)
{
	const unsigned long flags =
		CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | SIGCHLD;
	int alive[2];

	if (pipe2(alive, O_CLOEXEC) < 0)
		err(FAILED, "host: pipe");
	h->alive_fd = alive[0];
	pid_t init = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (init == 0) {
		close(alive[1]);
		run_init(h, argv);
	}
	close(alive[0]); /* the write end stays open, and with us it goes */
	return init;
}

/* For the log of a test that has run out of time. Whatever it meets, it may not take long. */
static void write_state(const char *setup, pid_t init)
{
	char path[1024], number[16];
	const char *slash = strrchr(setup, '/');

	snprintf(path, sizeof(path), "%.*sstate", slash ? (int)(slash - setup) + 1 : 0, setup);
	snprintf(number, sizeof(number), "%d", (int)init);
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execlp("timeout", "timeout", "-k", "2", "20", path, number, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* Waits for init; a signal that asks us to end ends the whole host at once. */
static int wait_for_end(pid_t init, const sigset_t *watched, const char *setup)
{
	int status, ended_by = 0;

	for (;;) {
		pid_t pid = waitpid(init, &status, WNOHANG);
		if (pid == init)
			return ended_by ? 128 + ended_by : exit_code(status);
		int sig = sigwaitinfo(watched, NULL);
		if (sig == SIGALRM && ended_by == 0)
			write_state(setup, init);
		if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT ||
			sig == SIGALRM) {
			ended_by = sig;
			kill(init, SIGKILL);
		}
	}
}

int main(int argc, char **argv)
{
	struct host h = { .lock_fd = -1 };
	sigset_t watched;

	if (argc < 3)
		errx(2, "usage: nshost SETUP CMD [ARG...]");
	if (geteuid() != 0)
		errx(FAILED, "host: only root can make a throwaway host");
	sigemptyset(&watched);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGHUP);
	sigaddset(&watched, SIGQUIT);
	sigaddset(&watched, SIGALRM);
	sigaddset(&watched, SIGCHLD);
	sigprocmask(SIG_BLOCK, &watched, &h.saved_mask);
	signal(SIGCHLD, SIG_DFL);

	find_hierarchies(&h);
	make_groups(&h);
	pid_t init = clone_init(&h, argv + 1);
	if (init < 0)
		warn("host: namespaces");
	int code = init < 0 ? FAILED : wait_for_end(init, &watched, argv[1]);
	remove_groups(&h);
	return code;
}
