/* gocker ps: the sessions of this host. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/sessions/hosts.h"
#include "cli/sessions/sessions.h"
#include "cli/template.h"
#include "base/log.h"

enum { DOOR = GK_OPTION_LONG, IMAGE, WHOLE, WATCH, FORMAT, HOST, FILTERS_MOST = 16 };

static const struct gk_option options[] = {
	{ 'u', "user", "USER", "user", "only the sessions of this user" },
	{ DOOR, "door", "DOOR", "shell pam run",
		"only those that came through this door: shell, pam or run" },
	{ IMAGE, "image", "NAME", "image", "only those that use this image" },
	{ 'f', "filter", "KEY=VALUE", "filter",
		"only those whose user, door, image, state, tty, from, id or command is VALUE (id: "
		"begins with it); can be repeated, and all must fit" },
	{ 'n', "last", "N", NULL, "only the N newest" },
	{ HOST, "host", "HOST[,HOST...]", "host",
		"the sessions of these hosts, asked over ssh; each is [USER@]NAME or "
		"ssh://[USER@]NAME[:PORT]" },
	{ 'a', "all", NULL, NULL,
		"also what crashed sessions left behind; `gocker gc` removes it" },
	{ 'q', "quiet", NULL, NULL, "print ids only" },
	{ WHOLE, "no-trunc", NULL, NULL, "do not cut lines to the width of the terminal" },
	{ WATCH, "watch", "[=SEC]", NULL,
		"repeat every SEC seconds (default: 2) until interrupted" },
	{ FORMAT, "format", "FORMAT", "text json",
		"text (default), json, or a template with JSON's names in braces, a line for each "
		"session: '{id} {user} {pids.now}'" },
	{ 0 },
};

const struct gk_page gk_page_ps = {
	.name = "ps",
	.what = "list the sessions of this host, or of others",
	.usage = "[OPTION...]",
	.about = "Lists the live sessions, the oldest first; with --host those of each host in the "
		 "order given. A host that does not answer is reported on stderr, the others are "
		 "shown, and the exit status is 1.",
	.options = options,
	.tail = "PIDS counts the user's tasks against pids_max. MEMORY is left out where the kernel "
		"does not report it (cgroup v1); IDLE is - without a terminal. For a login through the PAM door "
		"TTY is the terminal used last, by its name inside, and COMMAND the user's oldest "
		"process. PORTS, where a session has any, are those that publish makes reachable from "
		"outside. Logins that share a container (share = user) are listed below it. A "
		"container that is behind gocker.ini was made before the file was changed, and keeps "
		"its old values; `gocker stop` ends it, and the next login makes a new one.",
};

struct ps {
	struct gk_seen_filter filter;
	const char *filters[FILTERS_MOST];
	size_t nfilters, last;
	const char *template, *hosts;
	bool json, quiet, whole;
	unsigned watch_s;
};

static const struct gk_column columns[] = {
	{ "HOST", false, 8, 0, false },
	{ "ID", false, 0, 0, false },
	{ "USER", false, 8, 0, false },
	{ "DOOR", false, 0, 4, false },
	{ "IMAGE", false, 6, 5, false },
	{ "TTY", false, 0, 3, false },
	{ "FROM", false, 9, 6, false },
	{ "AGE", true, 0, 0, false },
	{ "IDLE", true, 0, 2, false },
	{ "PIDS", true, 0, 0, false },
	{ "MEMORY", true, 0, 1, false },
	{ "PORTS", false, 15, 7, false },
	{ "COMMAND", false, 12, 0, false },
};
enum { MEMORY = 10, PORTS, COLUMNS = sizeof columns / sizeof *columns };

/* The fields of a session, as gk_seen_json writes them. */
static const char *text_of(struct json_object *session, const char *key)
{
	struct json_object *value = json_object_object_get(session, key);
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "-";
}

static const char *shown(struct json_object *session, const char *key, struct gk_arena *arena)
{
	return gk_seen_readable(arena, text_of(session, key));
}

/* In seconds; -1 where it is null. */
static int64_t time_of(struct json_object *session, const char *key)
{
	struct json_object *value = json_object_object_get(session, key);
	return value ? json_object_get_int64(value) : -1;
}

