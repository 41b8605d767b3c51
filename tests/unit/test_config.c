/* gocker.ini: everything that is wrong is a fault with its line, and a file with a fault gives no
 * configuration (A19). */
#include "unit.h"

#include <errno.h>

#include "plan/config.h"
#include "plan/policy.h"

static int parse(struct gk_arena *arena, const char *text, size_t size, struct gk_config *ret,
	struct gk_faults *faults, struct gk_err *err)
{
	return gk_config_parse(text, size, "g.ini", gk_ini_read, arena, ret, faults, err);
}

struct row {
	const char *text;
	unsigned line;
	const char *reason, *hint;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ARENA arena = { 0 };
		struct gk_err err = GK_ERR_INIT;
		struct gk_faults faults = { 0 };
		struct gk_config config, untouched;
		memset(&config, 0x5a, sizeof config);
		untouched = config;
		int r = parse(&arena, rows[i].text, strlen(rows[i].text), &config, &faults, &err);
		if (r != -EINVAL || faults.n != 1 || faults.list[0].line != rows[i].line) {
			for (size_t j = 0; j < faults.n; j++)
				print_error("%u: %s; %s\n", faults.list[j].line,
					faults.list[j].reason, faults.list[j].hint);
			fail_msg("returned %d, %zu faults, wanted one in line %u of:\n%s", r,
				faults.n, rows[i].line, rows[i].text);
		}
		assert_contains(faults.list[0].reason, rows[i].reason, rows[i].text);
		assert_contains(faults.list[0].hint, rows[i].hint, rows[i].text);
		assert_contains(err.msg, rows[i].reason, rows[i].text);
		assert_memory_equal(&config, &untouched, sizeof config);
	}
}

static void test_lines_that_are_nothing(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ "[default]\nhello\n", 2, "neither", "put ;" },
		{ "[default]\n= 5\n", 2, "neither", "put ;" },
		{ "[default]\npids max = 5\n", 2, "neither", "put ;" },
		{ "[default]\npids_max : 5\n", 2, "neither", "put ;" },
		{ "[default]\npids_max =\n", 2, "no value", "remove the line" },
		{ "[default]\npids_max = ; 20\n", 2, "no value", "remove the line" },
		{ "[default]\npids_max\n", 2, "neither", "put ;" },
		{ "[default\n", 1, "not closed", "[title]" },
		{ "[default] pids_max = 1\n", 1, "follows a section title", "line of its own" },
		{ "[default];x\n", 1, "follows a section title", "blank" },
		{ "[]\n", 1, "is empty", "[default]" },
		{ "[ default ]\n", 1, "blank at its edge", "[default]" },
		{ "[[default]]\n", 1, "follows", "line of its own" },
	};
	check_rows(rows, COUNT(rows));
}

static void test_bytes_that_may_not_be_there(void **state)
{
	(void)state;
	char long_line[1200];
	memset(long_line, 'a', sizeof long_line);
	memcpy(long_line, "[default]\n;", 11);
	long_line[sizeof long_line - 1] = '\0';
	const struct row rows[] = {
		{ "[default]\r\npids_max = 5\r\n", 0, "CR LF", "Unix" },
		{ "\xef\xbb\xbf[default]\n", 1, "byte order mark", "without" },
		{ "[default]\n; \xe4\n", 2, "not UTF-8", "UTF-8" },
		{ "[default]\n; a\x1b[2Jb\n", 2, "control character", "tabs" },
		{ "[default]\nshell = /bin/sh\r", 2, "control character", "tabs" },
		{ long_line, 2, "1000 bytes", "shorter" },
	};
	check_rows(rows, COUNT(rows));
}

