/* What is read of /proc/thread-self/status is what the calls for it say. */
#include "unit.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/privilege/status.h"

static void on_signal(int sig)
{
	(void)sig;
}

static bool has(uint64_t mask, int bit)
{
	return mask >> bit & 1;
}

static void compare(const struct gk_status *s)
{
	int caps = 0;
	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction now;
		if (sigaction(sig, NULL, &now) < 0)
			continue; /* the C library's own */
		assert_int_equal(has(s->sig_ignored, sig - 1), now.sa_handler == SIG_IGN);
		assert_int_equal(has(s->sig_caught, sig - 1),
			now.sa_handler != SIG_IGN && now.sa_handler != SIG_DFL);
	}
	for (int r; caps < 64 && (r = prctl(PR_CAPBSET_READ, caps, 0, 0, 0)) >= 0; caps++)
		assert_int_equal(has(s->cap_bounding, caps), r);
	assert_in_range(caps, 38, 64);
	assert_true(caps == 64 || s->cap_bounding >> caps == 0);
}

static void matches(void **state)
{
	(void)state;
	struct gk_status s = { 0 };
	assert_int_equal(gk_status_read(&s), 0);
	compare(&s);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGRTMIN, SIG_IGN);
	(void)signal(SIGRTMAX, SIG_IGN);
	(void)signal(SIGUSR1, on_signal);
	(void)prctl(PR_SET_NAME, "\nSigIgn:\t0", 0, 0, 0);
	assert_int_equal(gk_status_read(&s), 0);
	compare(&s);
	assert_true(has(s.sig_ignored, SIGHUP - 1) && has(s.sig_ignored, SIGRTMAX - 1));
	assert_true(has(s.sig_caught, SIGUSR1 - 1));
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGRTMIN, SIG_DFL);
	(void)signal(SIGRTMAX, SIG_DFL);
	(void)signal(SIGUSR1, SIG_DFL);
	assert_int_equal(gk_status_read(&s), 0);
	compare(&s);
}

/* In a child, which gives its status back. */
static int privileged(void)
{
	enum { MANY = 60000 };
	struct gk_status s = { 0 };
	gid_t *groups = calloc(MANY, sizeof *groups);
	if (prctl(PR_CAPBSET_DROP, 5, 0, 0, 0) < 0 || prctl(PR_CAPBSET_DROP, 30, 0, 0, 0) < 0)
		return 1;
	if (gk_status_read(&s) != 0 || has(s.cap_bounding, 5) || has(s.cap_bounding, 30))
		return 2;
	compare(&s);
	/* The groups come first: what lies behind them is not made up. */
	for (unsigned i = 0; groups && i < MANY; i++)
		groups[i] = i + 100000;
	if (!groups || setgroups(MANY, groups) < 0)
		return 3;
	free(groups);
	s.cap_bounding = 7;
	return gk_status_read(&s) == -EBADMSG && s.cap_bounding == 7 ? 0 : 4;
}

static void follows_changes(void **state)
{
	(void)state;
	int status = -1;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(privileged());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
	};
	/* What takes powers away needs root's. */
	const struct CMUnitTest as_root[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(follows_changes),
	};
	if (geteuid() == 0)
		return cmocka_run_group_tests(as_root, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
