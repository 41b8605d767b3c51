/* The options of gocker's subcommands: one table for each, from which the parser, --help and the
 * shell completion work. tests/packaging/pages.sh holds gocker(8) to the tables. */
#ifndef GK_CLI_OPTIONS_H
#define GK_CLI_OPTIONS_H

#include <stddef.h>
#include <stdio.h>

/* Options without a letter have keys from here on. */
enum { GK_OPTION_LONG = 256, GK_OPTIONS_MOST = 40 };

/* One option. A table ends with an entry without a name; --help is part of every table. */
struct gk_option {
	int key; /* what gk_options_next returns; below GK_OPTION_LONG it is the option's letter */
	const char *name;  /* the long name, without "--" */
	const char *value; /* what --help calls the value: "USER"; "[=SEC]" for one that can be left
			      out; NULL for none */
	const char *kind;  /* what completion offers: user, group, service, file, dir, image,
			      session, signal, command, filter, host, network, or the possible
			      words; NULL for nothing */
	const char *help;  /* NULL: not for people */
};

/* A subcommand as --help, the parser and completion know it. */
struct gk_page {
	const char *name;  /* "ps", "image fetch" */
	const char *what;  /* one line for the list of commands */
	const char *usage; /* what follows the name; a line for each form */
	const char *about; /* paragraphs, which --help wraps */
	const struct gk_option *options;
	const char *tail; /* paragraphs below the options, or NULL */
	const char *args; /* the kinds of the arguments, the last one repeated; NULL for none */
};

extern const struct gk_page gk_page_run, gk_page_check, gk_page_explain, gk_page_image,
	gk_page_enable, gk_page_disable, gk_page_doctor, gk_page_ps, gk_page_top, gk_page_inspect,
	gk_page_stats, gk_page_exec, gk_page_logs, gk_page_stop, gk_page_kill, gk_page_freeze,
	gk_page_thaw, gk_page_gc, gk_page_drain, gk_page_agent, gk_page_network;

/* What the commands of gocker-admin do, in one line: gocker prints it without that program. */
#define GK_WHAT_IMAGE   "fetch, import, list, verify and remove root file systems"
#define GK_WHAT_DOCTOR  "find what is wrong with this host or a user, and what to do"
#define GK_WHAT_ENABLE  "contain the logins of users"
#define GK_WHAT_DISABLE "stop containing the logins of users"
#define GK_WHAT_TOP     "show the sessions full-screen, with bars"

/* Returns the key of the next option of argv and its value (NULL without one), or -1 behind the
 * last, with optind at the first argument. first_ends: the first argument ends the options, since
 * what follows belongs to a command. Prints --help and exits. An option that is unknown or lacks
 * its value is told on stderr, and '?' is returned; the exit status is then 2. */
int gk_options_next(
	const struct gk_page *page, int argc, char **argv, int first_ends, const char **ret_value);

/* Prints the page, as --help does. Returns the exit status: 0, or 1 if it could not be written. */
int gk_options_help(const struct gk_page *page);

/* Prints the table for the completion: a line for each option ("ps<TAB>--user<TAB>USER<TAB>user"),
 * and one with "args" for the arguments. */
void gk_options_print_table(FILE *out, const struct gk_page *page);

/* The candidate that is most like the word, NULL where none is like it. Candidates end with NULL.
 */
const char *gk_closest(const char *word, const char *const *candidates);

/* Prints text in lines of at most `width` columns, each below the first begun with `indent` blanks;
 * `at` is the column that the first one begins in. Newlines in the text stay; width 0: no wrapping.
 */
void gk_wrap(FILE *out, const char *text, int at, int indent, int width);

#endif
