#include <inttypes.h>
#include <ncurses.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/print.h"
#include "cli/top.h"

enum { WIDE = 140, BAR_NARROW = 11, BAR_WIDE = 22, LINES_AROUND = 3 };
enum { GREEN = 1, YELLOW, RED };

static const char *const sort_names[GK_SORT_COUNT] = { "tasks", "memory", "CPU", "age", "user" };

/* Text at a place, cut to `width` columns and never past the screen's edge; returns what is behind. */
static int put(int y, int x, int width, const char *text)
{
	char buf[4096];
	if (x + width > COLS)
		width = COLS - x;
	if (width > 0)
		mvaddstr(y, x, gk_display_cut(buf, sizeof buf, text, width));
	return x + width + 1;
}

static int put_right(int y, int x, int width, const char *text)
{
	int w = gk_display_width(text);
	return (void)put(y, w < width ? x + width - w : x, w < width ? w : width, text), x + width + 1;
}

/* [||||     2/20]: a part of a whole, with its text at the right end, inside. */
static int put_bar(int y, int x, int width, double part, const char *text)
{
	int room = width - 2, len = (int)strlen(text);
	int filled = part < 0 ? 0 : part > 1 ? room : (int)(part * room + 0.5);
	int colour = part > 0.9 ? RED : part > 0.6 ? YELLOW : GREEN;
	if (x + width > COLS || room < 1)
		return x + width + 1;
	mvaddch(y, x, '[');
	for (int i = 0; i < room; i++) {
		bool in_text = i >= room - len;
		char c = in_text ? text[i - (room - len)] : i < filled ? '|' : ' ';
		if (i < filled)
			attron(COLOR_PAIR(colour));
		addch((chtype)(unsigned char)c);
		attroff(COLOR_PAIR(colour));
	}
	addch(']');
	return x + width + 1;
}

static double part_of(uint64_t now, uint64_t most)
{
	return now == UINT64_MAX || most == UINT64_MAX || most == 0 ? -1 :
		(double)now / (double)most;
}

static int put_bars(const struct gk_top *top, const struct gk_seen *s, int y, int x)
{
	char text[64], a[24], b[24];
	int width = COLS >= WIDE ? BAR_WIDE : BAR_NARROW;
	snprintf(text, sizeof text, "%s/%s", gk_human_count(a, sizeof a, s->usage.pids_now),
		gk_human_count(b, sizeof b, s->pids_max));
	x = put_bar(y, x, width, part_of(s->usage.pids_now, s->pids_max), text);
	bool limited = s->memory_max != UINT64_MAX;
	snprintf(text, sizeof text, "%s", gk_human_bytes(a, sizeof a, s->usage.memory_now));
	if (limited)
		snprintf(text, sizeof text, "%s/%s", a, gk_human_bytes(b, sizeof b, s->memory_max));
	x = put_bar(y, x, width, part_of(s->usage.memory_now,
		limited ? s->memory_max : top->memory_total), text);
	if (s->cpu_percent < 0)
		snprintf(text, sizeof text, "-");
	else
		snprintf(text, sizeof text, "%.1f%%", s->cpu_percent);
	return put_bar(y, x, width, s->cpu_percent / 100 / (double)top->cpus, text);
}

static void put_row(const struct gk_top *top, const struct gk_seen *s, int y)
{
	char buf[24];
	bool wide = COLS >= WIDE;
	int x = put(y, 0, 12, s->id);
	x = put(y, x, wide ? 16 : 8, s->user);
	if (wide) {
		x = put(y, x, 5, s->door);
		x = put(y, x, 12, s->image);
		x = put(y, x, 7, strncmp(s->tty, "/dev/", 5) == 0 ? s->tty + 5 : s->tty);
		x = put(y, x, 16, s->from);
	}
	x = put_right(y, x, 4, gk_human_time(buf, sizeof buf, s->age_s));
	x = put_right(y, x, 4, gk_human_time(buf, sizeof buf, s->idle_s));
	x = put_bars(top, s, y, x);
	(void)put(y, x, COLS - x, s->command);
}

