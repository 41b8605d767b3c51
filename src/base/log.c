#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *log_ident = "gocker";
static int log_fd = -1;

enum { LINE_BYTES = 1024, SEND_WAIT_MS = 50 };

static void log_connect(void)
{
	log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_fd < 0)
		return;
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	if (connect(log_fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
		(void)close(log_fd);
		log_fd = -1;
	}
}

void gk_log_open(const char *ident)
{
	log_ident = ident;
	if (log_fd < 0)
		log_connect();
}

int gk_log_fd(void)
{
	return log_fd;
}

void gk_log_forget(void)
{
	log_fd = -1;
}

static bool log_send(const char *line, size_t len)
{
	if (send(log_fd, line, len, MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EAGAIN && errno != ENOBUFS)
		return false;
	struct pollfd p = { .fd = log_fd, .events = POLLOUT };
	return poll(&p, 1, SEND_WAIT_MS) == 1 && send(log_fd, line, len, MSG_NOSIGNAL) >= 0;
}

void gk_log(int priority, const char *fmt, ...)
{
	if (log_fd < 0)
		return;
	char line[LINE_BYTES];
	int head = snprintf(line, sizeof line, "<%d>%s[%d]: ", LOG_AUTHPRIV | priority, log_ident,
		(int)getpid());
	if (head < 0 || (size_t)head >= sizeof line)
		return;
	va_list ap;
	va_start(ap, fmt);
	int body = vsnprintf(line + head, sizeof line - (size_t)head, fmt, ap);
	va_end(ap);
	if (body < 0)
		return;
	size_t len = (size_t)head + (size_t)body;
	(void)log_send(line, len < sizeof line ? len : sizeof line - 1);
}

/* Signs that a terminal does not show but obeys: other directions of writing, which put what
 * follows before what it follows (Unicode, annex 9), and ends of lines and paragraphs. n: the
 * length of the sequence. */
static bool is_sign(const unsigned char *s, size_t n)
{
	if (n == 2)
		return s[0] == 0xd8 && s[1] == 0x9c; /* U+061C */
	if (n != 3 || s[0] != 0xe2)
		return false;
	unsigned c = 0x2000 + (s[1] & 0x3fU) * 64 + (s[2] & 0x3fU);
	return c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069);
}

size_t gk_utf8_sequence(const unsigned char *s)
{
	size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 :
		(s[0] & 0xf0) == 0xe0           ? 3 :
		s[0] >= 0xf0 && s[0] <= 0xf4    ? 4 :
						  0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* U+0080 to U+009F are control characters to a terminal; overlong and surrogate forms. */
	if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0)
		return 0;
	if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
		return 0;
	if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return is_sign(s, n) ? 0 : n;
}

const char *gk_escape(char *buf, size_t size, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)(text ? text : "-");
	size_t at = 0;
	while (*s) {
		size_t n = *s >= 0x20 && *s < 0x7f && *s != '"' && *s != '\\' ? 1 :
										gk_utf8_sequence(s);
		if (n && at + n < size) {
			memcpy(buf + at, s, n);
			at += n;
			s += n;
		} else if (!n && at + 4 < size) {
			buf[at++] = '\\';
			buf[at++] = 'x';
			buf[at++] = hex[*s >> 4];
			buf[at++] = hex[*s & 15];
			s++;
		} else {
			break;
		}
	}
	if (size)
		buf[at] = '\0';
	return buf;
}
