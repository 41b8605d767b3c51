#include "plan/config.h"

#include <errno.h>
#include <string.h>

#include "plan/keys.h"
#include "plan/scan.h"
#include "plan/text.h"

/* A section while the file is read. */
struct section {
	struct gk_section out;
	size_t first; /* its first setting in reader.settings */
	bool known;   /* false: the title was a fault, its keys are not looked at closely */
};

struct reader {
	struct gk_arena *arena;
	const char *path;
	struct gk_fault *faults;
	size_t nfaults;
	struct section *sections;
	size_t nsections, sections_cap;
	struct gk_setting *settings; /* of all sections, in file order */
	size_t nsettings, settings_cap;
	struct gk_ini_line *lines; /* the same for the tokenizer */
	size_t lines_cap;
};

/* Lists a fault; those past GK_FAULTS_MAX are dropped. */
static void fault(struct reader *r, unsigned line, const char *reason, const char *hint)
{
	if (r->nfaults == GK_FAULTS_MAX)
		return;
	size_t i = r->nfaults++;
	for (; i && r->faults[i - 1].line > line; i--)
		r->faults[i] = r->faults[i - 1];
	r->faults[i] = (struct gk_fault){ line, reason, hint };
}

/* The same with a formatted reason. */
#define FAULT(r, line, hint, ...) \
	do { \
		const char *reason_ = gk_arena_printf((r)->arena, __VA_ARGS__); \
		if (!reason_) \
			return -ENOMEM; \
		fault((r), (line), reason_, (hint)); \
	} while (0)

static const char *shown(struct reader *r, const char *s)
{
	const char *text = gk_shown(r->arena, s, strlen(s));
	return text ? text : "\"?\"";
}

/* Why the name in [group:NAME] or [user:NAME] names nobody, or NULL. */
static const char *name_fault(const char *name)
{
	if (!*name)
		return "has no name after the colon";
	if (gk_is_blank(name[0]) || gk_is_blank(name[strlen(name) - 1]))
		return "has a blank at the edge of its name";
	if (strchr(name, ':'))
		return "has a colon in its name, which no account's can have";
	return NULL;
}

static bool title_kind(const char *title, struct gk_section *ret)
{
	static const struct {
		const char *prefix;
		enum gk_section_kind kind;
	} named[] = { { "group:", GK_SECTION_GROUP }, { "user:", GK_SECTION_USER } };
	ret->name = NULL;
	if (strcmp(title, "gocker") == 0) {
		ret->kind = GK_SECTION_HOST;
		return true;
	}
	if (strcmp(title, "default") == 0) {
		ret->kind = GK_SECTION_DEFAULT;
		return true;
	}
	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		if (gk_starts_with(title, named[i].prefix)) {
			ret->kind = named[i].kind;
			ret->name = title + strlen(named[i].prefix);
			return true;
		}
	}
	return false;
}

static int add_section(struct reader *r, const char *title, unsigned line)
{
	r->sections =
		gk_grow(r->arena, r->sections, r->nsections, &r->sections_cap, sizeof *r->sections);
	if (!r->sections)
		return -ENOMEM;
	struct section *s = &r->sections[r->nsections];
	*s = (struct section){ .out = { .title = title, .line = line }, .first = r->nsettings };
	s->known = title_kind(title, &s->out);
	const char *why = s->known && s->out.name ? name_fault(s->out.name) : NULL;
	if (!s->known)
		FAULT(r, line, "write [gocker], [default], [group:NAME] or [user:NAME]",
			"there is no section %s", shown(r, title));
	else if (why)
		FAULT(r, line, "write [group:NAME] or [user:NAME]", "the section %s %s",
			shown(r, title), why);
	for (size_t i = 0; i < r->nsections; i++) {
		if (strcmp(r->sections[i].out.title, title) != 0)
			continue;
		FAULT(r, line, "put its keys into the first one",
			"the section %s is there already, in line %u", shown(r, title),
			r->sections[i].out.line);
		break;
	}
	r->nsections++;
	if (r->nsections == GK_CONFIG_MAX_SECTIONS + 1)
		fault(r, line, "there are more than 4096 sections", "use groups instead of users");
	return 0;
}

