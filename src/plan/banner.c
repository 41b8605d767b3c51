#include "plan/build.h"

#include <errno.h>
#include <string.h>

#include "plan/keys.h"
#include "plan/text.h"

static void add_limit(struct gk_buf *buf, const struct gk_build *b, enum gk_key key,
	const char *before, const char *after)
{
	const char *text = gk_key_text(key, b->policy, b->arena);
	if (text && strcmp(text, "none") != 0)
		gk_buf_printf(buf, ", %s%s%s", before, text, after);
}

/* "20 tasks, 64M of files, 8h for each login": what a person runs into. */
static const char *limits_text(const struct gk_build *b)
{
	struct gk_buf buf = { .arena = b->arena };
	gk_buf_printf(&buf, "%llu tasks", (unsigned long long)b->policy->pids_max);
	add_limit(&buf, b, GK_KEY_MEMORY_MAX, "", " of memory");
	add_limit(&buf, b, GK_KEY_CPUS, "", " CPUs");
	add_limit(&buf, b, GK_KEY_TMP_SIZE, "", " in /tmp");
	add_limit(&buf, b, GK_KEY_IDLE_TIMEOUT, "", " idle");
	add_limit(&buf, b, GK_KEY_MAX_DURATION, "", " in all");
	return gk_buf_text(&buf);
}

/* What is still there at the next login. */
static void add_kept(struct gk_buf *buf, const struct gk_build *b)
{
	bool any = b->policy->home == GK_HOME_BIND;
	gk_buf_puts(buf, any ? b->home : "");
	for (size_t i = 0; i < b->policy->nvolumes; i++) {
		if (b->policy->volumes[i].readonly)
			continue;
		gk_buf_printf(buf, "%s%s", any ? ", " : "", b->policy->volumes[i].target);
		any = true;
	}
	gk_buf_puts(buf, any ? "" : "nothing");
}

static const char *default_text(const struct gk_build *b)
{
	struct gk_buf buf = { .arena = b->arena };
	gk_buf_puts(&buf, "This is a container (image {image}). Kept at logout: ");
	add_kept(&buf, b);
	gk_buf_puts(&buf,
		gk_build_is_shared(b) ? ".\nAll your logins share it. Limits: {limits}" :
					".\nAll else ends with this login. Limits: {limits}");
	if (strcmp(b->policy->contact, "none") != 0)
		gk_buf_printf(&buf, ";\nto have them raised ask %s", b->policy->contact);
	gk_buf_puts(&buf, ".\n");
	return gk_buf_text(&buf);
}

/* The text before its placeholders are replaced; NULL: none, or no memory. */
static const char *template_of(const struct gk_build *b)
{
	const char *value = b->policy->banner;
	if (strcmp(value, "default") == 0)
		return default_text(b);
	return *value == '/' ? b->request->banner : value;
}

/* At most GK_BANNER_MAX bytes, whole lines where there is more than one. */
static const char *cut(struct gk_arena *arena, const char *text)
{
	size_t n = strlen(text);
	bool ended = n && text[n - 1] == '\n';
	if (n + !ended <= GK_BANNER_MAX)
		return gk_arena_printf(arena, "%s%s", text, ended ? "" : "\n");
	n = GK_BANNER_MAX - 1;
	for (size_t i = n; i > 0; i--)
		if (text[i - 1] == '\n') {
			n = i - 1;
			break;
		}
	/* Not amid a character of UTF-8. */
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return gk_arena_printf(arena, "%.*s\n", (int)n, text);
}

int gk_build_banner(struct gk_build *b)
{
	const char *text = NULL;
	if (!b->request->greet || strcmp(b->policy->banner, "none") == 0)
		return 0;
	if (*b->policy->banner == '/' && (!b->request->banner || !*b->request->banner))
		return 0;
	const struct {
		const char *what, *with;
	} places[] = { { "{limits}", limits_text(b) },
		{ "{pids_max}", gk_key_text(GK_KEY_PIDS_MAX, b->policy, b->arena) },
		{ "{image}", b->policy->image },
		/* Last: braces in a name are no placeholder, and gk_build_check_account has seen
		 * that no control character is in it. */
		{ "{user}", b->who->name } };
	text = template_of(b);
	for (size_t i = 0; text && i < sizeof places / sizeof *places; i++)
		text = places[i].with ? gk_replace(b->arena, text, places[i].what, places[i].with) :
					NULL;
	b->banner = text ? cut(b->arena, text) : NULL;
	return b->banner ? 0 : gk_fail_errno(b->err, -ENOMEM, "cannot make the plan");
}
