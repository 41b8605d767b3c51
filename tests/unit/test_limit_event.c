/* Limits that bite, told from the files of a cgroup. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/watch/limit-event.h"
#include "run/cgroup/cgroup.h"

struct leaf {
	char path[64];
	int fd, user; /* user: the directory above, a directory below in this test */
	struct gk_limit_events bites;
	struct gk_policy policy;
};

static void put_in(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void put(const struct leaf *l, const char *name, const char *text)
{
	put_in(l->fd, name, text);
}

static const char *const names[] = { "pids.events", "pids.events.local", "pids.current", "pids.max",
	"pids.peak", "memory.events", "memory.pressure", "cpu.stat", "io.max", "io.stat" };

static void reopen(struct leaf *l)
{
	gk_limit_events_close(&l->bites);
	gk_limit_events_open(&l->bites, l->fd, l->user, &l->policy);
}

static int set_up(void **state)
{
	struct leaf *l = calloc(1, sizeof *l);
	if (!l)
		return -1;
	snprintf(l->path, sizeof l->path, "/tmp/gocker-unit.XXXXXX");
	if (!mkdtemp(l->path))
		return -1;
	l->fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(l->fd, "user", 0700) < 0)
		return -1;
	l->user = openat(l->fd, "user", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->policy = (struct gk_policy){ .pids_max = 20,
		.memory_max = 100 << 20,
		.user_pids_max = 200,
		.user_memory_max = GK_UNLIMITED,
		.memory_high = GK_UNLIMITED };
	l->policy.origin[GK_KEY_MEMORY_MAX].section = "group:students";
	put(l, "pids.events", "max 3\n");
	put(l, "memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n");
	gk_limit_events_open(&l->bites, l->fd, l->user, &l->policy);
	*state = l;
	return l->fd < 0 || l->user < 0;
}

static int tear_down(void **state)
{
	struct leaf *l = *state;
	gk_limit_events_close(&l->bites);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		(void)unlinkat(l->fd, names[i], 0);
		(void)unlinkat(l->user, names[i], 0);
	}
	(void)unlinkat(l->fd, "user", AT_REMOVEDIR);
	close(l->user);
	close(l->fd);
	(void)rmdir(l->path);
	free(l);
	return 0;
}

static bool next(struct leaf *l, char *text, size_t size)
{
	return gk_limit_events_next(&l->bites, "0123456789ab", &l->policy, text, size);
}

static void test_what_happened_before_is_not_told(void **state)
{
	char text[256];
	assert_false(next(*state, text, sizeof text));
}

static void test_a_fork_that_failed_is_told_once(void **state)
{
	char text[256];
	put(*state, "pids.events", "max 4\n");
	assert_true(next(*state, text, sizeof text));
	assert_string_equal(text, "limit of 20 tasks reached (the default)");
	assert_false(next(*state, text, sizeof text));
	put(*state, "pids.events", "max 5\n");
	assert_false(next(*state, text, sizeof text));
}

/* cgroup v1 and older kernels: the session's events count what any limit refused. */
static void test_the_limit_without_room_is_named(void **state)
{
	struct leaf *l = *state;
	char text[256];
	put(l, "pids.current", "9\n");
	put(l, "pids.max", "21\n");
	put_in(l->user, "pids.current", "216\n");
	put_in(l->user, "pids.max", "216\n");
	reopen(l);
	put(l, "pids.events", "max 4\n");
	assert_true(next(l, text, sizeof text));
	assert_string_equal(
		text, "limit of 200 tasks in all sessions together reached (the default)");
	assert_false(next(l, text, sizeof text));
	put(l, "pids.current", "20\n");
	put_in(l->user, "pids.current", "200\n");
	reopen(l);
	put(l, "pids.events", "max 5\n");
	assert_true(next(l, text, sizeof text));
	assert_string_equal(text, "limit of 20 tasks reached (the default)");
}

/* Newer ones have events of each limit's own. */
static void test_the_users_own_events_are_told(void **state)
{
	struct leaf *l = *state;
	char text[256];
	put_in(l->user, "pids.events.local", "max 7\n");
	reopen(l);
	assert_false(next(l, text, sizeof text));
	put_in(l->user, "pids.events.local", "max 8\n");
	assert_true(next(l, text, sizeof text));
	assert_string_equal(
		text, "limit of 200 tasks in all sessions together reached (the default)");
	assert_false(next(l, text, sizeof text));
}

