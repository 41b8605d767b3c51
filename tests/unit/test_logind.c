/* What logind's configuration and its files say of a user. */
#include "unit.h"

#include "plan/logind.h"

/* Whether the user alice is to be killed by these files, one after the other. */
static bool kills(const char *const *files)
{
	struct gk_logind_conf c = { 0 };
	for (; *files; files++) {
		char text[512];
		snprintf(text, sizeof text, "%s", *files);
		gk_logind_conf_add(&c, "alice", text);
	}
	return gk_logind_conf_kills(&c);
}
#define KILLS(...) kills((const char *const[]){ __VA_ARGS__, NULL })

static void test_one_file(void **state)
{
	(void)state;
	assert_false(KILLS(""));
	assert_false(KILLS("[Login]\n#KillUserProcesses=yes\n;KillUserProcesses=yes\n"));
	assert_true(KILLS("[Login]\nKillUserProcesses=yes\n"));
	assert_true(KILLS("[Login]\n\n  KillUserProcesses = On \r\nIdleAction=ignore"));
	assert_true(KILLS("[Login]\nKillUserProcesses=1"));
	assert_false(KILLS("[Login]\nKillUserProcesses=no"));
	assert_false(KILLS("KillUserProcesses=yes\n[Other]\nKillUserProcesses=yes\n"));
	assert_false(KILLS("[Login]\nKillUserProcesses=yes\nKillUserProcesses=off\n"));
	assert_true(KILLS("[Login]\nKillUserProcesses=yes\nKillUserProcesses=perhaps\n"));
	assert_false(KILLS("[Login]\nKillUserProcesses\n=yes\n[Login"));
}

static void test_lists(void **state)
{
	(void)state;
	assert_true(KILLS("[Login]\nKillOnlyUsers=bob alice\n"));
	assert_false(KILLS("[Login]\nKillUserProcesses=yes\nKillOnlyUsers=bob malice alices\n"));
	assert_false(KILLS("[Login]\nKillUserProcesses=yes\nKillExcludeUsers=root \"alice\"\n"));
	assert_false(KILLS("[Login]\nKillOnlyUsers=alice\nKillExcludeUsers=alice\n"));
	assert_true(KILLS("[Login]\nKillOnlyUsers=alice\nKillOnlyUsers=bob\n"));
	assert_false(KILLS("[Login]\nKillOnlyUsers=alice\nKillOnlyUsers=\n"));
	assert_true(
		KILLS("[Login]\nKillUserProcesses=y\nKillExcludeUsers=alice\nKillExcludeUsers=\n"));
	assert_true(KILLS("[Login]\nKillOnlyUsers=bob \\\n# not her: \\\nalice\nX=\\"));
	assert_false(KILLS("[Login]\n# KillOnlyUsers=bob \\\nKillOnlyUsers=bob \\\n carol\n"));
	assert_false(KILLS("[Login]\nKillOnlyUsers=\\\n\\\n"));
}

static void test_files_in_turn(void **state)
{
	(void)state;
	assert_true(KILLS("[Login]\nKillUserProcesses=no\n", "[Login]\nKillUserProcesses=yes\n"));
	assert_false(KILLS("[Login]\nKillUserProcesses=yes\n",
		"KillUserProcesses=no\n[Login]\nKillUserProcesses=no"));
	assert_true(KILLS(
		"[Login]\n", "[Login]\nKillOnlyUsers=carol\n", "[Login]\nKillOnlyUsers=alice"));
}

static void test_state(void **state)
{
	static const char text[] =
		"# This is private data. Do not parse.\nNAME=alice\nSTATE=closing\n"
		"STOPPING=yes\nSESSIONS=c1 22\nEMPTY=\nLAST=x";
	char buf[8];
	(void)state;
	assert_true(gk_logind_value(text, "STOPPING", buf, sizeof buf));
	assert_string_equal(buf, "yes");
	assert_true(gk_logind_value(text, "SESSIONS", buf, sizeof buf));
	assert_string_equal(buf, "c1 22");
	assert_true(gk_logind_value(text, "EMPTY", buf, sizeof buf));
	assert_string_equal(buf, "");
	assert_true(gk_logind_value(text, "LAST", buf, sizeof buf));
	assert_string_equal(buf, "x");
	assert_false(gk_logind_value(text, "TATE", buf, sizeof buf));
	assert_false(gk_logind_value(text, "STATE", buf, 7));
	assert_false(gk_logind_value("", "STATE", buf, sizeof buf));
	assert_false(gk_logind_value("STATE", "STATE", buf, sizeof buf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_file),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_files_in_turn),
		cmocka_unit_test(test_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
