#include "plan/list.h"

#include <string.h>

#include "plan/env.h"
#include "plan/keys.h"
#include "plan/text.h"
#include "plan/value.h"

bool gk_list_env_pass(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why)
{
	const char *const *words = gk_split(arena, s, GK_LIST_MAX, ret_why);
	if (!words)
		return false;
	for (const char *const *w = words; *w; w++) {
		size_t n = strlen(*w);
		bool star = (*w)[n - 1] == '*';
		if (!(star && n == 1) && !gk_value_env_name_ok(*w, n - star)) {
			*ret_why = "has an item that is not a variable's name";
			return false;
		}
	}
	*ret = words;
	return true;
}

/* Whether an earlier one of the words sets the same name (n bytes of *word). */
static bool set_before(const char *const *words, const char *const *word, size_t n)
{
	for (; words < word; words++)
		if (strncmp(*words, *word, n + 1) == 0)
			return true;
	return false;
}

bool gk_list_env_set(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why)
{
	const char *const *words = gk_split(arena, s, GK_LIST_MAX, ret_why);
	if (!words)
		return false;
	for (const char *const *w = words; *w; w++) {
		size_t n = strcspn(*w, "=");
		if (!(*w)[n] || !gk_value_env_name_ok(*w, n))
			*ret_why = "has an item that is not NAME=value";
		else if (gk_env_never(*w, n))
			*ret_why = "sets a variable that steers the dynamic loader or the shell";
		else if (set_before(words, w, n))
			*ret_why = "sets a variable twice";
		else
			continue;
		return false;
	}
	*ret = words;
	return true;
}

/* SOURCE:TARGET with at most one word after the target, which is `option`. */
static bool read_item(const char *s, bool file, struct gk_arena *arena, struct gk_volume *ret,
	const char **ret_why)
{
	const char *colon = strchr(s, ':'), *option = file ? ":rw" : ":ro";
	if (!colon && !file) {
		*ret_why = "has an item without a colon";
		return false;
	}
	const char *target = colon ? colon + 1 : s, *end = colon ? strchr(target, ':') : NULL;
	if (end && strcmp(end, option) != 0) {
		*ret_why = file ? "has an item with something other than :rw after the target" :
				  "has an item with something other than :ro after the target";
		return false;
	}
	const char *from = gk_arena_strndup(arena, s, colon ? (size_t)(colon - s) : strlen(s));
	const char *to =
		gk_arena_strndup(arena, target, end ? (size_t)(end - target) : strlen(target));
	*ret_why = "does not fit into memory";
	if (!from || !to)
		return false;
	const char *why = NULL;
	ret->source = gk_path_clean(arena, from, &why);
	ret->target = ret->source ? gk_path_clean(arena, to, &why) : NULL;
	ret->readonly = file ? !end : end != NULL;
	ret->file = file;
	if (!ret->target)
		*ret_why = gk_arena_printf(arena, "has a path that %s", why);
	return ret->target && *ret_why;
}

static bool read_items(const char *s, bool file, struct gk_arena *arena,
	const struct gk_volume **ret, size_t *ret_n, const char **ret_why)
{
	const char *const *words = gk_split(arena, s, GK_LIST_MAX, ret_why);
	if (!words)
		return false;
	size_t n = 0;
	while (words[n])
		n++;
	struct gk_volume *items = gk_arena_array(arena, n, sizeof *items);
	*ret_why = "does not fit into memory";
	if (!items)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!read_item(words[i], file, arena, &items[i], ret_why))
			return false;
	*ret = items;
	*ret_n = n;
	return true;
}

bool gk_list_volumes(const char *s, struct gk_arena *arena, const struct gk_volume **ret,
	size_t *ret_n, const char **ret_why)
{
	return read_items(s, false, arena, ret, ret_n, ret_why);
}

bool gk_list_files(const char *s, struct gk_arena *arena, const struct gk_volume **ret,
	size_t *ret_n, const char **ret_why)
{
	return read_items(s, true, arena, ret, ret_n, ret_why);
}

bool gk_list_devices(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why)
{
	const char *const *words = gk_split(arena, s, GK_LIST_MAX, ret_why);
	size_t n = 0;
	while (words && words[n])
		n++;
	const char **list = words ? gk_arena_array(arena, n + 1, sizeof *list) : NULL;
	if (!list) {
		if (words)
			*ret_why = "does not fit into memory";
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char *why = NULL;
		list[i] = gk_path_clean(arena, words[i], &why);
		if (!list[i])
			*ret_why = gk_arena_printf(arena, "has a path that %s", why);
		else if (!gk_starts_with(list[i], "/dev/"))
			*ret_why = "has a path that is not below /dev";
		else
			continue;
		return false;
	}
	*ret = list;
	return true;
}