static void test_sections_that_are_not_there(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ "[Default]\n", 1, "no section \"Default\"", "[default]" },
		{ "[a:b:c]\n", 1, "no section \"a:b:c\"", "[group:NAME]" },
		{ "[user]\n", 1, "no section", "[user:NAME]" },
		{ "[User:bob]\n", 1, "no section", "[user:NAME]" },
		{ "[group:]\n", 1, "has no name", "[group:NAME]" },
		{ "[user: bob]\n", 1, "blank", "[user:NAME]" },
		{ "[user:a:b]\n", 1, "colon", "[user:NAME]" },
		{ "[default]\n[gocker]\n[default]\n", 3, "there already, in line 1", "first one" },
		{ "[user:bob]\npids_max = 1\n[user:bob]\npids_max = 2\n", 3, "in line 1", "first" },
	};
	check_rows(rows, COUNT(rows));
}

static void test_keys_that_are_not_there(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ "[default]\npid_max = 5\n", 2, "no key \"pid_max\"", "did you mean pids_max?" },
		{ "[default]\nPids_Max = 5\n", 2, "no key \"Pids_Max\"", "did you mean pids_max?" },
		{ "[default]\npids-max = 5\n", 2, "no key", "did you mean pids_max?" },
		{ "[default]\nnonsense = 5\n", 2, "no key \"nonsense\"", "gocker.ini(5)" },
		{ "pids_max = 5\n", 1, "before the first section", "[default]" },
		{ "image_dir = /x\n", 1, "before the first section", "[gocker]" },
		{ "[gocker]\npids_max = 5\n", 2, "does not belong to [gocker]", "[default]" },
		{ "[default]\nimage_dir = /x\n", 2, "does not belong to [default]", "[gocker]" },
		{ "[user:a]\nsessions_max = 3\n", 2, "does not belong to [user:a]", "[gocker]" },
		{ "[default]\npids_max = 5\n\npids_max = 6\n", 4, "set already, in line 2",
			"keep" },
		{ "[default]\npids_max = 5\npids_max = 5\n", 3, "set already", "keep" },
	};
	check_rows(rows, COUNT(rows));
}

