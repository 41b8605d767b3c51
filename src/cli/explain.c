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
#include "run/build/login.h"
#include "run/privilege/identity.h"
#include "run/privilege/landlock.h"
#include "run/store/banner.h"

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
	struct gk_login login;
	const char *user, *config_path;
	bool json, with_plan;
	char *text; /* the plan, printed */
	size_t text_size;
};

static int read_options(struct explain *e, int argc, char **argv)
{
	const char *value;
	for (int c, status; (c = gk_options_next(&gk_page_explain, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case PLAN: e->with_plan = true; break;
		case COMMAND: e->login.request.command = value; break;
		case CONFIG: e->config_path = value; break;
		case DOOR:
			if (strcmp(value, "pam") == 0)
				e->login.request.door = GK_DOOR_PAM;
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
	int r = gk_report_config(e->config_path, &e->login.arena, &e->login.config, NULL, err);
	if (r == 0)
		r = gk_identity_by_name(e->user, &e->login.arena, &e->login.who, err);
	if (r == 0)
		r = gk_login_policy(&e->login, err);
	return r;
}

/* The plan as text, or nothing when the login would be refused, with the reason in err. */
static int make_plan(struct explain *e, struct gk_err *err)
{
	e->login.request.session_id = "ID";
	e->login.request.login = !e->login.request.command;
	/* The PAM door is given a name, the shell door a uid. */
	e->login.request.greet = e->login.request.login;
	gk_banner_read(&e->login.policy, &e->login.request, &e->login.arena);
	int r = e->login.request.door == GK_DOOR_SHELL ? gk_account_check_sole(&e->login.who, err) :
							 0;
	if (r == 0)
		r = gk_login_plan(&e->login, err);
	if (r == 0)
		r = gk_landlock_check(&e->login.plan, err);
	if (r < 0)
		return r;
	FILE *stream = open_memstream(&e->text, &e->text_size);
	if (!stream)
		return gk_fail_errno(err, -errno, "cannot print the plan");
	gk_plan_print(&e->login.plan, stream);
	return fclose(stream) == 0 ? 0 : gk_fail_errno(err, -errno, "cannot print the plan");
}

static const char *value_text(struct explain *e, enum gk_key key)
{
	const char *text = gk_key_text(key, &e->login.policy, &e->login.arena);
	return text && *text ? text : "\"\"";
}

static void print_text(struct explain *e)
{
	const char *path = e->config_path ? e->config_path : GK_CONFIG_PATH;
	const char *name = gk_shown(&e->login.arena, e->login.who.name, strlen(e->login.who.name));
	printf("user %s uid %u gid %u\nfile %s\n\n", name ? name : "?", (unsigned)e->login.who.uid,
		(unsigned)e->login.who.gid, path);
	for (int key = 0; key < GK_KEY_COUNT; key++) {
		const struct gk_origin *from = &e->login.policy.origin[key];
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
	json_object_object_add(user, "name", gk_report_string(e->login.who.name, &e->login.arena));
	json_object_object_add(user, "uid", json_object_new_int64(e->login.who.uid));
	json_object_object_add(user, "gid", json_object_new_int64(e->login.who.gid));
	json_object_object_add(report, "user", user);
	json_object_object_add(report, "file",
		gk_report_string(
			e->config_path ? e->config_path : GK_CONFIG_PATH, &e->login.arena));
	json_object_object_add(report, "policy", gk_json_policy(&e->login.policy, &e->login.arena));
	json_object_object_add(
		report, "refused", err->code ? gk_report_string(err->msg, &e->login.arena) : NULL);
	json_object_object_add(
		report, "plan", err->code ? NULL : gk_json_plan(&e->login.plan, &e->login.arena));
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
	struct explain e = { .login.request = { .door = GK_DOOR_SHELL } };
	int status = read_options(&e, argc, argv);
	if (status == 0)
		status = explain(&e);
	free(e.text);
	gk_arena_free(&e.login.arena);
	return status;
}
