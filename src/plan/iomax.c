#include "plan/iomax.h"

#include <string.h>

#include "plan/keys.h"
#include "plan/list.h"
#include "plan/text.h"
#include "plan/value.h"

const char *const gk_io_names[GK_IO_KINDS] = { [GK_IO_RBPS] = "rbps",
	[GK_IO_WBPS] = "wbps",
	[GK_IO_RIOPS] = "riops",
	[GK_IO_WIOPS] = "wiops" };

/* Below the first there is no work to be done. */
#define LEAST_BYTES (64ull << 10)
#define MOST_BYTES  (1ull << 50)
#define MOST_OPS    UINT32_MAX

static bool is_bytes(enum gk_io_kind kind)
{
	return kind == GK_IO_RBPS || kind == GK_IO_WBPS;
}

/* NAME=VALUE, the n bytes at s. */
static bool read_one(const char *s, size_t n, struct gk_arena *arena, struct gk_io_limit *limit,
	const char **ret_why)
{
	for (int kind = 0; kind < GK_IO_KINDS; kind++) {
		size_t len = strlen(gk_io_names[kind]);
		uint64_t *most = &limit->most[kind];
		if (n <= len || strncmp(s, gk_io_names[kind], len) != 0 || s[len] != '=')
			continue;
		const char *value = gk_arena_strndup(arena, s + len + 1, n - len - 1), *why = NULL;
		*ret_why = "does not fit into memory";
		if (!value)
			return false;
		*ret_why = "has a limit twice";
		if (*most != GK_UNLIMITED)
			return false;
		bool ok = is_bytes((enum gk_io_kind)kind) ?
			gk_value_size(value, LEAST_BYTES, MOST_BYTES, most, &why) :
			gk_value_count(value, 1, MOST_OPS, most, &why);
		*ret_why = ok ?
			NULL :
			gk_arena_printf(arena, "has a value of %s that %s", gk_io_names[kind], why);
		return ok;
	}
	*ret_why = "has a limit other than rbps, wbps, riops and wiops";
	return false;
}

static bool read_target(
	const char *s, size_t n, struct gk_arena *arena, const char **ret, const char **ret_why)
{
	const char *text = gk_arena_strndup(arena, s, n), *why = NULL;
	*ret_why = "does not fit into memory";
	if (!text)
		return false;
	*ret = text;
	if (strcmp(text, "home") == 0 || strcmp(text, "root") == 0)
		return true;
	*ret = gk_path_clean(arena, text, &why);
	*ret_why = "has a target that is not home, root or a path below /dev";
	return *ret && gk_starts_with(*ret, "/dev/");
}

static bool read_item(
	const char *s, struct gk_arena *arena, struct gk_io_limit *ret, const char **ret_why)
{
	const char *colon = strchr(s, ':');
	*ret_why = "has an item without a colon";
	if (!colon || !read_target(s, (size_t)(colon - s), arena, &ret->target, ret_why))
		return false;
	for (int kind = 0; kind < GK_IO_KINDS; kind++)
		ret->most[kind] = GK_UNLIMITED;
	for (const char *at = colon; *at;) {
		size_t n = strcspn(++at, ",");
		if (!read_one(at, n, arena, ret, ret_why))
			return false;
		at += n;
	}
	return true;
}

bool gk_io_max_read(const char *s, struct gk_arena *arena, const struct gk_io_limit **ret,
	size_t *ret_n, const char **ret_why)
{
	const char *const *words = gk_split(arena, s, GK_LIST_MAX, ret_why);
	size_t n = 0;
	while (words && words[n])
		n++;
	struct gk_io_limit *list = words ? gk_arena_array(arena, n, sizeof *list) : NULL;
	if (!list) {
		if (words)
			*ret_why = "does not fit into memory";
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!read_item(words[i], arena, &list[i], ret_why))
			return false;
		*ret_why = "has a target twice";
		for (size_t k = 0; k < i; k++)
			if (strcmp(list[k].target, list[i].target) == 0)
				return false;
	}
	*ret = list;
	*ret_n = n;
	return true;
}

const char *gk_io_max_text(const struct gk_io_limit *list, size_t n, struct gk_arena *arena)
{
	const char *text = NULL;
	for (size_t i = 0; i < n; i++) {
		struct gk_buf item = { .arena = arena };
		gk_buf_puts(&item, list[i].target);
		const char *mark = ":";
		for (int kind = 0; kind < GK_IO_KINDS; kind++) {
			if (list[i].most[kind] == GK_UNLIMITED)
				continue;
			gk_buf_printf(&item, "%s%s=%llu", mark, gk_io_names[kind],
				(unsigned long long)list[i].most[kind]);
			mark = ",";
		}
		const char *one = gk_buf_text(&item);
		text = one ? gk_list_add(text, one, arena) : NULL;
		if (!text)
			return NULL;
	}
	return text ? text : "";
}