static int unknown_key(struct reader *r, const char *name, unsigned line)
{
	int near = gk_key_nearest(name, strlen(name));
	const char *hint = "see gocker.ini(5) for the keys there are";
	if (near >= 0)
		hint = gk_arena_printf(
			r->arena, "did you mean %s?", gk_key_name((enum gk_key)near));
	FAULT(r, line, hint, "there is no key %s", shown(r, name));
	return hint ? 0 : -ENOMEM;
}

/* Checks where a key stands. Returns 1 when it may stand there, 0 after a fault, -ENOMEM. */
static int check_place(struct reader *r, int key, unsigned line)
{
	const char *name = gk_key_name((enum gk_key)key);
	if (!r->nsections) {
		FAULT(r, line,
			gk_key_is_host((enum gk_key)key) ? "put [gocker] above it" :
							   "put [default] above it",
			"%s comes before the first section", name);
		return 0;
	}
	const struct section *s = &r->sections[r->nsections - 1];
	if (!s->known)
		return 1;
	if (gk_key_is_host((enum gk_key)key) != (s->out.kind == GK_SECTION_HOST)) {
		FAULT(r, line,
			gk_key_is_host((enum gk_key)key) ?
				"move it to [gocker]" :
				"move it to [default], [group:NAME] or [user:NAME]",
			"%s does not belong to [%s]", name, s->out.title);
		return 0;
	}
	if (gk_key_is_group((enum gk_key)key) && s->out.kind != GK_SECTION_GROUP) {
		FAULT(r, line, "move it to [group:NAME]", "%s does not belong to [%s]", name,
			s->out.title);
		return 0;
	}
	for (size_t i = s->first; i < r->nsettings; i++) {
		if (r->settings[i].key != key)
			continue;
		FAULT(r, line, "keep one of the two", "%s is set already, in line %u", name,
			r->settings[i].line);
		return 0;
	}
	return 1;
}

static int add_setting(
	struct reader *r, const struct gk_line *l, const char *text, size_t n, unsigned line)
{
	int key = gk_key_find(l->name, strlen(l->name));
	if (key < 0)
		return unknown_key(r, l->name, line);
	int place = check_place(r, key, line);
	if (place <= 0)
		return place;
	if (r->nsettings == GK_CONFIG_MAX_SETTINGS) {
		fault(r, line, "there are more than 4096 settings", "use groups instead of users");
		return 0;
	}
	size_t i = r->nsettings;
	r->settings = gk_grow(r->arena, r->settings, i, &r->settings_cap, sizeof *r->settings);
	r->lines = gk_grow(r->arena, r->lines, i, &r->lines_cap, sizeof *r->lines);
	const char *copy = gk_arena_strndup(r->arena, text, n);
	if (!r->settings || !r->lines || !copy)
		return -ENOMEM;
	r->settings[i] = (struct gk_setting){ key, l->value, line };
	r->lines[i] = (struct gk_ini_line){ line, copy, gk_key_name((enum gk_key)key), NULL };
	r->nsettings++;
	return 0;
}

static int read_line(struct reader *r, const char *s, size_t n, unsigned line)
{
	struct gk_line l;
	int e = gk_scan_line(s, n, r->arena, &l);
	if (e < 0)
		return e;
	switch (l.kind) {
	case GK_LINE_FAULT: fault(r, line, l.complaint.reason, l.complaint.hint); return 0;
	case GK_LINE_SECTION:
		return r->nsections > GK_CONFIG_MAX_SECTIONS ? 0 : add_section(r, l.name, line);
	case GK_LINE_SETTING: return add_setting(r, &l, s, n, line);
	default: return 0;
	}
}

