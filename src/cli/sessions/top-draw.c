#include <inttypes.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/print.h"
#include "cli/sessions/top.h"

enum { WIDE = 140, LINES_AROUND = 3 };
enum { GREEN = 1, YELLOW, RED };

enum field { ID, USER, DOOR, IMAGE, TTY, FROM, AGE, IDLE, TASKS, MEMORY, CPU, COMMAND, FIELDS };

/* Widths on a narrow and on a wide screen, 0 for not there; those of the highest `drop` go first
 * where there is no room for all. COMMAND takes what is left. */
static const struct {
	const char *title;
	int narrow, wide, drop;
	bool right;
} fields[FIELDS] = {
	[ID] = { "ID", 12, 12, 0, false },
	[USER] = { "USER", 8, 16, 0, false },
	[DOOR] = { "DOOR", 0, 5, 0, false },
	[IMAGE] = { "IMAGE", 0, 12, 0, false },
	[TTY] = { "TTY", 0, 7, 0, false },
	[FROM] = { "FROM", 0, 16, 0, false },
	[AGE] = { "AGE", 4, 4, 2, true },
	[IDLE] = { "IDLE", 4, 4, 4, true },
	[TASKS] = { "TASKS", 11, 22, 1, false },
	[MEMORY] = { "MEMORY", 11, 22, 3, false },
	[CPU] = { "CPU", 11, 22, 5, false },
	[COMMAND] = { "COMMAND", 8, 8, 6, false },
};

static const char *const sort_names[GK_SORT_COUNT] = { "tasks", "memory", "CPU", "age", "user" };

/* Where each field stands on this screen. */
struct layout {
	int x[FIELDS], width[FIELDS];
};

static int total_width(const struct layout *l)
{
	int sum = 0;
	for (size_t i = 0; i < FIELDS; i++)
		sum += l->width[i] ? l->width[i] + 1 : 0;
	return sum - 1;
}

static bool drop_one(struct layout *l)
{
	size_t found = FIELDS;
	for (size_t i = 0; i < FIELDS; i++)
		if (l->width[i] && fields[i].drop &&
			(found == FIELDS || fields[i].drop > fields[found].drop))
			found = i;
	if (found < FIELDS)
		l->width[found] = 0;
	return found < FIELDS;
}

static struct layout lay_out(const struct gk_top *top)
{
	struct layout l = { 0 };
	int x = 0;
	for (size_t i = 0; i < FIELDS; i++)
		l.width[i] = COLS >= WIDE ? fields[i].wide : fields[i].narrow;
	if (top->no_memory)
		l.width[MEMORY] = 0;
	while (total_width(&l) > COLS && drop_one(&l))
		;
	if (l.width[COMMAND])
		l.width[COMMAND] += COLS - total_width(&l);
	for (size_t i = 0; i < FIELDS; i++) {
		l.x[i] = x;
		x += l.width[i] ? l.width[i] + 1 : 0;
	}
	return l;
}

/* Text at a place, cut to `width` columns and never past the screen's edge. */
static void put(int y, int x, int width, const char *text)
{
	char buf[4096];
	if (x + width > COLS)
		width = COLS - x;
	if (width > 0)
		mvaddstr(y, x, gk_display_cut(buf, sizeof buf, text, width));
}

static void put_field(const struct layout *l, int y, enum field field, const char *text)
{
	int w = gk_display_width(text), width = l->width[field];
	if (fields[field].right && w < width)
		put(y, l->x[field] + width - w, w, text);
	else
		put(y, l->x[field], width, text);
}

/* [||||     2/20]: a part of a whole, with its text at the right end, inside; without the whole
 * where that has no room. */
static void put_bar(const struct layout *l, int y, enum field field, double part, char *text)
{
	int room = l->width[field] - 2;
	if (room < 1 || l->x[field] + l->width[field] > COLS)
		return;
	if (strlen(text) > (size_t)room)
		text[strcspn(text, "/")] = '\0';
	int len = (int)strlen(text), before = room > len ? room - len : 0;
	int filled = part < 0 ? 0 : part > 1 ? room : (int)(part * room + 0.5);
	int colour = part > 0.9 ? RED : part > 0.6 ? YELLOW : GREEN;
	mvaddch(y, l->x[field], '[');
	for (int i = 0; i < room; i++) {
		char c = i >= before ? text[i - before] : i < filled ? '|' : ' ';
		if (i < filled)
			attron(COLOR_PAIR(colour));
		addch((chtype)(unsigned char)c);
		attroff(COLOR_PAIR(colour));
	}
	addch(']');
}

static double part_of(uint64_t now, uint64_t most)
{
	return now == UINT64_MAX || most == UINT64_MAX || most == 0 ? -1 :
								      (double)now / (double)most;
}

