/* What Debian's iniparser, built for glibc, takes from there and musl does not have, so that the
 * real one can be linked with musl. ASCII only, as in the C locale. */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

/* Bits of glibc's table, on a little-endian machine. */
enum {
	UPPER = 1 << 8,
	LOWER = 1 << 9,
	ALPHA = 1 << 10,
	DIGIT = 1 << 11,
	XDIGIT = 1 << 12,
	SPACE = 1 << 13,
	PRINT = 1 << 14,
	GRAPH = 1 << 15,
	BLANK = 1 << 0,
	CNTRL = 1 << 1,
	PUNCT = 1 << 2,
	ALNUM = 1 << 3
};

const unsigned short **__ctype_b_loc(void);
const unsigned short **__ctype_b_loc(void)
{
	static unsigned short table[384];
	static const unsigned short *at;
	if (at)
		return &at;
	for (int c = 0; c < 128; c++) {
		unsigned bits = (isupper(c) ? UPPER : 0) | (islower(c) ? LOWER : 0) |
			(isalpha(c) ? ALPHA : 0) | (isdigit(c) ? DIGIT : 0) |
			(isxdigit(c) ? XDIGIT : 0) | (isspace(c) ? SPACE : 0) |
			(isprint(c) ? PRINT : 0) | (isgraph(c) ? GRAPH : 0) |
			(isblank(c) ? BLANK : 0) | (iscntrl(c) ? CNTRL : 0) |
			(ispunct(c) ? PUNCT : 0) | (isalnum(c) ? ALNUM : 0);
		table[128 + c] = (unsigned short)bits;
	}
	at = table + 128;
	return &at;
}

const int32_t **__ctype_tolower_loc(void);
const int32_t **__ctype_tolower_loc(void)
{
	static int32_t table[384];
	static const int32_t *at;
	for (int c = -128; !at && c < 256; c++)
		table[128 + c] = c >= 0 && c < 128 ? tolower(c) : c;
	at = table + 128;
	return &at;
}

int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap);
int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	return vfprintf(f, fmt, ap);
}

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);
int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = __vfprintf_chk(f, flag, fmt, ap);
	va_end(ap);
	return n;
}

int __sprintf_chk(char *s, int flag, size_t size, const char *fmt, ...);
int __sprintf_chk(char *s, int flag, size_t size, const char *fmt, ...)
{
	va_list ap;
	(void)flag;
	va_start(ap, fmt);
	int n = vsnprintf(s, size, fmt, ap);
	va_end(ap);
	return n;
}
