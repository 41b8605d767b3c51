/* gocker check: every fault of a configuration file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/check-host.h"
#include "cli/check-plan.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/report.h"
#include "plan/env.h"
#include "plan/keys.h"
#include "plan/policy.h"
#include "plan/profile.h"
#include "plan/text.h"
#include "run/cgroup/cgroup.h"
#include "run/cgroup/io.h"
#include "run/cgroup/memorylow.h"
#include "run/privilege/landlock.h"

enum { FORMAT = GK_OPTION_LONG, STRICT };

static const struct gk_option options[] = {
	{ STRICT, "strict", NULL, NULL, "take warnings for faults" },
	{ FORMAT, "format", "FORMAT", "text json", "text (default) or json" },
	{ 0 },
};

const struct gk_page gk_page_check = {
	.name = "check",
	.what = "report every fault of the configuration, and what to write instead",
	.usage = "[OPTION...] [FILE]",
	.about =
		"Reads " GK_CONFIG_PATH
		", or FILE, as a login does and prints every fault with its "
		"line, the reason, and what to write instead. The host's own file must also belong to "
		"root and be writable by nobody else, its directories too; a FILE named here need not. "
		"A warning, which is not a fault without --strict, names what has no effect, and what this "
		"host does not have: a group, a user, an image, a shell in it, a volume's source, "
		"programs for this machine.",
	.options = options,
	.tail = "Exit status: 0 no fault; 1 faults; 2 usage error; 125 the file cannot be read.",
	.args = "file",
};

/* A file that can't be read, or not be trusted, is one fault of the file as a whole. */
static void add_whole(struct gk_faults *faults, struct gk_fault *room, const struct gk_err *err)
{
	*room = (struct gk_fault){ 0, err->msg, NULL };
	*faults = (struct gk_faults){ room, 1 };
}

static void print_text(
	const char *path, const struct gk_faults *faults, const struct gk_faults *warnings)
{
	for (size_t i = 0; i < warnings->n; i++)
		printf("%s:%u: %swarning:%s %s; %s\n", path, warnings->list[i].line,
			gk_colour(GK_YELLOW), gk_colour(GK_PLAIN), warnings->list[i].reason,
			warnings->list[i].hint);
	for (size_t i = 0; i < faults->n; i++) {
		const struct gk_fault *f = &faults->list[i];
		fputs(gk_colour(GK_RED), stdout);
		if (!f->hint)
			printf("%s\n", f->reason);
		else if (f->line)
			printf("%s:%u: %s; %s\n", path, f->line, f->reason, f->hint);
		else
			printf("%s: %s; %s\n", path, f->reason, f->hint);
		fputs(gk_colour(GK_PLAIN), stdout);
	}
	if (!faults->n)
		printf("%s: no fault found\n", path);
	else if (faults->n == GK_FAULTS_MAX)
		printf("%s: there may be more faults\n", path);
}

static json_object *json_list(const struct gk_faults *faults, struct gk_arena *arena)
{
	json_object *list = json_object_new_array();
	for (size_t i = 0; i < faults->n; i++) {
		const struct gk_fault *f = &faults->list[i];
		json_object *one = json_object_new_object();
		json_object_object_add(one, "line", json_object_new_int64(f->line));
		json_object_object_add(one, "reason", gk_report_string(f->reason, arena));
		json_object_object_add(one, "hint", gk_report_string(f->hint, arena));
		json_object_array_add(list, one);
	}
	return list;
}

static int print_json(const char *path, const struct gk_faults *faults,
	const struct gk_faults *warnings, struct gk_arena *arena)
{
	json_object *report = json_object_new_object();
	json_object_object_add(report, "file", gk_report_string(path, arena));
	json_object_object_add(report, "ok", json_object_new_boolean(faults->n == 0));
	json_object_object_add(report, "faults", json_list(faults, arena));
	json_object_object_add(report, "warnings", json_list(warnings, arena));
	return gk_report_print(report);
}

static int add_fault(struct gk_faults *faults, const struct gk_setting *setting, const char *reason,
	const char *hint, struct gk_arena *arena)
{
	if (faults->n == GK_FAULTS_MAX)
		return 0;
	if (!faults->list)
		faults->list = gk_arena_array(arena, GK_FAULTS_MAX, sizeof *faults->list);
	if (!faults->list || !reason)
		return -ENOMEM;
	faults->list[faults->n++] = (struct gk_fault){ setting->line, reason, hint };
	return 0;
}

