/* Text without a locale: paths, lists, UTF-8, what goes into messages. */
#include "unit.h"

#include "plan/text.h"

static void test_paths_are_cleaned(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *why,
		*const rows[][2] = { { "/", "/" }, { "//", "/" }, { "/a", "/a" }, { "/a/", "/a" },
			{ "//a///b//", "/a/b" }, { "/a/..b/.c", "/a/..b/.c" } };
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(gk_path_clean(&arena, rows[i][0], &why), rows[i][1]);
}

static void test_paths_are_refused(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	char long_name[300], long_path[5000];
	memset(long_name, 'a', sizeof long_name);
	long_name[0] = '/';
	long_name[sizeof long_name - 1] = '\0';
	for (size_t i = 0; i < sizeof long_path; i++)
		long_path[i] = i % 2 ? 'a' : '/';
	long_path[sizeof long_path - 1] = '\0';
	const char *const rows[][2] = { { "", "not absolute" }, { "a/b", "not absolute" },
		{ "~/x", "not absolute" }, { "/a/../b", "\"..\"" }, { "/..", "\"..\"" },
		{ "/./a", "\".\"" }, { "/a\nb", "control" }, { "/a\x7f", "control" },
		{ long_name, "255" }, { long_path, "4095" } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *why = NULL;
		assert_null(gk_path_clean(&arena, rows[i][0], &why));
		assert_contains(why, rows[i][1], rows[i][0]);
	}
}

static void test_within_knows_components(void **state)
{
	(void)state;
	assert_true(gk_path_within("/usr", "/usr"));
	assert_true(gk_path_within("/usr/bin", "/usr"));
	assert_false(gk_path_within("/usrx", "/usr"));
	assert_false(gk_path_within("/us", "/usr"));
	assert_true(gk_path_within("/x", "/"));
}

static void test_utf8(void **state)
{
	(void)state;
	const char *const good[] = { "", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8d\xba",
		"\xed\x9f\xbf", "\xf4\x8f\xbf\xbf" };
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(gk_is_utf8(good[i], strlen(good[i])));
	const char *const bad[] = { "\x80", "\xc3", "\xc0\xaf", "\xc1\x81", "\xe0\x80\xaf",
		"\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
		"a\xe2\x82", "\xe2\x82z" };
	for (size_t i = 0; i < COUNT(bad); i++)
		if (gk_is_utf8(bad[i], strlen(bad[i])))
			fail_msg("row %zu", i);
}

static void test_shown_is_bounded_and_plain(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	assert_string_equal(gk_shown(&arena, "a\x1b[2J\n\xff", 7), "\"a\\x1b[2J\\x0a\\xff\"");
	char big[4096];
	memset(big, '\x1b', sizeof big);
	assert_true(strlen(gk_shown(&arena, big, sizeof big)) < 300);
	for (const char *s = gk_shown(&arena, big, sizeof big); *s; s++)
		assert_false(gk_is_control(*s));
}

static void test_lists_are_split(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *why;
	const char *const *items = gk_split(&arena, "  a 'b c'd\t\"e'f\" g='' ", 9, &why);
	const char *const wanted[] = { "a", "b cd", "e'f", "g=" };
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_string_equal(items[i], wanted[i]);
	assert_null(items[COUNT(wanted)]);
	assert_null(gk_split(&arena, " \t", 9, &why)[0]);
}

static void test_lists_are_refused(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const rows[][2] = { { "a 'b", "quote" }, { "a \"b'", "quote" },
		{ "a '' b", "empty" }, { "a b c d", "too many" } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *why = NULL;
		assert_null(gk_split(&arena, rows[i][0], 3, &why));
		assert_contains(why, rows[i][1], rows[i][0]);
	}
}

static void test_replace(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	assert_string_equal(gk_replace(&arena, "a{u}b{u}", "{u}", "{u}"), "a{u}b{u}");
	assert_string_equal(gk_replace(&arena, "{u}{u}", "{u}", ""), "");
	assert_string_equal(gk_replace(&arena, "{v}", "{u}", "x"), "{v}");
}

static void test_memory_that_ends_is_no_crash(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	while (gk_arena_alloc(&arena, 16 << 10))
		;
	while (gk_arena_alloc(&arena, 1))
		;
	const char *why = NULL;
	assert_null(gk_path_clean(&arena, "/a/b", &why));
	assert_non_null(why);
	assert_null(gk_split(&arena, "a b", 9, &why));
	assert_null(gk_replace(&arena, "ab", "a", "b"));
	assert_null(gk_shown(&arena, "ab", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_are_cleaned),
		cmocka_unit_test(test_paths_are_refused),
		cmocka_unit_test(test_within_knows_components),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_shown_is_bounded_and_plain),
		cmocka_unit_test(test_lists_are_split),
		cmocka_unit_test(test_lists_are_refused),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_memory_that_ends_is_no_crash),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
