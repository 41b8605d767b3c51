#include "cli/sessions/logline.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "plan/text.h"
#include "run/build/session.h"

static bool is_event(const char *message)
{
	return strncmp(message, "event=", 6) == 0;
}

const char *gk_logline_of_module(const char *message)
{
	static const char name[] = "pam_gocker(", trial[] = "pam_gocker(" GK_TRIAL_SERVICE ":";
	if (strncmp(message, name, sizeof name - 1) != 0)
		return NULL;
	/* Nobody's login: one that `gocker enable` or `gocker doctor` tried. */
	if (strncmp(message, trial, sizeof trial - 1) == 0)
		return NULL;
	const char *end = strstr(message, "): ");
	if (!end || !is_event(end + 3))
		return NULL;
	/* What the keeper refused it has told the log itself. */
	return strstr(end, " reason=\"refused: ") ? NULL : end + 3;
}

/* "name[123]:", "name:" or "name", with one of gocker's names. */
static bool is_our_tag(const char *tag, size_t len)
{
	static const char *const names[] = { "gocker", "gocker-shell", "gocker-keeper",
		"gocker-scope" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);
		if (len >= n && strncmp(tag, names[i], n) == 0 &&
			(len == n || tag[n] == '[' || tag[n] == ':'))
			return true;
	}
	return false;
}

bool gk_logline_is_ours(const char *program, const char *message)
{
	return is_our_tag(program, strlen(program)) && is_event(message);
}

/* The length of the time at the line's beginning, 0 without one: "Nov  3 22:01:38" (RFC 3164) or a
 * word that begins as "2026-11-03T" does. */
static size_t time_length(const char *line)
{
	if (strlen(line) > 16 && gk_is_alpha(line[0]) && line[3] == ' ' && line[6] == ' ' &&
		line[9] == ':' && line[12] == ':')
		return 15;
	return gk_is_digit(line[0]) && strlen(line) > 11 && line[10] == 'T' ? strcspn(line, " ") :
									      0;
}

void gk_logline_clean(char *line)
{
	unsigned char *s = (unsigned char *)line;
	while (*s) {
		size_t n = (*s >= 0x20 && *s < 0x7f) || *s == '\n' ? 1 : gk_utf8_sequence(s);
		if (n == 0)
			*s = '?';
		s += n ? n : 1;
	}
}

const char *gk_logline_parse(char *line, char *ret_time, size_t size)
{
	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '<')
		line += strcspn(line, ">") + (strchr(line, '>') ? 1 : 0);
	size_t n = time_length(line);
	snprintf(ret_time, size, "%.*s", n ? (int)n : 1, n ? line : "-");
	line += n + strspn(line + n, " ");
	size_t word = strcspn(line, " ");
	/* A host name stands before the program's only where a time does. */
	if (n && word && line[word - 1] != ':') {
		line += word + strspn(line + word, " ");
		word = strcspn(line, " ");
	}
	if (!word || line[word - 1] != ':')
		return NULL;
	const char *message = line + word + strspn(line + word, " ");
	if (is_our_tag(line, word) && is_event(message))
		return message;
	return gk_logline_of_module(message);
}

const char *gk_logline_next(const char *p, struct gk_logfield *ret)
{
	*ret = (struct gk_logfield){ 0 };
	p += strspn(p, " ");
	size_t key = strcspn(p, "= ");
	if (p[key] != '=' || key == 0)
		return p + key;
	const char *value = p + key + 1;
	bool quoted = *value == '"';
	value += quoted;
	size_t len = strcspn(value, quoted ? "\"" : " ");
	*ret = (struct gk_logfield){ p, value, key, len };
	return value + len + (quoted && value[len] == '"');
}

bool gk_logfield_is(const struct gk_logfield *field, const char *key)
{
	return field->key && field->key_len == strlen(key) &&
		strncmp(field->key, key, field->key_len) == 0;
}

const char *gk_logline_get(const char *message, const char *key, char *buf, size_t size)
{
	while (*message) {
		struct gk_logfield field;
		message = gk_logline_next(message, &field);
		if (!gk_logfield_is(&field, key))
			continue;
		snprintf(buf, size, "%.*s", (int)field.len, field.value);
		return buf;
	}
	return NULL;
}
