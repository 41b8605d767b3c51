/* gocker explain: what a login of a user would get, and which line decided it. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/enable/accounts.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/explain-json.h"
#include "cli/report.h"
#include "plan/keys.h"
#include "plan/plan.h"
#include "plan/text.h"
#include "run/privilege/identity.h"
#include "run/privilege/landlock.h"
#include "run/store/banner.h"
#include "run/store/imagefacts.h"

enum { COMMAND = GK_OPTION_LONG, DOOR, CONFIG, FORMAT, PLAN };

static const struct gk_option options[] = {
	{ COMMAND, "command", "STRING", NULL,
		"as `ssh host STRING` would; otherwise as a login without a command" },
	{ DOOR, "door", "DOOR", "shell pam",
		"shell (default, through gocker-shell) or pam (pam_gocker.so)" },
	{ CONFIG, "config", "FILE", "file", "with this file instead of " GK_CONFIG_PATH },
	{ PLAN, "plan", NULL, NULL,
		"then print the plan: everything the kernel would be asked for, in order" },
	{ FORMAT, "format", "FORMAT", "text json", "text (default) or json" },
	{ 0 },
};

const struct gk_page gk_page_explain = {
	.name = "explain",
	.what = "show what a user's login would get, and which line decided it",
	.usage = "[OPTION...] USER",
	.about =
		"Prints each key of gocker.ini with the value that applies to USER and the line that "
		"decided it; with --plan, or as JSON, also what the kernel would be asked for. Nothing "
		"is run.",
	.options = options,
	.tail = "Exit status: 0; 1 when the login would be refused (the reason is on stderr); 2 usage "
		"error; 125 gocker failed.",
	.args = "user",
};

struct explain {
	struct gk_arena arena;
	const char *user, *config_path;
	bool json, with_plan;
	struct gk_config config;
	struct gk_identity who;
	struct gk_policy policy;
	struct gk_request request;
	struct gk_plan plan;
	char *text; /* the plan, printed */
	size_t text_size;
};

static int read_options(struct explain *e, int argc, char **argv)
{
	const char *value;
	for (int c, status; (c = gk_options_next(&gk_page_explain, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case PLAN: e->with_plan = true; break;
		case COMMAND: e->request.command = value; break;
		case CONFIG: e->config_path = value; break;
		case DOOR:
			if (strcmp(value, "pam") == 0)
				e->request.door = GK_DOOR_PAM;
			else if (strcmp(value, "shell") != 0)
				return gk_cli_usage("explain", "--door is shell or pam");
			break;
		case FORMAT:
			status = gk_report_format("explain", value, &e->json);
			if (status)
				return status;
			break;
		default: return 2;
		}
	}
	if (argc - optind != 1)
		return gk_cli_usage("explain", "one user at a time");
	e->user = argv[optind];
	return 0;
}

static int decide(struct explain *e, struct gk_err *err)
{
	int r = gk_report_config(e->config_path, &e->arena, &e->config, NULL, err);
	if (r == 0)
		r = gk_identity_by_name(e->user, &e->arena, &e->who, err);
	if (r == 0)
		r = gk_policy_for(&e->config, &e->who, &e->arena, &e->policy, err);
	return r;
}

/* The plan as text, or nothing when the login would be refused, with the reason in err. */
static int make_plan(struct explain *e, struct gk_err *err)
{
	e->request.session_id = "ID";
	e->request.login = !e->request.command;
	/* The PAM door is given a name, the shell door a uid. */
	e->request.greet = e->request.login;
	gk_banner_read(&e->policy, &e->request, &e->arena);
	int r = e->request.door == GK_DOOR_SHELL ? gk_account_check_sole(&e->who, err) : 0;
	if (r == 0)
		r = gk_image_facts(&e->policy, &e->request, &e->arena, err);
	if (r == 0)
		r = gk_plan_make(&e->request, &e->who, &e->policy, &e->arena, &e->plan, err);
	if (r == 0)
		r = gk_landlock_check(&e->plan, err);
	if (r < 0)
		return r;
	FILE *stream = open_memstream(&e->text, &e->text_size);
	if (!stream)
		return gk_fail_errno(err, -errno, "cannot print the plan");
	gk_plan_print(&e->plan, stream);
	return fclose(stream) == 0 ? 0 : gk_fail_errno(err, -errno, "cannot print the plan");
}

static const char *value_text(struct explain *e, enum gk_key key)
{
	const char *text = gk_key_text(key, &e->policy, &e->arena);
	return text && *text ? text : "\"\"";
}

static void print_text(struct explain *e)
{
	const char *path = e->config_path ? e->config_path : GK_CONFIG_PATH;
	const char *name = gk_shown(&e->arena, e->who.name, strlen(e->who.name));
	printf("user %s uid %u gid %u\nfile %s\n\n", name ? name : "?", (unsigned)e->who.uid,
		(unsigned)e->who.gid, path);
	for (int key = 0; key < GK_KEY_COUNT; key++) {
		const struct gk_origin *from = &e->policy.origin[key];
		printf("%-23s %-24s ", gk_key_name((enum gk_key)key),
			value_text(e, (enum gk_key)key));
		if (from->line)
			printf("[%s] line %u%s%s\n", from->section, from->line,
				from->profile ? ", profile " : "",
				from->profile ? from->profile : "");
		else
			printf("%s\n", from->section);
	}
	if (e->text && e->with_plan)
		printf("\n%s", e->text);
}

static int print_json(struct explain *e, const struct gk_err *err)
{
	json_object *report = json_object_new_object(), *user = json_object_new_object();
	json_object_object_add(user, "name", gk_report_string(e->who.name, &e->arena));
	json_object_object_add(user, "uid", json_object_new_int64(e->who.uid));
	json_object_object_add(user, "gid", json_object_new_int64(e->who.gid));
	json_object_object_add(report, "user", user);
	json_object_object_add(report, "file",
		gk_report_string(e->config_path ? e->config_path : GK_CONFIG_PATH, &e->arena));
	json_object_object_add(report, "policy", gk_json_policy(&e->policy, &e->arena));
	json_object_object_add(
		report, "refused", err->code ? gk_report_string(err->msg, &e->arena) : NULL);
	json_object_object_add(
		report, "plan", err->code ? NULL : gk_json_plan(&e->plan, &e->arena));
	return gk_report_print(report);
}

static int explain(struct explain *e)
{
	struct gk_err err = GK_ERR_INIT;
	if (decide(e, &err) < 0)
		return gk_cli_fail("explain", &err);
	int r = make_plan(e, &err);
	int failed = 0;
	if (e->json)
		failed = print_json(e, &err);
	else
		print_text(e);
	if (r < 0)
		fprintf(stderr, "gocker explain: the login would be refused: %s\n", err.msg);
	return gk_print_end("explain") || failed ? GK_EXIT_GOCKER : r < 0;
}

int gk_cmd_explain(int argc, char **argv)
{
	struct explain e = { .request = { .door = GK_DOOR_SHELL } };
	int status = read_options(&e, argc, argv);
	if (status == 0)
		status = explain(&e);
	free(e.text);
	gk_arena_free(&e.arena);
	return status;
}
