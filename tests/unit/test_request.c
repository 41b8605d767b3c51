/* What a login shell was called for (S5, S6, S16): the same for gocker-shell and the entry stub. */
#include "unit.h"

#include "plan/request.h"

#define SELF "/usr/bin/gocker-shell"

static struct gk_request called(const char *const *env, const char *const *argv)
{
	struct gk_request request = { .env = env };
	int argc = 0;
	while (argv[argc])
		argc++;
	gk_request_called(&request, SELF, argc, argv);
	return request;
}

static void test_shells(void **state)
{
	(void)state;
	const char *const ssh[] = { "SSH_CONNECTION=1", NULL };
	struct gk_request r = called(NULL, (const char *const[]){ "-gocker-shell", NULL });
	assert_true(r.login && !r.command && !r.argv);
	r = called(NULL, (const char *const[]){ "gocker-shell", NULL });
	assert_true(!r.login && !r.command && !r.argv);
	r = called(ssh, (const char *const[]){ "gocker-shell", NULL });
	assert_true(
		r.login && !r.command && !r.argv); /* a ForceCommand of a client that gave none */
}

static void test_commands(void **state)
{
	(void)state;
	const char *const env[] = { "SSH_ORIGINAL_COMMAND=client's", NULL };
	const char *const argv[] = { "gocker-shell", "-c", "a  'b'\n", NULL };
	struct gk_request r = called(env, argv);
	assert_true(!r.login && r.argv == argv + 1);
	assert_ptr_equal(r.command, argv[2]);
	const char *const more[] = { "-gocker-shell", "-x", "-c", "b", NULL };
	r = called(env, more);
	assert_true(r.login && r.argv == more + 1 && !r.command);
}

static void test_forced(void **state)
{
	(void)state;
	const char *const env[] = { "SSH_CONNECTION=1", "SSH_ORIGINAL_COMMAND=a  'b'\n", NULL };
	struct gk_request r = called(env, (const char *const[]){ SELF, NULL });
	assert_true(!r.login && !r.argv);
	assert_string_equal(r.command, "a  'b'\n");
	r = called(env, (const char *const[]){ "gocker-shell", "-c", SELF, NULL });
	assert_true(!r.login && !r.argv);
	assert_string_equal(r.command, "a  'b'\n");
	r = called(env, (const char *const[]){ "gocker-shell", "-c", "exec " SELF, NULL });
	assert_true(!r.login && !r.argv);
	assert_string_equal(r.command, "a  'b'\n");
	r = called(NULL, (const char *const[]){ "gocker-shell", "-c", SELF, NULL });
	assert_true(r.login && !r.argv && !r.command);
	/* Nor does sshd call it with a dash then: a login is a login, whatever the environment
	 * says. */
	r = called(env, (const char *const[]){ "-gocker-shell", NULL });
	assert_true(r.login && !r.argv && !r.command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shells),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_forced),
	};
	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
