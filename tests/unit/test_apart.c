/* The look-up in a process of its own gives what the look-up gives. */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "run/apart.h"
#include "run/identity.h"

static void same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

static void same(const char *name, uid_t uid)
{
	struct gk_arena arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_identity here = { 0 }, apart = { 0 };
	assert_int_equal(name ? gk_identity_by_name(name, &arena, &here, &err) :
				gk_identity_by_uid(uid, &arena, &here, &err), 0);
	assert_int_equal(gk_identity_apart(name, uid, &arena, &apart, &err), 0);
	assert_int_equal(apart.uid, here.uid);
	assert_int_equal(apart.gid, here.gid);
	same_text(apart.name, here.name);
	same_text(apart.gecos, here.gecos);
	same_text(apart.home, here.home);
	same_text(apart.shell, here.shell);
	assert_int_equal(apart.ngroups, here.ngroups);
	for (size_t i = 0; i < here.ngroups; i++) {
		assert_int_equal(apart.groups[i].gid, here.groups[i].gid);
		same_text(apart.groups[i].name, here.groups[i].name);
	}
	gk_arena_free(&arena);
}

static void every_account(void **state)
{
	(void)state;
	char names[8][64];
	size_t n = 0;
	setpwent();
	for (struct passwd *pw; n < 8 && (pw = getpwent());)
		if (strlen(pw->pw_name) < sizeof names[0])
			strcpy(names[n++], pw->pw_name);
	endpwent();
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++)
		same(names[i], 0);
	same(NULL, 0);
}

static void unknown_account(void **state)
{
	(void)state;
	struct gk_arena arena = { 0 };
	struct gk_err here = GK_ERR_INIT, apart = GK_ERR_INIT;
	struct gk_identity id = { .uid = 7 };
	int r = gk_identity_by_uid(4000000000U, &arena, &id, &here);
	assert_int_equal(r, -ENOENT);
	assert_int_equal(gk_identity_apart(NULL, 4000000000U, &arena, &id, &apart), r);
	assert_string_equal(apart.msg, here.msg);
	assert_string_equal(apart.detail, here.detail);
	assert_int_equal(apart.code, here.code);
	assert_int_equal(id.uid, 7);
	gk_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_account),
		cmocka_unit_test(unknown_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
