/* spank_gocker: a SPANK plugin (spank(7)) that contains what Slurm runs for a user on a compute
 * node: in place of each task, batch scripts included, it executes gocker-shell. There is no other
 * way out of the hook: what fails ends the task with 125. plugstack.conf(5): "required
 * spank_gocker.so [shell=PATH]". */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <slurm/slurm.h>
#include <slurm/spank.h>

SPANK_PLUGIN(gocker, 1);

/* make install writes here where gocker-shell is. */
#define GOCKER_SHELL "/usr/local/bin/gocker-shell"

/* execve takes no longer word (MAX_ARG_STRLEN); gocker-shell refuses what is longer than this, too.
 */
enum { COMMAND_MOST = 128 * 1024 - 1, FAILED = 125 };

static const char *shell = GOCKER_SHELL;

/* Whether all tasks of this slurmstepd are forked. What it forks later would be the user's
 * --task-epilog, on the host: spank(7) has no hook for it. */
static bool all_forked;
static uint32_t forked;

static void in_child(void)
{
	if (all_forked)
		_exit(FAILED);
}

static bool is_roots_job(spank_t sp)
{
	uid_t uid = (uid_t)-1;
	return spank_get_item(sp, S_JOB_UID, &uid) == ESPANK_SUCCESS && uid == 0;
}

int slurm_spank_init(spank_t sp, int ac, char **av)
{
	for (int i = 0; i < ac; i++) {
		if (strncmp(av[i], "shell=/", 7) != 0) {
			slurm_error("spank_gocker: unknown option %s", av[i]);
			return -1;
		}
		shell = av[i] + 6;
	}
	if (spank_context() != S_CTX_REMOTE || is_roots_job(sp))
		return 0;
	return pthread_atfork(NULL, NULL, in_child) == 0 ? 0 : -1;
}

int slurm_spank_task_post_fork(spank_t sp, int ac, char **av)
{
	uint32_t tasks = 0;
	(void)ac, (void)av;
	if (is_roots_job(sp))
		return 0;
	if (spank_get_item(sp, S_JOB_LOCAL_TASK_COUNT, &tasks) != ESPANK_SUCCESS)
		return -1;
	if (++forked >= tasks)
		all_forked = true;
	return 0;
}

static void put_quoted(FILE *f, const char *word)
{
	fputc('\'', f);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", f);
		else
			fputc(*word, f);
	fputc('\'', f);
}

/* A batch script is in the spool directory of slurmd, which a container does not have: its text
 * goes inside as a word, and becomes a file there. Returns 0 or -errno. */
static int put_script(FILE *f, const char *path)
{
	static char text[COMMAND_MOST + 1];
	FILE *script = fopen(path, "re");
	if (!script)
		return -errno;
	size_t n = fread(text, 1, sizeof text - 1, script);
	bool whole = !ferror(script) && fgetc(script) == EOF;
	fclose(script);
	if (!whole)
		return -E2BIG;
	if (memchr(text, '\0', n))
		return -EINVAL;
	text[n] = '\0';
	fputs("script=$(umask 077 && mktemp /tmp/slurm_script.XXXXXX) && printf %s ", f);
	put_quoted(f, text);
	fputs(" >\"$script\" && chmod 700 \"$script\" && exec \"$script\"", f);
	return 0;
}

/* srun has looked the program up on the login node: where the image has none of that path, its name
 * is looked up inside. */
static void put_program(FILE *f, char *const *argv)
{
	const char *name = strrchr(argv[0], '/');
	if (argv[0][0] == '/' && name[1]) {
		fputs("program=", f);
		put_quoted(f, argv[0]);
		fputs("; test -x \"$program\" || program=", f);
		put_quoted(f, name + 1);
		fputs("; exec \"$program\"", f);
	} else {
		fputs("exec ", f);
		put_quoted(f, argv[0]);
	}
}

/* The task as a line for the shell inside, which begins where the job would. */
static int put_task(FILE *f, bool batch, char *const *argv)
{
	char cwd[4096];
	if (getcwd(cwd, sizeof cwd) && cwd[0] == '/') {
		fputs("cd ", f);
		put_quoted(f, cwd);
		fputs("; ", f);
	}
	int r = 0;
	if (batch)
		r = put_script(f, argv[0]);
	else
		put_program(f, argv);
	for (char *const *word = argv + 1; *word; word++) {
		fputc(' ', f);
		put_quoted(f, *word);
	}
	return r;
}

static char *describe(bool batch, char *const *argv)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	int r = put_task(f, batch, argv);
	if (fclose(f) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0 && size > COMMAND_MOST)
		r = -E2BIG;
	if (r == 0)
		return text;
	errno = -r;
	return NULL;
}

/* ---- signals ---- */

/* proctrack/cgroup signals those children of slurmstepd that are in the job's freezer cgroup; but
 * gocker-shell leaves that (src/run/cgroup/leave.h). So each task has a sibling there, of the
 * user's, that passes signals on to the one process of gocker-shell's that takes them from the user
 * (src/run/privilege/stdio.h). It ends with that process or with the task. */
enum { STEPD, TASK, RECEIVER, COUNT };
/* How often the receiver is looked for, which is there soon after gocker-shell has begun. */
enum { LOOK_MS = 50, LOOKS = 200 };
/* GK_STDIO_ALONE: for the program itself, as slurmstepd means it. */
enum { ALONE = 0x676f636b };

