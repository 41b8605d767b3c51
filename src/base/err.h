/* Errors: a caller-owned buffer that the first failure fills and callers add context to. */
#ifndef GK_BASE_ERR_H
#define GK_BASE_ERR_H

#include <stdbool.h>

/* Exit codes of every gocker program, as env(1), chroot(1) and the container tools use them. */
enum {
	GK_EXIT_GOCKER = 125,     /* gocker itself failed: nothing ran */
	GK_EXIT_CANNOT_RUN = 126, /* the command was found but can't be run */
	GK_EXIT_NOT_FOUND = 127,  /* the command was not found */
};

/* One error. `msg` is the plain line for the user; `detail` goes to the log only. */
struct gk_err {
	int code; /* -errno of the first failure, 0 when none */
	char msg[512];
	char detail[512];
};

#define GK_ERR_INIT ((struct gk_err){ 0 })

/* Records the first failure: code is a negative errno, fmt the line for the user. A second call
 * keeps the first message. Returns code, so that `return gk_fail(err, -EINVAL, …)` reads well. */
int gk_fail(struct gk_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As gk_fail, and appends ": " and the text of the errno that code negates. */
int gk_fail_errno(struct gk_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What clang's analyzer can't see from here: neither returns 0 or more. */
#ifdef __clang_analyzer__
static inline int gk_negative(int code)
{
	if (code >= 0)
		__builtin_unreachable();
	return code;
}
#define gk_fail(...)       gk_negative(gk_fail(__VA_ARGS__))
#define gk_fail_errno(...) gk_negative(gk_fail_errno(__VA_ARGS__))
#endif

/* Puts "fmt: " before the message recorded. Does nothing when there is none. */
void gk_err_context(struct gk_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets the part that only the log gets, if none was set. */
void gk_err_detail(struct gk_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets what was recorded. */
void gk_err_clear(struct gk_err *err);

#endif
