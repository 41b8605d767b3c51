/* Arena, errors, and iniparser as a tokenizer. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/ini.h"
#include "base/log.h"

static void test_arena_is_zeroed_aligned_and_bounded(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	for (size_t size = 1; size < 100000; size = size * 3 + 1) {
		unsigned char *p = gk_arena_alloc(&arena, size);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	assert_null(gk_arena_alloc(&arena, GK_ARENA_MAX));
	assert_null(gk_arena_alloc(&arena, SIZE_MAX));
	assert_null(gk_arena_array(&arena, SIZE_MAX / 2, 4));
}

static void test_arena_strings(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	assert_null(gk_arena_strdup(&arena, NULL));
	assert_string_equal(gk_arena_strndup(&arena, "abcdef", 3), "abc");
	assert_string_equal(gk_arena_strndup(&arena, "ab", 30), "ab");
	assert_string_equal(gk_arena_printf(&arena, "%s-%d", "x", 7), "x-7");
}

static void test_first_error_wins_and_context_goes_before(void **state)
{
	(void)state;
	struct gk_err err = GK_ERR_INIT;
	assert_int_equal(gk_fail(&err, -EINVAL, "first %d", 1), -EINVAL);
	assert_int_equal(gk_fail_errno(&err, -ENOENT, "second"), -ENOENT);
	assert_int_equal(err.code, -EINVAL);
	gk_err_context(&err, "while %s", "testing");
	assert_string_equal(err.msg, "while testing: first 1");
	gk_err_clear(&err);
	assert_int_equal(gk_fail_errno(&err, -ENOENT, "file"), -ENOENT);
	assert_string_equal(err.msg, "file: No such file or directory");
	assert_int_equal(gk_fail(NULL, -EIO, "nobody listens"), -EIO);
}

static void test_errors_are_cut_never_overflow(void **state)
{
	(void)state;
	struct gk_err err = GK_ERR_INIT;
	char big[2000];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	gk_fail_errno(&err, -EIO, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	gk_err_context(&err, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	gk_err_detail(&err, "%s", big);
	assert_int_equal(strlen(err.detail), sizeof err.detail - 1);
}

static size_t open_fds(void)
{
	size_t n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void test_lines_are_read_each_for_itself(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_ini_line lines[] = { { 3, "a = 1 ; one", "a", NULL }, { 4, "a = 2", "a", NULL },
		{ 7, "b = \"x;y\"", "b", NULL }, { 9, "c = \"\"", "c", NULL },
		{ 12, "d = 1", "e", NULL } };
	size_t before = open_fds();
	assert_int_equal(gk_ini_read(lines, COUNT(lines), &arena, &err), 0);
	assert_int_equal(open_fds(), before);
	assert_string_equal(lines[0].value, "1");
	assert_string_equal(lines[1].value, "2");
	assert_string_equal(lines[2].value, "x;y");
	assert_string_equal(lines[3].value, "");
	assert_null(lines[4].value);
}

static void test_what_iniparser_refuses_is_an_error_and_silent(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_ini_line lines[] = { { 1, "no equals sign", "a", NULL } };
	/* Its complaint would go to fd 2. */
	int saved = dup(2), fds[2];
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], 2);
	int r = gk_ini_read(lines, 1, &arena, &err);
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	close(fds[1]);
	char c;
	ssize_t said = read(fds[0], &c, 1);
	close(fds[0]);
	assert_int_equal(r, -EINVAL);
	assert_int_equal(said, 0);
	assert_true(err.msg[0] != '\0');
}

/* What reaches a log or an administrator's terminal: all of it is shown, and none of it is obeyed.
 */
static void test_nothing_escaped_is_obeyed(void **state)
{
	static const struct {
		const char *text, *shown;
	} table[] = {
		{ NULL, "-" },
		{ "", "" },
		{ "ls -l ~", "ls -l ~" },
		{ "J\xc3\xb6rg \xe4\xba\xac \xf0\x9f\x98\x80",
			"J\xc3\xb6rg \xe4\xba\xac \xf0\x9f\x98\x80" },
		{ "a\nb\rc\td", "a\\x0ab\\x0dc\\x09d" },
		{ "\033[2J\177", "\\x1b[2J\\x7f" },
		{ "\"quo\\te", "\\x22quo\\x5cte" },
		/* a control character in UTF-8 and by itself, cut off, overlong, a surrogate, too
		   large */
		{ "\xc2\x9b", "\\xc2\\x9b" },
		{ "\x9b", "\\x9b" },
		{ "\xe4\xba", "\\xe4\\xba" },
		{ "\xc0\xaf", "\\xc0\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		/* other directions of writing, the end of a line */
		{ "\xe2\x80\xae"
		  "abc",
			"\\xe2\\x80\\xaeabc" },
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
		{ "\xe2\x80\x8f", "\\xe2\\x80\\x8f" },
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
		{ "\xd8\x9c", "\\xd8\\x9c" },
		{ "\xe2\x80\x93 \xe2\x82\xac \xd8\xa7", "\xe2\x80\x93 \xe2\x82\xac \xd8\xa7" },
	};
	char buf[64];
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(gk_escape(buf, sizeof buf, table[i].text), table[i].shown);
	/* Cut between two characters, never in one, nor in an escape. */
	assert_string_equal(gk_escape(buf, 5, "abcdef"), "abcd");
	assert_string_equal(gk_escape(buf, 3, "a\xc3\xb6"), "a");
	assert_string_equal(gk_escape(buf, 5, "a\n"), "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_is_zeroed_aligned_and_bounded),
		cmocka_unit_test(test_arena_strings),
		cmocka_unit_test(test_first_error_wins_and_context_goes_before),
		cmocka_unit_test(test_errors_are_cut_never_overflow),
		cmocka_unit_test(test_lines_are_read_each_for_itself),
		cmocka_unit_test(test_what_iniparser_refuses_is_an_error_and_silent),
		cmocka_unit_test(test_nothing_escaped_is_obeyed),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
