/* gocker top: a full-screen view of the sessions. */
#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/sessions/act.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/sessions/top.h"

static const struct gk_option options[] = {
	{ 'd', "delay", "SECONDS", NULL, "refresh interval (default: 2)" },
	{ 'u', "user", "USER", "user", "only the sessions of this user" },
	{ 0 },
};

const struct gk_page gk_page_top = {
	.name = "top",
	.what = GK_WHAT_TOP,
	.usage = "[OPTION...]",
	.about = "Shows the sessions full-screen, with bars for their tasks, memory and CPU.",
	.options = options,
	.tail = "Keys: up, down, page up and page down move; s selects the sort column, r reverses the "
		"order; enter or i shows everything about a session; k kills it, after a question; q "
		"quits.",
};

struct watch {
	struct gk_top top;
	struct gk_seen_filter filter;
	struct gk_arena arenas[2]; /* of this look and of the one before */
	int current;
	struct timespec looked;
	unsigned delay_s;
};

static struct gk_top *sorting; /* qsort has no argument to hand on */

static int compare_numbers(uint64_t a, uint64_t b)
{
	/* Unknown is least. */
	a = a == UINT64_MAX ? 0 : a;
	b = b == UINT64_MAX ? 0 : b;
	return a < b ? 1 : a > b ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
	const struct gk_seen *x = *(const struct gk_seen *const *)a;
	const struct gk_seen *y = *(const struct gk_seen *const *)b;
	int r = 0;
	switch (sorting->sort) {
	case GK_SORT_PIDS: r = compare_numbers(x->usage.pids_now, y->usage.pids_now); break;
	case GK_SORT_MEMORY: r = compare_numbers(x->usage.memory_now, y->usage.memory_now); break;
	case GK_SORT_CPU:
		r = x->cpu_percent < y->cpu_percent ? 1 : x->cpu_percent > y->cpu_percent ? -1 : 0;
		break;
	case GK_SORT_AGE: r = compare_numbers((uint64_t)x->age_s, (uint64_t)y->age_s); break;
	case GK_SORT_USER:
	case GK_SORT_COUNT: r = strcmp(x->user, y->user); break;
	}
	if (sorting->reverse)
		r = -r;
	return r ? r : strcmp(x->id, y->id);
}

static void sort_rows(struct gk_top *top)
{
	sorting = top;
	if (top->now.n > 1)
		/* An array of pointers is meant. NOLINTNEXTLINE(bugprone-sizeof-expression) */
		qsort(top->rows, top->now.n, sizeof *top->rows, compare);
}

/* Both lists are in the order of time and id, so that one walk finds the same sessions in both. */
static void fill_cpu(struct gk_seen_list *now, const struct gk_seen_list *before, double seconds)
{
	size_t k = 0;
	for (size_t i = 0; i < now->n; i++) {
		struct gk_seen *s = &now->list[i];
		s->cpu_percent = -1;
		while (k < before->n &&
			(before->list[k].started < s->started ||
				(before->list[k].started == s->started &&
					strcmp(before->list[k].id, s->id) < 0)))
			k++;
		if (k == before->n || strcmp(before->list[k].id, s->id) != 0 || seconds <= 0)
			continue;
		uint64_t then = before->list[k].usage.cpu_usec, used = s->usage.cpu_usec;
		if (then != UINT64_MAX && used != UINT64_MAX && used >= then)
			s->cpu_percent = (double)(used - then) / 1e4 / seconds;
	}
}

/* Reads everything again; the cursor stays on its session. */
static int look(struct watch *w, struct gk_err *err)
{
	struct gk_top *top = &w->top;
	struct gk_arena *arena = &w->arenas[!w->current];
	struct gk_seen_list now, before = top->now;
	struct timespec t;
	char id[GK_ID_BYTES] = "";
	if (top->now.n)
		snprintf(id, sizeof id, "%s", top->rows[top->selected]->id);
	gk_arena_free(arena);
	int r = gk_seen_read(&w->filter, arena, &now, err);
	/* An array of pointers is meant. NOLINTNEXTLINE(bugprone-sizeof-expression) */
	const struct gk_seen **rows = r < 0 ? NULL : gk_arena_array(arena, now.n + 1, sizeof *rows);
	if (!rows)
		return r < 0 ? r : gk_fail_errno(err, -ENOMEM, "cannot list the sessions");
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	fill_cpu(&now, &before,
		(double)(t.tv_sec - w->looked.tv_sec) +
			(double)(t.tv_nsec - w->looked.tv_nsec) / 1e9);
	for (size_t i = 0; i < now.n; i++)
		rows[i] = &now.list[i];
	w->looked = t;
	w->current = !w->current;
	top->now = now;
	top->rows = rows;
	sort_rows(top);
	if (top->selected >= now.n)
		top->selected = now.n ? now.n - 1 : 0;
	for (size_t i = 0; *id && i < now.n; i++)
		if (strcmp(rows[i]->id, id) == 0)
			top->selected = i;
	return 0;
}

