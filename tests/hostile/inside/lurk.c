/* lurk SECONDS: waits in a session for processes that come in as root, and tries all that a tracer
 * or a thief can do to each: attach, read its memory, its files and its environment, take a
 * descriptor, stop it. Prints "met N" and a line for each thing that worked on one that was root's
 * still. "lurk -p PID" tries them once on that process, whoever's it is: the control. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool is_root(pid_t pid)
{
	char path[64], text[2048];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	const char *uid = strstr(text, "\nUid:\t");
	return uid && strncmp(uid + 6, "0\t0\t", 4) == 0;
}

static bool can_read(pid_t pid, const char *what)
{
	char path[64], byte;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0 && errno == ENOTDIR)
		fd = open(path, O_RDONLY);
	bool good = fd >= 0 && (read(fd, &byte, 1) == 1 || errno == EISDIR || errno == EIO);
	if (fd >= 0)
		close(fd);
	return good;
}

static void try(pid_t pid, bool root_only)
{
	static const char *const files[] = { "environ", "mem", "fd", "root", "cwd" };
	/* What worked counts if the process was root's afterwards. */
#define WORKED(what) \
	do { \
		if (!root_only || is_root(pid)) \
			printf("%s\n", what); \
	} while (0)
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
		WORKED("seize");
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, __WALL);
		ptrace(PTRACE_DETACH, pid, 0, 0);
		kill(pid, SIGCONT);
	}
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (can_read(pid, files[i]))
			WORKED(files[i]);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int taken = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
	if (taken >= 0)
		WORKED("getfd");
	if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGSTOP, NULL, 0) == 0) {
		WORKED("stop");
		syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
	}
	if (taken >= 0)
		close(taken);
	if (pidfd >= 0)
		close(pidfd);
}

int main(int argc, char **argv)
{
	long met = 0;
	if (argc == 3 && strcmp(argv[1], "-p") == 0) {
		try((pid_t)atoi(argv[2]), false);
		return 0;
	}
	if (argc != 2)
		return 2;
	for (time_t end = time(NULL) + atoi(argv[1]);
		time(NULL) < end && access("lurk-end", F_OK) < 0;) {
		DIR *d = opendir("/proc");
		for (struct dirent *e; d && (e = readdir(d));) {
			pid_t pid = (pid_t)atoi(e->d_name);
			if (pid <= 1 || pid == getpid() || !is_root(pid))
				continue;
			met++;
			try(pid, true);
		}
		if (d)
			closedir(d);
	}
	printf("met %ld\n", met);
	return 0;
}
