/* The log: lines of key=value to syslog's authpriv facility, never blocking a login. */
#ifndef GK_BASE_LOG_H
#define GK_BASE_LOG_H

#include <stddef.h>
#include <syslog.h>

/* Connects to /dev/log under the given name (not copied). A missing or dead syslog is no error:
 * lines are then dropped. The socket is non-blocking, so that a stuck daemon can't hold a login
 * up, as syslog(3) lets it. */
void gk_log_open(const char *ident);

/* Sends one line of at most 1,024 bytes. priority is LOG_INFO, LOG_ERR, … (syslog(3)). */
void gk_log(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The length of the UTF-8 sequence at s, or 0 when there is none of two bytes or more, or one that
 * a terminal obeys and does not show: a control character, a sign for another direction of writing.
 */
size_t gk_utf8_sequence(const unsigned char *s);

/* Copies s into buf (size bytes, NUL-ended, cut where needed) with control characters, quotes,
 * backslashes and bytes that are no UTF-8 as \xNN, so that it can't break a line, a field or a
 * terminal. Returns buf. NULL gives "-". */
const char *gk_escape(char *buf, size_t size, const char *s);

/* The socket's fd, or -1: whoever closes all fds may want to keep it. */
int gk_log_fd(void);

/* Forgets the socket without closing it: after a fork that closed every fd. */
void gk_log_forget(void);

#endif