static void put_titles(int y)
{
	bool wide = COLS >= WIDE;
	int bar = wide ? BAR_WIDE : BAR_NARROW;
	for (int i = 0; i < COLS; i++)
		mvaddch(y, i, ' ');
	int x = put(y, 0, 12, "ID");
	x = put(y, x, wide ? 16 : 8, "USER");
	if (wide) {
		x = put(y, x, 5, "DOOR");
		x = put(y, x, 12, "IMAGE");
		x = put(y, x, 7, "TTY");
		x = put(y, x, 16, "FROM");
	}
	x = put_right(y, x, 4, "AGE");
	x = put_right(y, x, 4, "IDLE");
	x = put(y, x, bar, "TASKS");
	x = put(y, x, bar, "MEMORY");
	x = put(y, x, bar, "CPU");
	(void)put(y, x, COLS - x, "COMMAND");
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
	snprintf(text, sizeof text, "gocker top  %s  %zu session%s, %" PRIu64 " tasks, by %s%s", clock,
		top->now.n, top->now.n == 1 ? "" : "s", tasks, sort_names[top->sort],
		top->reverse ? ", least first" : "");
	(void)put(0, 0, COLS, text);
}

void gk_top_draw(struct gk_top *top)
{
	int room = LINES - LINES_AROUND;
	erase();
	put_head(top);
	attron(A_REVERSE);
	if (LINES > 1)
		put_titles(1);
	attroff(A_REVERSE);
	if (top->selected < top->first)
		top->first = top->selected;
	if (room > 0 && top->selected >= top->first + (size_t)room)
		top->first = top->selected - (size_t)room + 1;
	for (int i = 0; i < room && top->first + (size_t)i < top->now.n; i++) {
		bool selected = top->first + (size_t)i == top->selected;
		if (selected)
			attron(A_BOLD);
		put_row(top, top->rows[top->first + (size_t)i], i + 2);
		if (selected) {
			attroff(A_BOLD);
			mvchgat(i + 2, 0, 12, A_REVERSE, 0, NULL);
		}
	}
	(void)put(LINES - 1, 0, COLS - 1, top->message[0] ? top->message :
		"up/down move  s sort  r reverse  enter inspect  k kill  q quit");
	refresh();
}

void gk_top_draw_one(const struct gk_seen *s)
{
	char text[256], a[24], b[24], c[24], d[24];
	int y = 0;
	erase();
	attron(A_BOLD);
	snprintf(text, sizeof text, "session %s of %s", s->id, s->user);
	(void)put(y++, 0, COLS, text);
	attroff(A_BOLD);
	y++;
	for (const char *line = s->record; *line && y < LINES - 5;) {
		size_t len = strcspn(line, "\n"), key = strcspn(line, "=");
		char name[64], value[1024];
		snprintf(name, sizeof name, "%.*s", (int)(key < len ? key : len), line);
		snprintf(value, sizeof value, "%.*s", (int)(key < len ? len - key - 1 : 0),
			line + key + 1);
		(void)put(y, 0, 14, name);
		(void)put(y++, 15, COLS - 15, value);
		line += len + (line[len] == '\n');
	}
	y++;
	snprintf(text, sizeof text, "tasks %s now, %s at most, limit hit %s times; OOM kills %s",
		gk_human_count(a, sizeof a, s->usage.pids_now),
		gk_human_count(b, sizeof b, s->usage.pids_peak),
		gk_human_count(c, sizeof c, s->usage.pids_max_hits),
		gk_human_count(d, sizeof d, s->usage.oom_kills));
	(void)put(y++, 0, COLS, text);
	snprintf(text, sizeof text, "memory %s now, %s at most",
		gk_human_bytes(a, sizeof a, s->usage.memory_now),
		gk_human_bytes(b, sizeof b, s->usage.memory_peak));
	(void)put(y, 0, COLS, text);
	(void)put(LINES - 1, 0, COLS - 1, "any key goes back");
	refresh();
}
