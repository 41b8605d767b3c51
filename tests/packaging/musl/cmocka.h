/* A stand-in for cmocka where it is not built for the C library at hand: as much of its interface
 * as tests/unit uses, and its TAP. A failed assertion leaves the test by longjmp, as cmocka's does.
 */
#ifndef GK_TESTS_MUSL_CMOCKA_H
#define GK_TESTS_MUSL_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
	int (*setup)(void **state), (*teardown)(void **state);
};

static jmp_buf standin_out;
static int standin_bad_setup;

#define print_error(...) fprintf(stderr, __VA_ARGS__)

static inline void standin_check(int holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	print_error("# %s:%d: %s\n", file, line, what);
	longjmp(standin_out, 1);
}

#define STANDIN(holds, what)       standin_check((holds) ? 1 : 0, what, __FILE__, __LINE__)
#define fail()                     STANDIN(0, "failed")
#define fail_msg(...)              (print_error(__VA_ARGS__), print_error("\n"), fail())
#define assert_true(x)             STANDIN(x, #x)
#define assert_false(x)            STANDIN(!(x), "not " #x)
#define assert_null(x)             STANDIN((x) == NULL, #x " is NULL")
#define assert_non_null(x)         STANDIN((x) != NULL, #x " is not NULL")
#define assert_ptr_equal(a, b)     STANDIN((const void *)(a) == (const void *)(b), #a " is " #b)
#define assert_int_equal(a, b)     STANDIN((uintmax_t)(a) == (uintmax_t)(b), #a " is " #b)
#define assert_int_not_equal(a, b) STANDIN((uintmax_t)(a) != (uintmax_t)(b), #a " is not " #b)
#define assert_in_range(x, least, most) \
	STANDIN((uintmax_t)(x) >= (uintmax_t)(least) && (uintmax_t)(x) <= (uintmax_t)(most), \
		#x " is from " #least " to " #most)
#define assert_memory_equal(a, b, n) STANDIN(memcmp(a, b, n) == 0, #a " has the bytes of " #b)

static inline void standin_strings(
	const char *a, const char *b, int same, const char *file, int line)
{
	if (a && b && (strcmp(a, b) == 0) == same)
		return;
	print_error("# \"%s\" and \"%s\"\n", a ? a : "NULL", b ? b : "NULL");
	standin_check(0, same ? "are not the same" : "are the same", file, line);
}
#define assert_string_equal(a, b)     standin_strings(a, b, 1, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) standin_strings(a, b, 0, __FILE__, __LINE__)

#define cmocka_unit_test(f) \
	{ \
#f, f, NULL, NULL \
	}
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
	{ \
#f, f, setup, teardown \
	}

/* With the state that the group's setup has made. */
static inline int standin_run(const struct CMUnitTest *test, void *group)
{
	void *state = group;
	volatile int failed = 0;
	standin_bad_setup = test->setup && test->setup(&state) != 0;
	if (standin_bad_setup)
		return 1;
	if (setjmp(standin_out) == 0)
		test->run(&state);
	else
		failed = 1;
	if (test->teardown && test->teardown(&state) != 0)
		failed = 1;
	return failed;
}

static inline int standin_group(const struct CMUnitTest *tests, size_t n,
	int (*setup)(void **state), int (*teardown)(void **state))
{
	void *state = NULL;
	int failed = 0;
	if (setjmp(standin_out) != 0 || (setup && setup(&state) != 0))
		return 1;
	for (size_t i = 0; i < n; i++) {
		int bad = standin_run(&tests[i], state);
		printf("%sok %zu - %s\n", bad ? "not " : "", i + 1, tests[i].name);
		failed += bad;
	}
	printf("1..%zu\n", n);
	return teardown && teardown(&state) != 0 ? failed + 1 : failed;
}
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
	standin_group(tests, sizeof(tests) / sizeof *(tests), setup, teardown)
#define cmocka_run_group_tests(tests, setup, teardown) \
	cmocka_run_group_tests_name(NULL, tests, setup, teardown)

#endif
