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
	bool terminal; /* somebody can be asked */
	bool gone;     /* who was asked is not there any more */
	bool keeping;  /* it was chosen to be kept, without asking */
};

static char shell[] = "/bin/sh";

static void exec_run(const struct editor *editor, const char *root, bool look)
{
	char *only_shell[] = { shell, NULL };
	char **command = look ? only_shell : editor->command;
	size_t argc = look ? 1 : (size_t)editor->argc;
	const char *const before[] = { "gocker", "run", "--image-dir", editor->cli->image_dir,
		"--image", editor->cli->argv[0], "--edit-root", root, "--pids-limit", EDIT_PIDS,
		"--hostname", "gocker-edit" };
	enum { BEFORE = sizeof before / sizeof *before };
	union {
		const char **in;
		char **out;
	} args = { calloc(argc + BEFORE + 2, sizeof *args.in) };
	if (!args.in)
		return;
	memcpy(args.in, before, sizeof before);
	args.in[BEFORE] = "--";
	for (size_t i = 0; i < argc; i++)
		args.in[BEFORE + 1 + i] = command[i];
	(void)gk_program_exec(GK_PROGRAM, args.out);
	free(args.in);
}

static int run_editor(void *arg, const char *root, bool look, struct gk_err *err)
{
	const struct editor *editor = arg;
	int status = 0;
	gk_image_progress_clear();
	if (editor->terminal && !look)
		gk_image_say(editor->cli,
			"this is a copy of image %s: it becomes the image if the command ends with "
			"status 0 (exit), and you are asked if not (exit 1)",
			editor->cli->argv[0]);
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot start the editor");
	if (pid == 0) {
		/* It must not outlive this process, whose lock keeps the copy from the sweep. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
			exec_run(editor, root, look);
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

static enum gk_edit_choice ask(struct editor *editor, const char *why)
{
	const char *name = editor->cli->argv[0];
	char line[64];
	for (;;) {
		fprintf(stderr,
			"gocker image edit: %s: %s\n"
			"  t  take the copy over as the image all the same\n"
			"  k  keep it beside the image, to be put in place or removed later\n"
			"  l  look into it with a shell, then ask again\n"
			"  d  drop it\n"
			"take, keep, look or drop? ",
			name, why);
		if (!fgets(line, sizeof line, stdin)) {
			fputc('\n', stderr);
			editor->gone = editor->keeping = true;
			return GK_EDIT_KEEP;
		}
		switch (line[0]) {
		case 't': return GK_EDIT_TAKE;
		case 'k': return GK_EDIT_KEEP;
		case 'l': return GK_EDIT_LOOK;
		case 'd': return GK_EDIT_DROP;
		default: break;
		}
	}
}

static enum gk_edit_choice choose(void *arg, int result, const struct gk_err *err)
{
	struct editor *editor = arg;
	char status[64];
	gk_image_progress_clear();
	snprintf(status, sizeof status, "the command ended with status %d", result);
	if (editor->terminal && !editor->gone && !gk_image_interrupted())
		return ask(editor, result < 0 ? err->msg : status);
	if (editor->keeping) /* it could not be kept */
		return GK_EDIT_DROP;
	/* A connection that breaks, or another's edit, is no wish to lose this one. */
	editor->keeping = editor->terminal || editor->cli->keep_on_error || result == -ESTALE;
	return editor->keeping ? GK_EDIT_KEEP : GK_EDIT_DROP;
}

/* What became of a copy that was not taken over is said to --quiet, too. */
static void report_copy(const struct gk_image_cli *cli, const struct gk_edit *edit, int result)
{
	const char *name = cli->argv[0];
	gk_image_progress_clear();
	if (result > 0)
		fprintf(stderr, "image %s is as it was: the command ended with status %d; ", name,
			result);
	else
		fprintf(stderr, "image %s is not changed by this edit; ", name);
	if (edit->ret_choice == GK_EDIT_KEEP)
		fprintf(stderr,
			"what it did is kept: `gocker image rollback %s %s` puts it in place, `gocker "
			"image prune --edits %s` removes it\n",
			name, edit->ret_kept, name);
	else
		fputs("what it did is dropped (--keep-on-error keeps it)\n", stderr);
}

int gk_image_cmd_edit(struct gk_image_cli *cli)
{
	static char *default_command[] = { shell, NULL };
	gk_autostore struct gk_store store = GK_STORE_INIT;
	const char *name = cli->argv[0];
	char command[1024];
	struct editor editor = { .cli = cli, .command = cli->argv + 1, .argc = cli->argc - 1 };
	if (editor.argc == 0)
		editor = (struct editor){ .cli = cli, .command = default_command, .argc = 1 };
	editor.terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	describe(&editor, command, sizeof command);
	struct gk_edit edit = {
		.run = run_editor, .choose = choose, .arg = &editor, .command = command
	};
	if (gk_image_open_store(cli, true, &store) < 0)
		return gk_image_failed(cli);
	int r = gk_image_edit(&store, name, &edit, &cli->tick, &cli->err);
	int status = r < 0 ? gk_image_failed(cli) : r;
	if (edit.ran && r != 0)
		report_copy(cli, &edit, r);
	if (r != 0)
		return status;
	gk_image_say(cli, "image %s is changed; sessions that run keep the old version", name);
	if (edit.ret_setid)
		gk_image_say(cli, "  %llu lost their set-uid or set-gid bit",
			(unsigned long long)edit.ret_setid);
	if (edit.ret_special)
		gk_image_say(cli, "  %llu left out: devices, FIFOs or sockets",
			(unsigned long long)edit.ret_special);
	return 0;
}
