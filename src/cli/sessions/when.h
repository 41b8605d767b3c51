/* Times: what --since and --until take, and what stands in a line of a log. */
#ifndef GK_CLI_SESSIONS_WHEN_H
#define GK_CLI_SESSIONS_WHEN_H

#include <time.h>

/* Reads a time as journalctl and docker take it: "2026-11-28", "2026-11-28 22:05[:30]" (also with a
 * T between, and Z for UTC; local time without), "@SECONDS" since the epoch, "now", "today",
 * "yesterday", or a span before now such as 30s, 10m, 2h, 3d. Returns 0 or -EINVAL. */
int gk_when_parse(const char *text, time_t now, time_t *ret);

/* Reads the time of a syslog line: RFC 3339, or RFC 3164 ("Nov  3 22:01:38"), which has no year:
 * the latest such time that is not after tomorrow, in local time. Returns 0 or -EINVAL. */
int gk_when_of_line(const char *text, time_t now, time_t *ret);

#endif
