/* gocker logs: what gocker wrote to the host's log, from the journal or syslog's files. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/sessions/logline.h"
#include "cli/sessions/sessions.h"
#include "cli/sessions/when.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/spawn.h"
#include "plan/text.h"

enum { FILE_NAME = GK_OPTION_LONG, FORMAT, SINCE, UNTIL, TAIL };

static const struct gk_option options[] = {
	{ 'u', "user", "USER", "user", "only what is about this user" },
	{ 'n', "lines", "N", NULL, "at most the last N lines (default: 1000; 10 with --follow)" },
	{ TAIL, "tail", "N", NULL, "the same as --lines" },
	{ SINCE, "since", "TIME", NULL,
		"only lines from TIME on: '2026-11-28', '2026-11-28 22:05', today, yesterday, @SECONDS, "
		"or a span before now such as 10m, 2h, 3d" },
	{ UNTIL, "until", "TIME", NULL, "only lines up to TIME" },
	{ 'f', "follow", NULL, NULL, "continue with new lines until interrupted" },
	{ FILE_NAME, "file", "FILE", "file",
		"read this file instead of the journal or /var/log/auth.log, secure, messages or "
		"syslog; - is stdin" },
	{ FORMAT, "format", "FORMAT", "text json",
		"text (default) or json; with --follow one object a line" },
	{ 0 },
};

const struct gk_page gk_page_logs = {
	.name = "logs",
	.what = "show what gocker wrote to the host's log",
	.usage = "[OPTION...] [ID|USER]",
	.about =
		"Shows what gocker wrote to the host's log: sessions opened and closed, refusals with "
		"their reason, limits that were reached, what administrators did. The oldest line "
		"comes first.",
	.options = options,
	.tail = "From the journal only what root wrote is shown; a file does not tell who wrote a line.",
	.args = "session",
};

enum {
	LINES_DEFAULT = 1000,
	LINES_FOLLOWED = 10,
	LINES_MOST = 1000000,
	IDS_MOST = 65536,
	FOLLOW_LOOK_US = 250000,
};

struct logs {
	const char *id, *user, *file;
	char shown_user[256];
	bool json, follow;
	time_t since, until, now; /* since, until: 0 for none */
	bool live;                /* what was there is printed; what comes now is printed at once */
	size_t most;
	char **ring; /* the last lines that matched: "TIME\tMESSAGE" */
	size_t seen;
	/* The last sessions of the user: lines that name the session only are about him too. */
	char (*ids)[16];
	size_t nids;
	/* Where to go on from: the file that is written to, or the journal's last entry. */
	FILE *open;
	char path[512], cursor[512];
};

static void print_line(const struct logs *l, const char *line);

static bool is_of_user(struct logs *l, const char *message, const char *id)
{
	char user[256];
	if (gk_logline_get(message, "user", user, sizeof user)) {
		if (strcmp(user, l->shown_user) != 0)
			return false;
		if (id)
			snprintf(l->ids[l->nids++ % IDS_MOST], sizeof *l->ids, "%s", id);
		return true;
	}
	/* The newest are asked first: a session's lines are close together. */
	for (size_t i = 0; id && i < l->nids && i < IDS_MOST; i++)
		if (strcmp(l->ids[(l->nids - 1 - i) % IDS_MOST], id) == 0)
			return true;
	return false;
}

static int take(struct logs *l, const char *time, const char *message)
{
	char buf[16];
	const char *id = gk_logline_get(message, "id", buf, sizeof buf);
	time_t at;
	if ((l->since || l->until) &&
		(gk_when_of_line(time, l->now, &at) < 0 || (l->since && at < l->since) ||
			(l->until && at > l->until)))
		return 0;
	if (l->id && (!id || strncmp(id, l->id, strlen(l->id)) != 0))
		return 0;
	if (l->user && !is_of_user(l, message, id))
		return 0;
	char *line = NULL;
	if (asprintf(&line, "%s\t%s", time, message) < 0)
		return -ENOMEM;
	if (l->live) {
		print_line(l, line);
		free(line);
		return fflush(stdout) != 0 ? -errno : 0;
	}
	char **slot = &l->ring[l->seen++ % l->most];
	free(*slot);
	*slot = line;
	return 0;
}

