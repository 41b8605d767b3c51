/* gocker: the administrator's command. A table of subcommands; each has a file in src/cli. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "run/privilege/exe.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
	bool inside; /* goes inside, as root perhaps */
} commands[] = {
	{ "run", gk_cmd_run, "run a command in a container of its own", true },
	{ "check", gk_cmd_check, "every fault of the configuration, and what to write instead",
		false },
	{ "explain", gk_cmd_explain, "what a user's login would get, and which line decided it",
		false },
	{ "image", gk_cmd_image, "fetch, import, list, verify and remove root file systems",
		false },
	{ "enable", gk_cmd_enable, "contain the logins of users", false },
	{ "disable", gk_cmd_disable, "let users out again", false },
	{ "doctor", gk_cmd_doctor, "what is wrong with this host or a user, and what to do",
		false },
	{ "ps", gk_cmd_ps, "the sessions of this host", false },
	{ "top", gk_cmd_top, "the same full-screen, with bars", false },
	{ "inspect", gk_cmd_inspect, "everything about a session", false },
	{ "stats", gk_cmd_stats, "what sessions use of their limits, for people and Prometheus",
		false },
	{ "exec", gk_cmd_exec, "run one more command in a session", true },
	{ "logs", gk_cmd_logs, "what gocker wrote to the host's log", false },
	{ "stop", gk_cmd_stop, "ask sessions to end, and end them", false },
	{ "kill", gk_cmd_kill, "end sessions, or send them a signal", false },
	{ "freeze", gk_cmd_freeze, "stop every process of a session", false },
	{ "thaw", gk_cmd_freeze, "let a frozen session go on", false },
	{ "gc", gk_cmd_gc, "sweep what crashed sessions left", false },
};

static int print_help(FILE *out)
{
	fputs("Usage: gocker COMMAND [ARG...]\n\nEach login in a container of its own.\n\n", out);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].what);
	fputs("\n`gocker COMMAND --help` tells more; gocker(8) all of it.\n", out);
	return ferror(out) ? 1 : 0;
}

static int run_command(const struct command *c, int argc, char **argv)
{
	struct gk_err err = GK_ERR_INIT;
	if (c->inside && geteuid() == 0 && gk_exe_protect("gocker", argv, &err) < 0)
		return gk_cli_fail(c->name, &err);
	return c->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		(void)print_help(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return print_help(stdout);
	if (strcmp(argv[1], "--version") == 0)
		return printf("gocker %s\n", GK_VERSION) < 0;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run_command(&commands[i], argc, argv);
	fprintf(stderr, "gocker: no command '%s'; see `gocker --help`\n", argv[1]);
	return 2;
}