/* It is the user's for certain where the session never reached its own, whatever has room by now.
 */
static void test_a_session_below_its_limit_was_refused_by_the_users(void **state)
{
	struct leaf *l = *state;
	char text[256];
	put(l, "pids.current", "20\n");
	put(l, "pids.max", "21\n");
	put(l, "pids.peak", "20\n");
	put_in(l->user, "pids.current", "100\n");
	put_in(l->user, "pids.max", "216\n");
	reopen(l);
	put(l, "pids.events", "max 4\n");
	assert_true(next(l, text, sizeof text));
	assert_string_equal(
		text, "limit of 200 tasks in all sessions together reached (the default)");
}

/* And its own where the kernel counts the user's by itself. */
static void test_events_told_apart_are_not_guessed_about(void **state)
{
	struct leaf *l = *state;
	char text[256];
	put(l, "pids.current", "9\n");
	put(l, "pids.max", "21\n");
	put(l, "pids.peak", "21\n");
	put_in(l->user, "pids.current", "216\n");
	put_in(l->user, "pids.max", "216\n");
	put_in(l->user, "pids.events.local", "max 7\n");
	reopen(l);
	put(l, "pids.events", "max 4\n");
	assert_true(next(l, text, sizeof text));
	assert_string_equal(text, "limit of 20 tasks reached (the default)");
}

/* ---- limits that only slow down ---- */

static void look_is_due(struct leaf *l)
{
	l->bites.slow.looked_ms -= 10000;
	assert_int_equal(gk_limit_events_wait(&l->bites, &l->policy), 0);
}

static void test_nothing_is_looked_at_without_such_a_limit(void **state)
{
	struct leaf *l = *state;
	assert_int_equal(gk_limit_events_wait(&l->bites, &l->policy), -1);
	l->policy.cpus_milli = 500;
	assert_in_range(gk_limit_events_wait(&l->bites, &l->policy), 1, 10000);
}

static void test_five_seconds_held_back_are_told_once(void **state)
{
	struct leaf *l = *state;
	char text[256];
	l->policy.cpus_milli = 1250;
	l->policy.origin[GK_KEY_CPUS].section = "default";
	put(l, "cpu.stat", "usage_usec 1\nnr_throttled 9\nthrottled_usec 3000000\n");
	reopen(l);
	put(l, "cpu.stat", "usage_usec 1\nnr_throttled 99\nthrottled_usec 7999999\n");
	look_is_due(l);
	assert_false(next(l, text, sizeof text));
	put(l, "cpu.stat", "usage_usec 1\nnr_throttled 99\nthrottled_usec 8000000\n");
	assert_false(next(l, text, sizeof text));
	look_is_due(l);
	assert_true(next(l, text, sizeof text));
	assert_string_equal(text, "slowed down: limit of 1.25 CPUs reached (cpus, [default])");
	assert_false(next(l, text, sizeof text));
	assert_int_equal(gk_limit_events_wait(&l->bites, &l->policy), -1);
}

static void test_whom_to_ask_is_told(void **state)
{
	struct leaf *l = *state;
	char text[GK_LIMIT_NOTICE_BYTES];
	l->policy.contact = "the desk, room 12";
	put(l, "pids.events", "max 4\n");
	assert_true(next(l, text, sizeof text));
	assert_string_equal(text, "limit of 20 tasks reached (the default); ask the desk, room 12");
	l->policy.contact = "none";
	put(l, "memory.events", "low 0\nhigh 0\nmax 8\noom 3\noom_kill 3\n");
	assert_true(next(l, text, sizeof text));
	assert_null(strstr(text, "ask"));
}

