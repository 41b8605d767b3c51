/* gocker image edit: a command in a container whose root is a copy of the image. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/image/image.h"
#include "cli/program.h"
#include "image/edit.h"

/* What package managers need is more than a login does. */
#define EDIT_PIDS "4096"

struct editor {
	const struct gk_image_cli *cli;
	char **command; /* NULL-ended */
	int argc;
};

static void exec_run(const struct editor *editor, const char *root)
{
	const char *const before[] = { "gocker", "run", "--image-dir", editor->cli->image_dir,
		"--image", editor->cli->argv[0], "--edit-root", root, "--pids-limit", EDIT_PIDS,
		"--hostname", "gocker-edit" };
	enum { BEFORE = sizeof before / sizeof *before };
	union {
		const char **in;
		char **out;
	} args = { calloc((size_t)editor->argc + BEFORE + 2, sizeof *args.in) };
	if (!args.in)
		return;
	memcpy(args.in, before, sizeof before);
	args.in[BEFORE] = "--";
	for (int i = 0; i < editor->argc; i++)
		args.in[BEFORE + 1 + i] = editor->command[i];
	(void)gk_program_exec(GK_PROGRAM, args.out);
	free(args.in);
}

static int run_editor(void *arg, const char *root, struct gk_err *err)
{
	const struct editor *editor = arg;
	int status = 0;
	gk_image_progress_clear();
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot start the editor");
	if (pid == 0) {
		/* It must not outlive this process, whose lock keeps the copy from the sweep. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
			exec_run(editor, root);
		_exit(GK_EXIT_GOCKER);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return gk_fail_errno(err, -errno, "the editor");
		if (gk_image_interrupted())
			(void)kill(pid, SIGTERM);
	}
	gk_image_progress_restart();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The command as one printable line, for the record. */
static void describe(const struct editor *editor, char *ret, size_t size)
{
	size_t len = 0;
	ret[0] = '\0';
	for (int i = 0; i < editor->argc && len + 1 < size; i++) {
		char word[256];
		int n = snprintf(ret + len, size - len, "%s%s", i ? " " : "",
			gk_escape(word, sizeof word, editor->command[i]));
		len += n > 0 ? (size_t)n : 0;
	}
}

int gk_image_cmd_edit(struct gk_image_cli *cli)
{
	static char shell[] = "/bin/sh";
	static char *default_command[] = { shell, NULL };
	gk_autostore struct gk_store store = GK_STORE_INIT;
	const char *name = cli->argv[0];
	char command[1024];
	struct editor editor = { .cli = cli, .command = cli->argv + 1, .argc = cli->argc - 1 };
	if (editor.argc == 0)
		editor = (struct editor){ .cli = cli, .command = default_command, .argc = 1 };
	describe(&editor, command, sizeof command);
	struct gk_edit edit = { .run = run_editor, .arg = &editor, .command = command };
	if (gk_image_open_store(cli, true, &store) < 0)
		return gk_image_failed(cli);
	int r = gk_image_edit(&store, name, &edit, &cli->tick, &cli->err);
	if (r < 0)
		return gk_image_failed(cli);
	if (r > 0) {
		gk_image_say(
			cli, "image %s is as it was: the command ended with status %d", name, r);
		return r;
	}
	gk_image_say(cli, "image %s is changed; sessions that run keep the old version", name);
	if (edit.ret_setid)
		gk_image_say(cli, "  %llu lost their set-uid or set-gid bit",
			(unsigned long long)edit.ret_setid);
	if (edit.ret_special)
		gk_image_say(cli, "  %llu left out: devices, FIFOs or sockets",
			(unsigned long long)edit.ret_special);
	return 0;
}
