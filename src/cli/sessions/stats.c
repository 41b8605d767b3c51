/* gocker stats: what sessions use, for people, programs and Prometheus. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/sessions/sessions.h"
#include "plan/text.h"
#include "run/store/drain.h"

enum { PROMETHEUS = GK_OPTION_LONG, FORMAT, NO_STREAM, DELAY_S = 2 };

static const struct gk_option options[] = {
	{ 'u', "user", "USER", "user", "only the sessions of this user" },
	{ PROMETHEUS, "prometheus", "FILE", "file",
		"write the numbers to FILE in Prometheus' text format; - is stdout. FILE is replaced "
		"atomically, as node_exporter's textfile collector needs" },
	{ NO_STREAM, "no-stream", NULL, NULL,
		"print the table once; on a terminal it is repeated every 2 seconds until interrupted" },
	{ FORMAT, "format", "FORMAT", "text json", "text (default) or json" },
	{ 0 },
};

const struct gk_page gk_page_stats = {
	.name = "stats",
	.what = "show what sessions use of their limits, for people and Prometheus",
	.usage = "[OPTION...]",
	.about =
		"Shows what each session uses of its limits, and how often it reached them. HITS "
		"counts tasks that the session's own limit refused, UHITS those that the limit of all "
		"sessions of the user together (user_pids_max) refused since the session was opened. NET IN "
		"and NET OUT are the bytes of sessions with network = private.",
	.options = options,
};

static const struct gk_column columns[] = {
	{ "ID", false, 0, 0, false },
	{ "USER", false, 8, 0, false },
	{ "PIDS", true, 0, 0, false },
	{ "LIMIT", true, 0, 0, false },
	{ "PEAK", true, 0, 3, false },
	{ "HITS", true, 0, 0, false },
	{ "UHITS", true, 0, 0, false },
	{ "MEMORY", true, 0, 0, false },
	{ "PEAK", true, 0, 2, false },
	{ "LIMIT", true, 0, 1, false },
	{ "OOM", true, 0, 0, false },
	{ "CPU", true, 0, 0, false },
	{ "NET IN", true, 0, 4, false },
	{ "NET OUT", true, 0, 4, false },
};
enum { NET_IN = 12, NET_OUT, COLUMNS = sizeof columns / sizeof *columns };
/* MEMORY, PEAK, LIMIT, OOM and CPU, which cgroup v1 does not tell. */
#define V2_COLUMNS (0x1fu << 7)

static bool any_traffic(const struct gk_seen_list *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].traffic.in != UINT64_MAX)
			return true;
	return false;
}

static int print_table(const struct gk_seen_list *all, bool live, struct gk_arena *arena)
{
	const char **cells = gk_arena_array(arena, all->n * COLUMNS + 1, sizeof *cells),
		   **c = cells;
	char buf[32];
	if (!cells)
		return -ENOMEM;
	for (size_t i = 0; i < all->n; i++) {
		const struct gk_seen *s = &all->list[i];
		const struct gk_usage *u = &s->usage;
		const uint64_t counts[] = { u->pids_now, s->pids_max, u->pids_peak, u->pids_hits,
			u->user_pids_hits };
		const uint64_t bytes[] = { u->memory_now, u->memory_peak, s->memory_max };
		*c++ = s->id;
		*c++ = gk_seen_readable(arena, s->user);
		for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
			*c++ = gk_arena_strdup(arena, gk_human_count(buf, sizeof buf, counts[k]));
		for (size_t k = 0; k < sizeof bytes / sizeof *bytes; k++)
			*c++ = gk_arena_strdup(arena, gk_human_bytes(buf, sizeof buf, bytes[k]));
		*c++ = gk_arena_strdup(arena, gk_human_count(buf, sizeof buf, u->oom_kills));
		*c++ = u->cpu_usec == UINT64_MAX ?
			"-" :
			gk_arena_printf(arena, "%.2fs", (double)u->cpu_usec / 1e6);
		*c++ = gk_arena_strdup(arena, gk_human_bytes(buf, sizeof buf, s->traffic.in));
		*c++ = gk_arena_strdup(arena, gk_human_bytes(buf, sizeof buf, s->traffic.out));
	}
	for (const char **cell = cells; cell < c; cell++)
		if (!*cell)
			return -ENOMEM;
	int rows = 0, width = gk_terminal_size(&rows);
	struct gk_err ignored = GK_ERR_INIT;
	/* On a screen that is drawn again: the titles, "and more", and the line of the cursor. */
	size_t n =
		live && width && rows > 2 && all->n > (size_t)rows - 3 ? (size_t)rows - 3 : all->n;
	gk_table_print(stdout, columns, COLUMNS, cells, n, width,
		(gk_cgroup_is_v1(&ignored) == 1 ? V2_COLUMNS : 0) |
			(any_traffic(all) ? 0 : 1u << NET_IN | 1u << NET_OUT));
	if (n < all->n)
		printf("(and %zu more)\n", all->n - n);
	return 0;
}

