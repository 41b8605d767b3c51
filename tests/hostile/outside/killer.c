/* killer [-k] ROUNDS MAX_US USER CMD [ARG...]: starts CMD as the user ROUNDS times and sends
 * SIGKILL at a random moment, from the first instruction to MAX_US microseconds after it: to the
 * program, to its child (init), or to both. With -k CMD is a PAM application: it, its keeper, init,
 * or all of them. After each round, within 10 s, no descendant may live; the number of rounds in
 * which one did is the exit status. Prints how many kills met what. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int first_child(pid_t pid)
{
	char path[64];
	int child = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%d", &child) != 1)
		child = 0;
	if (f)
		fclose(f);
	return child;
}

/* Before init there is a helper that opens the home; killing it alone may come too late to matter.
 */
static int is_init(int pid)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	FILE *f = fopen(path, "re");
	if (f && !fgets(name, sizeof name, f))
		name[0] = '\0';
	if (f)
		fclose(f);
	return strcmp(name, "gocker-init\n") == 0;
}

/* The child of parent with that name, 0 for none. */
static int child_called(int parent, const char *name)
{
	char path[96], comm[64];
	int pid, found = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
	FILE *list = fopen(path, "re");
	while (list && !found && fscanf(list, "%d", &pid) == 1) {
		snprintf(path, sizeof path, "/proc/%d/comm", pid);
		FILE *f = fopen(path, "re");
		if (f && fgets(comm, sizeof comm, f) && strcmp(comm, name) == 0)
			found = pid;
		if (f)
			fclose(f);
	}
	if (list)
		fclose(list);
	return found;
}

/* A keeper on its own is ours, as an orphan. */
static int kill_by_keeper(int pid, int round, bool late, int met[4])
{
	int keeper = child_called((int)getpid(), "gocker-keeper\n");
	int init = keeper ? child_called(keeper, "gocker-init\n") : 0, what = round % 4;
	int victims[3] = { pid, keeper, init };
	/* On a busy machine the moment may have come before init, which comes last, and in all
	 * rounds before the keeper: it is waited for in the second half of them. */
	for (int i = 0;
		((what == 2 && !victims[2]) || (what == 1 && late && !victims[1])) && i < 2000;
		i++) {
		usleep(5000);
		victims[1] = child_called((int)getpid(), "gocker-keeper\n");
		victims[2] = victims[1] ? child_called(victims[1], "gocker-init\n") : 0;
	}
	if (what < 3 && !victims[what])
		what = 0;
	for (int i = 0; i < 3; i++)
		if ((what == 3 || what == i) && victims[i])
			kill(victims[i], SIGKILL);
	met[what]++;
	return what;
}

/* As the subreaper every orphan of a round becomes our child. */
static int all_gone(void)
{
	for (int i = 0; i < 2000; i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return 1;
		usleep(5000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	int keeper = argc > 1 && strcmp(argv[1], "-k") == 0;
	argc -= keeper;
	argv += keeper;
	if (argc < 5)
		return 2;
	int rounds = atoi(argv[1]), stayed = 0, met[4] = { 0 };
	long most = atol(argv[2]);
	struct passwd *pw = getpwnam(argv[3]);
	if (!pw)
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	srandom((unsigned)time(NULL) ^ (unsigned)getpid());
	for (int i = 0; i < rounds; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			int null = keeper ? open("/dev/null", O_WRONLY) : -1;
			if (keeper && (dup2(null, 1) < 0 || dup2(null, 2) < 0))
				_exit(99);
			if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
				setuid(pw->pw_uid) < 0 || chdir("/") < 0)
				_exit(99);
			execve(argv[4], argv + 4, (char **)(unsigned long)env);
			_exit(99);
		}
		usleep((useconds_t)(random() % most));
		if (keeper) {
			kill_by_keeper(pid, i, i >= rounds / 2, met);
			if (!all_gone()) {
				stayed++;
				kill(pid, SIGKILL);
			}
			continue;
		}
		int victim = i % 3, init = victim > 0 ? first_child(pid) : 0;
		int alone = victim == 1 && init && is_init(init);
		if (init)
			kill(init, SIGKILL);
		if (!alone)
			kill(pid, SIGKILL);
		met[init ? victim : 0]++;
		if (!all_gone()) {
			stayed++;
			kill(pid, SIGKILL);
		}
	}
	if (keeper)
		printf("%d application, %d keeper, %d init, %d all of them; %d with a rest\n",
			met[0], met[1], met[2], met[3], stayed);
	else
		printf("%d supervisor alone, %d init alone, %d both; %d with a rest\n", met[0],
			met[1], met[2], stayed);
	return stayed;
}
