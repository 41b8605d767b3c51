#include "cli/template.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

enum { NAME_MOST = 64, NAMES_MOST = 64 };

bool gk_template_is(const char *format)
{
	return strchr(format, '{') != NULL;
}

/* The field called by a name with dots; false where there is none. */
static bool find(struct json_object *object, const char *name, struct json_object **ret)
{
	char part[NAME_MOST];
	for (;;) {
		size_t n = strcspn(name, ".");
		snprintf(part, sizeof part, "%.*s", (int)n, name);
		if (!json_object_object_get_ex(object, part, &object))
			return false;
		if (!name[n]) {
			*ret = object;
			return true;
		}
		name += n + 1;
	}
}

/* Reads "{name}" at p. Returns what follows it, or NULL where it is not closed. */
static const char *read_name(const char *p, char *name)
{
	size_t n = strcspn(p + 1, "}");
	if (p[1 + n] != '}' || n == 0 || n >= NAME_MOST)
		return NULL;
	snprintf(name, NAME_MOST, "%.*s", (int)n, p + 1);
	return p + n + 2;
}

static int refuse(const char *command, const char *name, struct json_object *example)
{
	static char kept[NAMES_MOST][2 * NAME_MOST];
	const char *names[NAMES_MOST + 1] = { NULL };
	size_t n = 0;
	json_object_object_foreach(example, key, value)
	{
		if (n == NAMES_MOST)
			break;
		if (!json_object_is_type(value, json_type_object)) {
			snprintf(kept[n], sizeof kept[n], "%.*s", NAME_MOST, key);
			names[n] = kept[n];
			n++;
			continue;
		}
		json_object_object_foreach(value, inner, ignored)
		{
			(void)ignored;
			if (n == NAMES_MOST)
				break;
			snprintf(kept[n], sizeof kept[n], "%.40s.%.40s", key, inner);
			names[n] = kept[n];
			n++;
		}
	}
	const char *like = gk_closest(name, names);
	if (like)
		return gk_cli_usage(
			command, "--format: no field {%s}; did you mean {%s}?", name, like);
	return gk_cli_usage(
		command, "--format: no field {%s}; gocker(8) lists them under JSON", name);
}

int gk_template_check(const char *command, const char *format, struct json_object *example)
{
	char name[NAME_MOST];
	struct json_object *value;
	for (const char *p = format; *p;) {
		if (p[0] != '{' || p[1] == '{') {
			p += p[0] == '{' ? 2 : 1;
			continue;
		}
		const char *end = read_name(p, name);
		if (!end)
			return gk_cli_usage(command, "--format: a { without a name and }");
		if (!find(example, name, &value))
			return refuse(command, name, example);
		p = end;
	}
	return 0;
}

void gk_template_print(const char *format, struct json_object *object)
{
	char name[NAME_MOST];
	for (const char *p = format, *end; *p; p = end) {
		struct json_object *value = NULL;
		const char *named = p[0] == '{' && p[1] != '{' ? read_name(p, name) : NULL;
		end = p + 1;
		if (named) {
			end = named;
			(void)find(object, name, &value);
			fputs(value ? json_object_get_string(value) : "-", stdout);
		} else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n' || p[1] == '\\')) {
			putchar(p[1] == 't' ? '\t' : p[1] == 'n' ? '\n' : '\\');
			end = p + 2;
		} else {
			putchar(*p);
			end += p[0] == '{' && p[1] == '{';
		}
	}
	putchar('\n');
}
