/* Strict readers: what is no value is refused whole, and says why. */
#include "unit.h"

#include "plan/value.h"

static const char *why;

static void test_counts(void **state)
{
	(void)state;
	uint64_t n = 0;
	assert_true(gk_value_count("0", 0, 10, &n, &why) && n == 0);
	assert_true(gk_value_count("10", 0, 10, &n, &why) && n == 10);
	assert_true(gk_value_count("18446744073709551615", 0, UINT64_MAX, &n, &why));
	assert_true(n == UINT64_MAX);
}

static void test_counts_refused(void **state)
{
	(void)state;
	const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "12abc", "0x10", "010", "1_000",
		"1.0", "1e3", "11", "18446744073709551616", "99999999999999999999999", "\xd9\xa1" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t n = 77;
		why = NULL;
		if (gk_value_count(bad[i], 0, 10, &n, &why) || n != 77 || !why)
			fail_msg("%s was read as %llu", bad[i], (unsigned long long)n);
	}
}

static void test_sizes(void **state)
{
	(void)state;
	const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "4096", 4096 }, { "1K", 1024 }, { "64M", 64 << 20 }, { "3G", 3ull << 30 },
		{ "2T", 2ull << 40 } };
	for (size_t i = 0; i < COUNT(good); i++) {
		uint64_t n = 0;
		assert_true(gk_value_size(good[i].text, 0, UINT64_MAX, &n, &why));
		assert_int_equal(n, good[i].bytes);
	}
}

static void test_sizes_refused(void **state)
{
	(void)state;
	const char *const bad[] = { "", "M", "64m", "64MB", "64 M", "64MiB", "1.5G", "-1M", "064M",
		"16777216T", "9", "2K" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t n = 77;
		if (gk_value_size(bad[i], 10, 2000, &n, &why) || n != 77)
			fail_msg("%s was read as %llu", bad[i], (unsigned long long)n);
	}
}

static void test_cpus(void **state)
{
	(void)state;
	const struct {
		const char *text;
		uint32_t milli;
	} good[] = { { "1", 1000 }, { "1.5", 1500 }, { "0.01", 10 }, { "0.125", 125 },
		{ "16.050", 16050 } };
	for (size_t i = 0; i < COUNT(good); i++) {
		uint32_t n = 0;
		assert_true(gk_value_cpus(good[i].text, 10, 100000, &n, &why));
		assert_int_equal(n, good[i].milli);
	}
	const char *const bad[] = { "", ".5", "1.", "1.2345", "1,5", "1.5x", "0", "0.009", "101",
		"01", "1..5", "18446744073709551615", "18446744073709552" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint32_t n = 77;
		if (gk_value_cpus(bad[i], 10, 100000, &n, &why) || n != 77)
			fail_msg("%s was read as %u", bad[i], n);
	}
}

static void test_durations(void **state)
{
	(void)state;
	const struct {
		const char *text;
		uint64_t seconds;
	} good[] = { { "1s", 1 }, { "30m", 1800 }, { "8h", 28800 }, { "2d", 172800 } };
	for (size_t i = 0; i < COUNT(good); i++) {
		uint64_t n = 0;
		assert_true(gk_value_duration(good[i].text, 1, UINT64_MAX, &n, &why));
		assert_int_equal(n, good[i].seconds);
	}
	const char *const bad[] = { "30", "m", "30M", "1h30m", "0s", "1.5h", "30 m", "1w" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t n = 77;
		if (gk_value_duration(bad[i], 1, 1u << 30, &n, &why) || n != 77)
			fail_msg("%s was read as %llu", bad[i], (unsigned long long)n);
	}
}

static void test_words(void **state)
{
	(void)state;
	bool yes = false;
	assert_true(gk_value_bool("yes", &yes, &why) && yes);
	assert_true(gk_value_bool("no", &yes, &why) && !yes);
	const char *const no_bool[] = { "", "Yes", "true", "1", "y", "on" };
	for (size_t i = 0; i < COUNT(no_bool); i++)
		assert_false(gk_value_bool(no_bool[i], &yes, &why));
	mode_t mask = 1;
	assert_true(gk_value_umask("022", &mask, &why) && mask == 022);
	assert_true(gk_value_umask("0777", &mask, &why) && mask == 0777);
	const char *const no_umask[] = { "", "22", "08", "1022", "00022", "0o22", "-22", "9" };
	for (size_t i = 0; i < COUNT(no_umask); i++)
		assert_false(gk_value_umask(no_umask[i], &mask, &why));
}

static void test_image_names(void **state)
{
	(void)state;
	assert_true(gk_value_image_ok("alpine", &why));
	assert_true(gk_value_image_ok("debian-12.5_x", &why));
	char longest[66];
	memset(longest, 'a', sizeof longest);
	longest[64] = '\0';
	assert_true(gk_value_image_ok(longest, &why));
	longest[64] = 'a';
	longest[65] = '\0';
	assert_false(gk_value_image_ok(longest, &why));
	const char *const bad[] = { "", ".", "..", "../x", "a/b", ".hidden", "-rf", "a b", "a:b",
		"a,b", "\xc3\xa4" };
	for (size_t i = 0; i < COUNT(bad); i++)
		if (gk_value_image_ok(bad[i], &why))
			fail_msg("%s", bad[i]);
}

static void test_host_names(void **state)
{
	(void)state;
	const char *const good[] = { "a", "gocker-container", "lab-7.example.org", "3com", "A" };
	for (size_t i = 0; i < COUNT(good); i++)
		if (!gk_value_hostname_ok(good[i], &why))
			fail_msg("%s %s", good[i], why);
	const char *const bad[] = { "", "-a", "a-", "a..b", ".a", "a.", "a_b", "a b", "a\nb",
		"{user}", "a-.b",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	for (size_t i = 0; i < COUNT(bad); i++)
		if (gk_value_hostname_ok(bad[i], &why))
			fail_msg("%s", bad[i]);
}

static void test_variable_names(void **state)
{
	(void)state;
	assert_true(gk_value_env_name_ok("LC_ALL=x", 6));
	assert_true(gk_value_env_name_ok("_", 1));
	assert_false(gk_value_env_name_ok("", 0));
	assert_false(gk_value_env_name_ok("1A", 2));
	assert_false(gk_value_env_name_ok("A-B", 3));
	assert_false(gk_value_env_name_ok("BASH_FUNC_x%%", 13));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_counts_refused),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_sizes_refused),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_image_names),
		cmocka_unit_test(test_host_names),
		cmocka_unit_test(test_variable_names),
	};
	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
