/* --format TEMPLATE: text with names of JSON fields in braces, such as "{id} {pids.now}\n". */
#ifndef GK_CLI_TEMPLATE_H
#define GK_CLI_TEMPLATE_H

#include <stdbool.h>

struct json_object;

/* Whether the value of --format is a template: it has a brace. */
bool gk_template_is(const char *format);

/* Checks a template against an object that has every field it may name. Returns 0, or 2 after a
 * usage error for the subcommand `name`: a brace that is not closed, or an unknown field. */
int gk_template_check(const char *name, const char *format, struct json_object *example);

/* Prints one object and a newline. {a.b} is field b of object a; null is printed as "-"; \t, \n and
 * \\ are a tab, a newline and a backslash, and {{ is a brace. */
void gk_template_print(const char *format, struct json_object *object);

#endif