/* ---- Prometheus, exposition format 0.0.4 ---- */

struct metric {
	const char *name, *type, *what;
	uint64_t (*value)(const struct gk_seen *s);
};

static uint64_t tasks(const struct gk_seen *s)
{
	return s->usage.pids_now;
}
static uint64_t tasks_limit(const struct gk_seen *s)
{
	return s->pids_max;
}
static uint64_t tasks_hits(const struct gk_seen *s)
{
	return s->usage.pids_hits;
}
static uint64_t user_tasks_hits(const struct gk_seen *s)
{
	return s->usage.user_pids_hits;
}
static uint64_t memory(const struct gk_seen *s)
{
	return s->usage.memory_now;
}
static uint64_t memory_limit(const struct gk_seen *s)
{
	return s->memory_max;
}
static uint64_t oom_kills(const struct gk_seen *s)
{
	return s->usage.oom_kills;
}
static uint64_t memory_high(const struct gk_seen *s)
{
	return s->usage.memory_high_hits;
}
static uint64_t memory_low(const struct gk_seen *s)
{
	return s->usage.memory_low_hits;
}
static uint64_t throttled(const struct gk_seen *s)
{
	return s->usage.cpu_throttled;
}
static uint64_t user_throttled(const struct gk_seen *s)
{
	return s->usage.user_cpu_throttled;
}
static uint64_t net_in(const struct gk_seen *s)
{
	return s->traffic.in;
}
static uint64_t net_out(const struct gk_seen *s)
{
	return s->traffic.out;
}
static uint64_t age(const struct gk_seen *s)
{
	return (uint64_t)s->age_s;
}

static const struct metric metrics[] = {
	{ "tasks", "gauge", "Tasks of the user in the session.", tasks },
	{ "tasks_limit", "gauge", "Most tasks that the session may have.", tasks_limit },
	{ "tasks_limit_hits_total", "counter", "Tasks that this limit refused.", tasks_hits },
	{ "user_tasks_limit_hits_total", "counter",
		"Tasks that the limit of all sessions of the user refused "
		"since this session was opened.",
		user_tasks_hits },
	{ "memory_bytes", "gauge", "Memory in use.", memory },
	{ "memory_limit_bytes", "gauge", "Most memory that the session may use.", memory_limit },
	{ "oom_kills_total", "counter", "Processes killed for want of memory.", oom_kills },
	{ "memory_high_hits_total", "counter", "Times it was slowed down at memory_high.",
		memory_high },
	{ "memory_low_hits_total", "counter", "Times memory was taken that memory_low was to keep.",
		memory_low },
	{ "cpu_throttled_total", "counter", "Periods in which it had used up cpus.", throttled },
	{ "user_cpu_throttled_total", "counter",
		"Periods in which all sessions of the user had used up user_cpus.",
		user_throttled },
	{ "network_receive_bytes_total", "counter", "Bytes received by its own network.", net_in },
	{ "network_transmit_bytes_total", "counter", "Bytes sent by its own network.", net_out },
	{ "age_seconds", "gauge", "Time since the session was opened.", age },
};

/* A label's value has backslash, quote and newline escaped; records hold no other of the three than
 * the backslash of \xNN. */
static void put_label(struct gk_buf *out, const char *name, const char *value)
{
	gk_buf_printf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			gk_buf_puts(out, "\\");
		gk_buf_add(out, value, 1);
	}
	gk_buf_puts(out, "\"");
}

static void put_labels(struct gk_buf *out, const struct gk_seen *s)
{
	gk_buf_puts(out, "{");
	put_label(out, "id", s->id);
	gk_buf_puts(out, ",");
	put_label(out, "user", s->user);
	gk_buf_puts(out, ",");
	put_label(out, "door", s->door);
	gk_buf_puts(out, ",");
	put_label(out, "image", s->image);
	gk_buf_puts(out, "}");
}

static void put_head(struct gk_buf *out, const char *name, const char *type, const char *what)
{
	gk_buf_printf(out, "# HELP gocker_%s %s\n# TYPE gocker_%s %s\n", name, what, name, type);
}

