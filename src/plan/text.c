#include "plan/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool buf_reserve(struct gk_buf *buf, size_t more)
{
	if (buf->failed || more > GK_ARENA_MAX || buf->len > GK_ARENA_MAX) {
		buf->failed = true;
		return false;
	}
	size_t need = buf->len + more + 1;
	if (need <= buf->cap)
		return true;
	size_t cap = buf->cap ? buf->cap : 128;
	while (cap < need)
		cap *= 2;
	char *data = gk_arena_alloc(buf->arena, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	if (buf->len)
		memcpy(data, buf->data, buf->len);
	buf->data = data;
	buf->cap = cap;
	return true;
}

void gk_buf_add(struct gk_buf *buf, const char *s, size_t n)
{
	if (!buf_reserve(buf, n))
		return;
	if (n)
		memcpy(buf->data + buf->len, s, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
}

void gk_buf_puts(struct gk_buf *buf, const char *s)
{
	gk_buf_add(buf, s, strlen(s));
}

void gk_buf_printf(struct gk_buf *buf, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		buf->failed = true;
	else if (buf_reserve(buf, (size_t)n)) {
		vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
		buf->len += (size_t)n;
	}
	va_end(again);
}

const char *gk_buf_text(struct gk_buf *buf)
{
	if (buf->failed)
		return NULL;
	return buf->data ? buf->data : "";
}

void *gk_grow(struct gk_arena *arena, void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	size_t want = *cap ? *cap * 2 : 16;
	void *grown = gk_arena_array(arena, want, size);
	if (!grown)
		return NULL;
	if (n)
		memcpy(grown, array, n * size);
	*cap = want;
	return grown;
}

bool gk_has_control(const char *s)
{
	for (; *s; s++)
		if (gk_is_control(*s))
			return true;
	return false;
}

bool gk_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The length of the UTF-8 sequence at s, of which n bytes are left; 0 when it is none. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
	if (s[0] < 0x80)
		return 1;
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

bool gk_is_utf8(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	while (n) {
		size_t len = utf8_sequence(p, n);
		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

const char *gk_shown(struct gk_arena *arena, const char *s, size_t n)
{
	enum { MOST = 60 };
	struct gk_buf buf = { .arena = arena };
	gk_buf_puts(&buf, "\"");
	for (size_t i = 0; i < n && i < MOST; i++) {
		if (gk_is_control(s[i]) || (unsigned char)s[i] >= 0x80)
			gk_buf_printf(&buf, "\\x%02x", (unsigned)(unsigned char)s[i]);
		else
			gk_buf_add(&buf, &s[i], 1);
	}
	gk_buf_puts(&buf, n > MOST ? "...\"" : "\"");
	return gk_buf_text(&buf);
}

/* Why a path component of len bytes can't stand, or NULL. */
static const char *component_fault(const char *s, size_t len)
{
	if (len > 255)
		return "has a component of more than 255 bytes";
	if ((len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.'))
		return "contains \".\" or \"..\"";
	return NULL;
}

const char *gk_path_clean(struct gk_arena *arena, const char *path, const char **ret_why)
{
	*ret_why = "does not fit into memory";
	if (path[0] != '/') {
		*ret_why = "is not absolute (does not begin with a slash)";
		return NULL;
	}
	if (gk_has_control(path)) {
		*ret_why = "contains a control character";
		return NULL;
	}
	if (strlen(path) > 4095) {
		*ret_why = "is longer than 4095 bytes";
		return NULL;
	}
	struct gk_buf buf = { .arena = arena };
	for (const char *s = path; *s;) {
		s += strspn(s, "/");
		size_t len = strcspn(s, "/");
		if (!len)
			break;
		const char *why = component_fault(s, len);
		if (why) {
			*ret_why = why;
			return NULL;
		}
		gk_buf_puts(&buf, "/");
		gk_buf_add(&buf, s, len);
		s += len;
	}
	const char *clean = gk_buf_text(&buf);
	return clean && !*clean ? "/" : clean;
}

bool gk_path_within(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	if (len == 1)
		return true; /* "/" */
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

const char *gk_replace(struct gk_arena *arena, const char *s, const char *what, const char *with)
{
	struct gk_buf buf = { .arena = arena };
	for (const char *hit; (hit = strstr(s, what)); s = hit + strlen(what)) {
		gk_buf_add(&buf, s, (size_t)(hit - s));
		gk_buf_puts(&buf, with);
	}
	gk_buf_puts(&buf, s);
	return gk_buf_text(&buf);
}

/* Reads one item at *s into a new string and moves *s behind it. */
static const char *split_item(struct gk_arena *arena, const char **s, const char **ret_why)
{
	struct gk_buf buf = { .arena = arena };
	const char *p = *s;
	while (*p && !gk_is_blank(*p)) {
		if (*p != '"' && *p != '\'') {
			gk_buf_add(&buf, p++, 1);
			continue;
		}
		const char *end = strchr(p + 1, *p);
		if (!end) {
			*ret_why = "has a quote without its partner";
			return NULL;
		}
		gk_buf_add(&buf, p + 1, (size_t)(end - p - 1));
		p = end + 1;
	}
	*s = p;
	return gk_buf_text(&buf);
}

const char *const *gk_split(struct gk_arena *arena, const char *s, size_t max, const char **ret_why)
{
	*ret_why = "does not fit into memory";
	const char **items = NULL;
	size_t n = 0, cap = 0;
	for (;;) {
		items = gk_grow(arena, items, n, &cap, sizeof *items);
		if (!items)
			return NULL;
		s += strspn(s, " \t");
		if (!*s)
			return items;
		if (n == max) {
			*ret_why = "has too many items";
			return NULL;
		}
		items[n] = split_item(arena, &s, ret_why);
		if (!items[n])
			return NULL;
		if (!*items[n++]) {
			*ret_why = "has an empty item";
			return NULL;
		}
	}
}