static void put_bars(
	const struct gk_top *top, const struct gk_seen *s, const struct layout *l, int y)
{
	char text[64], a[24], b[24];
	snprintf(text, sizeof text, "%s/%s", gk_human_count(a, sizeof a, s->usage.pids_now),
		gk_human_count(b, sizeof b, s->pids_max));
	put_bar(l, y, TASKS, part_of(s->usage.pids_now, s->pids_max), text);
	bool limited = s->memory_max != UINT64_MAX;
	snprintf(text, sizeof text, "%s", gk_human_bytes(a, sizeof a, s->usage.memory_now));
	if (limited)
		snprintf(text, sizeof text, "%s/%s", a, gk_human_bytes(b, sizeof b, s->memory_max));
	put_bar(l, y, MEMORY,
		part_of(s->usage.memory_now, limited ? s->memory_max : top->memory_total), text);
	if (s->cpu_percent < 0)
		snprintf(text, sizeof text, "-");
	else
		snprintf(text, sizeof text, "%.1f%%", s->cpu_percent);
	put_bar(l, y, CPU, s->cpu_percent / 100 / (double)top->cpus, text);
}

static void put_row(
	const struct gk_top *top, const struct gk_seen *s, const struct layout *l, int y)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	char age[24], idle[24];
	put_field(l, y, ID, s->id);
	put_field(l, y, USER, gk_seen_readable(&arena, s->user));
	put_field(l, y, DOOR, s->door);
	put_field(l, y, IMAGE, s->image);
	put_field(l, y, TTY, strncmp(s->tty, "/dev/", 5) == 0 ? s->tty + 5 : s->tty);
	put_field(l, y, FROM, s->from);
	put_field(l, y, AGE, gk_human_time(age, sizeof age, s->age_s));
	put_field(l, y, IDLE, gk_human_time(idle, sizeof idle, s->idle_s));
	put_bars(top, s, l, y);
	put_field(l, y, COMMAND, s->command);
}

static void put_titles(const struct layout *l, int y)
{
	for (int i = 0; i < COLS; i++)
		mvaddch(y, i, ' ');
	for (size_t i = 0; i < FIELDS; i++)
		put_field(l, y, (enum field)i, l->width[i] ? fields[i].title : "");
}

static void put_head(const struct gk_top *top)
{
	char text[256], clock[16] = "";
	time_t now = time(NULL);
	struct tm tm;
	uint64_t tasks = 0;
	for (size_t i = 0; i < top->now.n; i++)
		if (top->now.list[i].usage.pids_now != UINT64_MAX)
			tasks += top->now.list[i].usage.pids_now;
	if (localtime_r(&now, &tm))
		(void)strftime(clock, sizeof clock, "%H:%M:%S", &tm);
	snprintf(text, sizeof text, "gocker top  %s  %zu session%s, %" PRIu64 " tasks, by %s%s",
		clock, top->now.n, top->now.n == 1 ? "" : "s", tasks, sort_names[top->sort],
		top->reverse ? ", least first" : "");
	put(0, 0, COLS, text);
}

void gk_top_draw(struct gk_top *top)
{
	int room = LINES - LINES_AROUND;
	const struct layout l = lay_out(top);
	const char *keys = "up/down move  s sort  r reverse  enter inspect  k kill  q quit";
	if (gk_display_width(keys) >= COLS)
		keys = "s sort  k kill  q quit";
	erase();
	put_head(top);
	attron(A_REVERSE);
	if (LINES > 1)
		put_titles(&l, 1);
	attroff(A_REVERSE);
	if (top->selected < top->first)
		top->first = top->selected;
	if (room > 0 && top->selected >= top->first + (size_t)room)
		top->first = top->selected - (size_t)room + 1;
	for (int i = 0; i < room && top->first + (size_t)i < top->now.n; i++) {
		bool selected = top->first + (size_t)i == top->selected;
		if (selected)
			attron(A_BOLD);
		put_row(top, top->rows[top->first + (size_t)i], &l, i + 2);
		if (selected) {
			attroff(A_BOLD);
			mvchgat(i + 2, 0, 12, A_REVERSE, 0, NULL);
		}
	}
	put(LINES - 1, 0, COLS - 1, top->message[0] ? top->message : keys);
	refresh();
}

void gk_top_draw_one(const struct gk_seen *s)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	gk_autofree char *text = NULL;
	char head[300];
	size_t size = 0;
	int y = 2;
	FILE *f = open_memstream(&text, &size);
	if (f) {
		gk_inspect_print(f, s, &arena);
		(void)fclose(f);
	}
	erase();
	attron(A_BOLD);
	snprintf(head, sizeof head, "session %s of %s", s->id, s->user);
	put(0, 0, COLS, head);
	attroff(A_BOLD);
	for (char *save, *line = text ? strtok_r(text, "\n", &save) : NULL; line && y < LINES - 1;
		line = strtok_r(NULL, "\n", &save))
		put(y++, 0, COLS, line);
	put(LINES - 1, 0, COLS - 1, "any key goes back");
	refresh();
}