static void test_the_users_cpus_are_told_as_that(void **state)
{
	struct leaf *l = *state;
	char text[256];
	l->policy.cpus_milli = 1000;
	l->policy.user_cpus_milli = 2000;
	put(l, "cpu.stat", "throttled_usec 0\n");
	put_in(l->user, "cpu.stat", "throttled_usec 0\n");
	reopen(l);
	put_in(l->user, "cpu.stat", "throttled_usec 6000000\n");
	look_is_due(l);
	assert_true(next(l, text, sizeof text));
	assert_string_equal(text,
		"slowed down: limit of 2.00 CPUs in all sessions together reached "
		"(user_cpus, the default)");
	assert_false(next(l, text, sizeof text));
	assert_in_range(gk_limit_events_wait(&l->bites, &l->policy), 1, 10000);
}

/* memory.events alone goes up also for who reads a large file and waits for nothing. */
static void test_memory_that_was_waited_for_is_told(void **state)
{
	struct leaf *l = *state;
	char text[256];
	l->policy.memory_high = 64 << 20;
	put(l, "memory.pressure", "some avg10=0.00 total=10\nfull avg10=0.00 total=9\n");
	reopen(l);
	put(l, "memory.pressure", "some avg10=0.00 total=6000000\nfull avg10=0.00 total=9\n");
	look_is_due(l);
	assert_false(next(l, text, sizeof text));
	put(l, "memory.pressure", "some avg10=0.00 total=10\nfull avg10=0.00 total=9\n");
	put(l, "memory.events", "low 0\nhigh 70\nmax 7\noom 2\noom_kill 2\n");
	look_is_due(l);
	assert_false(next(l, text, sizeof text));
	put(l, "memory.pressure", "some avg10=0.00 total=6000000\nfull avg10=0.00 total=9\n");
	look_is_due(l);
	assert_true(next(l, text, sizeof text));
	assert_string_equal(
		text, "slowed down: more than 64 MiB in use (memory_high, the default)");
}

static void test_a_disk_that_is_used_up_is_told(void **state)
{
	struct leaf *l = *state;
	char text[256];
	l->policy.nio_max = 1;
	put(l, "io.max", "8:0 rbps=max wbps=1000000 riops=100 wiops=max\n");
	put(l, "io.stat", "8:16 rbytes=9 wbytes=9 rios=9 wios=9 dbytes=0 dios=0\n");
	reopen(l);
	put(l, "io.stat",
		"8:16 rbytes=9 wbytes=99000000 rios=9 wios=9 dbytes=0 dios=0\n"
		"8:0 rbytes=99000000 wbytes=8000000 rios=800 wios=9999 dbytes=0 dios=0\n");
	look_is_due(l);
	assert_false(next(l, text, sizeof text));
	put(l, "io.stat",
		"8:0 rbytes=99000000 wbytes=8000000 rios=1900 wios=9999 dbytes=0 dios=0\n");
	look_is_due(l);
	assert_true(next(l, text, sizeof text));
	assert_string_equal(
		text, "slowed down: disks are used up to the limit (io_max, the default)");
	assert_false(next(l, text, sizeof text));
}

/* ---- the counts that `inspect`, `stats` and the closing line show ---- */

static void hits_are(const struct leaf *l, struct gk_cgroup cg, uint64_t own, uint64_t users)
{
	struct gk_usage usage;
	cg.leaf_fd = l->fd;
	cg.base_fd = -1;
	gk_cgroup_usage(&cg, &usage);
	assert_int_equal(usage.pids_hits, own);
	assert_int_equal(usage.user_pids_hits, users);
}

static void test_hits_told_apart_are_counted_apart(void **state)
{
	const struct leaf *l = *state;
	const struct gk_cgroup cg = { .user_fd = l->user, .user_hits_before = 7 };
	put(l, "pids.max", "21\n");
	put(l, "pids.peak", "21\n");
	put_in(l->user, "pids.max", "216\n");
	put_in(l->user, "pids.events.local", "max 12\n");
	hits_are(l, cg, 3, 5);
	put(l, "pids.events", "max 0\n");
	put(l, "pids.peak", "9\n");
	hits_are(l, cg, 0, 5);
	assert_int_equal(gk_cgroup_user_hits(&cg), 12);
}

