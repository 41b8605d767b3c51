/* gocker: the administrator's command. A table of subcommands; each has a file in src/cli. Those
 * that need libraries are in gocker-admin, which is executed for them: this program starts
 * containers, and loads the C library alone. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/program.h"
#include "run/privilege/exe.h"

/* What gocker itself knows of the commands of gocker-admin. */
static const struct gk_page image = { .name = "image", .what = GK_WHAT_IMAGE };
static const struct gk_page enable = { .name = "enable", .what = GK_WHAT_ENABLE };
static const struct gk_page disable = { .name = "disable", .what = GK_WHAT_DISABLE };
static const struct gk_page doctor = { .name = "doctor", .what = GK_WHAT_DOCTOR };
static const struct gk_page top = { .name = "top", .what = GK_WHAT_TOP };

static const struct command {
	int (*run)(int argc, char **argv); /* NULL: in gocker-admin */
	const struct gk_page *page;
	bool inside; /* enters a container, as root perhaps */
} commands[] = {
	{ gk_cmd_run, &gk_page_run, true },
	{ gk_cmd_check, &gk_page_check, false },
	{ gk_cmd_explain, &gk_page_explain, false },
	{ NULL, &image, false },
	{ NULL, &enable, false },
	{ NULL, &disable, false },
	{ NULL, &doctor, false },
	{ gk_cmd_ps, &gk_page_ps, false },
	{ NULL, &top, false },
	{ gk_cmd_inspect, &gk_page_inspect, false },
	{ gk_cmd_stats, &gk_page_stats, false },
	{ gk_cmd_exec, &gk_page_exec, true },
	{ gk_cmd_logs, &gk_page_logs, false },
	{ gk_cmd_stop, &gk_page_stop, false },
	{ gk_cmd_kill, &gk_page_kill, false },
	{ gk_cmd_freeze, &gk_page_freeze, false },
	{ gk_cmd_freeze, &gk_page_thaw, false },
	{ gk_cmd_network, &gk_page_network, false },
	{ gk_cmd_drain, &gk_page_drain, false },
	{ gk_cmd_agent, &gk_page_agent, false },
	{ gk_cmd_gc, &gk_page_gc, false },
};
enum { NCOMMANDS = sizeof commands / sizeof *commands };

static int print_help(FILE *out)
{
	fputs("Usage: gocker COMMAND [OPTION...] [ARG...]\n\nEach login in a container of its own.\n\n",
		out);
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].page->name, commands[i].page->what);
	fputs("\n`gocker help COMMAND` prints the options of a command; gocker(8) is the manual.\n"
	      "images is short for `image list`, pull for `image pull`. `gocker version` prints the\n"
	      "version.\n",
		out);
	return out == stdout ? gk_print_end("help") : 0;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(name, commands[i].page->name) == 0)
			return &commands[i];
	return NULL;
}

static int no_command(const char *name)
{
	const char *names[NCOMMANDS + 1] = { NULL };
	for (size_t i = 0; i < NCOMMANDS; i++)
		names[i] = commands[i].page->name;
	const char *like = gk_closest(name, names);
	if (like)
		fprintf(stderr, "gocker: no command '%s'; did you mean '%s'?\n", name, like);
	else
		fprintf(stderr, "gocker: no command '%s'; see `gocker --help`\n", name);
	return 2;
}

/* Returns only if that failed, with the exit status. args: what follows the program's name. */
static int run_admin(char *const *args)
{
	static char name[] = "gocker";
	struct gk_err err = GK_ERR_INIT;
	size_t n = 0;
	while (args[n])
		n++;
	char **argv = calloc(n + 2, sizeof *argv);
	if (argv) {
		argv[0] = name;
		memcpy(argv + 1, args, n * sizeof *argv);
	}
	int r = argv ? gk_program_exec(GK_PROGRAM_ADMIN, argv) : -ENOMEM;
	free(argv);
	(void)gk_fail_errno(&err, r, "cannot run " GK_PROGRAM_ADMIN);
	return gk_cli_fail(args[0], &err);
}

/* All option tables, for the completion of shells. */
static int print_tables(void)
{
	static char help[] = "help", table[] = "--table";
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (commands[i].run)
			gk_options_print_table(stdout, commands[i].page);
	int status = gk_print_end(help);
	return status ? status : run_admin((char *[]){ help, table, NULL });
}

static int run_here(const struct command *c, int argc, char **argv)
{
	return c->run ? c->run(argc, argv) : run_admin(argv);
}

/* argv: "help", then the command that is asked about. */
static int help(int argc, char **argv)
{
	static char option[] = "--help";
	if (argc < 2 || strcmp(argv[1], option) == 0)
		return print_help(stdout);
	if (strcmp(argv[1], "--table") == 0)
		return print_tables();
	const struct command *c = find_command(argv[1]);
	if (!c)
		return no_command(argv[1]);
	/* As "COMMAND --help", or "image SUBCOMMAND --help". */
	char *args[] = { argv[1], argc > 2 && c->page == &image ? argv[2] : option, NULL, NULL };
	if (args[1] != option)
		args[2] = option;
	return run_here(c, args[2] ? 3 : 2, args);
}

static int run_command(const struct command *c, int argc, char **argv)
{
	struct gk_err err = GK_ERR_INIT;
	if (c->inside && geteuid() == 0 && gk_exe_protect("gocker", argv, &err) < 0)
		return gk_cli_fail(c->page->name, &err);
	return run_here(c, argc - 1, argv + 1);
}

/* "gocker images ARG..." as "gocker image list ARG...". */
static int run_image(char *command, int argc, char **argv)
{
	static char name[] = "image";
	enum { MOST = 32 };
	char *args[MOST + 1] = { name, command };
	int n = 2;
	for (int i = 2; i < argc && n < MOST; i++)
		args[n++] = argv[i];
	return run_admin(args);
}

int main(int argc, char **argv)
{
	static char list[] = "list", pull[] = "pull";
	if (argc < 2) {
		(void)print_help(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		printf("gocker %s\n", GK_VERSION);
		return gk_print_end("version");
	}
	if (strcmp(argv[1], "images") == 0)
		return run_image(list, argc, argv);
	if (strcmp(argv[1], "pull") == 0)
		return run_image(pull, argc, argv);
	const struct command *c = find_command(argv[1]);
	return c ? run_command(c, argc, argv) : no_command(argv[1]);
}
