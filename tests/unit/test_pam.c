/* The module's answers, without root: a module built like the real one, but for where it finds its
 * keeper, which is tests/pam/fake-keeper.c. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define MODULE GK_TEST_PAM_DIR "/pam_gocker.so"

static char confdir[] = "/tmp/gk-test-pam-XXXXXX";
static char said[1024];

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
	(void)data;
	for (int i = 0; i < n; i++) {
		size_t at = strlen(said);
		snprintf(said + at, sizeof said - at, "%s\n", msg[i]->msg);
	}
	*resp = calloc((size_t)n, sizeof **resp);
	return *resp ? PAM_SUCCESS : PAM_BUF_ERR;
}

static pam_handle_t *start(const char *service, const char *user, const char *options, bool outer)
{
	static const struct pam_conv conv = { converse, NULL };
	char path[256];
	pam_handle_t *pamh = NULL;
	snprintf(path, sizeof path, "%s/%s", confdir, service);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	if (outer)
		fprintf(f, "session required " MODULE " outer %s\n", options);
	fprintf(f,
		"session required " MODULE " %s\naccount required " MODULE " %s\n"
		"auth required " MODULE "\npassword required " MODULE "\n",
		options, options);
	fclose(f);
	said[0] = '\0';
	assert_int_equal(pam_start_confdir(service, user, &conv, confdir, &pamh), PAM_SUCCESS);
	return pamh;
}

static int count_fds(void)
{
	int n = 0;
	closelog();
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Opens; whatever the answer, the process must be as before. */
static int open_once(const char *service, const char *user, const char *options, bool outer)
{
	sigset_t before, after;
	int fds = count_fds();
	sigprocmask(SIG_SETMASK, NULL, &before);
	pam_handle_t *pamh = start(service, user, options, outer);
	int r = pam_open_session(pamh, 0);
	pam_end(pamh, r);
	sigprocmask(SIG_SETMASK, NULL, &after);
	assert_memory_equal(&before, &after, sizeof(unsigned long));
	assert_int_equal(count_fds(), fds);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return r;
}

static void root_is_let_through_unasked(void **state)
{
	(void)state;
	assert_int_equal(open_once("gt-gone", "root", "", true), PAM_SUCCESS);
	assert_int_equal(open_once("gt-gone", "root", "no_such_option", true), PAM_SUCCESS);
	assert_string_equal(said, "");
}

static void an_unknown_user_is_refused(void **state)
{
	(void)state;
	assert_int_equal(open_once("gt-free", "no-such-user-here", "", true), PAM_PERM_DENIED);
}

static void the_break_glass_group_is_let_through(void **state)
{
	(void)state;
	char option[128];
	struct passwd *pw = getpwnam("nobody");
	struct group *gr = pw ? getgrgid(pw->pw_gid) : NULL;
	assert_non_null(gr);
	snprintf(option, sizeof option, "break_glass=%s", gr->gr_name);
	assert_int_equal(open_once("gt-gone", "nobody", option, true), PAM_SUCCESS);
	assert_int_equal(
		open_once("gt-gone", "nobody", "break_glass=no-such-group", true), PAM_PERM_DENIED);
	assert_int_equal(open_once("gt-gone", "nobody", "break_glass=", true), PAM_PERM_DENIED);
}

static void who_is_not_contained_is_untouched(void **state)
{
	(void)state;
	assert_int_equal(open_once("gt-free", "nobody", "", true), PAM_SUCCESS);
	assert_int_equal(open_once("gt-free", "nobody", "debug", false), PAM_SUCCESS);
}

static void an_unknown_option_refuses(void **state)
{
	(void)state;
	assert_int_equal(open_once("gt-free", "nobody", "outre", true), PAM_PERM_DENIED);
}

static void every_bad_keeper_is_a_session_error_with_one_line(void **state)
{
	static const char *const services[] = { "gt-gone", "gt-short", "gt-early", "gt-late",
		"gt-bare", "gt-join", "gt-shut" };
	(void)state;
	for (size_t i = 0; i < COUNT(services); i++)
		for (int outer = 0; outer < 2; outer++) {
			assert_int_equal(
				open_once(services[i], "nobody", "", outer), PAM_PERM_DENIED);
			assert_contains(
				said, "gocker: this login cannot be contained", services[i]);
			assert_ptr_equal(strchr(said, '\n') + 1, said + strlen(said));
		}
}

static void the_keepers_reason_is_what_the_user_reads(void **state)
{
	(void)state;
	assert_int_equal(open_once("gt-refused", "nobody", "", true), PAM_PERM_DENIED);
	assert_string_equal(said, "gocker: this is why\n");
	assert_int_equal(open_once("gt-full", "nobody", "", false), PAM_PERM_DENIED);
	assert_string_equal(said, "gocker: no room\n");
}

static void it_goes_into_the_cgroup_by_the_file_it_is_handed(void **state)
{
	(void)state;
	assert_int_equal(open_once("gt-leaf", "nobody", "", true), PAM_PERM_DENIED);
	assert_string_equal(said, "gocker: it went in\n");
}

