/* The payload's environment (A8, S7): fresh, and what goes through is named. */
#include "unit.h"

#include "plan/env.h"

static const struct gk_env_facts facts = { "/home/ann", "ann", "/bin/sh", NULL };

static const char *const *env_of(struct gk_arena *arena, const char *const *caller,
	const char *const *pass, const char *const *set, enum gk_door door)
{
	struct gk_request request = { .door = door, .env = caller };
	struct gk_policy policy = { .env_pass = pass, .env_set = set };
	const char *const *env = gk_env_make(&request, &policy, &facts, arena);
	assert_non_null(env);
	return env;
}

static const char *value_of(const char *const *env, const char *name)
{
	const char *value = NULL;
	size_t n = strlen(name);
	for (; *env; env++) {
		if (strncmp(*env, name, n) != 0 || (*env)[n] != '=')
			continue;
		assert_null(value); /* never twice */
		value = *env + n + 1;
	}
	return value;
}

static void test_fresh_one(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const caller[] = { "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/evil",
		"PATH=/tmp", "MAIL=/x", "FOO=bar", "PWD=/x", "TZ=UTC", "TERM=vt100", NULL };
	const char *const *env = env_of(&arena, caller, NULL, NULL, GK_DOOR_SHELL);
	assert_string_equal(value_of(env, "HOME"), "/home/ann");
	assert_string_equal(value_of(env, "USER"), "ann");
	assert_string_equal(value_of(env, "LOGNAME"), "ann");
	assert_string_equal(value_of(env, "SHELL"), "/bin/sh");
	assert_non_null(strstr(value_of(env, "PATH"), "/usr/bin"));
	assert_string_equal(value_of(env, "TERM"), "vt100");
	const char *const not [] = { "MAIL", "FOO", "PWD", "TZ" };
	for (size_t i = 0; i < COUNT(not ); i++)
		assert_null(value_of(env, not [i]));
	assert_non_null(env_of(&arena, NULL, NULL, NULL, GK_DOOR_SHELL)[0]);
}

static void test_never_whatever_the_policy_says(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const caller[] = { "LD_PRELOAD=x", "LD_=x", "LD_LIBRARY_PATH=x", "GCONV_PATH=x",
		"LOCPATH=x", "NLSPATH=x", "RES_OPTIONS=x", "MALLOC_CHECK_=3", "IFS=x", "ENV=x",
		"BASH_ENV=x", "GLIBC_TUNABLES=x", "SHELLOPTS=x", "PS4=x", "HOSTALIASES=x",
		"TZDIR=x", "BASH_FUNC_ls%%=() { x; }", "1X=x", "A-B=x", "=x", "x", "", NULL };
	const char *const pass[] = { "*", "LD_*", "IFS", "ENV", "BASH_ENV", NULL };
	const char *const *env = env_of(&arena, caller, pass, NULL, GK_DOOR_SHELL);
	size_t n = 0;
	for (; env[n]; n++)
		assert_null(strstr(env[n], "=x"));
	assert_int_equal(n, 5);
}

static void test_star_passes_the_callers_own_only(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const caller[] = { "FOO=bar", "TZ=:/etc/x", "HOME=/root", "DISPLAY=:0",
		"XAUTHORITY=/x", "XDG_RUNTIME_DIR=/run/user/0", "SSH_AUTH_SOCK=/tmp/a",
		"DBUS_SESSION_BUS_ADDRESS=x", "MAIL=x", "SSH_TTY=/dev/pts/1", NULL };
	const char *const pass[] = { "*", NULL };
	const char *const *env = env_of(&arena, caller, pass, NULL, GK_DOOR_RUN);
	assert_string_equal(value_of(env, "FOO"), "bar");
	assert_string_equal(value_of(env, "TZ"), ":/etc/x");
	assert_string_equal(value_of(env, "HOME"), "/home/ann");
	const char *const not [] = { "DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK",
		"DBUS_SESSION_BUS_ADDRESS", "MAIL", "SSH_TTY" };
	for (size_t i = 0; i < COUNT(not ); i++)
		assert_null(value_of(env, not [i]));
}

