/* Whether a cgroup is root's alone, on ordinary directories. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/cgroup/leave.h"

static void test_roots_own_is_firm(void **state)
{
	(void)state;
	assert_int_equal(gk_cgroup_is_firm("/", "/usr/bin"), 1);
	assert_int_equal(gk_cgroup_is_firm("/usr", ""), 1);
}

static void test_what_is_not_there_is_nobodys(void **state)
{
	(void)state;
	assert_int_equal(gk_cgroup_is_firm("/nowhere", "/usr"), 1);
	assert_int_equal(gk_cgroup_is_firm("/", "/usr/nowhere"), 1);
}

/* Others can write to a directory on the way, or it is someone else's, or a file in it is. */
static void test_what_others_can_change_is_not(void **state)
{
	char top[] = "/tmp/gocker-withdraw-XXXXXX", dir[64], file[96];
	(void)state;
	assert_int_equal(gk_cgroup_is_firm("/", "/tmp"), 0);
	assert_non_null(mkdtemp(top));
	snprintf(dir, sizeof dir, "%s/leaf", top);
	snprintf(file, sizeof file, "%s/cgroup.procs", dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(gk_cgroup_is_firm(top, "/leaf"), geteuid() == 0);
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(gk_cgroup_is_firm(top, "/leaf"), geteuid() == 0);
	assert_int_equal(fchmod(fd, 0622), 0);
	assert_int_equal(gk_cgroup_is_firm(top, "/leaf"), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(rmdir(top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots_own_is_firm),
		cmocka_unit_test(test_what_is_not_there_is_nobodys),
		cmocka_unit_test(test_what_others_can_change_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
