#include "cli/sessions/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_S = 86400 };

/* "30s" and the like, before now. */
static bool read_span(const char *text, time_t now, time_t *ret)
{
	static const char letters[] = "smhd";
	static const long factors[] = { 1, 60, 3600, DAY_S };
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	const char *unit = *end ? strchr(letters, *end) : NULL;
	if (errno || !unit || end[1] || n > 100UL * 366 * DAY_S)
		return false;
	*ret = now - (time_t)n * factors[unit - letters];
	return true;
}

static bool read_date(const char *text, time_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
		"%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		if (!end || (*end && strcmp(end, "Z") != 0))
			continue;
		*ret = *end ? timegm(&tm) : mktime(&tm);
		return *ret != (time_t)-1;
	}
	return false;
}

static time_t midnight(time_t t)
{
	struct tm tm;
	if (!localtime_r(&t, &tm))
		return t;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

int gk_when_parse(const char *text, time_t now, time_t *ret)
{
	char *end;
	if (strcmp(text, "now") == 0)
		*ret = now;
	else if (strcmp(text, "today") == 0)
		*ret = midnight(now);
	else if (strcmp(text, "yesterday") == 0)
		*ret = midnight(midnight(now) - DAY_S / 2);
	else if (text[0] == '@' && text[1] >= '0' && text[1] <= '9') {
		*ret = (time_t)strtoll(text + 1, &end, 10);
		return *end ? -EINVAL : 0;
	} else if (!read_span(text, now, ret) && !read_date(text, ret))
		return -EINVAL;
	return 0;
}

/* "2026-11-03T22:01:38.123456+01:00" */
static bool read_rfc3339(const char *text, time_t *ret)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p)
		return false;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	*ret = timegm(&tm);
	if (*p == '+' || *p == '-') {
		long hours = strtol(p + 1, NULL, 10);
		long minutes = strlen(p) >= 6 ? strtol(p + 4, NULL, 10) : 0;
		*ret -= (*p == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	}
	return true;
}

int gk_when_of_line(const char *text, time_t now, time_t *ret)
{
	struct tm tm, today;
	if (read_rfc3339(text, ret))
		return 0;
	for (int back = 0; back < 2 && localtime_r(&now, &today); back++) {
		tm = (struct tm){ .tm_year = today.tm_year - back, .tm_isdst = -1 };
		if (!strptime(text, "%b %d %H:%M:%S", &tm))
			return -EINVAL;
		*ret = mktime(&tm);
		if (*ret != (time_t)-1 && *ret <= now + DAY_S)
			return 0;
	}
	return -EINVAL;
}
