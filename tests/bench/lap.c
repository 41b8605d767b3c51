/* lap [-n ROUNDS] [-w WARM-UP] [-g PAUSE_MS] [-j AT_ONCE] LIST: times whole commands, side by side.
 *
 * LIST has a line a command: NAME, UID, HOME and the words of the command, with tabs between them.
 * In each round every command runs once, each round beginning with another one, so that what
 * disturbs the machine disturbs all alike; PAUSE_MS lies before each. With -j one command after the
 * other is run ROUNDS times with AT_ONCE of them at a time. A run is timed from before the fork to
 * after the wait, with CLOCK_MONOTONIC; its CPU is that of all its processes (wait4).
 *
 * Prints a line a command, with tabs: name, runs, failures, p50, p95, p99 and the least of the wall
 * time in us, p50 of the CPU time in us, p50 of context switches, runs a second. */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MOST = 128, COMMANDS_MOST = 32, AT_ONCE_MOST = 1024 };

struct run {
	int64_t wall_ns, cpu_us, switches;
};

struct command {
	char *name, *home;
	uid_t uid;
	char *words[WORDS_MOST + 1];
	struct run *runs;
	int nruns, failures;
	int64_t took_ns; /* all of them, where many ran at once */
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void become(const struct command *c)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char home[300];
	int null = open("/dev/null", O_RDWR);

	snprintf(home, sizeof(home), "HOME=%s", c->home);
	char *env[] = { path, home, NULL };
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(120);
	if (!getenv("LAP_ERRORS"))
		dup2(null, 2);
	close(null);
	if (c->uid && (setgroups(0, NULL) < 0 || setgid(c->uid) < 0 || setuid(c->uid) < 0))
		_exit(121);
	if (chdir(c->home) < 0)
		_exit(122);
	execvpe(c->words[0], c->words, env);
	_exit(123);
}

static pid_t start(const struct command *c)
{
	pid_t pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		become(c);
	return pid;
}

static void note(struct command *c, bool count, int64_t began, int status, const struct rusage *use)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		c->failures++;
	if (!count)
		return;
	c->runs[c->nruns++] = (struct run){
		.wall_ns = now_ns() - began,
		.cpu_us = ((int64_t)use->ru_utime.tv_sec + use->ru_stime.tv_sec) * 1000000 +
			use->ru_utime.tv_usec + use->ru_stime.tv_usec,
		.switches = use->ru_nvcsw + use->ru_nivcsw,
	};
}

static void run_once(struct command *c, bool count)
{
	struct rusage use;
	int status;
	int64_t began = now_ns();
	pid_t pid = start(c);

	if (wait4(pid, &status, 0, &use) != pid)
		err(1, "wait4");
	note(c, count, began, status, &use);
}

static void run_at_once(struct command *c, int rounds, int at_once)
{
	static struct {
		pid_t pid;
		int64_t began;
	} slot[AT_ONCE_MOST];
	int started = 0, ended = 0;
	int64_t first = now_ns();

	memset(slot, 0, sizeof(slot));
	while (ended < rounds) {
		for (int i = 0; i < at_once && started < rounds; i++)
			if (!slot[i].pid) {
				slot[i].began = now_ns();
				slot[i].pid = start(c);
				started++;
			}
		struct rusage use;
		int status;
		pid_t pid = wait4(-1, &status, 0, &use);
		if (pid < 0)
			err(1, "wait4");
		for (int i = 0; i < at_once; i++)
			if (slot[i].pid == pid) {
				note(c, true, slot[i].began, status, &use);
				slot[i].pid = 0;
				ended++;
			}
	}
	c->took_ns = now_ns() - first;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The value below which `part` of a hundred lie; of the field at `offset` in each run. */
static int64_t percentile(const struct command *c, size_t offset, int part)
{
	int64_t *all = calloc((size_t)c->nruns + 1, sizeof(*all));
	if (!all)
		err(1, "calloc");
	for (int i = 0; i < c->nruns; i++)
		memcpy(&all[i], (const char *)&c->runs[i] + offset, sizeof(*all));
	qsort(all, (size_t)c->nruns, sizeof(*all), by_size);
	int64_t r = c->nruns ? all[(c->nruns - 1) * part / 100] : 0;
	free(all);
	return r;
}

static void print(const struct command *c)
{
	const size_t wall = offsetof(struct run, wall_ns);
	printf("%s\t%d\t%d", c->name, c->nruns, c->failures);
	for (int i = 0; i < 4; i++)
		printf("\t%.1f",
			(double)percentile(c, wall, (const int[]){ 50, 95, 99, 0 }[i]) / 1e3);
	printf("\t%ld\t%ld\t%.1f\n", (long)percentile(c, offsetof(struct run, cpu_us), 50),
		(long)percentile(c, offsetof(struct run, switches), 50),
		c->took_ns ? c->nruns * 1e9 / (double)c->took_ns : 0.0);
}

static int read_list(const char *path, struct command *list, int runs)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int n = 0;

	if (!f)
		err(1, "%s", path);
	while (getline(&line, &room, f) > 0 && n < COMMANDS_MOST) {
		char *rest = line, *word;
		struct command *c = &list[n];
		line[strcspn(line, "\n")] = '\0';
		c->name = strdup(strsep(&rest, "\t"));
		char *uid = strsep(&rest, "\t"), *home = strsep(&rest, "\t");
		if (!uid || !home || !rest)
			errx(1, "%s: a line lacks words", path);
		c->uid = (uid_t)atoi(uid);
		c->home = strdup(home);
		for (int i = 0; i < WORDS_MOST && (word = strsep(&rest, "\t")); i++)
			c->words[i] = strdup(word);
		c->runs = calloc((size_t)runs, sizeof(*c->runs));
		if (!c->runs)
			err(1, "calloc");
		n++;
	}
	free(line);
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	static struct command list[COMMANDS_MOST];
	int rounds = 100, warm_up = 2, pause_ms = 0, at_once = 0, o;

	while ((o = getopt(argc, argv, "n:w:g:j:")) != -1)
		switch (o) {
		case 'n': rounds = atoi(optarg); break;
		case 'w': warm_up = atoi(optarg); break;
		case 'g': pause_ms = atoi(optarg); break;
		case 'j': at_once = atoi(optarg); break;
		default: return 2;
		}
	if (optind + 1 != argc || rounds < 1 || at_once > AT_ONCE_MOST)
		errx(2, "usage: lap [-n ROUNDS] [-w WARM-UP] [-g PAUSE_MS] [-j AT_ONCE] LIST");
	int n = read_list(argv[optind], list, rounds);
	const struct timespec pause = { pause_ms / 1000, (long)(pause_ms % 1000) * 1000000 };
	for (int i = 0; at_once && i < n; i++)
		run_at_once(&list[i], rounds, at_once);
	for (int r = -warm_up; !at_once && r < rounds; r++)
		for (int i = 0; i < n; i++) {
			if (pause_ms)
				nanosleep(&pause, NULL);
			run_once(&list[(i + r + warm_up) % n], r >= 0);
		}
	for (int i = 0; i < n; i++)
		print(&list[i]);
	return 0;
}
