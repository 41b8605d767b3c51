/* spank_gocker: a SPANK plugin (spank(7)) that contains what Slurm runs for a user on a compute
 * node: in place of each task, batch scripts included, it executes gocker-shell. There is no other
 * way out of the hook: what fails ends the task with 125. plugstack.conf(5): "required
 * spank_gocker.so [shell=PATH]". */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