static bool low_is_kept(const struct gk_setting *setting, struct gk_arena *arena)
{
	struct gk_complaint ignored;
	struct gk_policy alone = { .memory_low = GK_UNLIMITED };
	(void)gk_key_set(GK_KEY_MEMORY_LOW, setting->value, arena, &alone, &ignored);
	return gk_memory_low_kept(alone.memory_low);
}

/* What a login on this host would be refused for: with the pids controller on cgroup v1 the other
 * limits can't be used, weights need a disk that divides by them, and ports need Landlock. */
static int find_unkept(
	const struct gk_config *config, struct gk_arena *arena, struct gk_faults *faults)
{
	struct gk_err ignored = GK_ERR_INIT;
	bool is_v1 = gk_cgroup_is_v1(&ignored) == 1;
	int abi = gk_landlock_abi(), r = 0;
	for (size_t i = 0; i < config->nsections; i++)
		for (size_t j = 0; r == 0 && j < config->sections[i].nsettings; j++) {
			const struct gk_setting *setting = &config->sections[i].settings[j];
			const char *key = gk_key_name((enum gk_key)setting->key);
			if (is_v1 && gk_setting_needs_v2(setting, arena))
				r = add_fault(faults, setting,
					gk_arena_printf(arena,
						"%s cannot be enforced: this host has "
						"its controllers on cgroup v1",
						key),
					"boot it with cgroup v2 or remove the key", arena);
			else if (setting->key == GK_KEY_IO_WEIGHT && !gk_io_divides() &&
				gk_setting_needs_v2(setting, arena))
				r = add_fault(faults, setting,
					"io_weight cannot be enforced: no disk of this host divides its "
					"time by weight",
					"give one the scheduler bfq or io.cost, or remove the key",
					arena);
			else if (setting->key == GK_KEY_MEMORY_LOW && !low_is_kept(setting, arena))
				r = add_fault(faults, setting,
					"memory_low cannot be enforced: this host is in a cgroup "
					"itself, which keeps less memory",
					"give that cgroup more, or remove the key", arena);
			else if (abi < GK_LANDLOCK_TCP && gk_setting_needs_landlock(setting, arena))
				r = add_fault(faults, setting,
					gk_arena_printf(arena,
						"%s cannot be enforced: this kernel's Landlock has "
						"ABI %d, and 4 (Linux 6.7) is needed",
						key, abi),
					"update the kernel or remove the key", arena);
		}
	return r < 0 ? r : faults->n ? -EINVAL : 0;
}

static int warn_of_env(
	const struct gk_setting *setting, struct gk_arena *arena, struct gk_faults *warnings)
{
	const char *why;
	const char *const *words = gk_split(arena, setting->value, GK_LIST_MAX, &why);
	int r = 0;
	for (; r == 0 && words && *words; words++)
		if (gk_env_pass_is_vain(*words))
			r = add_fault(warnings, setting,
				gk_arena_printf(arena, "env_pass: %s is never passed", *words),
				"remove it; see env_pass in gocker.ini(5) for what is passed",
				arena);
	return r;
}

/* A line that says what is the default without a profile, beside one that names a profile, as when
 * the shipped file was changed: it wins over the profile. */
static int warn_of_profile(const struct gk_section *s, const struct gk_setting *setting,
	struct gk_arena *arena, struct gk_faults *warnings)
{
	size_t n;
	struct gk_buf keys = { .arena = arena };
	const struct gk_profile_value *values =
		gk_profile_values(gk_profile_by_name(setting->value), &n);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < s->nsettings; j++)
			if (s->settings[j].key == (int)values[i].key &&
				strcmp(s->settings[j].value, values[i].text) != 0 &&
				strcmp(s->settings[j].value, gk_key_default(values[i].key)) == 0)
				gk_buf_printf(&keys, "%s%s", keys.len ? ", " : "",
					gk_key_name(values[i].key));
	if (!keys.len)
		return keys.failed ? -ENOMEM : 0;
	return add_fault(warnings, setting,
		gk_arena_printf(arena, "profile %s: this section's own lines win for %s",
			setting->value, gk_buf_text(&keys)),
		"remove those lines to have the profile's values", arena);
}

