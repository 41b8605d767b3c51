/* The look-up in a process of its own gives what the look-up gives. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "run/privilege/nss-worker.h"
#include "run/privilege/identity.h"

static void same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

/* Returns what the first of its three steps returned that failed, or 0. */
static int look_apart(const char *name, uid_t uid, struct gk_arena *arena, struct gk_identity *ret,
	struct gk_err *err)
{
	struct gk_nss_worker a = GK_NSS_WORKER_INIT;
	int r = gk_nss_worker_start(&a, name, uid, NULL, err);
	if (r == 0)
		r = gk_nss_worker_answer(&a, arena, ret, err);
	if (r == 0)
		r = gk_nss_worker_confirm(&a, err);
	gk_nss_worker_end(&a);
	assert_int_equal(a.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return r;
}

static void same(const char *name, uid_t uid)
{
	struct gk_arena arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_identity here = { 0 }, apart = { 0 };
	assert_int_equal(name ? gk_identity_by_name(name, &arena, &here, &err) :
				gk_identity_by_uid(uid, &arena, &here, &err),
		0);
	assert_int_equal(look_apart(name, uid, &arena, &apart, &err), 0);
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
	assert_int_equal(look_apart(NULL, 4000000000U, &arena, &id, &apart), r);
	assert_string_equal(apart.msg, here.msg);
	assert_string_equal(apart.detail, here.detail);
	assert_int_equal(apart.code, here.code);
	assert_int_equal(id.uid, 7);
	gk_arena_free(&arena);
}

/* One that was confirmed against other groups is refused, and so is a child that is killed. */
static void what_is_not_confirmed(void **state)
{
	(void)state;
	struct gk_arena arena = { 0 };
	struct gk_err err = GK_ERR_INIT, killed = GK_ERR_INIT;
	struct gk_identity id = { 0 };
	struct gk_nss_worker a = GK_NSS_WORKER_INIT;
	assert_int_equal(gk_identity_look_up(NULL, 0, &arena, &id, &err), 0);
	assert_int_equal(gk_identity_confirm(&id, &err), 0);
	struct gk_group more[] = { id.groups[0], { .gid = 3999999999U } };
	struct gk_identity other = id;
	other.groups = more;
	other.ngroups = 2;
	assert_int_equal(gk_identity_confirm(&other, &err), -EAGAIN);
	other.ngroups = 0;
	assert_int_equal(gk_identity_confirm(&other, &err), -EAGAIN);
	assert_int_equal(gk_nss_worker_start(&a, NULL, 0, NULL, &killed), 0);
	assert_int_equal(kill(a.pid, SIGKILL), 0);
	assert_int_equal(waitpid(a.pid, NULL, 0), a.pid);
	a.pid = 0;
	int r = gk_nss_worker_answer(&a, &arena, &id, &killed);
	if (r == 0) /* it was faster */
		r = gk_nss_worker_confirm(&a, &killed);
	assert_true(r == 0 || r == -EIO);
	gk_nss_worker_end(&a);
	gk_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_account),
		cmocka_unit_test(unknown_account),
		cmocka_unit_test(what_is_not_confirmed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
