/* gocker inspect: everything about one session. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/sessions/sessions.h"

enum { FORMAT = GK_OPTION_LONG };

static const struct gk_option options[] = {
	{ FORMAT, "format", "FORMAT", "text json", "text (default) or json" },
	{ 0 },
};

const struct gk_page gk_page_inspect = {
	.name = "inspect",
	.what = "show everything about a session",
	.usage = "[OPTION...] ID...",
	.about =
		"Shows all that is known of live sessions: user, door, image and terminal, their limits, "
		"what they use and have used, how often a limit was reached, and their processes.",
	.options = options,
	.args = "session",
};

enum { PROCESSES_MOST = 4096 };

struct process {
	int pid;
	char comm[64];
};

static void read_comm(struct process *p)
{
	char path[64], raw[32];
	snprintf(path, sizeof path, "/proc/%d/comm", p->pid);
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, raw, sizeof raw - 1);
	raw[n > 0 ? n : 0] = '\0';
	raw[strcspn(raw, "\n")] = '\0';
	gk_escape(p->comm, sizeof p->comm, n > 0 ? raw : NULL);
}

/* The processes of the session by their numbers on the host. */
static size_t read_processes(const struct gk_seen *s, struct gk_arena *arena, struct process **ret)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	struct gk_err ignored = GK_ERR_INIT;
	struct process *list = gk_arena_array(arena, PROCESSES_MOST, sizeof *list);
	size_t n = 0;
	if (!list || gk_seen_open(s, &cg, NULL, &ignored) < 0)
		return 0;
	int fd = openat(cg.leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	while (f && n < PROCESSES_MOST && fscanf(f, "%d", &list[n].pid) == 1)
		read_comm(&list[n++]);
	if (f)
		fclose(f);
	gk_cgroup_close(&cg);
	*ret = list;
	return n;
}

static struct json_object *as_json(const struct gk_seen *s, struct gk_arena *arena)
{
	struct json_object *o = gk_seen_json(s), *list = json_object_new_array();
	struct process *processes = NULL;
	size_t n = read_processes(s, arena, &processes);
	for (size_t i = 0; i < n; i++) {
		struct json_object *p = json_object_new_object();
		json_object_object_add(p, "pid", json_object_new_int(processes[i].pid));
		json_object_object_add(p, "comm", json_object_new_string(processes[i].comm));
		json_object_array_add(list, p);
	}
	json_object_object_add(o, "processes", list);
	return o;
}

static void line(FILE *f, const char *name, const char *value)
{
	fprintf(f, "%-12s %s\n", name, value);
}

static void print_usage(FILE *f, const struct gk_seen *s)
{
	char a[24], b[24], c[24], d[24], e[24];
	const struct gk_usage *u = &s->usage;
	char from[280];
	fprintf(f, "%-12s %s of %s (%s), %s at most so far, limit hit %s times\n", "Tasks",
		gk_human_count(a, sizeof a, u->pids_now), gk_human_count(b, sizeof b, s->pids_max),
		gk_origin_words(&(struct gk_origin){ .section = s->section }, from, sizeof from),
		gk_human_count(c, sizeof c, u->pids_peak),
		gk_human_count(d, sizeof d, u->pids_hits));
	fprintf(f, "%-12s limit of the user's tasks (user_pids_max) hit %s times since it began\n",
		"All sessions", gk_human_count(d, sizeof d, u->user_pids_hits));
	fprintf(f,
		"%-12s %s of %s, %s at most so far, %s killed for it, slowed down %s times (memory_high)\n",
		"Memory", gk_human_bytes(a, sizeof a, u->memory_now),
		s->memory_max == UINT64_MAX ? "no limit" :
					      gk_human_bytes(b, sizeof b, s->memory_max),
		gk_human_bytes(c, sizeof c, u->memory_peak),
		gk_human_count(d, sizeof d, u->oom_kills),
		gk_human_count(e, sizeof e, u->memory_high_hits));
	if (u->cpu_usec == UINT64_MAX)
		line(f, "CPU time", "-");
	else
		fprintf(f,
			"%-12s %.2f s, held back %s times (cpus), all sessions %s times (user_cpus)\n",
			"CPU time", (double)u->cpu_usec / 1e6,
			gk_human_count(a, sizeof a, u->cpu_throttled),
			gk_human_count(b, sizeof b, u->user_cpu_throttled));
	if (u->io_stalled_usec == UINT64_MAX)
		line(f, "Disks", "-");
	else
		fprintf(f, "%-12s waited for %.2f s (io_max too)\n", "Disks",
			(double)u->io_stalled_usec / 1e6);
}

