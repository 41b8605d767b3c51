/* What `gocker doctor` has found: kept, and printed. */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor/doctor.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/report.h"
#include "plan/text.h"

enum { INDENT = 16 };

static const char *const level_names[] = { "ok", "warn", "bad" };

void gk_found(struct gk_doctor *d, unsigned level, const char *item, const char *fix,
	const char *fmt, ...)
{
	va_list ap;
	char text[1024];
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct gk_finding *list = gk_grow(&d->arena, d->list, d->n, &d->cap, sizeof *d->list);
	const char *what = gk_arena_strdup(&d->arena, text);
	if (!list || !what)
		return;
	bool tried = level & GK_TRIED;
	d->list = list;
	d->list[d->n++] =
		(struct gk_finding){ .level = (enum gk_level)(level & ~(unsigned)GK_TRIED),
			.tried = tried,
			.item = item,
			.what = what,
			.fix = fix };
}

void gk_found_fixable(struct gk_doctor *d, const char *id)
{
	if (d->n)
		d->list[d->n - 1].id = id;
}

size_t gk_doctor_print_open(struct gk_doctor *d)
{
	int width = gk_terminal_size(NULL);
	size_t n = 0, fixable = 0;
	for (size_t i = 0; i < d->n; i++) {
		const struct gk_finding *f = &d->list[i];
		if (f->level != GK_FOUND_BAD || strcmp(f->item, "lockout") == 0 ||
			strcmp(f->item, "account") == 0)
			continue;
		if (n++ == 0)
			puts("still open:");
		printf("  %s%-9s%s ", gk_colour(GK_RED), f->item, gk_colour(GK_PLAIN));
		gk_wrap(stdout, f->what, 12, 12, width);
		putchar('\n');
		fixable += f->id != NULL;
	}
	if (fixable)
		puts("`gocker doctor --fix` closes these, and shows each change first; `gocker "
		     "disable` undoes them");
	if (n > fixable)
		puts("`gocker doctor` says how to close the others");
	return n;
}

int gk_findings_json(struct gk_doctor *d, bool quiet)
{
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; i < d->n; i++) {
		const struct gk_finding *f = &d->list[i];
		if (quiet && f->level == GK_FOUND_OK)
			continue;
		struct json_object *o = json_object_new_object();
		json_object_object_add(o, "level", json_object_new_string(level_names[f->level]));
		json_object_object_add(o, "tried", json_object_new_boolean(f->tried));
		json_object_object_add(o, "item", json_object_new_string(f->item));
		json_object_object_add(o, "finding", gk_report_string(f->what, &d->arena));
		json_object_object_add(o, "fix", gk_report_string(f->fix, &d->arena));
		json_object_object_add(o, "fix_id", gk_report_string(f->id, &d->arena));
		json_object_array_add(list, o);
	}
	return gk_report_print(list);
}

static bool has_same_fix(const struct gk_finding *a, const struct gk_finding *b)
{
	return a->fix && b->fix && strcmp(a->fix, b->fix) == 0;
}

static void print_one(const struct gk_finding *f, int width)
{
	static const enum gk_colour colours[] = { GK_GREEN, GK_YELLOW, GK_RED };
	bool read = f->level == GK_FOUND_OK && !f->tried;
	printf("%s%-4s%s  %-9s ", gk_colour(read ? GK_GREY : colours[f->level]),
		read ? "read" : level_names[f->level], gk_colour(GK_PLAIN), f->item);
	gk_wrap(stdout, f->what, INDENT, INDENT, width);
	putchar('\n');
}

static void print_fix(const struct gk_finding *f, int width)
{
	char text[1200];
	snprintf(text, sizeof text, "%s%s%s", f->fix, f->id ? "; or gocker doctor --fix=" : "",
		f->id ? f->id : "");
	printf("%*sdo: ", INDENT, "");
	gk_wrap(stdout, text, INDENT + 4, INDENT + 4, width);
	putchar('\n');
}

/* A finding, those after it that are mended by the same, and how. */
static void print_group(const struct gk_doctor *d, size_t first, int width)
{
	const struct gk_finding *f = &d->list[first];
	for (size_t i = 0; i < first; i++)
		if (has_same_fix(&d->list[i], f))
			return;
	print_one(f, width);
	for (size_t i = first + 1; i < d->n; i++)
		if (has_same_fix(f, &d->list[i]))
			print_one(&d->list[i], width);
	if (f->fix)
		print_fix(f, width);
}

static bool is_any_wrong(const struct gk_doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].level != GK_FOUND_OK)
			return true;
	return false;
}

static void print_summary(const struct gk_doctor *d)
{
	size_t count[3] = { 0 }, read = 0;
	for (size_t i = 0; i < d->n; i++) {
		bool only_read = d->list[i].level == GK_FOUND_OK && !d->list[i].tried;
		read += only_read;
		count[d->list[i].level] += !only_read;
	}
	printf("%s%zu bad, %zu warn%s; %zu tried and ok, %zu only read\n",
		gk_colour(count[GK_FOUND_BAD]        ? GK_RED :
				count[GK_FOUND_WARN] ? GK_YELLOW :
						       GK_GREEN),
		count[GK_FOUND_BAD], count[GK_FOUND_WARN], gk_colour(GK_PLAIN), count[GK_FOUND_OK],
		read);
}

int gk_findings_text(const struct gk_doctor *d, bool quiet)
{
	int width = gk_terminal_size(NULL);
	for (size_t i = 0; i < d->n; i++)
		if (!quiet || d->list[i].level != GK_FOUND_OK)
			print_group(d, i, width);
	if (!quiet || is_any_wrong(d))
		print_summary(d);
	return gk_print_end("doctor");
}