/* N or N-M. */
static bool read_range(const char *s, uint64_t min, struct gk_arena *arena,
	struct gk_port_range *ret, const char **ret_why)
{
	const char *dash = strchr(s, '-'), *why = NULL;
	const char *from = dash ? gk_arena_strndup(arena, s, (size_t)(dash - s)) : s;
	uint64_t first = 0, last = 0;
	*ret_why = "does not fit into memory";
	if (!from)
		return false;
	if (!gk_value_count(from, min, UINT16_MAX, &first, &why) ||
		!gk_value_count(dash ? dash + 1 : s, min, UINT16_MAX, &last, &why)) {
		*ret_why = gk_arena_printf(
			arena, "has an item that is not a port from %u to 65535", (unsigned)min);
		return false;
	}
	if (first > last) {
		*ret_why = "has a range that ends before it begins";
		return false;
	}
	*ret = (struct gk_port_range){ (uint16_t)first, (uint16_t)last };
	return true;
}

/* Puts one more range among n sorted ones, without joining any. */
static void insert_range(struct gk_port_range *ranges, size_t n, struct gk_port_range one)
{
	for (; n && ranges[n - 1].first > one.first; n--)
		ranges[n] = ranges[n - 1];
	ranges[n] = one;
}

/* Joins ranges that overlap or touch. Returns how many are left. */
static size_t join_ranges(struct gk_port_range *ranges, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (kept && ranges[i].first <= ranges[kept - 1].last + 1) {
			if (ranges[i].last > ranges[kept - 1].last)
				ranges[kept - 1].last = ranges[i].last;
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	return kept;
}

/* How many rules they need. */
static size_t count_ports(const struct gk_ports *ports, bool bind)
{
	size_t n = 0, without = bind && gk_ports_all_free(ports);
	for (size_t i = 0; i + without < ports->n; i++)
		n += (size_t)ports->ranges[i].last - ports->ranges[i].first + 1;
	return n;
}

bool gk_list_ports(const char *s, uint64_t min, struct gk_arena *arena, struct gk_ports *ret,
	const char **ret_why)
{
	if (strcmp(s, "any") == 0 || strcmp(s, "none") == 0) {
		*ret = (struct gk_ports){ .limited = s[0] == 'n' };
		return true;
	}
	const char *const *words = gk_split(arena, s, GK_LIST_MAX, ret_why);
	size_t n = 0;
	while (words && words[n])
		n++;
	struct gk_port_range *ranges = words ? gk_arena_array(arena, n, sizeof *ranges) : NULL;
	if (!ranges || n == 0) {
		if (words)
			*ret_why = n ? "does not fit into memory" : "names no port";
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct gk_port_range one;
		if (!read_range(words[i], min, arena, &one, ret_why))
			return false;
		insert_range(ranges, i, one);
	}
	const struct gk_ports ports = { true, ranges, join_ranges(ranges, n) };
	if (count_ports(&ports, min == 0) > GK_PORTS_MOST) {
		*ret_why = "has more than 4096 ports, each of which the kernel needs a rule for";
		return false;
	}
	*ret = ports;
	return true;
}

const char *gk_list_ports_text(const struct gk_ports *ports, struct gk_arena *arena)
{
	struct gk_buf buf = { .arena = arena };
	if (!ports->limited || ports->n == 0)
		return ports->limited ? "none" : "any";
	for (size_t i = 0; i < ports->n; i++) {
		const struct gk_port_range *one = &ports->ranges[i];
		gk_buf_printf(&buf, "%s%u", i ? " " : "", (unsigned)one->first);
		if (one->last > one->first)
			gk_buf_printf(&buf, "-%u", (unsigned)one->last);
	}
	return gk_buf_text(&buf);
}

/* Adds an item with the quotes it needs to be read back by gk_split. */
static void add_item(struct gk_buf *buf, const char *s)
{
	if (buf->len)
		gk_buf_puts(buf, " ");
	while (*s) {
		size_t n = strcspn(s, " \t\"'");
		if (!s[n]) {
			gk_buf_puts(buf, s);
			return;
		}
		/* Up to the next quote, in quotes of the other kind. */
		const char *other = s[n] == '\'' ? "\"" : "'";
		size_t len = strcspn(s, other);
		gk_buf_puts(buf, other);
		gk_buf_add(buf, s, len);
		gk_buf_puts(buf, other);
		s += len;
	}
}

const char *gk_list_add(const char *s, const char *item, struct gk_arena *arena)
{
	struct gk_buf buf = { .arena = arena };
	gk_buf_puts(&buf, s ? s : "");
	add_item(&buf, item);
	return gk_buf_text(&buf);
}

const char *gk_list_words_text(const char *const *words, struct gk_arena *arena)
{
	struct gk_buf buf = { .arena = arena };
	for (; words && *words; words++)
		add_item(&buf, *words);
	return gk_buf_text(&buf);
}

const char *gk_list_volumes_text(const struct gk_volume *volumes, size_t n, struct gk_arena *arena)
{
	struct gk_buf buf = { .arena = arena };
	for (size_t i = 0; i < n; i++) {
		const struct gk_volume *v = &volumes[i];
		bool option = v->file != v->readonly;
		const char *item = v->file && !option && strcmp(v->source, v->target) == 0 ?
			v->source :
			gk_arena_printf(arena, "%s:%s%s", v->source, v->target,
				!option         ? "" :
					v->file ? ":rw" :
						  ":ro");
		if (!item)
			return NULL;
		add_item(&buf, item);
	}
	return gk_buf_text(&buf);
}