static uint64_t number_of(struct json_object *session, const char *group, const char *key)
{
	struct json_object *value =
		json_object_object_get(json_object_object_get(session, group), key);
	return value ? (uint64_t)json_object_get_int64(value) : UINT64_MAX;
}

static const char *tty_of(struct json_object *session, struct gk_arena *arena)
{
	const char *tty = shown(session, "tty", arena);
	return strncmp(tty, "/dev/", 5) == 0 ? tty + 5 : tty;
}

static const char *age_of(struct json_object *session, struct gk_arena *arena)
{
	char age[24];
	return strcmp(text_of(session, "state"), "stale") == 0 ?
		"stale" :
		gk_arena_strdup(arena, gk_human_time(age, sizeof age, time_of(session, "age_s")));
}

static const char *command_of(struct json_object *session, struct gk_arena *arena)
{
	if (strcmp(text_of(session, "kind"), "container") != 0)
		return shown(session, "command", arena);
	return json_object_get_boolean(json_object_object_get(session, "behind")) ?
		"(container, behind gocker.ini)" :
		"(container)";
}

static const char **fill_row(struct json_object *s, struct gk_arena *arena, const char **cell)
{
	char now[24], most[24], idle[24], memory[24];
	bool login = strcmp(text_of(s, "kind"), "login") == 0;
	*cell++ = shown(s, "host", arena);
	*cell++ = gk_arena_printf(arena, "%s%s", login ? "  " : "", text_of(s, "id"));
	*cell++ = shown(s, "user", arena);
	*cell++ = text_of(s, "door");
	*cell++ = shown(s, "image", arena);
	*cell++ = tty_of(s, arena);
	*cell++ = shown(s, "from", arena);
	*cell++ = age_of(s, arena);
	*cell++ = gk_arena_strdup(arena, gk_human_time(idle, sizeof idle, time_of(s, "idle_s")));
	*cell++ = gk_arena_printf(arena, "%s/%s",
		gk_human_count(now, sizeof now, number_of(s, "pids", "now")),
		gk_human_count(most, sizeof most, number_of(s, "pids", "limit")));
	*cell++ = gk_arena_strdup(
		arena, gk_human_bytes(memory, sizeof memory, number_of(s, "memory", "now")));
	*cell++ = text_of(s, "published");
	*cell++ = command_of(s, arena);
	return cell;
}

static bool any_published(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(text_of(json_object_array_get_idx(list, i), "published"), "-") != 0)
			return true;
	return false;
}

/* Without the host's column for this host alone, without memory where it is not known, and without
 * ports where no session has any. */
static unsigned hidden(const struct ps *ps, struct json_object *list)
{
	struct gk_err ignored = GK_ERR_INIT;
	const unsigned ports = any_published(list) ? 0 : 1u << PORTS;
	if (ps->hosts)
		return ports;
	return ports | 1u | (gk_cgroup_is_v1(&ignored) == 1 ? 1u << MEMORY : 0);
}

static int print_table(const struct ps *ps, struct json_object *list, struct gk_arena *arena)
{
	int rows = 0, width = gk_terminal_size(&rows);
	size_t all = json_object_array_length(list), n = all;
	/* A watched screen must not scroll. */
	if (ps->watch_s && width && rows > 2 && n > (size_t)rows - 3)
		n = (size_t)rows - 3; /* the titles, "and more", and the line of the cursor */
	const char **cells = gk_arena_array(arena, n * COLUMNS + 1, sizeof *cells), **at = cells;
	if (!cells)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		at = fill_row(json_object_array_get_idx(list, i), arena, at);
	for (const char **cell = cells; cell < at; cell++)
		if (!*cell)
			return -ENOMEM;
	gk_table_print(stdout, columns, COLUMNS, cells, n, ps->whole ? 0 : width, hidden(ps, list));
	if (n < all)
		printf("(and %zu more)\n", all - n);
	return 0;
}

/* What can be filtered by; the value as the table shows it. */
static const char *const filter_keys[] = { "user", "door", "image", "state", "tty", "from", "id",
	"command", NULL };

