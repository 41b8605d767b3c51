/* The subcommands of gocker. Each takes its own argv (argv[0] is its name) and returns the exit
 * status of the program. */
#ifndef GK_CLI_CLI_H
#define GK_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

int gk_cmd_check(int argc, char **argv);
int gk_cmd_explain(int argc, char **argv);
int gk_cmd_image(int argc, char **argv);
int gk_cmd_run(int argc, char **argv);
int gk_cmd_gc(int argc, char **argv);
int gk_cmd_ps(int argc, char **argv);
int gk_cmd_top(int argc, char **argv);
int gk_cmd_inspect(int argc, char **argv);
int gk_cmd_stats(int argc, char **argv);
int gk_cmd_logs(int argc, char **argv);
int gk_cmd_kill(int argc, char **argv);
int gk_cmd_stop(int argc, char **argv);
int gk_cmd_exec(int argc, char **argv);
int gk_cmd_freeze(int argc, char **argv); /* also `thaw`, by its name */
int gk_cmd_network(int argc, char **argv);
int gk_cmd_drain(int argc, char **argv);
int gk_cmd_agent(int argc, char **argv);
int gk_cmd_enable(int argc, char **argv);
int gk_cmd_disable(int argc, char **argv);
int gk_cmd_doctor(int argc, char **argv);

/* The tables of gocker image's subcommands, as gk_options_print_table prints them. */
void gk_image_print_tables(FILE *out);

/* Prints "gocker NAME: message" to stderr; returns GK_EXIT_GOCKER. */
int gk_cli_fail(const char *name, const struct gk_err *err);

/* Prints a usage error and where help is; returns 2, as getopt programs do. */
int gk_cli_usage(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads a number of seconds from 1 to 3600. Returns 0 or -EINVAL. */
int gk_cli_seconds(const char *text, unsigned *ret);

/* Asks a question on the terminal that stdin and stdout are; without one nothing is asked, and
 * stderr says that --yes is needed. Whether the answer was yes. */
bool gk_ask_yes(const char *name, const char *question);

/* Refuses callers other than root. Returns 0 or an exit status after printing why. */
int gk_cli_need_root(const char *name);

#endif