static bool shares(const struct gk_config *config)
{
	for (size_t i = 0; i < config->nsections; i++)
		for (size_t j = 0; j < config->sections[i].nsettings; j++) {
			const struct gk_setting *s = &config->sections[i].settings[j];
			/* The profile ide shares, too. */
			if ((s->key == GK_KEY_SHARE && strcmp(s->value, "user") == 0) ||
				(s->key == GK_KEY_PROFILE && strcmp(s->value, "ide") == 0))
				return true;
		}
	return false;
}

/* What means nothing: no fault, since a login is not refused for it. */
static int find_vain(
	const struct gk_config *config, struct gk_arena *arena, struct gk_faults *warnings)
{
	bool shared = shares(config);
	int r = 0;
	for (size_t i = 0; i < config->nsections; i++)
		for (size_t j = 0; r == 0 && j < config->sections[i].nsettings; j++) {
			const struct gk_section *s = &config->sections[i];
			const struct gk_setting *setting = &s->settings[j];
			if (setting->key == GK_KEY_ENV_PASS)
				r = warn_of_env(setting, arena, warnings);
			else if (setting->key == GK_KEY_PROFILE)
				r = warn_of_profile(s, setting, arena, warnings);
			else if (setting->key == GK_KEY_LINGER && !shared &&
				strcmp(setting->value, "none") != 0)
				r = add_fault(warnings, setting,
					"linger: it has no effect with share = login", "remove it",
					arena);
		}
	return r;
}

static int by_line(const void *a, const void *b)
{
	const struct gk_fault *x = a, *y = b;
	return (x->line > y->line) - (x->line < y->line);
}

/* Each warning becomes a fault, while there is room for more. */
static void make_faults(
	struct gk_faults *faults, struct gk_faults *warnings, struct gk_arena *arena)
{
	if (!faults->list)
		faults->list = gk_arena_array(arena, GK_FAULTS_MAX, sizeof *faults->list);
	for (size_t i = 0; faults->list && i < warnings->n && faults->n < GK_FAULTS_MAX; i++)
		faults->list[faults->n++] = warnings->list[i];
	warnings->n = 0;
	if (faults->list && faults->n > 1)
		qsort(faults->list, faults->n, sizeof *faults->list, by_line);
}

static int check(const char *path, bool json, bool strict)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_faults faults = { 0 }, warnings = { 0 };
	struct gk_fault room;
	struct gk_config config;
	int r = gk_report_config(path, &arena, &config, &faults, &err);
	if (r == 0)
		r = find_vain(&config, &arena, &warnings);
	if (r == 0)
		r = gk_check_host(&config, &arena, &warnings);
	if (r == 0)
		r = gk_check_plans(&config, &arena, &warnings);
	if (warnings.n > 1)
		qsort(warnings.list, warnings.n, sizeof *warnings.list, by_line);
	/* A FILE may be meant for another host. */
	if (r == 0 && !path)
		r = find_unkept(&config, &arena, &faults);
	if ((r == 0 || r == -EINVAL) && strict && warnings.n) {
		make_faults(&faults, &warnings, &arena);
		r = -EINVAL;
	}
	int status = r < 0 ? 1 : 0;
	if (r < 0 && !faults.n) {
		status = r == -EINVAL || r == -EPERM || r == -ELOOP || r == -EFBIG ? 1 :
										     GK_EXIT_GOCKER;
		add_whole(&faults, &room, &err);
	}
	if (status == GK_EXIT_GOCKER)
		return gk_cli_fail("check", &err);
	const char *name = path ? path : GK_CONFIG_PATH;
	int failed = 0;
	if (json)
		failed = print_json(name, &faults, &warnings, &arena);
	else
		print_text(name, &faults, &warnings);
	return gk_print_end("check") || failed ? GK_EXIT_GOCKER : status;
}

int gk_cmd_check(int argc, char **argv)
{
	bool json = false, strict = false;
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_check, argc, argv, 0, &value)) != -1;)
		if (c == STRICT)
			strict = true;
		else if (c != FORMAT || gk_report_format("check", value, &json) != 0)
			return 2;
	return argc - optind > 1 ? gk_cli_usage("check", "one file at a time") :
				   check(argv[optind], json, strict);
}