static bool fits(const struct gk_seen *s, const char *filter)
{
	char wanted[512];
	const char *state = !s->alive ? "stale" : s->frozen ? "frozen" : "running";
	const char *values[] = { s->user, s->door, s->image, state, s->tty, s->from, s->id,
		s->command };
	size_t n = strcspn(filter, "="), k = 0;
	while (strncmp(filter_keys[k], filter, n) != 0 || filter_keys[k][n])
		k++;
	gk_escape(wanted, sizeof wanted, filter + n + 1);
	if (strcmp(filter_keys[k], "id") == 0)
		return strstr(s->id, filter + n + 1) == s->id;
	if (strcmp(filter_keys[k], "tty") == 0 && strncmp(s->tty, "/dev/", 5) == 0 &&
		strcmp(s->tty + 5, wanted) == 0)
		return true;
	return strcmp(values[k], wanted) == 0;
}

/* Leaves those that fit every filter, and of these the newest. */
static void pick(const struct ps *ps, struct gk_seen_list *all)
{
	size_t kept = 0;
	for (size_t i = 0; i < all->n; i++) {
		bool fit = true;
		for (size_t k = 0; k < ps->nfilters && fit; k++)
			fit = fits(&all->list[i], ps->filters[k]);
		if (fit)
			all->list[kept++] = all->list[i];
	}
	all->n = kept;
	if (ps->last && all->n > ps->last) {
		all->list += all->n - ps->last;
		all->n = ps->last;
	}
}

/* Of keys that have few values: one that no session can have is a mistake. */
static int check_value(const char *key, const char *value)
{
	static const char *const states[] = { "running", "frozen", "stale", NULL },
				 *const doors[] = { "shell", "pam", "run", NULL };
	const char *const *known = strcmp(key, "state") == 0 ? states :
		strcmp(key, "door") == 0                     ? doors :
							       NULL;
	if (!known)
		return 0;
	for (const char *const *each = known; *each; each++)
		if (strcmp(*each, value) == 0)
			return 0;
	return gk_cli_usage(
		"ps", "--filter: %s is %s, %s or %s", key, known[0], known[1], known[2]);
}

static int add_filter(struct ps *ps, const char *filter)
{
	char key[32];
	size_t n = strcspn(filter, "="), k = 0;
	snprintf(key, sizeof key, "%.*s", (int)n, filter);
	while (filter_keys[k] && strcmp(filter_keys[k], key) != 0)
		k++;
	const char *like = filter_keys[k] ? NULL : gk_closest(key, filter_keys);
	if (like)
		return gk_cli_usage("ps", "--filter: no key %s; did you mean %s?", key, like);
	if (!filter_keys[k] || !filter[n])
		return gk_cli_usage("ps",
			"--filter is KEY=VALUE, with user, door, image, state, tty, from, id or "
			"command as KEY");
	int status = check_value(filter_keys[k], filter + n + 1);
	if (status)
		return status;
	if (ps->nfilters == FILTERS_MOST)
		return gk_cli_usage("ps", "too many filters");
	/* Which are not looked for otherwise. */
	if (strcmp(filter, "state=stale") == 0)
		ps->filter.stale = true;
	ps->filters[ps->nfilters++] = filter;
	return 0;
}

/* Fills list. Returns 0, -errno, or an exit status after a line on stderr. */
static int read_here(
	const struct ps *ps, struct gk_arena *arena, struct json_object *list, struct gk_err *err)
{
	struct gk_seen_list all;
	int r = gk_seen_read(&ps->filter, arena, &all, err);
	if (r == 0)
		r = gk_seen_check_user("ps", ps->filter.user, &all);
	if (r != 0)
		return r;
	pick(ps, &all);
	for (size_t i = 0; i < all.n; i++)
		json_object_array_add(list, gk_seen_json(&all.list[i]));
	return 0;
}

/* The same of other hosts: they are given the options that choose among sessions. Returns how many
 * hosts did not answer, or -errno. */
static int read_there(const struct ps *ps, struct json_object *list)
{
	char last[24];
	const char *arguments[2 * FILTERS_MOST + 10], **p = arguments;
	if (ps->filter.user)
		*p++ = "--user", *p++ = ps->filter.user;
	if (ps->filter.door)
		*p++ = "--door", *p++ = ps->filter.door;
	if (ps->filter.image)
		*p++ = "--image", *p++ = ps->filter.image;
	for (size_t i = 0; i < ps->nfilters; i++)
		*p++ = "--filter", *p++ = ps->filters[i];
	if (ps->last) {
		snprintf(last, sizeof last, "%zu", ps->last);
		*p++ = "--last", *p++ = last;
	}
	if (ps->filter.stale)
		*p++ = "--all";
	*p = NULL;
	return gk_hosts_ps(ps->hosts, arguments, list);
}