void gk_inspect_print(FILE *f, const struct gk_seen *s, struct gk_arena *arena)
{
	char age[24], idle[24], started[64] = "-";
	struct process *processes = NULL;
	size_t n = read_processes(s, arena, &processes);
	struct json_object *time = gk_json_time(s->started);
	if (time)
		snprintf(started, sizeof started, "%s", json_object_get_string(time));
	json_object_put(time);
	line(f, "ID", s->id);
	line(f, "State", s->frozen ? "frozen" : "running");
	fprintf(f, "%-12s %s (uid %u)\n", "User", gk_seen_readable(arena, s->user),
		(unsigned)s->uid);
	line(f, "Door", s->door);
	line(f, "Image", s->image);
	if (s->userns)
		fprintf(f, "%-12s 0 to %d inside are %llu to %llu outside\n", "User ids",
			GK_USERNS_IDS - 1, (unsigned long long)s->userns,
			(unsigned long long)s->userns + GK_USERNS_IDS - 1);
	line(f, "Terminal", s->tty);
	line(f, "From", s->from);
	fprintf(f, "%-12s %s (%s ago)\n", "Started", started,
		gk_human_time(age, sizeof age, s->age_s));
	line(f, "Idle", gk_human_time(idle, sizeof idle, s->idle_s));
	line(f, "Command", gk_seen_readable(arena, s->command));
	print_usage(f, s);
	if (s->traffic.in != UINT64_MAX)
		fprintf(f, "%-12s %s in, %s out\n", "Network",
			gk_human_bytes(age, sizeof age, s->traffic.in),
			gk_human_bytes(idle, sizeof idle, s->traffic.out));
	if (strcmp(s->published, "-") != 0)
		line(f, "Published", s->published);
	if (strcmp(s->unpublished, "-") != 0)
		fprintf(f, "%-12s %s (another session or program has it)\n", "Unpublished",
			s->unpublished);
	if (s->is_container)
		fprintf(f, "%-12s %s\n", "Shared", "container of all logins of this user");
	if (strcmp(s->container, "-") != 0)
		fprintf(f, "%-12s %s%s\n", "Container", s->container,
			s->behind ? " (made before gocker.ini was changed)" : "");
	fprintf(f, "%-12s %d (supervisor %d)\n", "Init", (int)s->init, (int)s->supervisor);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%-12s %d %s\n", i ? "" : "Processes", processes[i].pid,
			gk_readable(processes[i].comm));
}

static int inspect(char **ids, bool json)
{
	struct gk_arena arena = { 0 };
	struct json_object *list = json ? json_object_new_array() : NULL;
	int code = 0;
	for (char **id = ids; *id; id++) {
		struct gk_err err = GK_ERR_INIT;
		struct gk_seen s;
		if (gk_seen_find(*id, &arena, &s, &err) < 0) {
			(void)gk_cli_fail("inspect", &err);
			code = 1;
			continue;
		}
		if (json) {
			json_object_array_add(list, as_json(&s, &arena));
			continue;
		}
		if (id > ids)
			putchar('\n');
		gk_inspect_print(stdout, &s, &arena);
	}
	if (json && gk_report_print(list) != 0)
		code = 1;
	gk_arena_free(&arena);
	int end = gk_print_end("inspect");
	return code ? code : end;
}

int gk_cmd_inspect(int argc, char **argv)
{
	bool json = false;
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_inspect, argc, argv, 0, &value)) != -1;)
		if (c != FORMAT || gk_report_format("inspect", value, &json) != 0)
			return 2;
	if (optind == argc)
		return gk_cli_usage("inspect", "no session given");
	int r = gk_cli_need_root("inspect");
	return r ? r : inspect(argv + optind, json);
}
