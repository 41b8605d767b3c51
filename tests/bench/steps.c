/* steps [-s] [-p] UID HOME CMD [ARG...]: counts the instructions that a command and all its
 * processes execute in user space, by stepping through them one by one; with -s their system calls
 * instead. Nothing else on the machine changes the numbers. For machines without hardware counters
 * (most virtual ones).
 *
 * Runs as root, so that set-uid programs keep their powers under it. Prints the number, and with -p
 * lines "COUNT PROCESS ADDRESS FILE+OFFSET" of instructions, most first. */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
int main(void)
{
	errx(77, "only written for x86-64");
}
#else

enum { PLACES = 1 << 20 };

struct place {
	uint64_t address, count;
	pid_t pid;
	char where[80];
};

static struct place *places;

/* Which file is mapped at the address, looked up when it is first met. */
static void find_file(struct place *p)
{
	char path[64], line[512], name[256] = "";
	uint64_t from, to, offset;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %255s", &from, &to, &offset, name) < 3)
			continue;
		if (p->address >= from && p->address < to) {
			snprintf(p->where, sizeof(p->where), "%.60s+%lx", name,
				p->address - from + offset);
			break;
		}
	}
	if (f)
		fclose(f);
}

static void note(pid_t pid)
{
	struct user_regs_struct regs;
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return;
	size_t at = (size_t)((regs.rip * 0x9e3779b97f4a7c15ULL) >> 44 ^ (unsigned)pid) % PLACES;
	while (places[at].count && (places[at].address != regs.rip || places[at].pid != pid))
		at = (at + 1) % PLACES;
	if (!places[at].count++) {
		places[at].address = regs.rip;
		places[at].pid = pid;
		find_file(&places[at]);
	}
}

static int by_count(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return (x->count < y->count) - (x->count > y->count);
}

static void become(uid_t uid, const char *home, char **argv)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char home_var[300];
	snprintf(home_var, sizeof(home_var), "HOME=%s", home);
	char *env[] = { path, home_var, NULL };
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(120);
	close(null);
	if (chdir(home) < 0 ||
		(uid && (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)))
		_exit(121);
	raise(SIGSTOP);
	execvpe(argv[0], argv, env);
	_exit(123);
}

/* The command, stopped before its exec. */
static pid_t start(char **argv)
{
	const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	int status;
	pid_t pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		become((uid_t)atoi(argv[0]), argv[1], argv + 2);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		errx(1, "the command did not start");
	if (ptrace(PTRACE_SEIZE, pid, NULL, options) < 0)
		err(1, "ptrace");
	kill(pid, SIGCONT);
	return pid;
}

static bool is_entry(pid_t pid)
{
	struct __ptrace_syscall_info info;
	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
		info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static int follow(pid_t first, bool calls, uint64_t *ret_total)
{
	int status, code = 1;
	bool counting = false; /* from the exec on */
	for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
		if (!WIFSTOPPED(status)) {
			if (pid == first)
				code = WIFEXITED(status) ? WEXITSTATUS(status) :
							   128 + WTERMSIG(status);
			continue;
		}
		int event = status >> 16, sig = WSTOPSIG(status), deliver = 0;
		if (event == PTRACE_EVENT_EXEC)
			counting = true;
		if (event == 0 && sig == (SIGTRAP | 0x80))
			*ret_total += counting && calls && is_entry(pid);
		else if (event == 0 && sig == SIGTRAP)
			*ret_total += counting && !calls;
		else if (event == 0 && sig != SIGSTOP)
			deliver = sig;
		if (places && counting && event == 0 && sig == SIGTRAP)
			note(pid);
		(void)ptrace(calls                ? PTRACE_SYSCALL :
				counting || event ? PTRACE_SINGLESTEP :
						    PTRACE_CONT,
			pid, NULL, deliver);
	}
	return code;
}

int main(int argc, char **argv)
{
	bool calls = false;
	int o;
	uint64_t total = 0;

	while ((o = getopt(argc, argv, "+ps")) == 'p' || o == 's') {
		calls |= o == 's';
		if (o == 'p' && !(places = calloc(PLACES, sizeof(*places))))
			err(1, "calloc");
	}
	if (o != -1 || argc - optind < 3)
		errx(2, "usage: steps [-s] [-p] UID HOME CMD [ARG...]");
	int code = follow(start(argv + optind), calls, &total);
	printf("%lu\n", (unsigned long)total);
	if (places) {
		qsort(places, PLACES, sizeof(*places), by_count);
		for (int i = 0; i < PLACES && places[i].count; i++)
			printf("%lu %d %lx %s\n", (unsigned long)places[i].count,
				(int)places[i].pid, (unsigned long)places[i].address,
				places[i].where);
	}
	if (code != 0)
		warnx("the command ended with %d", code);
	return code != 0;
}
#endif