static void test_values_that_are_none(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ "[default]\npids_max = 12abc\n", 2, "not a whole number", "from 1 to 4194304" },
		{ "[default]\npids_max = 0\n", 2, "too small", "from 1" },
		{ "[default]\npids_max = 4194305\n", 2, "too large", "4194304" },
		{ "[default]\npids_max = none\n", 2, "not a number", "such as 20" },
		{ "[default]\npids_max = \"20 \"\n", 2, "not a whole number", "such as 20" },
		{ "[default]\nroot_size = 64MB\n", 2, "not known", "64M" },
		{ "[default]\nroot_size = 512K\n", 2, "too small", "at least 1M" },
		{ "[default]\nmemory_max = 0\n", 2, "too small", "or none" },
		{ "[default]\ncpus = 1,5\n", 2, "three decimals", "1.5" },
		{ "[default]\nidle_timeout = 30\n", 2, "no unit", "30m" },
		{ "[default]\nlinger = 30\n", 2, "no unit", "or forever" },
		{ "[default]\nlinger = Forever\n", 2, "not a number", "or forever" },
		{ "[default]\nmax_duration = forever\n", 2, "not a number", "8h" },
		{ "[default]\nshare = users\n", 2, "not known", "did you mean user" },
		{ "[default]\nroot = Overlay\n", 2, "not known", "overlay or readonly" },
		{ "[default]\nhome = \"\"\n", 2, "not known", "bind" },
		{ "[default]\ncontain = true\n", 2, "neither yes nor no", "yes or no" },
		{ "[default]\numask = 0999\n", 2, "octal", "022" },
		{ "[default]\nshell = sh\n", 2, "not absolute", "/bin/sh" },
		{ "[default]\nshell = /bin/../sh\n", 2, "\"..\"", "/bin/sh" },
		{ "[default]\nshell = /\n", 2, "root directory", "/bin/sh" },
		{ "[default]\nimage = ../../etc\n", 2, "begin with a letter", "image_dir" },
		{ "[default]\nhostname = lab_{user}\n", 2, "RFC 1123", "lab-{user}" },
		{ "[default]\nhostname = {nobody}\n", 2, "RFC 1123", "lab-{user}" },
		{ "[gocker]\nimage_dir = images\n", 2, "not absolute", "directory" },
		{ "[default]\nvolumes = /a\n", 2, "without a colon", "SOURCE:TARGET" },
		{ "[default]\nvolumes = a:/b\n", 2, "not absolute", "both absolute" },
		{ "[default]\nvolumes = /a:b\n", 2, "not absolute", "both absolute" },
		{ "[default]\nvolumes = /a:/b:rw\n", 2, "other than :ro", ":ro" },
		{ "[default]\nvolumes = /a:/../b\n", 2, "\"..\"", ":ro" },
		{ "[default]\nfiles = a\n", 2, "not absolute", "absolute" },
		{ "[default]\nfiles = /a:b\n", 2, "not absolute", "absolute" },
		{ "[default]\nfiles = /a:rw\n", 2, "not absolute", "SOURCE:TARGET:rw" },
		{ "[default]\nfiles = /a:/b:ro\n", 2, "other than :rw", "SOURCE:TARGET:rw" },
		{ "[default]\nfiles = /../a\n", 2, "\"..\"", "SOURCE" },
		{ "[default]\ntcp_connect = 22,80\n", 2, "not a port from 1 to 65535",
			"22 80 443" },
		{ "[default]\ntcp_connect = 0\n", 2, "not a port from 1 to 65535", "any, none" },
		{ "[default]\ntcp_connect = 65536\n", 2, "not a port", "any, none" },
		{ "[default]\ntcp_connect = 22 any\n", 2, "not a port", "any, none" },
		{ "[default]\ntcp_connect = 90-80\n", 2, "ends before it begins", "ranges" },
		{ "[default]\ntcp_connect = 1-4096 5000\n", 2, "more than 4096 ports", "any" },
		{ "[default]\ntcp_connect = 1024-65535\n", 2, "more than 4096 ports", "any" },
		{ "[default]\ntcp_connect = \"\"\n", 2, "names no port", "any, none" },
		{ "[default]\nnet_deny = 10.0.0.0/0\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = 10.0.0.0/33\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = 10.0.0.1:0\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = 10.0.0.1:9-8\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = 10.0.0.1:70000\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = 10.0.0\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = host.example\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = ::1/129\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = [::1]\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = [::1]80\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = [10.0.0.1/8\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = 10.0.0.1:\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = privat\n", 2, "not a network", "private, all" },
		{ "[default]\nnet_deny = 1.2.3.4,5.6.7.8\n", 2, "not a network", "private, all" },
		{ "[default]\npublish = 1023\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = 8001-8000\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = 65536\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = 8000/1\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = 8000-8009/11\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = 8000-8009/0\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = ::1:8000\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = [127.0.0.1]:8000\n", 2, "not a range of ports",
			"8000-8099" },
		{ "[default]\npublish = [::1]\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = host:8000\n", 2, "not a range of ports", "8000-8099" },
		{ "[default]\npublish = 8000-8255 9000\n", 2, "more than 256", "8000-8099" },
		{ "[default]\ntcp_bind = 1025-65535\n", 2, "more than 4096 ports", "1024-65535" },
		{ "[default]\ntcp_bind = 1024-\n", 2, "not a port from 0 to 65535", "1024-65535" },
		{ "[default]\nprofile = worker\n", 2, "not known", "did you mean work" },
		{ "[gocker]\nprofile = work\n", 2, "does not belong", "" },
		{ "[default]\nabstract_sockets = none\n", 2, "not known", "session or host" },
		{ "[default]\nenv_pass = A,B\n", 2, "variable's name", "blanks" },
		{ "[default]\nenv_pass = A*B\n", 2, "variable's name", "end of a name" },
		{ "[default]\nenv_set = EDITOR\n", 2, "not NAME=value", "EDITOR=vi" },
		{ "[default]\nenv_set = A=1 A=2\n", 2, "twice", "NAME=value" },
		{ "[default]\nenv_set = LD_PRELOAD=/x\n", 2, "dynamic loader", "NAME=value" },
		{ "[default]\nenv_set = \"A='b c\"\n", 2, "quote without", "quotes" },
	};
	check_rows(rows, COUNT(rows));
}