static bool is_receiver(long pid)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	bool is = fgets(name, sizeof name, f) && strcmp(name, "gocker-stdio\n") == 0;
	fclose(f);
	return is;
}

/* Returns a pidfd, or -1: there is none yet, or /proc hides it (hidepid). */
static int find_receiver(pid_t task)
{
	char path[64];
	long child;
	int pidfd = -1;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)task, (int)task);
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	while (pidfd < 0 && fscanf(f, "%ld", &child) == 1) {
		pidfd = (int)syscall(SYS_pidfd_open, (pid_t)child, 0);
		if (pidfd >= 0 && !is_receiver(child)) {
			close(pidfd);
			pidfd = -1;
		}
	}
	fclose(f);
	return pidfd;
}

/* The last of SIGTSTP and SIGCONT counts. */
static void note(sigset_t *owed, int sig)
{
	if (sig == SIGTSTP)
		sigdelset(owed, SIGCONT);
	if (sig == SIGCONT)
		sigdelset(owed, SIGTSTP);
	sigaddset(owed, sig);
}

static void pass_owed(int receiver, sigset_t *owed)
{
	siginfo_t info = { .si_code = SI_QUEUE, .si_value.sival_int = ALONE };
	info.si_uid = getuid();
	for (int sig = 1; sig <= SIGSYS; sig++)
		if (sigismember(owed, sig) == 1) {
			info.si_signo = sig;
			(void)syscall(SYS_pidfd_send_signal, receiver, sig, &info, 0);
			sigdelset(owed, sig);
		}
}

static void pass_signals(pid_t task, int task_pidfd) __attribute__((noreturn));
static void pass_signals(pid_t task, int task_pidfd)
{
	struct pollfd p[COUNT] = { [TASK] = { .fd = 0 }, [RECEIVER] = { .fd = -1 } };
	struct signalfd_siginfo info;
	sigset_t all, owed;
	int looks = LOOKS;
	sigfillset(&all);
	sigemptyset(&owed);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "gocker-signals");
	/* The task's output ends with the task; what is for its process group does not come twice.
	 */
	if (setpgid(0, 0) < 0 || dup2(task_pidfd, 0) < 0 || close_range(1, ~0U, 0) < 0)
		_exit(FAILED);
	p[STEPD].fd = signalfd(-1, &all, SFD_CLOEXEC);
	p[STEPD].events = p[TASK].events = p[RECEIVER].events = POLLIN;
	while (p[STEPD].fd >= 0) {
		bool wait = p[RECEIVER].fd < 0 && looks-- > 0;
		if (poll(p, COUNT, wait ? LOOK_MS : -1) < 0 || p[TASK].revents ||
			p[RECEIVER].revents)
			break;
		if (p[STEPD].revents && read(p[STEPD].fd, &info, sizeof info) == sizeof info) {
			note(&owed, (int)info.ssi_signo);
			looks = LOOKS;
		}
		if (p[RECEIVER].fd < 0)
			p[RECEIVER].fd = find_receiver(task);
		if (p[RECEIVER].fd >= 0)
			pass_owed(p[RECEIVER].fd, &owed);
	}
	_exit(0);
}

/* Returns 0, or -1 with errno. Not by fork(3): it is to be a child of slurmstepd's, who waits for
 * any and knows its tasks among them. */
static int begin_sibling(void)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	pid_t task = getpid();
	sigset_t all, before;
	int task_pidfd = (int)syscall(SYS_pidfd_open, task, 0);
	if (task_pidfd < 0)
		return -1;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		pass_signals(task, task_pidfd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(task_pidfd);
	return pid < 0 ? -1 : 0;
}

static void contain(spank_t sp)
{
	static char name[] = "gocker-shell", option[] = "-c";
	char **argv = NULL, **env = NULL;
	int argc = 0;
	uint32_t step = 0;
	if (spank_get_item(sp, S_JOB_ARGV, &argc, &argv) != ESPANK_SUCCESS || argc < 1 ||
		spank_get_item(sp, S_JOB_ENV, &env) != ESPANK_SUCCESS ||
		spank_get_item(sp, S_JOB_STEPID, &step) != ESPANK_SUCCESS) {
		fprintf(stderr, "spank_gocker: Slurm does not tell what to run\n");
		return;
	}
	char *command = describe(step == SLURM_BATCH_SCRIPT, argv);
	if (!command) {
		fprintf(stderr, "spank_gocker: %s\n",
			errno == E2BIG ? "the script or command is too long: 128 KiB with quotes" :
					 strerror(errno));
		return;
	}
	char *words[] = { name, option, command, NULL };
	if (begin_sibling() < 0) {
		fprintf(stderr, "spank_gocker: cannot pass signals on: %s\n", strerror(errno));
		return;
	}
	execve(shell, words, env);
	fprintf(stderr, "spank_gocker: cannot run %s: %s\n", shell, strerror(errno));
}

/* In the task, as the user, before --task-prolog and the program. */
int slurm_spank_task_init(spank_t sp, int ac, char **av)
{
	(void)ac, (void)av;
	if (getuid() == 0 && is_roots_job(sp))
		return 0;
	contain(sp);
	fflush(stderr);
	_exit(FAILED);
}
