#include "plan/scan.h"

#include <errno.h>
#include <string.h>

#include "plan/config.h"
#include "plan/text.h"

static int fault(struct gk_line *ret, const char *reason, const char *hint)
{
	ret->kind = GK_LINE_FAULT;
	ret->complaint = (struct gk_complaint){ reason, hint };
	return 0;
}

/* What no line may hold, whatever it says. */
static bool bytes_fault(const char *s, size_t n, struct gk_line *ret)
{
	if (n > GK_CONFIG_MAX_LINE)
		return !fault(ret, "the line is longer than 1000 bytes", "make it shorter");
	for (size_t i = 0; i < n; i++)
		if (s[i] == '\0')
			return !fault(ret, "the line holds a NUL byte",
				"save the file as plain UTF-8 text");
		else if (gk_is_control(s[i]) && s[i] != '\t')
			return !fault(ret, "the line holds a control character",
				"remove it: only tabs may stand beside printable text");
	if (!gk_is_utf8(s, n))
		return !fault(ret, "the line is not UTF-8", "save the file as UTF-8 text");
	return false;
}

/* Whether nothing but blanks and perhaps a comment follows. A comment needs a blank before it. */
static bool only_comment(const char *s)
{
	if (*s && !gk_is_blank(*s))
		return false;
	s += strspn(s, " \t");
	return !*s || *s == ';' || *s == '#';
}

static int scan_section(char *s, struct gk_line *ret)
{
	char *end = strchr(s, ']');
	if (!end)
		return fault(ret, "a section title is not closed", "write [title]");
	if (!only_comment(end + 1))
		return fault(ret, "something follows a section title",
			"put it on a line of its own, or a blank and ; before it");
	*end = '\0';
	s++;
	if (!*s)
		return fault(ret, "a section title is empty",
			"write [gocker], [default], [group:NAME] or [user:NAME]");
	if (gk_is_blank(s[0]) || gk_is_blank(end[-1]) || strchr(s, '['))
		return fault(ret, "a section title has a blank at its edge or a bracket in it",
			"write it without, such as [default]");
	ret->kind = GK_LINE_SECTION;
	ret->name = s;
	return 0;
}

/* A value in quotes: up to the next quote of the same kind. */
static int scan_quoted(char *s, struct gk_line *ret)
{
	char *end = strchr(s + 1, *s);
	if (!end)
		return fault(ret, "a quote is not closed", "close it, or remove it");
	if (!only_comment(end + 1))
		return fault(ret, "something follows the closing quote",
			"put the whole value in quotes, of the kind that is not in it");
	*end = '\0';
	/* iniparser 4.1 takes a backslash as it is, 4.2 as the start of an escape. */
	if (strchr(s, '\\'))
		return fault(ret, "a quoted value has a backslash in it",
			"remove the quotes or the backslash");
	ret->kind = GK_LINE_SETTING;
	ret->value = s + 1;
	return 0;
}

/* A value without quotes: up to a comment or the end, blanks at its edges taken away. */
static int scan_plain(char *s, struct gk_line *ret)
{
	size_t n = strcspn(s, ";#");
	if (s[n] && n && !gk_is_blank(s[n - 1]))
		return fault(ret, "the value holds a ; or #, which begins a comment",
			"put the value in quotes, or a blank before the comment");
	s[n] = '\0';
	while (n && gk_is_blank(s[n - 1]))
		s[--n] = '\0';
	if (!n)
		return fault(ret, "the key has no value",
			"write one, \"\" for an empty list, "
			"or remove the line for the default");
	ret->kind = GK_LINE_SETTING;
	ret->value = s;
	return 0;
}

/* Even at the end of a comment behind a value iniparser takes it as "goes on in the next line". */
static bool ends_in_backslash(const char *s)
{
	size_t n = strlen(s);
	while (n && gk_is_blank(s[n - 1]))
		n--;
	return n && s[n - 1] == '\\';
}

static int scan_setting(char *s, struct gk_line *ret)
{
	size_t n = 0;
	if (ends_in_backslash(s))
		return fault(ret, "the line ends in a backslash",
			"remove it, and write the setting on one line");
	while (gk_is_alnum(s[n]) || s[n] == '_' || s[n] == '-')
		n++;
	char *equals = s + n + strspn(s + n, " \t");
	if (n == 0 || *equals != '=')
		return fault(ret, "the line is neither [section] nor key = value nor a comment",
			"put ; before it if it is a comment");
	s[n] = '\0';
	ret->name = s;
	char *value = equals + 1 + strspn(equals + 1, " \t");
	return *value == '"' || *value == '\'' ? scan_quoted(value, ret) : scan_plain(value, ret);
}

int gk_scan_line(const char *s, size_t n, struct gk_arena *arena, struct gk_line *ret)
{
	*ret = (struct gk_line){ .kind = GK_LINE_EMPTY };
	if (bytes_fault(s, n, ret))
		return 0;
	char *copy = gk_arena_strndup(arena, s, n);
	if (!copy)
		return -ENOMEM;
	copy += strspn(copy, " \t");
	if (!*copy || *copy == ';' || *copy == '#')
		return 0;
	return *copy == '[' ? scan_section(copy, ret) : scan_setting(copy, ret);
}
