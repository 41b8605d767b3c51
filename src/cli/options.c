#include "cli/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"

enum { HELP = 1000, HELP_WIDTH = 79, COLUMN_MOST = 26 };

static const struct gk_option help_option = { HELP, "help", NULL, NULL, "print this help" };

static bool is_optional(const struct gk_option *o)
{
	return o->value && o->value[0] == '[';
}

static bool has_letter(const struct gk_option *o)
{
	return o->key < GK_OPTION_LONG;
}

/* ---- did you mean ---- */

/* The edits between two words: a letter put in, taken out, changed, or two exchanged (the optimal
 * string alignment distance). */
static size_t distance(const char *a, const char *b)
{
	enum { MOST = 40 };
	size_t d[MOST + 1][MOST + 1], n = strlen(a), m = strlen(b);
	if (n > MOST || m > MOST)
		return MOST;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

const char *gk_closest(const char *word, const char *const *candidates)
{
	size_t len = strlen(word), best = len < 4 ? 1 : len < 6 ? 2 : 3;
	const char *found = NULL;
	for (; *candidates; candidates++) {
		size_t edits = distance(word, *candidates);
		/* As many edits as letters would make any word of any other. */
		if (edits < len && edits <= best && (!found || edits < best)) {
			best = edits;
			found = *candidates;
		}
	}
	return found;
}

/* ---- reading ---- */

/* The option as it was written, without its value. */
static void name_refused(char *buf, size_t size, char **argv, int letter)
{
	const char *word = argv[optind - 1];
	if (strncmp(word, "--", 2) == 0)
		snprintf(buf, size, "%.*s", (int)strcspn(word, "="), word);
	else
		snprintf(buf, size, "-%c", letter && isprint(letter) ? letter : '?');
}

static void refuse(const struct gk_page *page, int c, char **argv)
{
	const char *names[GK_OPTIONS_MOST + 2];
	char word[128];
	size_t n = 0;
	name_refused(word, sizeof word, argv, optopt < GK_OPTION_LONG ? optopt : 0);
	if (c == ':') {
		(void)gk_cli_usage(page->name, "option %s needs a value", word);
		return;
	}
	for (const struct gk_option *o = page->options; o->name; o++) {
		if (word[1] == '-' && strcmp(word + 2, o->name) == 0) {
			(void)gk_cli_usage(page->name, "option %s takes no value", word);
			return;
		}
		if (o->help)
			names[n++] = o->name;
	}
	names[n++] = help_option.name;
	names[n] = NULL;
	const char *like = word[1] == '-' ? gk_closest(word + 2, names) : NULL;
	if (like)
		(void)gk_cli_usage(page->name, "unknown option %s; did you mean --%s?", word, like);
	else
		(void)gk_cli_usage(page->name, "unknown option %s", word);
}

int gk_options_next(
	const struct gk_page *page, int argc, char **argv, int first_ends, const char **ret_value)
{
	struct option longs[GK_OPTIONS_MOST + 2];
	char shorts[3 * GK_OPTIONS_MOST + 4], *s = shorts;
	size_t n = 0;
	if (first_ends)
		*s++ = '+';
	*s++ = ':';
	for (const struct gk_option *o = page->options; o->name && n < GK_OPTIONS_MOST; o++) {
		int has = is_optional(o) ? optional_argument :
			o->value         ? required_argument :
					   no_argument;
		longs[n++] = (struct option){ o->name, has, NULL, o->key };
		if (!has_letter(o))
			continue;
		*s++ = (char)o->key;
		if (o->value)
			*s++ = ':';
		if (is_optional(o))
			*s++ = ':';
	}
	*s = '\0';
	longs[n++] = (struct option){ help_option.name, no_argument, NULL, HELP };
	longs[n] = (struct option){ NULL, 0, NULL, 0 };
	opterr = 0;
	int c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == HELP)
		exit(gk_options_help(page));
	*ret_value = optarg;
	if (c != '?' && c != ':')
		return c;
	refuse(page, c, argv);
	return '?';
}

/* ---- printing ---- */

void gk_wrap(FILE *out, const char *text, int at, int indent, int width)
{
	bool begun = false;
	while (*text) {
		if (*text == '\n') {
			fputc('\n', out);
			text++;
			begun = false;
			at = 0;
			continue;
		}
		char word[512];
		size_t blanks = strspn(text, " "), len = strcspn(text + blanks, " \n");
		snprintf(word, sizeof word, "%.*s", (int)len, text + blanks);
		int w = gk_display_width(word);
		if (begun && len && width && at + (int)blanks + w > width) {
			fprintf(out, "\n%*s", indent, "");
			at = indent;
		} else {
			if (at == 0 && indent) {
				fprintf(out, "%*s", indent, "");
				at = indent;
			}
			fprintf(out, "%*s", (int)blanks, "");
			at += (int)blanks;
		}
		fwrite(text + blanks, 1, len, out);
		at += w;
		begun = true;
		text += blanks + len;
	}
}

static void name_option(char *buf, size_t size, const struct gk_option *o)
{
	char letter[8] = "    ";
	if (has_letter(o))
		snprintf(letter, sizeof letter, "-%c, ", o->key);
	snprintf(buf, size, "  %s--%s%s%s", letter, o->name, o->value && !is_optional(o) ? " " : "",
		o->value ? o->value : "");
}

static void print_option(const struct gk_option *o, int column)
{
	char name[128];
	name_option(name, sizeof name, o);
	int len = (int)strlen(name);
	if (len + 2 > column)
		printf("%s\n%*s", name, column, "");
	else
		printf("%-*s", column, name);
	gk_wrap(stdout, o->help, column, column, HELP_WIDTH);
	putchar('\n');
}

static void print_options(const struct gk_option *options)
{
	int column = 0;
	for (const struct gk_option *o = options; o->name; o++) {
		char name[128];
		name_option(name, sizeof name, o);
		int len = (int)strlen(name) + 2;
		if (o->help && len > column)
			column = len > COLUMN_MOST ? COLUMN_MOST : len;
	}
	if (column < 14)
		column = 14;
	for (const struct gk_option *o = options; o->name; o++)
		if (o->help)
			print_option(o, column);
	print_option(&help_option, column);
}

int gk_options_help(const struct gk_page *page)
{
	const char *lead = "Usage:";
	for (const char *line = page->usage; line; lead = "      ") {
		size_t len = strcspn(line, "\n");
		printf("%s gocker %s%s%.*s\n", lead, page->name, len ? " " : "", (int)len, line);
		line = line[len] ? line + len + 1 : NULL;
	}
	putchar('\n');
	gk_wrap(stdout, page->about, 0, 0, HELP_WIDTH);
	fputs("\n\n", stdout);
	print_options(page->options);
	if (page->tail) {
		putchar('\n');
		gk_wrap(stdout, page->tail, 0, 0, HELP_WIDTH);
		putchar('\n');
	}
	return gk_print_end(page->name);
}

static void print_row(FILE *out, const char *command, const struct gk_option *o)
{
	const char *value = o->value ? o->value : "", *kind = o->kind ? o->kind : "";
	if (has_letter(o))
		fprintf(out, "%s\t-%c\t%s\t%s\n", command, o->key, value, kind);
	fprintf(out, "%s\t--%s\t%s\t%s\n", command, o->name, value, kind);
}

void gk_options_print_table(FILE *out, const struct gk_page *page)
{
	fprintf(out, "%s\targs\t\t%s\n", page->name, page->args ? page->args : "");
	for (const struct gk_option *o = page->options; o->name; o++)
		if (o->help)
			print_row(out, page->name, o);
	print_row(out, page->name, &help_option);
}