static void silence_is_kept_when_asked_for(void **state)
{
	(void)state;
	pam_handle_t *pamh = start("gt-refused", "nobody", "", false);
	assert_int_equal(pam_open_session(pamh, (int)PAM_SILENT), PAM_PERM_DENIED);
	assert_string_equal(said, "");
	pam_end(pamh, 0);
}

static void a_close_without_an_open_succeeds(void **state)
{
	(void)state;
	pam_handle_t *pamh = start("gt-gone", "nobody", "", true);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	pam_end(pamh, 0);
}

static void the_account_line_refuses_the_contained(void **state)
{
	static const struct {
		const char *service, *user;
		int answer;
	} rows[] = { { "gt-free", "nobody", PAM_SUCCESS }, { "gt-full", "nobody", PAM_PERM_DENIED },
		{ "gt-gone", "nobody", PAM_PERM_DENIED }, { "gt-gone", "root", PAM_SUCCESS },
		{ "gt-free", "no-such-user-here", PAM_PERM_DENIED } };
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		pam_handle_t *pamh = start(rows[i].service, rows[i].user, "", false);
		assert_int_equal(pam_acct_mgmt(pamh, 0), rows[i].answer);
		pam_end(pamh, 0);
	}
}

static void it_vouches_for_nobody(void **state)
{
	(void)state;
	pam_handle_t *pamh = start("gt-free", "nobody", "", false);
	assert_int_not_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_not_equal(pam_chauthtok(pamh, 0), PAM_SUCCESS);
	pam_end(pamh, 0);
}

/* Beside a module that has a say, whose answer is the stack's. */
static void it_is_in_nobodys_way(void **state)
{
	static const char *const others[] = { "pam_permit.so", "pam_deny.so" };
	char path[256];
	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		pam_handle_t *pamh = NULL;
		static const struct pam_conv conv = { converse, NULL };
		snprintf(path, sizeof path, "%s/gt-beside%zu", confdir, i);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f,
			"auth required " MODULE "\nauth required %s\npassword required " MODULE
			"\npassword required %s\n",
			others[i], others[i]);
		fclose(f);
		assert_int_equal(
			pam_start_confdir(strrchr(path, '/') + 1, "nobody", &conv, confdir, &pamh),
			PAM_SUCCESS);
		assert_int_equal(pam_authenticate(pamh, 0) == PAM_SUCCESS, i == 0);
		assert_int_equal(pam_setcred(pamh, PAM_ESTABLISH_CRED) == PAM_SUCCESS, i == 0);
		assert_int_equal(pam_chauthtok(pamh, 0) == PAM_SUCCESS, i == 0);
		pam_end(pamh, 0);
	}
}

static void *sleeper(void *arg)
{
	sigset_t all;
	int sig;
	sigfillset(&all);
	while (sigwait(&all, &sig) != 0)
		;
	return arg;
}

static void a_caller_with_threads_is_refused(void **state)
{
	sigset_t usr2, before;
	pthread_t thread;
	(void)state;
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &usr2, &before);
	assert_int_equal(pthread_create(&thread, NULL, sleeper, NULL), 0);
	assert_int_equal(open_once("gt-free", "nobody", "", true), PAM_PERM_DENIED);
	pthread_kill(thread, SIGUSR2);
	pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(open_once("gt-free", "nobody", "", true), PAM_SUCCESS);
}

static void reap_all(int sig)
{
	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void a_handler_that_reaps_every_child_does_no_harm(void **state)
{
	(void)state;
	void (*const ways[])(int) = { reap_all, SIG_IGN };
	for (size_t i = 0; i < COUNT(ways); i++) {
		(void)signal(SIGCHLD, ways[i]);
		assert_int_equal(open_once("gt-free", "nobody", "", true), PAM_SUCCESS);
		assert_int_equal(open_once("gt-refused", "nobody", "", true), PAM_PERM_DENIED);
	}
	(void)signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_is_let_through_unasked),
		cmocka_unit_test(an_unknown_user_is_refused),
		cmocka_unit_test(the_break_glass_group_is_let_through),
		cmocka_unit_test(who_is_not_contained_is_untouched),
		cmocka_unit_test(an_unknown_option_refuses),
		cmocka_unit_test(every_bad_keeper_is_a_session_error_with_one_line),
		cmocka_unit_test(the_keepers_reason_is_what_the_user_reads),
		cmocka_unit_test(it_goes_into_the_cgroup_by_the_file_it_is_handed),
		cmocka_unit_test(silence_is_kept_when_asked_for),
		cmocka_unit_test(a_close_without_an_open_succeeds),
		cmocka_unit_test(the_account_line_refuses_the_contained),
		cmocka_unit_test(it_vouches_for_nobody),
		cmocka_unit_test(it_is_in_nobodys_way),
		cmocka_unit_test(a_caller_with_threads_is_refused),
		cmocka_unit_test(a_handler_that_reaps_every_child_does_no_harm),
	};
	if (!mkdtemp(confdir))
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	DIR *d = opendir(confdir);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	(void)rmdir(confdir);
	return r;
}
