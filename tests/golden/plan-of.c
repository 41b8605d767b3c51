/* plan-of INI REQUEST: prints the plan for a request, or "refused: " and the line that the user
 * would read. plan-of --paths: where this build looks for its programs and images. Needs no root:
 * nothing is asked of the kernel. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "case.h"
#include "plan/config.h"
#include "plan/plan.h"
#include "plan/policy.h"

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "r");
	char *text = f ? calloc(1, GK_CONFIG_MAX_BYTES + 2) : NULL;
	if (!text) {
		perror(path);
		exit(2);
	}
	*ret_size = fread(text, 1, GK_CONFIG_MAX_BYTES + 1, f);
	fclose(f);
	return text;
}

static int plan_of(const char *ini, size_t size, const struct gk_case *c, struct gk_arena *arena,
	struct gk_err *err)
{
	struct gk_config config;
	struct gk_policy policy;
	struct gk_plan plan;
	int e = gk_config_parse(ini, size, "gocker.ini", gk_ini_read, arena, &config, NULL, err);
	if (e == 0)
		e = gk_policy_for(&config, &c->who, arena, &policy, err);
	if (e == 0)
		e = gk_plan_make(&c->request, &c->who, &policy, arena, &plan, err);
	if (e == 0)
		gk_plan_print(&plan, stdout);
	return e;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--paths") == 0) {
		puts(GK_BINDIR " " GK_STATEDIR);
		return 0;
	}
	if (argc != 3) {
		fputs("usage: plan-of INI REQUEST | plan-of --paths\n", stderr);
		return 2;
	}
	size_t size = 0, unused;
	gk_autofree char *ini = read_file(argv[1], &size), *text = read_file(argv[2], &unused);
	struct gk_case c;
	const char *bad = gk_case_read(text, &c);
	if (bad) {
		fprintf(stderr, "%s: no such word: %s\n", argv[2], bad);
		return 2;
	}
	struct gk_arena arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	if (plan_of(ini, size, &c, &arena, &err) < 0)
		printf("refused: %s\n", err.msg);
	gk_arena_free(&arena);
	return 0;
}