static int read_syslog(struct logs *l, FILE *f)
{
	gk_autofree char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int r = 0;
	while (r == 0 && (n = getline(&line, &size, f)) > 0) {
		char time[64];
		/* Its end is still to come. */
		if (l->follow && line[n - 1] != '\n' && fseeko(f, -n, SEEK_CUR) == 0)
			break;
		gk_logline_clean(line);
		const char *message = gk_logline_parse(line, time, sizeof time);
		if (message)
			r = take(l, time, message);
	}
	return r;
}

static const char *journal_string(struct json_object *entry, const char *key)
{
	struct json_object *value;
	return json_object_object_get_ex(entry, key, &value) &&
			json_object_is_type(value, json_type_string) ?
		json_object_get_string(value) :
		NULL;
}

static int read_journal(struct logs *l, FILE *f)
{
	gk_autofree char *line = NULL;
	size_t size = 0;
	int r = 0;
	while (r == 0 && getline(&line, &size, f) > 0) {
		char when[64] = "-";
		gk_autofree char *clean = NULL;
		struct json_object *entry = json_tokener_parse(line);
		const char *stamp = entry ? journal_string(entry, "__REALTIME_TIMESTAMP") : NULL;
		const char *message = entry ? journal_string(entry, "MESSAGE") : NULL;
		time_t t = stamp ? (time_t)(strtoull(stamp, NULL, 10) / 1000000) : 0;
		struct tm tm;
		if (t && gmtime_r(&t, &tm))
			(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
		const char *cursor = entry ? journal_string(entry, "__CURSOR") : NULL;
		if (cursor)
			snprintf(l->cursor, sizeof l->cursor, "%s", cursor);
		const char *program = entry ? journal_string(entry, "SYSLOG_IDENTIFIER") : NULL;
		if (message && !(program && gk_logline_is_ours(program, message)))
			message = gk_logline_of_module(message);
		if (message && (clean = strdup(message)))
			gk_logline_clean(clean);
		if (message)
			r = clean ? take(l, when, clean) : -ENOMEM;
		json_object_put(entry);
	}
	return r;
}

static bool has_journal(void)
{
	struct stat st;
	return stat("/run/systemd/journal", &st) == 0 && access("/usr/bin/journalctl", X_OK) == 0;
}

/* All that is there; or, once that is printed, what comes after it. By facility (10 is authpriv)
 * and not by name: the module's lines have the names of daemons. */
static int from_journal(struct logs *l, struct gk_err *err)
{
	char after[600];
	char from[40], to[40];
	const char *argv[16] = { "/usr/bin/journalctl", "-q", "--no-pager", "-o", "json",
		"--output-fields=MESSAGE,SYSLOG_IDENTIFIER", "_UID=0", "SYSLOG_FACILITY=10" };
	size_t n = 8;
	pid_t pid;
	if (l->live) {
		argv[n++] = "--follow";
		argv[n++] = "--no-tail";
	}
	if (l->since) {
		snprintf(from, sizeof from, "--since=@%lld", (long long)l->since);
		argv[n++] = from;
	}
	if (l->until) {
		snprintf(to, sizeof to, "--until=@%lld", (long long)l->until);
		argv[n++] = to;
	}
	if (l->live && l->cursor[0]) {
		snprintf(after, sizeof after, "--after-cursor=%s", l->cursor);
		argv[n++] = after;
	}
	FILE *f = gk_spawn_stream(argv, &pid, err);
	if (!f)
		return err->code;
	int r = read_journal(l, f);
	fclose(f);
	int status = gk_spawn_wait(pid);
	if (r == 0 && status != 0)
		return gk_fail(err, -EIO, "journalctl failed (exit status %d)", status);
	return r;
}

static int from_file(struct logs *l, const char *path, struct gk_err *err)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!f)
		return gk_fail_errno(err, -errno, "%s", path);
	int r = read_syslog(l, f);
	if (l->follow && f != stdin) {
		if (l->open)
			fclose(l->open);
		l->open = f;
		snprintf(l->path, sizeof l->path, "%s", path);
	} else if (f != stdin) {
		fclose(f);
	}
	return r;
}