/* A counter of microseconds, at this offset of struct gk_usage, in seconds. */
static void put_seconds(struct gk_buf *out, const struct gk_seen_list *all, const char *name,
	const char *what, size_t offset)
{
	char full[64];
	snprintf(full, sizeof full, "session_%s", name);
	put_head(out, full, "counter", what);
	for (size_t i = 0; i < all->n; i++) {
		uint64_t usec;
		memcpy(&usec, (const char *)&all->list[i].usage + offset, sizeof usec);
		if (usec == UINT64_MAX)
			continue;
		gk_buf_printf(out, "gocker_%s", full);
		put_labels(out, &all->list[i]);
		gk_buf_printf(out, " %.6f\n", (double)usec / 1e6);
	}
}

static const char *prometheus_text(const struct gk_seen_list *all, struct gk_arena *arena)
{
	struct gk_buf out = { .arena = arena };
	put_head(&out, "sessions", "gauge", "Sessions that live.");
	gk_buf_printf(&out, "gocker_sessions %zu\n", all->n);
	put_head(
		&out, "drained", "gauge", "Whether the host takes no new sessions (gocker drain).");
	struct gk_drain drain;
	gk_drain_read(&drain);
	gk_buf_printf(&out, "gocker_drained %d\n", drain.on);
	for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
		char name[64];
		snprintf(name, sizeof name, "session_%s", metrics[m].name);
		put_head(&out, name, metrics[m].type, metrics[m].what);
		for (size_t i = 0; i < all->n; i++) {
			uint64_t v = metrics[m].value(&all->list[i]);
			if (v == UINT64_MAX)
				continue;
			gk_buf_printf(&out, "gocker_%s", name);
			put_labels(&out, &all->list[i]);
			gk_buf_printf(&out, " %" PRIu64 "\n", v);
		}
	}
	put_seconds(&out, all, "cpu_seconds_total", "CPU time used.",
		offsetof(struct gk_usage, cpu_usec));
	put_seconds(&out, all, "io_stalled_seconds_total",
		"Time in which it waited for disks, for io_max too.",
		offsetof(struct gk_usage, io_stalled_usec));
	return gk_buf_text(&out);
}

struct stats {
	struct gk_seen_filter filter;
	const char *file;
	bool json, once, live;
};

static int print_json(const struct gk_seen_list *all)
{
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; i < all->n; i++)
		json_object_array_add(list, gk_seen_json(&all->list[i]));
	return gk_report_print(list);
}

static int report(const struct stats *st, struct gk_arena *arena, struct gk_err *err)
{
	struct gk_seen_list all;
	struct gk_seen_filter filter = st->filter;
	filter.whole = true;
	int r = gk_seen_read(&filter, arena, &all, err);
	if (r < 0)
		return r;
	if (gk_seen_check_user("stats", st->filter.user, &all) != 0)
		return 1;
	if (!st->file)
		return st->json ? -print_json(&all) : print_table(&all, st->live, arena);
	const char *text = prometheus_text(&all, arena);
	if (!text)
		return gk_fail_errno(err, -ENOMEM, "cannot write the numbers");
	if (strcmp(st->file, "-") == 0)
		return fputs(text, stdout) < 0 ? -EIO : 0;
	return gk_print_file(st->file, text, err);
}

static int once(const struct stats *st)
{
	struct gk_arena arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	int r = report(st, &arena, &err);
	if (r < 0) {
		(void)gk_fail_errno(&err, r, "cannot show the numbers");
		r = gk_cli_fail("stats", &err);
	}
	gk_arena_free(&arena);
	return r ? r : gk_print_end("stats");
}

int gk_cmd_stats(int argc, char **argv)
{
	struct stats st = { 0 };
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_stats, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case 'u': st.filter.user = value; break;
		case NO_STREAM: st.once = true; break;
		case PROMETHEUS: st.file = value; break;
		case FORMAT:
			if (gk_report_format("stats", value, &st.json) != 0)
				return 2;
			break;
		default: return 2;
		}
	}
	if (optind < argc || (st.json && st.file))
		return gk_cli_usage("stats",
			optind < argc ? "takes no argument" : "either --format or --prometheus");
	int r = gk_cli_need_root("stats");
	if (r != 0)
		return r;
	(void)setlocale(LC_CTYPE, "");
	st.live = !st.once && !st.json && !st.file && isatty(STDOUT_FILENO);
	if (!st.live)
		return once(&st);
	gk_watch_start(true);
	do {
		fputs("\033[H\033[2J", stdout);
		r = once(&st);
	} while (r == 0 && gk_watch_pause(DELAY_S));
	return r;
}