/* sshd is inside there: its terminal, its display and its agent are the session's own. */
static void test_behind_the_pam_door(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const caller[] = { "SSH_CONNECTION=::1 9 ::1 22", "SSH_CLIENT=::1 9 22",
		"SSH_TTY=/dev/pts/3", "DISPLAY=localhost:10.0", "SSH_AUTH_SOCK=/tmp/ssh-a/agent.1",
		"SECRET=1", "LD_PRELOAD=x", "MAIL=/x", "GREETING=hi", "TERM=vt100", NULL };
	const char *const pass[] = { "GREETING", "LD_PRELOAD", "MAIL", NULL },
			  *const set[] = { "A=b", NULL };
	const char *const *env = env_of(&arena, caller, pass, set, GK_DOOR_PAM);
	const char *const want[][2] = { { "SSH_CONNECTION", "::1 9 ::1 22" },
		{ "SSH_CLIENT", "::1 9 22" }, { "SSH_TTY", "/dev/pts/3" },
		{ "DISPLAY", "localhost:10.0" }, { "GREETING", "hi" }, { "A", "b" },
		{ "TERM", "vt100" }, { "HOME", "/home/ann" } };
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(value_of(env, want[i][0]), want[i][1]);
	const char *const not [] = { "SECRET", "LD_PRELOAD", "MAIL", "SSH_AUTH_SOCK" };
	for (size_t i = 0; i < COUNT(not ); i++)
		assert_null(value_of(env, not [i]));
	const char *const local[] = { "DISPLAY=:0", NULL };
	assert_null(value_of(env_of(&arena, local, NULL, NULL, GK_DOOR_PAM), "DISPLAY"));
}

static void test_names_and_prefixes(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const caller[] = { "GIT_DIR=a", "GITX=b", "TZ=c", "TZX=d", NULL };
	const char *const pass[] = { "GIT_*", "TZ", NULL };
	const char *const *env = env_of(&arena, caller, pass, NULL, GK_DOOR_SHELL);
	assert_string_equal(value_of(env, "GIT_DIR"), "a");
	assert_string_equal(value_of(env, "TZ"), "c");
	assert_null(value_of(env, "GITX"));
	assert_null(value_of(env, "TZX"));
}

static void test_values_that_programs_make_paths_of(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const bad[] = { "TERM=../../tmp/x", "TERM=/tmp/x", "TERM=", "TERM=a b",
		"TERM=x\x1b[2J", "TERM=.x", "LANG=../../x", "LC_ALL=/x", "LANGUAGE=a/b",
		"LC_CTYPE=a\n", "COLORTERM=a;b" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *const caller[] = { bad[i], NULL };
		const char *const *env = env_of(&arena, caller, NULL, NULL, GK_DOOR_SHELL);
		size_t n = 0;
		while (env[n])
			n++;
		if (n != 5)
			fail_msg("%s went through", bad[i]);
	}
	const char *const good[] = { "TERM=xterm-256color", "LANG=de_DE.UTF-8@euro",
		"LANGUAGE=de:en", "LC_IDENTIFICATION=C", "COLORTERM=truecolor", NULL };
	const char *const *env = env_of(&arena, good, NULL, NULL, GK_DOOR_SHELL);
	for (size_t i = 0; good[i]; i++)
		assert_string_equal(env[5 + i], good[i]);
}