/* Reads every line. What can't be read line by line at all is one fault of the file. */
static int read_lines(struct reader *r, const char *text, size_t size)
{
	if (size > GK_CONFIG_MAX_BYTES) {
		fault(r, 0, "the file is larger than 1 MiB", "make it smaller");
		return 0;
	}
	if (size && memchr(text, '\0', size)) {
		fault(r, 0, "the file holds NUL bytes", "save it as plain UTF-8 text");
		return 0;
	}
	if (size && memmem(text, size, "\r\n", 2)) {
		fault(r, 0, "the file has CR LF line ends", "save it with Unix line ends (LF)");
		return 0;
	}
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		fault(r, 1, "the file begins with a byte order mark", "save it as UTF-8 without");
		text += 3;
		size -= 3;
	}
	unsigned line = 0;
	while (size) {
		const char *end = memchr(text, '\n', size);
		size_t n = end ? (size_t)(end - text) : size;
		int e = read_line(r, text, n, ++line);
		if (e < 0)
			return e;
		n += end != NULL;
		text += n;
		size -= n;
	}
	return 0;
}

/* Has the tokenizer read the settings, compares, and checks each value. */
static int check_values(struct reader *r, gk_tokenizer *tokenize, struct gk_err *err)
{
	int e = r->nsettings ? tokenize(r->lines, r->nsettings, r->arena, err) : 0;
	if (e < 0)
		return e;
	for (size_t i = 0; i < r->nsettings; i++) {
		const struct gk_setting *s = &r->settings[i];
		const char *value = r->lines[i].value;
		if (!value || strcmp(value, s->value) != 0) {
			FAULT(r, s->line, "put the value in quotes", "%s can be read in two ways",
				gk_key_name((enum gk_key)s->key));
			continue;
		}
		struct gk_policy unused = { 0 };
		struct gk_complaint why;
		e = gk_key_set((enum gk_key)s->key, value, r->arena, &unused, &why);
		if (e == -ENOMEM)
			return e;
		if (e < 0)
			fault(r, s->line, why.reason, why.hint);
	}
	return 0;
}

/* The sections as the contract has them. */
static int take_sections(struct reader *r, struct gk_config *ret)
{
	struct gk_section *sections = gk_arena_array(r->arena, r->nsections, sizeof *sections);
	if (!sections)
		return -ENOMEM;
	for (size_t i = 0; i < r->nsections; i++) {
		size_t first = r->sections[i].first;
		size_t end = i + 1 < r->nsections ? r->sections[i + 1].first : r->nsettings;
		sections[i] = r->sections[i].out;
		sections[i].settings = r->settings ? r->settings + first : NULL;
		sections[i].nsettings = end - first;
	}
	ret->path = gk_arena_strdup(r->arena, r->path);
	ret->sections = sections;
	ret->nsections = r->nsections;
	return ret->path ? 0 : -ENOMEM;
}

static int first_fault(const struct reader *r, struct gk_err *err)
{
	const struct gk_fault *f = &r->faults[0];
	if (f->line)
		return gk_fail(err, -EINVAL, "%s:%u: %s; %s", r->path, f->line, f->reason, f->hint);
	return gk_fail(err, -EINVAL, "%s: %s; %s", r->path, f->reason, f->hint);
}

int gk_config_parse(const char *text, size_t size, const char *path, gk_tokenizer *tokenize,
	struct gk_arena *arena, struct gk_config *ret_config, struct gk_faults *faults,
	struct gk_err *err)
{
	struct reader r = { .arena = arena, .path = path };
	r.faults = gk_arena_array(arena, GK_FAULTS_MAX, sizeof *r.faults);
	struct gk_config config = { 0 };
	int e = r.faults ? read_lines(&r, text, size) : -ENOMEM;
	if (e == 0)
		e = check_values(&r, tokenize, err);
	if (e == 0)
		e = take_sections(&r, &config);
	if (e < 0)
		return gk_fail_errno(err, e, "%s: cannot be read", path);
	if (faults)
		*faults = (struct gk_faults){ r.faults, r.nfaults };
	if (r.nfaults)
		return first_fault(&r, err);
	*ret_config = config;
	return 0;
}
