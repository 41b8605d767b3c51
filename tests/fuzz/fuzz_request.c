/* A request and an identity → plan (A6, A17, A18). The input's first byte chooses the policy; the
 * rest is a case as in tests/golden. */
#include <stdlib.h>
#include <string.h>

#include "../golden/case.h"
#include "plan/config.h"
#include "plan/policy.h"
#include "properties.h"

static const char *const inis[] = {
	"",
	"[default]\nhome = tmpfs\nenv_pass = *\nhostname = {user}-{id}\nroot = readonly\n"
	"volumes = /srv/{user}/x:/mnt/{user} /a:/run/b:ro\nfiles = /c /d/{user}:/mnt/d:rw\n[user:root]\n",
	"[default]\nhome = none\nenv_set = TERM=dumb 'LESS=-R -i'\nenv_pass = TZ LC_* L*\n"
	"network = none\nagent = no\n[group:staff]\npids_max = 7\n",
};

static void check_case(const struct gk_case *c, const char *ini, struct gk_arena *arena)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_config config;
	struct gk_policy policy;
	struct gk_plan plan;
	MUST(gk_config_parse(
		     ini, strlen(ini), "fuzz.ini", gk_ini_read, arena, &config, NULL, &err) == 0);
	int r = gk_policy_for(&config, &c->who, arena, &policy, &err);
	if (r == 0) {
		gk_check_policy(&policy);
		r = gk_plan_make(&c->request, &c->who, &policy, arena, &plan, &err);
	}
	if (r == 0)
		gk_check_plan(&plan, &c->who, &c->request);
	else
		MUST(err.code != 0 && err.msg[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct gk_arena arena = { 0 };
	struct gk_case c;
	char *text = gk_arena_strndup(&arena, (const char *)data + 1, size - 1);
	MUST(text != NULL);
	/* Lines that it does not know end a case: what came before counts. */
	(void)gk_case_read(text, &c);
	check_case(&c, inis[data[0] % (sizeof inis / sizeof *inis)], &arena);
	gk_arena_free(&arena);
	return 0;
}