static void move_by(struct gk_top *top, long rows)
{
	long to = (long)top->selected + rows, last = (long)top->now.n - 1;
	top->selected = to < 0 || last < 0 ? 0 : (size_t)(to > last ? last : to);
}

static void inspect(struct gk_top *top)
{
	if (!top->now.n)
		return;
	timeout(-1);
	do
		gk_top_draw_one(top->rows[top->selected]);
	while (getch() == KEY_RESIZE);
}

static void ask_and_kill(struct gk_top *top)
{
	struct gk_err err = GK_ERR_INIT;
	if (!top->now.n)
		return;
	const struct gk_seen *s = top->rows[top->selected];
	snprintf(top->message, sizeof top->message, "kill session %s of %.100s? y/n", s->id,
		s->user);
	gk_top_draw(top);
	timeout(-1);
	int key = getch();
	if (key != 'y' && key != 'Y')
		snprintf(top->message, sizeof top->message, "nothing was killed");
	else if (gk_act_kill(s, SIGKILL, &err) < 0)
		snprintf(top->message, sizeof top->message, "%.*s", (int)sizeof top->message - 1,
			err.msg);
	else
		snprintf(top->message, sizeof top->message, "session %s was killed", s->id);
}

/* Returns false when it is over. */
static bool on_key(struct watch *w, int key)
{
	struct gk_top *top = &w->top;
	if (key != ERR)
		top->message[0] = '\0';
	switch (key) {
	case 'q':
	case 'Q': return false;
	case KEY_UP: move_by(top, -1); break;
	case KEY_DOWN:
	case 'j': move_by(top, 1); break;
	case KEY_PPAGE: move_by(top, -(long)LINES); break;
	case KEY_NPAGE: move_by(top, LINES); break;
	case KEY_HOME: top->selected = 0; break;
	case KEY_END: move_by(top, (long)top->now.n); break;
	case 's':
		top->sort = (top->sort + 1) % GK_SORT_COUNT;
		sort_rows(top);
		break;
	case 'r':
		top->reverse = !top->reverse;
		sort_rows(top);
		break;
	case '\n':
	case KEY_ENTER:
	case 'i': inspect(top); break;
	case 'k': ask_and_kill(top); break;
	default: break;
	}
	return true;
}

static void open_screen(void)
{
	initscr();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	(void)curs_set(0);
	if (!has_colors())
		return;
	start_color();
	(void)use_default_colors();
	init_pair(1, COLOR_GREEN, -1);
	init_pair(2, COLOR_YELLOW, -1);
	init_pair(3, COLOR_RED, -1);
}

static int watch(struct watch *w, struct gk_err *err)
{
	struct timespec now;
	int r = look(w, err);
	gk_watch_start(false);
	while (r == 0 && gk_watch_pause(0)) {
		gk_top_draw(&w->top);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		long left_ms = (long)w->delay_s * 1000 - (now.tv_sec - w->looked.tv_sec) * 1000 -
			(now.tv_nsec - w->looked.tv_nsec) / 1000000;
		timeout(left_ms > 0 ? (int)left_ms : 0);
		int key = getch();
		if (!on_key(w, key))
			break;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (key == ERR || key == 'k' || now.tv_sec - w->looked.tv_sec >= (time_t)w->delay_s)
			r = look(w, err);
	}
	return r;
}

int gk_cmd_top(int argc, char **argv)
{
	static struct watch w = { .delay_s = 2 };
	struct gk_err err = GK_ERR_INIT;
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_top, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case 'd':
			if (gk_cli_seconds(value, &w.delay_s) < 0)
				return gk_cli_usage("top", "-d takes seconds, 1 to 3600");
			break;
		case 'u': w.filter.user = value; break;
		default: return 2;
		}
	}
	if (optind < argc)
		return gk_cli_usage("top", "takes no argument");
	int r = gk_cli_need_root("top");
	if (r != 0)
		return r;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return gk_cli_usage("top", "a terminal is needed; `gocker stats` needs none");
	(void)setlocale(LC_ALL, "");
	gk_log_open("gocker");
	w.top.cpus = sysconf(_SC_NPROCESSORS_ONLN) > 0 ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
	w.top.memory_total = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	struct gk_seen_list all;
	struct gk_arena arena = { 0 };
	r = gk_seen_read(&w.filter, &arena, &all, &err);
	int unknown = r == 0 ? gk_seen_check_user("top", w.filter.user, &all) : 0;
	gk_arena_free(&arena);
	if (unknown)
		return unknown;
	struct gk_err ignored = GK_ERR_INIT;
	w.top.no_memory = gk_cgroup_is_v1(&ignored) == 1;
	open_screen();
	if (r == 0)
		r = watch(&w, &err);
	(void)endwin();
	gk_arena_free(&w.arenas[0]);
	gk_arena_free(&w.arenas[1]);
	return r < 0 ? gk_cli_fail("top", &err) : 0;
}