static void test_values_that_iniparser_would_cut(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ "[default]\nenv_set = A=b;c\n", 2, "begins a comment", "quotes" },
		{ "[default]\nenv_set = A=b#c\n", 2, "begins a comment", "quotes" },
		{ "[default]\nshell = \"/bin/sh\n", 2, "not closed", "close it" },
		{ "[default]\nshell = \"/bin/sh\" -l\n", 2, "follows the closing quote", "kind" },
		{ "[default]\nenv_set = 'A=b' C=d\n", 2, "follows the closing quote", "kind" },
		{ "[default]\nshell = \"/bin/sh\";x\n", 2, "follows the closing quote", "kind" },
		{ "[default]\nenv_set = \"A=\\n\"\n", 2, "quoted value has a backslash", "remove" },
		{ "[default]\nshell = /bin/sh \\\n", 2, "ends in a backslash", "one line" },
		{ "[default]\npids_max = 9 ; \\ \t\ncpus = 1\n", 2, "ends in a backslash",
			"one line" },
	};
	check_rows(rows, COUNT(rows));
}

static void test_file_as_a_whole(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_config config;
	struct gk_faults faults;
	struct gk_err err = GK_ERR_INIT;
	static char big[GK_CONFIG_MAX_BYTES + 1];
	memset(big, '\n', sizeof big);
	assert_int_equal(parse(&arena, big, sizeof big, &config, &faults, &err), -EINVAL);
	assert_contains(err.msg, "g.ini: the file is larger than 1 MiB", "1 MiB and 1");
	gk_err_clear(&err);
	assert_int_equal(parse(&arena, big, sizeof big - 1, &config, &faults, &err), 0);
	assert_int_equal(config.nsections, 0);
	const char nul[] = "[default]\npids_max = 5\0\n";
	assert_int_equal(parse(&arena, nul, sizeof nul - 1, &config, &faults, &err), -EINVAL);
	assert_contains(err.msg, "NUL bytes", "NUL");
	gk_err_clear(&err);
	assert_int_equal(parse(&arena, "", 0, &config, &faults, &err), 0);
	assert_int_equal(parse(&arena, NULL, 0, &config, &faults, &err), 0);
}

static void test_every_fault_is_listed_in_order_of_lines(void **state)
{
	(void)state;
	const char *text = "[default]\npids_max = 0\nhello\n[nobody]\nfoo = 1\n[user:x]\ncpus = x";
	const unsigned lines[] = { 2, 3, 4, 5, 7 };
	ARENA arena = { 0 };
	struct gk_config config;
	struct gk_faults faults;
	struct gk_err err = GK_ERR_INIT;
	assert_int_equal(parse(&arena, text, strlen(text), &config, &faults, &err), -EINVAL);
	assert_int_equal(faults.n, COUNT(lines));
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(faults.list[i].line, lines[i]);
	assert_contains(err.msg, "g.ini:2: pids_max: \"0\" is too small; write ", text);
	gk_err_clear(&err);
	assert_int_equal(parse(&arena, text, strlen(text), &config, NULL, &err), -EINVAL);
	assert_contains(err.msg, "g.ini:2: ", text);
}

static void test_faults_are_bounded(void **state)
{
	(void)state;
	static char text[300000];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 2 ? '\n' : 'x';
	ARENA arena = { 0 };
	struct gk_config config;
	struct gk_faults faults;
	struct gk_err err = GK_ERR_INIT;
	assert_int_equal(parse(&arena, text, sizeof text, &config, &faults, &err), -EINVAL);
	assert_int_equal(faults.n, GK_FAULTS_MAX);
}

