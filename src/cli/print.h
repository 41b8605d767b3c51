/* How the administrator's commands print: tables that fit the terminal, numbers for people, JSON.
 */
#ifndef GK_CLI_PRINT_H
#define GK_CLI_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct json_object;

/* One column: on a terminal that is too narrow, columns with the highest `drop` go first, then
 * those with a `least` are narrowed. A column with drop 0 stays while there is any room for it. */
struct gk_column {
	const char *title;
	bool right;
	int least; /* display columns it can be narrowed to; 0: never narrowed */
	int drop;
	bool wrap; /* a cell too wide for it goes on in the next line; else it is cut */
};

enum { GK_COLUMNS_MOST = 16 };

/* Prints rows of cells (rows * columns strings, row by row), every line at most `width` wide, or as
 * wide as it needs for 0. Trailing blanks are left out. Column i is left out where bit i of `hide`
 * is set. */
void gk_table_print(FILE *out, const struct gk_column *columns, size_t ncolumns,
	const char *const *cells, size_t nrows, int width, unsigned hide);

/* From now on SIGINT ends gk_watch_pause, and with resize another size of the terminal does (not
 * for ncurses, which has a handler of its own). */
void gk_watch_start(bool resize);
/* Sleeps for that many seconds, or until the terminal has another size. Returns whether to go on:
 * false after SIGINT. */
bool gk_watch_pause(unsigned seconds);

/* The width of the terminal behind stdout; 0 when it is none. ret_rows may be NULL. */
int gk_terminal_size(int *ret_rows);

/* The escape sequence that begins a colour or ends one, "" unless stdout is a terminal that shows
 * colour: not with NO_COLOR (https://no-color.org) or TERM=dumb, as systemctl(1) does. */
enum gk_colour { GK_PLAIN, GK_RED, GK_YELLOW, GK_GREEN, GK_GREY };
const char *gk_colour(enum gk_colour colour);

/* The display columns of s in this locale, and a copy of at most `width` of them, with '+' as the
 * last when something was cut. */
int gk_display_width(const char *s);
const char *gk_display_cut(char *buf, size_t size, const char *s, int width);

/* 734, 12.3K, 5.6M, …; "-" for UINT64_MAX. 45s, 12m, 3h, 5d; "-" for less than 0. */
const char *gk_human_bytes(char *buf, size_t size, uint64_t bytes);
const char *gk_human_time(char *buf, size_t size, int64_t seconds);

/* A number, or "-" for UINT64_MAX. */
const char *gk_human_count(char *buf, size_t size, uint64_t n);

/* An ISO 8601 time in UTC; NULL (JSON's null) for 0. */
struct json_object *gk_json_time(int64_t seconds);

/* Prints a JSON value and a newline on stdout, as json-c writes it with these flags, but valid
 * UTF-8 that any terminal can be shown: control characters (also U+0080 to U+009F), other
 * directions of writing and line separators are escaped (\uXXXX), bytes that are not UTF-8 become
 * U+FFFD. Returns 0, -ENOMEM or -EIO. */
int gk_json_print(struct json_object *value, int flags);

/* Replaces the file at path: a reader sees the old text or the new one, whole. Its mode is 0644.
 * Returns 0 or -errno with err. */
int gk_print_file(const char *path, const char *text, struct gk_err *err);

/* Flushes stdout; the exit status: 0, or 1 with a line on stderr. */
int gk_print_end(const char *name);

#endif