static void test_hits_counted_as_one_are_those_of_the_limit_that_was_reached(void **state)
{
	const struct leaf *l = *state;
	struct gk_cgroup cg = { .user_fd = l->user };
	put(l, "pids.max", "21\n");
	put(l, "pids.peak", "20\n");
	put_in(l->user, "pids.max", "216\n");
	hits_are(l, cg, 0, 3);
	put(l, "pids.peak", "21\n");
	hits_are(l, cg, 3, 0);
	/* v1 has no events of the user's own, whatever is called so. */
	cg.v1 = true;
	put_in(l->user, "pids.events.local", "max 9\n");
	hits_are(l, cg, 3, 0);
}

static void test_no_limit_of_the_users_refuses_nothing(void **state)
{
	const struct leaf *l = *state;
	put(l, "pids.max", "21\n");
	put(l, "pids.peak", "20\n");
	put_in(l->user, "pids.max", "max\n");
	hits_are(l, (struct gk_cgroup){ .user_fd = l->user }, 3, 0);
	hits_are(l, (struct gk_cgroup){ .user_fd = -1 }, 3, UINT64_MAX);
}

static void test_the_limit_that_killed_is_named(void **state)
{
	struct leaf *l = *state;
	char text[256];
	put(l, "memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 3\noom_group_kill 0\n");
	assert_true(next(l, text, sizeof text));
	assert_string_equal(text,
		"out of memory: a process was killed (memory_max is 100 MiB, [group:students])");
	assert_false(next(l, text, sizeof text));
}

static void test_a_limit_seen_before_the_kill_is_named(void **state)
{
	struct leaf *l = *state;
	char text[256];
	l->policy.user_memory_max = 200 << 20;
	put(l, "memory.events", "oom 3\noom_kill 2\n");
	assert_false(next(l, text, sizeof text));
	put(l, "memory.events", "oom 3\noom_kill 3\n");
	assert_true(next(l, text, sizeof text));
	assert_contains(text, "memory_max is 100 MiB", "own");
}

static void test_a_limit_above_is_the_users(void **state)
{
	struct leaf *l = *state;
	char text[256];
	l->policy.user_memory_max = 200 << 20;
	put(l, "memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n");
	assert_true(next(l, text, sizeof text));
	assert_contains(text, "user_memory_max is 200 MiB", "above");
}

static void test_without_any_limit_it_is_the_host(void **state)
{
	struct leaf *l = *state;
	char text[256];
	put(l, "memory.events", "oom 2\noom_kill 4\n");
	assert_true(next(l, text, sizeof text));
	assert_contains(text, "the host is short of memory", "host");
}

static void test_reaching_a_limit_without_a_kill_is_not_told(void **state)
{
	char text[256];
	put(*state, "memory.events", "low 0\nhigh 0\nmax 900\noom 3\noom_kill 2\n");
	assert_false(next(*state, text, sizeof text));
}

static void test_files_that_are_missing_are_not_watched(void **state)
{
	struct leaf *l = *state;
	char text[256];
	assert_int_equal(unlinkat(l->fd, "memory.events", 0), 0);
	reopen(l);
	assert_int_equal(l->bites.fd[GK_LIMIT_EVENT_MEMORY], -1);
	assert_false(next(l, text, sizeof text));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_what_happened_before_is_not_told),
		T(test_a_fork_that_failed_is_told_once),
		T(test_the_limit_without_room_is_named),
		T(test_the_users_own_events_are_told),
		T(test_a_session_below_its_limit_was_refused_by_the_users),
		T(test_events_told_apart_are_not_guessed_about),
		T(test_whom_to_ask_is_told),
		T(test_nothing_is_looked_at_without_such_a_limit),
		T(test_five_seconds_held_back_are_told_once),
		T(test_the_users_cpus_are_told_as_that),
		T(test_memory_that_was_waited_for_is_told),
		T(test_a_disk_that_is_used_up_is_told),
		T(test_hits_told_apart_are_counted_apart),
		T(test_hits_counted_as_one_are_those_of_the_limit_that_was_reached),
		T(test_no_limit_of_the_users_refuses_nothing),
		T(test_the_limit_that_killed_is_named),
		T(test_a_limit_seen_before_the_kill_is_named),
		T(test_a_limit_above_is_the_users),
		T(test_without_any_limit_it_is_the_host),
		T(test_reaching_a_limit_without_a_kill_is_not_told),
		T(test_files_that_are_missing_are_not_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
