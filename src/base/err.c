#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int record(struct gk_err *err, int code, const char *suffix, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static int record(struct gk_err *err, int code, const char *suffix, const char *fmt, va_list ap)
{
	if (!err || err->code != 0)
		return code;
	err->code = code;
	int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	if (suffix && n >= 0 && (size_t)n < sizeof err->msg)
		snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %s", suffix);
	return code;
}

int(gk_fail)(struct gk_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	record(err, code, NULL, fmt, ap);
	va_end(ap);
	return code;
}

int(gk_fail_errno)(struct gk_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
#ifdef __GLIBC__
	/* Unlike strerror it never loads a message catalogue. */
	const char *text = strerrordesc_np(-code);
#else
	const char *text = strerror(-code);
#endif
	record(err, code, text ? text : "unknown error", fmt, ap);
	va_end(ap);
	return code;
}

void gk_err_context(struct gk_err *err, const char *fmt, ...)
{
	if (!err || err->code == 0)
		return;
	char old[sizeof err->msg];
	memcpy(old, err->msg, sizeof old);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof err->msg)
		snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %s", old);
}

void gk_err_detail(struct gk_err *err, const char *fmt, ...)
{
	if (!err || err->detail[0])
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->detail, sizeof err->detail, fmt, ap);
	va_end(ap);
}

void gk_err_clear(struct gk_err *err)
{
	memset(err, 0, sizeof *err);
}