static int print(const struct ps *ps, struct json_object *list, struct gk_arena *arena)
{
	if (ps->json)
		return gk_report_print(json_object_get(list));
	if (!ps->quiet && !ps->template)
		return print_table(ps, list, arena);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *session = json_object_array_get_idx(list, i);
		if (ps->quiet)
			puts(text_of(session, "id"));
		else
			gk_template_print(ps->template, session);
	}
	return 0;
}

static int once(const struct ps *ps)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_arena arena = { 0 };
	struct json_object *list = json_object_new_array();
	int failed = 0, code = 0,
	    r = ps->hosts ? read_there(ps, list) : read_here(ps, &arena, list, &err);
	if (r > 0)
		failed = 1;
	if (r == 0 || (r > 0 && ps->hosts))
		r = print(ps, list, &arena);
	if (r < 0) {
		(void)gk_fail_errno(&err, r, "cannot list the sessions");
		code = gk_cli_fail("ps", &err);
	} else {
		code = r > 0 ? r : failed;
	}
	json_object_put(list);
	gk_arena_free(&arena);
	return code ? code : gk_print_end("ps");
}

static int watch(const struct ps *ps)
{
	int code;
	gk_watch_start(true);
	do {
		if (isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		code = once(ps);
		(void)fflush(stdout);
		/* A host that does not answer now may do so later. */
	} while ((code == 0 || ps->hosts) && gk_watch_pause(ps->watch_s));
	return code;
}

/* --format is text, json or a template. */
static int read_format(struct ps *ps, const char *value)
{
	if (!gk_template_is(value))
		return gk_report_format("ps", value, &ps->json);
	const struct gk_seen nobody = gk_seen_example();
	struct json_object *example = gk_seen_json(&nobody);
	if (ps->hosts)
		json_object_object_add(example, "host", NULL);
	int r = gk_template_check("ps", value, example);
	json_object_put(example);
	ps->template = value;
	return r;
}

static int check_options(struct ps *ps, const char *format, int argc)
{
	if (ps->filter.door && strcmp(ps->filter.door, "shell") != 0 &&
		strcmp(ps->filter.door, "pam") != 0 && strcmp(ps->filter.door, "run") != 0)
		return gk_cli_usage("ps", "--door is shell, pam or run");
	if (ps->hosts && gk_hosts_check("ps", ps->hosts) != 0)
		return 2;
	if (ps->hosts && ps->quiet)
		return gk_cli_usage("ps",
			"an id is of one host: with --host take --format '{host} {id}', not -q");
	if (read_format(ps, format) != 0)
		return 2;
	return optind < argc ? gk_cli_usage("ps", "takes no argument") : 0;
}

static int read_options(struct ps *ps, int argc, char **argv)
{
	const char *value, *format = "text";
	char *end;
	for (int c; (c = gk_options_next(&gk_page_ps, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case 'u': ps->filter.user = value; break;
		case DOOR: ps->filter.door = value; break;
		case IMAGE: ps->filter.image = value; break;
		case 'a': ps->filter.stale = true; break;
		case 'q': ps->quiet = true; break;
		case WHOLE: ps->whole = true; break;
		case WATCH:
			if (gk_cli_seconds(value ? value : "2", &ps->watch_s) < 0)
				return gk_cli_usage("ps", "--watch takes seconds, 1 to 3600");
			break;
		case HOST: ps->hosts = value; break;
		case FORMAT: format = value; break;
		case 'f':
			if (add_filter(ps, value) != 0)
				return 2;
			break;
		case 'n':
			ps->last = strtoul(value, &end, 10);
			if (*value < '1' || *value > '9' || *end)
				return gk_cli_usage("ps", "-n takes a number from 1");
			break;
		default: return 2;
		}
	}
	return check_options(ps, format, argc);
}

int gk_cmd_ps(int argc, char **argv)
{
	struct ps ps = { 0 };
	int r = read_options(&ps, argc, argv);
	if (r == 0 && !ps.hosts)
		r = gk_cli_need_root("ps");
	if (r != 0)
		return r;
	(void)setlocale(LC_CTYPE, "");
	return ps.watch_s ? watch(&ps) : once(&ps);
}