static void test_a_good_file(void **state)
{
	(void)state;
	const char *text = "# one\n[gocker] ; the host\n\timage_dir = /a//b/ # blanks\n\n"
			   "[user:DOM\\ann b]\nenv_set='A=\"x;y#z\"'\npids_max=5;no";
	ARENA arena = { 0 };
	struct gk_config config;
	struct gk_err err = GK_ERR_INIT;
	char good[256];
	snprintf(good, sizeof good, "%s", text);
	good[strlen(good) - 3] = '\0'; /* without ";no" */
	if (parse(&arena, good, strlen(good), &config, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(config.path, "g.ini");
	assert_int_equal(config.nsections, 2);
	assert_int_equal(config.sections[0].kind, GK_SECTION_HOST);
	assert_int_equal(config.sections[0].line, 2);
	assert_int_equal(config.sections[0].settings[0].key, GK_KEY_IMAGE_DIR);
	assert_string_equal(config.sections[0].settings[0].value, "/a//b/");
	assert_int_equal(config.sections[1].kind, GK_SECTION_USER);
	assert_string_equal(config.sections[1].name, "DOM\\ann b");
	assert_int_equal(config.sections[1].nsettings, 2);
	assert_string_equal(config.sections[1].settings[0].value, "A=\"x;y#z\"");
	assert_int_equal(config.sections[1].settings[1].line, 7);
	/* The comment needs its blank. */
	assert_int_equal(parse(&arena, text, strlen(text), &config, NULL, &err), -EINVAL);
}

/* A tokenizer that reads every value as another one. */
static int liar(struct gk_ini_line *lines, size_t n, struct gk_arena *arena, struct gk_err *err)
{
	(void)arena;
	(void)err;
	for (size_t i = 0; i < n; i++)
		lines[i].value = "21";
	return 0;
}

static int mute(struct gk_ini_line *lines, size_t n, struct gk_arena *arena, struct gk_err *err)
{
	(void)lines;
	(void)n;
	(void)arena;
	return gk_fail(err, -EIO, "it does not work");
}

static void test_two_readings_must_agree(void **state)
{
	(void)state;
	const char *text = "[default]\npids_max = 20\n";
	ARENA arena = { 0 };
	struct gk_config config;
	struct gk_err err = GK_ERR_INIT;
	assert_int_equal(
		gk_config_parse(text, strlen(text), "g.ini", liar, &arena, &config, NULL, &err),
		-EINVAL);
	assert_contains(err.msg, "g.ini:2: pids_max can be read in two ways", text);
	gk_err_clear(&err);
	assert_int_equal(
		gk_config_parse(text, strlen(text), "g.ini", mute, &arena, &config, NULL, &err),
		-EIO);
	assert_string_equal(err.msg, "it does not work");
}

static void test_many_sections_are_read_and_too_many_refused(void **state)
{
	(void)state;
	static char text[200000];
	size_t n = 0;
	for (unsigned i = 0; i < 4096; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "[user:u%u]\npids_max = 5\n", i);
	ARENA arena = { 0 };
	struct gk_config config;
	struct gk_err err = GK_ERR_INIT;
	assert_int_equal(parse(&arena, text, n, &config, NULL, &err), 0);
	assert_int_equal(config.nsections, 4096);
	assert_int_equal(config.sections[4095].settings[0].line, 8192);
	n += (size_t)snprintf(text + n, sizeof text - n, "[user:more]\n");
	assert_int_equal(parse(&arena, text, n, &config, NULL, &err), -EINVAL);
	assert_contains(err.msg, "g.ini:8193: there are more than 4096 sections", "4097 sections");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_that_are_nothing),
		cmocka_unit_test(test_bytes_that_may_not_be_there),
		cmocka_unit_test(test_sections_that_are_not_there),
		cmocka_unit_test(test_keys_that_are_not_there),
		cmocka_unit_test(test_values_that_are_none),
		cmocka_unit_test(test_values_that_iniparser_would_cut),
		cmocka_unit_test(test_file_as_a_whole),
		cmocka_unit_test(test_every_fault_is_listed_in_order_of_lines),
		cmocka_unit_test(test_faults_are_bounded),
		cmocka_unit_test(test_a_good_file),
		cmocka_unit_test(test_two_readings_must_agree),
		cmocka_unit_test(test_many_sections_are_read_and_too_many_refused),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
