/* A login shell in gocker-shell's place, set-uid root: starts a process of its own that kills the sshd it
 * was called by (the user's side, the monitor, or both) at a random moment, from gocker-shell's first
 * instruction to /run/gkt/latekill microseconds after it, and is gocker-shell then, with the same
 * arguments, environment, ids and parent. What was killed when goes to /run/gkt/latekill.log. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
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

static void kill_later(pid_t side, pid_t monitor)
{
	static const char *const names[] = { "both", "side", "monitor" };
	unsigned which = 0, at = 0;
	int log = open("/run/gkt/latekill.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	/* Nothing of the login's may stay open here. */
	(void)close(0), (void)close(1), (void)close(2);
	if (setsid() < 0 || getrandom(&which, sizeof which, 0) < 0 || getrandom(&at, sizeof at, 0) < 0)
		_exit(1);
	at %= (unsigned)span_us();
	which %= 3;
	usleep(at);
	if (which != 2)
		kill(side, SIGKILL);
	if (which != 1)
		kill(monitor, SIGKILL);
	dprintf(log, "%s %u\n", names[which], at);
	_exit(0);
}

int main(int argc, char **argv)
{
	pid_t side = getppid(), monitor = parent_of(side);
	uid_t uid = getuid();
	(void)argc;
	if (side <= 1 || monitor <= 1)
		return 99;
	pid_t pid = fork();
	if (pid == 0) {
		/* Nobody's child, so that gocker-shell has none that it does not know. */
		if (setresuid(0, 0, 0) == 0 && fork() == 0)
			kill_later(side, monitor);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid || setresuid(uid, uid, uid) < 0)
		return 99;
	execv("/usr/local/bin/gocker-shell", argv);
	return 99;
}
