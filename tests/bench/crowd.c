/* crowd COUNT USERS UID LIMIT_S CMD [ARG...]: keeps COUNT commands alive at once, as the users UID,
 * UID + 1, ... (USERS of them, in turn). Each command must write one byte to its standard output
 * once it is ready, and end at the end of its standard input.
 *
 * Eight are being started at any moment. Prints "ready N" when all are there (or as many as were
 * within LIMIT_S seconds), and ends them when its own standard input ends. */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 8 };

static void start(uid_t uid, int in, int out, char **argv)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *env[] = { path, NULL };
	pid_t pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return;
	int null = open("/dev/null", O_WRONLY);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || (!getenv("CROWD_ERRORS") && dup2(null, 2) < 0))
		_exit(120);
	if (uid && (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0))
		_exit(121);
	execvpe(argv[0], argv, env);
	_exit(123);
}

int main(int argc, char **argv)
{
	int count, users, ready = 0, in[2], out[2];
	char got[64];

	if (argc < 6 || (count = atoi(argv[1])) < 0 || (users = atoi(argv[2])) < 1)
		errx(2, "usage: crowd COUNT USERS UID LIMIT_S CMD [ARG...]");
	uid_t first = (uid_t)atoi(argv[3]);
	time_t end = time(NULL) + atoi(argv[4]);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		err(1, "pipe");
	for (int started = 0; ready < count && time(NULL) < end;) {
		while (started < count && started - ready < AT_ONCE) {
			start(first + (uid_t)(started % users), in[0], out[1], argv + 5);
			started++;
		}
		struct pollfd p = { .fd = out[0], .events = POLLIN };
		ssize_t n = poll(&p, 1, 1000) == 1 ? read(out[0], got, sizeof(got)) : 0;
		ready += n > 0 ? (int)n : 0;
	}
	printf("ready %d\n", ready);
	fflush(stdout);
	while (read(0, got, sizeof(got)) > 0)
		;
	close(in[0]);
	close(in[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
