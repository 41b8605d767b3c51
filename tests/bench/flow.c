/* flow ROUNDS MIB LIST: how fast bytes come out of commands, side by side. LIST has a line a
 * command: NAME, `pipe`, `pty` or `relay`, UID, HOME and the words, with tabs between them; the
 * command is to write MIB mebibytes to its standard output. `pipe` gives it a pipe; `pty` a
 * terminal of which it is the session's leader, as under sshd; `relay` one of which it is not, as
 * under su.
 *
 * In each round every command runs once. Timed from the first byte to the last. Prints a line a
 * command: name, runs, failures, MiB/s: p50, the least, the most. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MOST = 32, COMMANDS_MOST = 16, ROUNDS_MOST = 1000 };

struct command {
	char *name, *kind, *home, *words[WORDS_MOST + 1];
	uid_t uid;
	int runs, failures;
	double rate[ROUNDS_MOST];
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void become(const struct command *c, int out)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char home[300];
	bool pipe = strcmp(c->kind, "pipe") == 0;
	int in = pipe ? open("/dev/null", O_RDONLY) : out;

	snprintf(home, sizeof(home), "HOME=%s", c->home);
	char *env[] = { path, home, NULL };
	setsid();
	if (!pipe && ioctl(out, TIOCSCTTY, 0) < 0)
		_exit(119);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || (!pipe && dup2(out, 2) < 0))
		_exit(120);
	/* One process more between the session's leader and the command. */
	pid_t pid = strcmp(c->kind, "relay") == 0 ? fork() : 0;
	if (pid > 0) {
		int status;
		close(out);
		while (waitpid(pid, &status, 0) != pid)
			;
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	if (c->uid && (setgroups(0, NULL) < 0 || setgid(c->uid) < 0 || setuid(c->uid) < 0))
		_exit(121);
	if (chdir(c->home) < 0)
		_exit(122);
	execvpe(c->words[0], c->words, env);
	_exit(123);
}

/* The reading and the writing end. */
static void make_channel(const struct command *c, int end[2])
{
	struct termios t;
	if (strcmp(c->kind, "pipe") == 0) {
		if (pipe2(end, O_CLOEXEC) < 0)
			err(1, "pipe");
		return;
	}
	end[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (end[0] < 0 || grantpt(end[0]) < 0 || unlockpt(end[0]) < 0)
		err(1, "pty");
	end[1] = open(ptsname(end[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (end[1] < 0 || tcgetattr(end[1], &t) < 0)
		err(1, "pty");
	t.c_oflag &= ~(tcflag_t)OPOST;
	if (tcsetattr(end[1], TCSANOW, &t) < 0 || fchown(end[1], c->uid, (gid_t)-1) < 0)
		err(1, "pty");
}

static void run_once(struct command *c, uint64_t bytes)
{
	static char buf[1 << 16];
	int end[2], status;
	uint64_t got = 0;
	double first = 0, last = 0;

	make_channel(c, end);
	pid_t pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		become(c, end[1]);
	close(end[1]);
	for (ssize_t n; (n = read(end[0], buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR);) {
		last = now();
		if (got == 0)
			first = last;
		got += (uint64_t)(n > 0 ? n : 0);
	}
	close(end[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
		got < bytes)
		c->failures++;
	else
		c->rate[c->runs++] = (double)got / (1 << 20) / (last > first ? last - first : 1e-9);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int read_list(const char *path, struct command *list)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *word;
	size_t room = 0;
	int n = 0;

	if (!f)
		err(1, "%s", path);
	while (n < COMMANDS_MOST && getline(&line, &room, f) > 0) {
		struct command *c = &list[n++];
		line[strcspn(line, "\n")] = '\0';
		char *rest = strdup(line);
		c->name = strsep(&rest, "\t");
		c->kind = strsep(&rest, "\t");
		const char *uid = strsep(&rest, "\t");
		c->home = strsep(&rest, "\t");
		if (!rest)
			errx(1, "%s: a line lacks words", path);
		c->uid = (uid_t)atoi(uid);
		for (int i = 0; i < WORDS_MOST && (word = strsep(&rest, "\t")); i++)
			c->words[i] = word;
	}
	free(line);
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	static struct command list[COMMANDS_MOST];
	if (argc != 4 || atoi(argv[1]) > ROUNDS_MOST)
		errx(2, "usage: flow ROUNDS MIB LIST");
	int n = read_list(argv[3], list);
	uint64_t bytes = (uint64_t)atoi(argv[2]) << 20;
	for (int round = 0; round < atoi(argv[1]); round++)
		for (int i = 0; i < n; i++)
			run_once(&list[(i + round) % n], bytes);
	for (int i = 0; i < n; i++) {
		struct command *c = &list[i];
		qsort(c->rate, (size_t)c->runs, sizeof(*c->rate), by_size);
		printf("%s\t%d\t%d\t%.1f\t%.1f\t%.1f\n", c->name, c->runs, c->failures,
			c->rate[c->runs / 2], c->rate[0], c->rate[c->runs ? c->runs - 1 : 0]);
	}
	return 0;
}
