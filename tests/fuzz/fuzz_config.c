/* gocker.ini → policy → plan (A19), with iniparser as the tokenizer that it is in the product. */
#include <errno.h>
#include <string.h>

#include "plan/config.h"
#include "plan/policy.h"
#include "properties.h"

static const struct gk_group groups[] = { { 1000, "ann" }, { 500, "staff" }, { 501, "students" },
	{ 4711, NULL } };
static const struct gk_identity people[] = {
	{ 1000, 1000, "ann", "Ann", "/home/ann", "/bin/bash", groups, 4 },
	{ 0, 0, "root", "", "/root", "/bin/sh", NULL, 0 },
	{ 1100001, 1000, "DOM\\Ann", "", "/home/DOM/ann", "", groups, 1 },
};

static void check_person(const struct gk_config *config, const struct gk_identity *who)
{
	static const char *const argv[] = { "ls", NULL };
	struct gk_arena arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_policy policy;
	if (gk_policy_for(config, who, &arena, &policy, &err) == 0) {
		gk_check_policy(&policy);
		for (int door = GK_DOOR_SHELL; door <= GK_DOOR_RUN; door++) {
			struct gk_request request = { .door = (enum gk_door)door,
				.argv = argv,
				.session_id = "0123456789ab" };
			struct gk_plan plan;
			gk_err_clear(&err);
			if (gk_plan_make(&request, who, &policy, &arena, &plan, &err) == 0)
				gk_check_plan(&plan, who, &request);
			else
				MUST(err.code != 0 && err.msg[0]);
		}
	}
	gk_arena_free(&arena);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), len = strlen(end);
	return n >= len && strcmp(s + n - len, end) == 0;
}

/* The two readings of a line, ours and iniparser's, never differ on what ours lets through. */
static void check_faults(const struct gk_faults *faults, unsigned lines)
{
	MUST(faults->n <= GK_FAULTS_MAX);
	for (size_t i = 0; i < faults->n; i++) {
		const struct gk_fault *f = &faults->list[i];
		MUST(f->reason && f->hint && f->line <= lines);
		MUST(i == 0 || f->line >= faults->list[i - 1].line);
		MUST(!ends_with(f->reason, "can be read in two ways"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gk_arena arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_faults faults = { 0 };
	struct gk_config config, untouched;
	memset(&config, 0x5a, sizeof config);
	untouched = config;
	unsigned lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	int r = gk_config_parse(
		(const char *)data, size, "fuzz.ini", gk_ini_read, &arena, &config, &faults, &err);
	check_faults(&faults, lines);
	if (r == 0) {
		MUST(faults.n == 0 && err.code == 0);
		for (size_t i = 0; i < sizeof people / sizeof *people; i++)
			check_person(&config, &people[i]);
	} else {
		MUST(r == -EINVAL && faults.n > 0 && err.code == r);
		MUST(memcmp(&config, &untouched, sizeof config) == 0);
	}
	gk_arena_free(&arena);
	return 0;
}