/* Whether the name has another file behind it than the open one: logs are rotated. */
static bool was_rotated(const struct logs *l)
{
	struct stat now, then;
	return stat(l->path, &now) == 0 && fstat(fileno(l->open), &then) == 0 &&
		(now.st_ino != then.st_ino || now.st_dev != then.st_dev);
}

static bool was_truncated(const struct logs *l)
{
	struct stat st;
	return fstat(fileno(l->open), &st) == 0 && st.st_size < ftello(l->open);
}

static int follow_file(struct logs *l, struct gk_err *err)
{
	for (bool rotated = false;;) {
		int r = read_syslog(l, l->open);
		if (r < 0)
			return r;
		/* The old one is read once more: a line may have come before its writer knew. */
		if (rotated) {
			FILE *fresh = fopen(l->path, "re");
			if (!fresh)
				return gk_fail_errno(err, -errno, "%s", l->path);
			fclose(l->open);
			l->open = fresh;
			rotated = false;
			continue;
		}
		(void)usleep(FOLLOW_LOOK_US);
		clearerr(l->open);
		if (was_truncated(l))
			rewind(l->open);
		rotated = was_rotated(l);
	}
}

/* The first of these that is there, with the one before it in rotation. */
static int from_files(struct logs *l, struct gk_err *err)
{
	static const char *const names[] = { "/var/log/auth.log", "/var/log/secure",
		"/var/log/messages", "/var/log/syslog" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char older[64];
		if (access(names[i], R_OK) < 0)
			continue;
		snprintf(older, sizeof older, "%s.1", names[i]);
		int r = access(older, R_OK) == 0 ? from_file(l, older, err) : 0;
		return r < 0 ? r : from_file(l, names[i], err);
	}
	return gk_fail(err, -ENOENT,
		"this host has no journal and none of syslog's files; name one with --file");
}

static void print_text(const char *escaped)
{
	gk_autofree char *line = strdup(escaped);
	if (!line)
		return;
	gk_readable(line);
	size_t time = strcspn(line, "\t");
	char event[32], id[16], user[256];
	const char *message = line + time + 1;
	printf("%-20.*s %-8s %-12s %-12s", (int)time, line,
		gk_logline_get(message, "event", event, sizeof event) ? event : "-",
		gk_logline_get(message, "id", id, sizeof id) ? id : "-",
		gk_logline_get(message, "user", user, sizeof user) ? user : "-");
	for (const char *p = message; *p;) {
		struct gk_logfield field;
		p = gk_logline_next(p, &field);
		if (field.key && !gk_logfield_is(&field, "event") &&
			!gk_logfield_is(&field, "id") && !gk_logfield_is(&field, "user"))
			printf(" %.*s=%.*s", (int)field.key_len, field.key, (int)field.len,
				field.value);
	}
	putchar('\n');
}

/* A log is any program's: what is not UTF-8, which JSON has to be, is shown with "?" for those
 * bytes. */
static struct json_object *as_string(const char *value, size_t len)
{
	if (gk_is_utf8(value, len))
		return json_object_new_string_len(value, (int)len);
	gk_autofree char *copy = strndup(value, len);
	for (char *p = copy; p && *p; p++)
		if (*p & 0x80)
			*p = '?';
	return copy ? json_object_new_string(copy) : NULL;
}

static struct json_object *as_json(const char *line)
{
	struct json_object *o = json_object_new_object();
	size_t time = strcspn(line, "\t");
	json_object_object_add(o, "time", as_string(line, time));
	for (const char *p = line + time + 1; *p;) {
		struct gk_logfield field;
		char key[64];
		p = gk_logline_next(p, &field);
		if (!field.key || field.key_len >= sizeof key)
			continue;
		snprintf(key, sizeof key, "%.*s", (int)field.key_len, field.key);
		if (gk_is_utf8(key, field.key_len))
			json_object_object_add(o, key, as_string(field.value, field.len));
	}
	return o;
}

