#include "plan/logind.h"

#include <string.h>
#include <strings.h>

#include "plan/text.h"

/* ---- logind.conf(5); the syntax is that of systemd.syntax(7) ---- */

static bool is_comment(const char *line)
{
	return *line == '#' || *line == ';';
}

/* Ends the line at s, joining those that a backslash at their end continues; comments amid them are
 * left out. Returns where the next one begins, NULL after the last. */
static char *end_line(char *s)
{
	char *end = s + strcspn(s, "\n"), *next = *end ? end + 1 : NULL;
	while (next && !is_comment(s) && end > s && end[-1] == '\\') {
		size_t n = strcspn(next, "\n");
		char *after = next[n] ? next + n + 1 : NULL;
		if (!is_comment(next)) {
			end[-1] = ' ';
			memmove(end, next, n);
			end += n;
		}
		next = after;
	}
	*end = '\0';
	return next;
}

static char *trim(char *s)
{
	size_t n;
	s += strspn(s, " \t\r");
	for (n = strlen(s); n && strchr(" \t\r", s[n - 1]); n--)
		;
	s[n] = '\0';
	return s;
}

static void set_bool(bool *ret, const char *value)
{
	static const char *const words[] = { "0", "no", "n", "false", "f", "off", "1", "yes", "y",
		"true", "t", "on" };
	enum { COUNT = sizeof words / sizeof *words };
	for (size_t i = 0; i < COUNT; i++)
		if (strcasecmp(value, words[i]) == 0)
			*ret = i >= COUNT / 2;
}

/* Whether the user is in a list of names, which may be quoted. */
static bool has_word(const char *list, const char *user)
{
	static const char between[] = " \t\"'";
	size_t len = strlen(user), n;
	for (; *list; list += n) {
		list += strspn(list, between);
		n = strcspn(list, between);
		if (n == len && n && strncmp(list, user, n) == 0)
			return true;
	}
	return false;
}

static void set(struct gk_logind_conf *c, const char *user, const char *key, const char *value)
{
	if (strcmp(key, "KillUserProcesses") == 0) {
		set_bool(&c->kill, value);
	} else if (strcmp(key, "KillOnlyUsers") == 0) {
		/* An empty list takes back what was said before it. */
		c->any_only = *value;
		c->only = *value && (c->only || has_word(value, user));
	} else if (strcmp(key, "KillExcludeUsers") == 0) {
		c->excluded = *value && (c->excluded || has_word(value, user));
	}
}

void gk_logind_conf_add(struct gk_logind_conf *c, const char *user, char *text)
{
	bool login = false;
	for (char *line = text, *next; line; line = next) {
		next = end_line(line);
		line = trim(line);
		char *equals = strchr(line, '=');
		if (*line == '[') {
			login = strcmp(line, "[Login]") == 0;
		} else if (login && equals && !is_comment(line)) {
			*equals = '\0';
			set(c, user, trim(line), trim(equals + 1));
		}
	}
}

bool gk_logind_conf_kills(const struct gk_logind_conf *c)
{
	if (c->excluded)
		return false;
	return c->any_only ? c->only : c->kill;
}

/* ---- /run/systemd ---- */

bool gk_logind_value(const char *text, const char *key, char *buf, size_t size)
{
	size_t len = strlen(key);
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		if (n > len && line[len] == '=' && strncmp(line, key, len) == 0) {
			n -= len + 1;
			if (n >= size)
				return false;
			memcpy(buf, line + len + 1, n);
			buf[n] = '\0';
			return true;
		}
		line += n + (line[n] == '\n');
	}
	return false;
}
