/* Small tools for text that src/plan shares: bounded, no locale, no system call. */
#ifndef GK_PLAN_TEXT_H
#define GK_PLAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* Text that grows in an arena. After a failed allocation `failed` stays set and nothing is added.
 */
struct gk_buf {
	struct gk_arena *arena;
	char *data; /* NUL-ended once something was added */
	size_t len, cap;
	bool failed;
};

void gk_buf_add(struct gk_buf *buf, const char *s, size_t n);
void gk_buf_puts(struct gk_buf *buf, const char *s);
void gk_buf_printf(struct gk_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The text, "" for an empty buffer; NULL when an allocation failed. */
const char *gk_buf_text(struct gk_buf *buf);

/* Makes room for one more of *cap objects, n of which are used. Returns the array, perhaps moved,
 * or NULL when memory is exhausted. */
void *gk_grow(struct gk_arena *arena, void *array, size_t n, size_t *cap, size_t size);

/* Blank, digit, letter as ASCII has them, whatever the locale. */
static inline bool gk_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool gk_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool gk_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool gk_is_alnum(char c)
{
	return gk_is_digit(c) || gk_is_alpha(c);
}

/* A byte that would move a terminal's cursor, end a line or hide text. */
static inline bool gk_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

bool gk_has_control(const char *s);
bool gk_starts_with(const char *s, const char *prefix);

/* Whether the n bytes at s are UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool gk_is_utf8(const char *s, size_t n);

/* The first n bytes of s for a message: in double quotes, at most about 60 of them, with every
 * byte that is not printable ASCII as \xNN. NULL when memory is exhausted. */
const char *gk_shown(struct gk_arena *arena, const char *s, size_t n);

/* An absolute path without ".", "..", "//" or a slash at its end; "//" and the slash are taken
 * away, the rest is refused. Returns NULL when path is not so or memory is exhausted, with *ret_why
 * set to the reason ("is not absolute", …). */
const char *gk_path_clean(struct gk_arena *arena, const char *path, const char **ret_why);

/* Whether path is dir or lies below it. Both clean. */
bool gk_path_within(const char *path, const char *dir);

/* s with every occurrence of `what` replaced. NULL when memory is exhausted. */
const char *gk_replace(struct gk_arena *arena, const char *s, const char *what, const char *with);

/* Splits s at blanks into items. Part of an item between single or between double quotes is
 * taken as it stands, blanks included, without the quotes. Returns a NULL-ended array; NULL with
 * *ret_why set when a quote is left open, an item is empty, there are more than max items, or
 * memory is exhausted. */
const char *const *gk_split(
	struct gk_arena *arena, const char *s, size_t max, const char **ret_why);

#endif