static void test_ssh_tells_of_the_connection(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const caller[] = { "SSH_CONNECTION=::1 1 ::1 22", "SSH_CLIENT=::1 1 22",
		"SSH_TTY=/dev/pts/9", "SSH_ORIGINAL_COMMAND=a\n\xff;b", "SSH_USER_AUTH=/x", NULL };
	struct gk_request request = { .env = caller, .tty = GK_TTY_TAKEOVER };
	struct gk_policy policy = { 0 };
	struct gk_env_facts with = facts;
	with.agent = "/run/a";
	const char *const *env = gk_env_make(&request, &policy, &with, &arena);
	assert_string_equal(value_of(env, "SSH_CONNECTION"), "::1 1 ::1 22");
	assert_string_equal(value_of(env, "SSH_CLIENT"), "::1 1 22");
	assert_string_equal(value_of(env, "SSH_TTY"), "/dev/console");
	assert_string_equal(value_of(env, "SSH_ORIGINAL_COMMAND"), "a\n\xff;b");
	assert_string_equal(value_of(env, "SSH_AUTH_SOCK"), "/run/a");
	assert_null(value_of(env, "SSH_USER_AUTH"));
	request.door = GK_DOOR_PAM; /* where sshd has made that file inside */
	assert_string_equal(
		value_of(gk_env_make(&request, &policy, &facts, &arena), "SSH_USER_AUTH"), "/x");
	request.door = GK_DOOR_SHELL;
	request.tty = GK_TTY_NONE;
	assert_null(value_of(gk_env_make(&request, &policy, &facts, &arena), "SSH_TTY"));
	assert_null(value_of(gk_env_make(&request, &policy, &facts, &arena), "SSH_AUTH_SOCK"));
	request.door = GK_DOOR_RUN;
	assert_null(value_of(gk_env_make(&request, &policy, &facts, &arena), "SSH_CONNECTION"));
}

static void test_policy_sets_last_and_wins(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const caller[] = { "TERM=vt100", "EDITOR=emacs", NULL };
	const char *const pass[] = { "*", NULL };
	const char *const set[] = { "EDITOR=vi", "TERM=dumb", "PATH=/opt/bin", "EMPTY=", NULL };
	const char *const *env = env_of(&arena, caller, pass, set, GK_DOOR_SHELL);
	assert_string_equal(value_of(env, "EDITOR"), "vi");
	assert_string_equal(value_of(env, "TERM"), "dumb");
	assert_string_equal(value_of(env, "PATH"), "/opt/bin");
	assert_string_equal(value_of(env, "EMPTY"), "");
}

static void test_first_of_two_counts(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const caller[] = { "FOO=1", "FOO=2", "FOOL=3", NULL };
	const char *const pass[] = { "FOO*", NULL };
	const char *const *env = env_of(&arena, caller, pass, NULL, GK_DOOR_SHELL);
	assert_string_equal(value_of(env, "FOO"), "1");
	assert_string_equal(value_of(env, "FOOL"), "3");
}

static void test_thousands_and_huge_ones_are_bounded(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	enum { MANY = 4000 };
	static const char *caller[MANY + 1];
	for (unsigned i = 0; i < MANY; i++)
		caller[i] = gk_arena_printf(&arena, "V%u=%0300u", i, i);
	char *huge = gk_arena_alloc(&arena, 200 << 10);
	memset(huge, 'x', (200 << 10) - 1);
	memcpy(huge, "H=", 2);
	caller[0] = huge;
	const char *const pass[] = { "*", NULL };
	const char *const *env = env_of(&arena, caller, pass, NULL, GK_DOOR_SHELL);
	size_t n = 0, bytes = 0;
	for (; env[n]; n++)
		bytes += strlen(env[n]) + 1;
	assert_int_equal(n, GK_ENV_VARS);
	assert_true(bytes <= GK_ENV_BYTES);
	assert_null(value_of(env, "H"));
	assert_string_equal(value_of(env, "HOME"), "/home/ann");
}

/* A wrapper that does not find the client's command takes the login for one without. */
static void test_a_command_is_never_left_out(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	enum { LONG = 300 << 10 };
	static const char name[] = "SSH_ORIGINAL_COMMAND=";
	char *command = gk_arena_alloc(&arena, LONG);
	memset(command, 'x', LONG - 1);
	memcpy(command, name, sizeof name - 1);
	const char *const caller[] = { command, NULL };
	const char *got =
		value_of(env_of(&arena, caller, NULL, NULL, GK_DOOR_SHELL), "SSH_ORIGINAL_COMMAND");
	assert_non_null(got);
	assert_int_equal(strlen(got), LONG - sizeof name);
}

