/* gocker's own lines in a host's log: key=value, values with blanks in double quotes, escaped. */
#ifndef GK_CLI_SESSIONS_LOGLINE_H
#define GK_CLI_SESSIONS_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a message (what follows "name[pid]: ") of a program of that name is one of gocker's. */
bool gk_logline_is_ours(const char *program, const char *message);

/* The part of a message that is pam_gocker's. The module logs in the name of the daemon that has
 * loaded it, and pam_syslog(3) puts "pam_gocker(SERVICE:TYPE): " first. NULL for any other message,
 * and for a refusal that the keeper has told the log already. */
const char *gk_logline_of_module(const char *message);

/* Makes a question mark of each byte that a terminal would obey. A log's file has lines that
 * anybody may have written (logger(1)), and not every log daemon cleans them. */
void gk_logline_clean(char *line);

/* Parses a line of a syslog file in place (its end is cut off): with the traditional time or one of
 * RFC 3339, with or without a host name. Only the name of the program that stands where syslog puts
 * it is believed, not one that another program's message quotes. Copies the time to ret_time ("-"
 * without one) and returns the message, or NULL for a line that is not gocker's. */
const char *gk_logline_parse(char *line, char *ret_time, size_t size);

struct gk_logfield {
	const char *key, *value; /* not NUL-ended; key NULL: no field here */
	size_t key_len, len;
};

/* Reads the next field at p and returns where to go on; the text ends at *p == '\0'. */
const char *gk_logline_next(const char *p, struct gk_logfield *ret);

bool gk_logfield_is(const struct gk_logfield *field, const char *key);

/* The value of key, copied; NULL when there is none. */
const char *gk_logline_get(const char *message, const char *key, char *buf, size_t size);

#endif
