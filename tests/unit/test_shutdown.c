/* Time limits: when a terminal was last used, and when a session is warned and ended. */
#include "unit.h"

#include "run/watch/shutdown.h"
#include "run/watch/notice.h"
#include "base/clock.h"

/* A terminal used at every moment of a minute: what the kernel has left of it, and what is made of
 * that. */
static void test_use_is_never_taken_for_earlier(void **state)
{
	const time_t start = 1800000003;
	struct stat st = { .st_atim.tv_sec = 0, .st_mtim.tv_sec = 0 };
	const struct gk_terminal t = { 0 };
	(void)state;
	for (time_t now = start; now < start + 60; now++) {
		if ((st.st_atim.tv_sec ^ now) & ~(time_t)7)
			st.st_atim.tv_sec = now;
		time_t used = gk_terminal_used(&t, &st);
		assert_true(used >= now);
		assert_true(used <= now + 7);
	}
}

static void test_own_words_are_no_use(void **state)
{
	const struct stat st = { .st_atim.tv_sec = 1000, .st_mtim.tv_sec = 5000 };
	const struct gk_terminal silent = { 0 },
				 spoke = { .own_output = 5000, .output_before = 2000 };
	(void)state;
	assert_int_equal(gk_terminal_used(&silent, &st), 5000 | 7);
	assert_int_equal(gk_terminal_used(&spoke, &st), 2000 | 7);
}

static void test_one_warning_then_the_end(void **state)
{
	struct gk_shutdown e = { 0 };
	char text[128];
	(void)state;
	/* A limit of ten minutes warns a minute before. */
	assert_int_equal(gk_time_left(&e, GK_LIMIT_IDLE, 600, 0, text, sizeof text), 540000);
	assert_string_equal(text, "");
	assert_int_equal(gk_time_left(&e, GK_LIMIT_IDLE, 600, 540000, text, sizeof text), 60000);
	assert_string_equal(text, "this session ends in 60 s (idle_timeout)");
	assert_int_equal(gk_time_left(&e, GK_LIMIT_IDLE, 600, 550000, text, sizeof text), 50000);
	assert_string_equal(text, "");
	/* Used again, it is warned again. */
	assert_int_equal(gk_time_left(&e, GK_LIMIT_IDLE, 600, 1000, text, sizeof text), 539000);
	assert_int_equal(gk_time_left(&e, GK_LIMIT_IDLE, 600, 541000, text, sizeof text), 59000);
	assert_string_equal(text, "this session ends in 59 s (idle_timeout)");
	assert_int_equal(gk_time_left(&e, GK_LIMIT_IDLE, 600, 600000, text, sizeof text), 0);
	assert_string_equal(text, "this session has ended (idle_timeout)");
	/* The other limit's warning is its own, and a short limit warns at its half. */
	assert_int_equal(gk_time_left(&e, GK_LIMIT_DURATION, 10, 5000, text, sizeof text), 5000);
	assert_string_equal(text, "this session ends in 5 s (max_duration)");
}

static void test_words_are_owed_until_they_are_taken(void **state)
{
	struct gk_pending_notice o = { 0 };
	char much[sizeof o.text];
	int64_t before = gk_now_ms();
	(void)state;
	assert_int_equal(gk_pending_notice_wait(&o, -1), -1);
	assert_false(gk_pending_notice_is_due(&o));
	gk_pending_notice_add(&o, "one");
	assert_in_range(o.again_ms, before + 1, gk_now_ms() + 1000);
	assert_in_range(gk_pending_notice_wait(&o, -1), 0, 1000);
	assert_int_equal(gk_pending_notice_wait(&o, 0), 0);
	/* Another waits behind it, and one for which there is no room is lost. */
	gk_pending_notice_add(&o, "two");
	memset(much, 'x', sizeof much - 1);
	much[sizeof much - 1] = '\0';
	gk_pending_notice_add(&o, much);
	assert_string_equal(o.text, "one\r\ngocker: two");
	/* Less and less often. */
	for (int i = 0; i < 20; i++)
		gk_pending_notice_tried(&o, false);
	assert_int_equal(o.after_ms, 1000);
	o.again_ms = before;
	assert_true(gk_pending_notice_is_due(&o));
	gk_pending_notice_tried(&o, true);
	assert_false(gk_pending_notice_is_due(&o));
	assert_int_equal(gk_pending_notice_wait(&o, -1), -1);
	gk_pending_notice_add(&o, "three");
	assert_string_equal(o.text, "three");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_use_is_never_taken_for_earlier),
		cmocka_unit_test(test_own_words_are_no_use),
		cmocka_unit_test(test_one_warning_then_the_end),
		cmocka_unit_test(test_words_are_owed_until_they_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