static void test_items_that_pass_nothing(void **state)
{
	(void)state;
	const char *const vain[] = { "KRB5CCNAME", "XDG_RUNTIME_DIR", "XDG_*", "XDG_D*",
		"LD_PRELOAD", "LD_*", "MAIL", "DBUS_*", "HOME", "IFS" };
	for (size_t i = 0; i < COUNT(vain); i++)
		if (!gk_env_pass_is_vain(vain[i]))
			fail_msg("%s", vain[i]);
	const char *const useful[] = { "*", "TZ", "X*", "XDG", "LD", "L*", "KRB5*", "MAILCHECK",
		"HOME*", "SSH_*", "GIT_*" };
	for (size_t i = 0; i < COUNT(useful); i++)
		if (gk_env_pass_is_vain(useful[i]))
			fail_msg("%s", useful[i]);
}

static void test_image(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const image[] = { "PATH=/opt/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C", "APP=1",
		"LD_PRELOAD=/x", "HOME=/app", "SSH_AUTH_SOCK=/x", "IFS=x", "TWO=a\nb", "A-B=x",
		"=x", "x", NULL };
	const char *const caller[] = { "LANG=de_DE.UTF-8", "PATH=/tmp", NULL };
	const char *const some[] = { "PATH", "LANG", "LC_*", NULL }, *const all[] = { "*", NULL };
	const char *const set[] = { "LC_ALL=POSIX", NULL };
	struct gk_request request = { .door = GK_DOOR_SHELL, .env = caller, .image_env = image };
	struct gk_policy policy = { .image_env = some };
	const char *const *env = gk_env_make(&request, &policy, &facts, &arena);
	assert_string_equal(value_of(env, "PATH"), "/opt/bin:/bin");
	assert_string_equal(value_of(env, "LANG"), "de_DE.UTF-8"); /* the client's goes first */
	assert_string_equal(value_of(env, "LC_ALL"), "C");
	assert_null(value_of(env, "APP"));
	policy = (struct gk_policy){ .image_env = all, .env_set = set };
	env = gk_env_make(&request, &policy, &facts, &arena);
	assert_string_equal(value_of(env, "APP"), "1");
	assert_string_equal(value_of(env, "LC_ALL"), "POSIX"); /* the administrator's last */
	assert_string_equal(value_of(env, "HOME"), "/home/ann");
	const char *const not [] = { "LD_PRELOAD", "SSH_AUTH_SOCK", "IFS", "TWO", "A-B" };
	for (size_t i = 0; i < COUNT(not ); i++)
		assert_null(value_of(env, not [i]));
	policy = (struct gk_policy){ 0 };
	env = gk_env_make(&request, &policy, &facts, &arena);
	assert_string_not_equal(value_of(env, "PATH"), "/opt/bin:/bin");
}

static void test_image_path_is_absolute(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const all[] = { "*", NULL };
	const char *const bad[] = { "PATH=", "PATH=.", "PATH=/bin:", "PATH=:/bin",
		"PATH=/bin::/usr", "PATH=/bin:usr", "PATH=/bin:./x" };
	const struct gk_policy policy = { .image_env = all };
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *const image[] = { bad[i], NULL };
		struct gk_request request = { .door = GK_DOOR_RUN, .image_env = image };
		const char *const *env = gk_env_make(&request, &policy, &facts, &arena);
		assert_string_equal(value_of(env, "PATH"),
			"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	}
	assert_true(gk_env_from_image(&policy, "PATH=/bin"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_one),
		cmocka_unit_test(test_never_whatever_the_policy_says),
		cmocka_unit_test(test_star_passes_the_callers_own_only),
		cmocka_unit_test(test_behind_the_pam_door),
		cmocka_unit_test(test_names_and_prefixes),
		cmocka_unit_test(test_values_that_programs_make_paths_of),
		cmocka_unit_test(test_ssh_tells_of_the_connection),
		cmocka_unit_test(test_policy_sets_last_and_wins),
		cmocka_unit_test(test_first_of_two_counts),
		cmocka_unit_test(test_thousands_and_huge_ones_are_bounded),
		cmocka_unit_test(test_a_command_is_never_left_out),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_image_path_is_absolute),
		cmocka_unit_test(test_items_that_pass_nothing),
	};
	return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
