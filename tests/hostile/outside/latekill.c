/* Kills something of a login at a random moment, up to /run/gkt/latekill microseconds after it
 * began.
 *
 * As a login shell in gocker-shell's place, set-uid root: from gocker-shell's first instruction on,
 * the sshd that it was called by (the user's side, the monitor, or both); it is gocker-shell then,
 * with the same arguments, environment, ids and parent. What was killed when goes to
 * /run/gkt/latekill.log.
 *
 * By pam_exec, behind gocker's first line at the opening of a session: the daemon (sshd's monitor),
 * its keeper or the container's init, from the moment that it is there; earlier moments more often,
 * since that is when the container is made. A line with what it was, when, and the daemon goes to
 * /run/gkt/latekill.USER. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t parent_of(pid_t pid)
{
	char path[64];
	int parent = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f || fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	if (f)
		fclose(f);
	return parent;
}

static long span_us(void)
{
	long us = 1;
	FILE *f = fopen("/run/gkt/latekill", "re");
	if (f && fscanf(f, "%ld", &us) != 1)
		us = 1;
	if (f)
		fclose(f);
	return us > 0 ? us : 1;
}

static unsigned any_number(void)
{
	unsigned n = 0;
	if (getrandom(&n, sizeof n, 0) < 0)
		_exit(1);
	return n;
}

/* A process of its own, with nothing of the login's open; returns the log. */
static int stand_apart(const char *name)
{
	char path[300];
	snprintf(path, sizeof path, "/run/gkt/latekill.%s", name);
	int log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	(void)close(0), (void)close(1), (void)close(2);
	(void)setsid(); /* pam_exec has done it */
	return log;
}

/* ---- as a shell ---- */

static void kill_later(pid_t side, pid_t monitor)
{
	static const char *const names[] = { "both", "side", "monitor" };
	int log = stand_apart("log");
	unsigned which = any_number() % 3, at = any_number() % (unsigned)span_us();
	usleep(at);
	if (which != 2)
		kill(side, SIGKILL);
	if (which != 1)
		kill(monitor, SIGKILL);
	dprintf(log, "%s %u\n", names[which], at);
	_exit(0);
}

/* ---- by pam_exec ---- */

/* Whether it is a keeper of the daemon's: its child, for a moment, and after that by a pidfd of it.
 */
static int is_keeper_of(pid_t pid, pid_t daemon)
{
	char path[300], line[64];
	int found = 0, theirs;
	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	FILE *f = fopen(path, "re");
	int named = f && fgets(line, sizeof line, f) && strcmp(line, "gocker-keeper\n") == 0;
	if (f)
		fclose(f);
	if (!named || parent_of(pid) == daemon)
		return named;
	snprintf(path, sizeof path, "/proc/%d/fdinfo", (int)pid);
	DIR *fds = opendir(path);
	for (struct dirent *e; !found && fds && (e = readdir(fds));) {
		snprintf(path, sizeof path, "/proc/%d/fdinfo/%s", (int)pid, e->d_name);
		f = fopen(path, "re");
		while (f && !found && fgets(line, sizeof line, f))
			found = sscanf(line, "Pid: %d", &theirs) == 1 && theirs == daemon;
		if (f)
			fclose(f);
	}
	if (fds)
		closedir(fds);
	return found;
}

static int in_other_pid_namespace(pid_t pid)
{
	char path[64];
	struct stat mine, its;
	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	return stat("/proc/self/ns/pid", &mine) == 0 && stat(path, &its) == 0 &&
		mine.st_ino != its.st_ino;
}

/* The daemon's keeper, a younger process than the daemon, 0 for none yet; with `init` the keeper's
 * child that is in a namespace of its own. */
static pid_t find(pid_t daemon, int init)
{
	pid_t found = 0, pid;
	DIR *all = opendir("/proc");
	for (struct dirent *e; !found && all && (e = readdir(all));)
		if ((pid = atoi(e->d_name)) > daemon &&
			(init ? is_keeper_of(parent_of(pid), daemon) &&
						in_other_pid_namespace(pid) :
				is_keeper_of(pid, daemon)))
			found = pid;
	if (all)
		closedir(all);
	return found;
}

/* Also one that had ended before a pidfd of it could be had. */
static int has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	return pidfd < 0 || poll(&p, 1, 0) != 0;
}

/* Waits for the one to be killed; 0 when the daemon has ended before. */
static pid_t await_victim(pid_t daemon, int alive, unsigned which)
{
	pid_t pid = 0;
	while (!pid && !has_ended(alive)) {
		pid = which == 0 ? daemon : find(daemon, which == 2);
		if (!pid)
			usleep(2000);
	}
	return pid;
}

static void kill_behind_pam(pid_t daemon, const char *user)
{
	static const char *const names[] = { "monitor", "keeper", "init" };
	int log = stand_apart(user), alive = pidfd_open(daemon, 0), met = 0;
	unsigned which = any_number() % 3;
	double part = any_number() / 4294967296.0;
	long at = (long)(part * part * (double)span_us());
	pid_t pid = await_victim(daemon, alive, which);
	usleep((useconds_t)at);
	while (pid) {
		int victim = pidfd_open(pid, 0), passing = which == 1 && parent_of(pid) == daemon;
		int hit = pidfd_send_signal(victim, SIGKILL, NULL, 0) == 0;
		close(victim);
		met += hit;
		/* The keeper that was spawned starts the one that stays, and ends: that one is to
		 * be met. */
		pid = hit && !passing ? 0 : await_victim(daemon, alive, which);
	}
	dprintf(log, "%s %s %ld %d\n", met ? "hit" : "missed", names[which], at, (int)daemon);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *user = getenv("PAM_USER");
	pid_t side = getppid(), monitor = user ? side : parent_of(side);
	uid_t uid = getuid();
	(void)argc;
	if (side <= 1 || monitor <= 1)
		return 99;
	pid_t pid = fork();
	if (pid == 0) {
		/* Nobody's child, so that gocker-shell, or the daemon, has none that it does not
		 * know. */
		if (setresuid(0, 0, 0) == 0 && fork() == 0)
			user ? kill_behind_pam(monitor, user) : kill_later(side, monitor);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid || setresuid(uid, uid, uid) < 0)
		return 99;
	if (user)
		return 0;
	execv("/usr/local/bin/gocker-shell", argv);
	return 99;
}
