/* Limits that bite, told from the files of a cgroup. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/bites.h"

struct leaf {
	char path[64];
	int fd, user; /* user: the directory above, a directory below in this test */
	struct gk_bites bites;
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
	"memory.events" };

static void reopen(struct leaf *l)
{
	gk_bites_close(&l->bites);
	gk_bites_open(&l->bites, l->fd, l->user);
}

static int set_up(void **state)
{
	struct leaf *l = calloc(1, sizeof *l);
	snprintf(l->path, sizeof l->path, "/tmp/gocker-unit.XXXXXX");
	if (!mkdtemp(l->path))
		return -1;
	l->fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(l->fd, "user", 0700) < 0)
		return -1;
	l->user = openat(l->fd, "user", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->policy = (struct gk_policy){ .pids_max = 20, .memory_max = 100 << 20,
		.user_pids_max = 200, .user_memory_max = GK_UNLIMITED };
	l->policy.origin[GK_KEY_MEMORY_MAX].section = "group:students";
	put(l, "pids.events", "max 3\n");
	put(l, "memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n");
	gk_bites_open(&l->bites, l->fd, l->user);
	*state = l;
	return l->fd < 0 || l->user < 0;
}

static int tear_down(void **state)
{
	struct leaf *l = *state;
	gk_bites_close(&l->bites);
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
	return gk_bites_next(&l->bites, "0123456789ab", &l->policy, text, size);
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
	assert_string_equal(text, "limit of 20 tasks reached ([built-in])");
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
	assert_string_equal(text, "limit of 200 tasks in all sessions together reached ([built-in])");
	assert_false(next(l, text, sizeof text));
	put(l, "pids.current", "20\n");
	put_in(l->user, "pids.current", "200\n");
	reopen(l);
	put(l, "pids.events", "max 5\n");
	assert_true(next(l, text, sizeof text));
	assert_string_equal(text, "limit of 20 tasks reached ([built-in])");
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
	assert_string_equal(text, "limit of 200 tasks in all sessions together reached ([built-in])");
	assert_false(next(l, text, sizeof text));
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
	assert_int_equal(l->bites.fd[GK_BITE_MEMORY], -1);
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
		T(test_the_limit_that_killed_is_named),
		T(test_a_limit_seen_before_the_kill_is_named),
		T(test_a_limit_above_is_the_users),
		T(test_without_any_limit_it_is_the_host),
		T(test_reaching_a_limit_without_a_kill_is_not_told),
		T(test_files_that_are_missing_are_not_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