static void print_line(const struct logs *l, const char *line)
{
	if (!l->json) {
		print_text(line);
		return;
	}
	struct json_object *o = as_json(line);
	(void)gk_json_print(o, JSON_C_TO_STRING_NOSLASHESCAPE);
	json_object_put(o);
}

static int print(const struct logs *l)
{
	bool as_list = l->json && !l->follow;
	struct json_object *list = as_list ? json_object_new_array() : NULL;
	size_t first = l->seen > l->most ? l->seen - l->most : 0;
	for (size_t i = first; i < l->seen; i++) {
		const char *line = l->ring[i % l->most];
		if (line && as_list)
			json_object_array_add(list, as_json(line));
		else if (line)
			print_line(l, line);
	}
	return as_list ? gk_report_print(list) : gk_print_end("logs");
}

static int read_log(struct logs *l, struct gk_err *err)
{
	return l->file        ? from_file(l, l->file, err) :
		has_journal() ? from_journal(l, err) :
				from_files(l, err);
}

static int logs(struct logs *l)
{
	struct gk_err err = GK_ERR_INIT;
	int r = -ENOMEM, code = 0;
	l->ring = calloc(l->most, sizeof *l->ring);
	l->ids = calloc(IDS_MOST, sizeof *l->ids);
	if (l->user)
		gk_escape(l->shown_user, sizeof l->shown_user, l->user);
	if (l->ring && l->ids)
		r = read_log(l, &err);
	if (r == 0 && l->user && !l->seen && !getpwnam(l->user)) {
		fprintf(stderr, "gocker logs: there is no user %s\n", gk_readable(l->shown_user));
		code = 1;
	} else if (r == 0) {
		code = print(l);
	}
	if (r == 0 && code == 0 && l->follow) {
		l->live = true;
		r = l->open ? follow_file(l, &err) : l->file ? 0 : from_journal(l, &err);
	}
	if (r < 0) {
		gk_fail_errno(&err, r, "cannot read the log");
		code = gk_cli_fail("logs", &err);
	}
	if (l->open)
		fclose(l->open);
	for (size_t i = 0; l->ring && i < l->most && i < l->seen; i++)
		free(l->ring[i]);
	free(l->ring);
	free(l->ids);
	return code;
}

static int read_lines(const char *text, size_t *ret)
{
	char *end;
	unsigned long n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
	if (n < 1 || n > LINES_MOST || *end)
		return -EINVAL;
	*ret = n;
	return 0;
}

int gk_cmd_logs(int argc, char **argv)
{
	struct logs l = { .now = time(NULL) };
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_logs, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case 'u': l.user = value; break;
		case 'n':
			if (read_lines(value, &l.most) < 0)
				return gk_cli_usage(
					"logs", "-n takes a number from 1 to %d", LINES_MOST);
			break;
		case TAIL:
			if (read_lines(value, &l.most) < 0)
				return gk_cli_usage(
					"logs", "--tail takes a number from 1 to %d", LINES_MOST);
			break;
		case SINCE:
		case UNTIL:
			if (gk_when_parse(value, l.now, c == SINCE ? &l.since : &l.until) < 0)
				return gk_cli_usage("logs",
					"%s is not a time; write '2026-11-28 22:05', today, @SECONDS or a span "
					"before now such as 10m",
					value);
			break;
		case 'f': l.follow = true; break;
		case FILE_NAME: l.file = value; break;
		case FORMAT:
			if (gk_report_format("logs", value, &l.json) != 0)
				return 2;
			break;
		default: return 2;
		}
	}
	if (argc - optind > 1)
		return gk_cli_usage("logs", "one session at a time");
	/* A user's name goes where an id does; one that could be an id is one. */
	l.id = argv[optind];
	if (l.id && l.id[strspn(l.id, "0123456789abcdef")] && !l.user) {
		l.user = l.id;
		l.id = NULL;
	}
	if (!l.most)
		l.most = l.follow ? LINES_FOLLOWED : LINES_DEFAULT;
	int r = gk_cli_need_root("logs");
	return r ? r : logs(&l);
}
