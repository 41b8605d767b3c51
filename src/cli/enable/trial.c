#include "cli/enable/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "cli/enable/accounts.h"
#include "run/build/login.h"
#include "run/privilege/identity.h"
#include "run/store/load.h"
#include "run/build/session.h"
#include "run/watch/supervise.h"

enum { TRIAL_TIMEOUT_MS = 30000 };

struct trial {
	struct gk_login login;
	struct gk_identity owner;
	struct gk_session session;
	struct gk_reach reach[GK_REACH_MOST];
	size_t nreach;
};

static int decide(struct trial *t, const char *user, struct gk_err *err)
{
	t->login.request = (struct gk_request){
		.door = GK_DOOR_SHELL, .command = ":", .env = t->login.caller.env
	};
	int r = gk_load_config(GK_CONFIG_PATH, &t->login.arena, &t->login.config, err);
	if (r == 0)
		r = gk_identity_by_name(user, &t->login.arena, &t->login.who, err);
	if (r == 0)
		r = gk_account_check_sole(&t->login.who, err);
	if (r == 0)
		r = gk_login_policy(&t->login, err);
	if (r == 0)
		r = gk_login_new_id(&t->login);
	if (r == 0)
		r = gk_login_plan(&t->login, err);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot plan the session");
	gk_session_as_trial(&t->login.plan, &t->login.policy, &t->owner);
	return 0;
}

/* In a process of its own, which becomes what gocker-shell is. */
static int try(struct trial *t, const char *user, struct gk_err *err)
{
	uid_t caller;
	int status = 0;
	int r = gk_become_root(&caller, err);
	if (r == 0)
		r = decide(t, user, err);
	if (r < 0)
		return r;
	gk_session_init(&t->session, &t->login.plan, &t->login.caller);
	r = gk_session_open(&t->session, err);
	if (r == 0 && t->nreach)
		r = gk_reach_inside(&t->session, t->reach, t->nreach, err);
	if (r < 0 && t->session.init)
		(void)gk_session_close(&t->session);
	if (r < 0)
		return r;
	int code = gk_supervise_start(&t->session, err);
	if (code != 0) {
		(void)gk_session_close(&t->session);
		return err->code ? err->code : -EIO;
	}
	r = gk_supervise(&t->session, &status, err);
	if (r == 0 && status != 0)
		r = gk_fail(err, -EIO,
			"the shell %s does not work in the image: `-c :` ended with %d",
			t->login.policy.shell,
			WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	return r;
}

struct told {
	int code;
	struct gk_err err;
	struct gk_reach reach[GK_REACH_MOST];
};

/* gk_cleanse closes what it does not know, so the report stands at 0-2's side of it: on stdout. */
static void child(const char *user, const struct gk_reach *list, size_t n, int report)
	__attribute__((noreturn));
static void child(const char *user, const struct gk_reach *list, size_t n, int report)
{
	static struct trial t;
	struct told told = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(report, 1) < 0 || dup2(null, 2) < 0)
		_exit(GK_EXIT_GOCKER);
	t.nreach = n;
	for (size_t i = 0; i < n; i++)
		t.reach[i] = list[i];
	gk_log_forget();
	told.code = gk_cleanse(&t.login.arena, NULL, &t.login.caller, &told.err);
	gk_close_fd(&t.login.caller.parent_pidfd);
	/* The supervisor lets go of stdout; the report outlives that on a number of its own. */
	int keep = told.code < 0 ? -1 : fcntl(1, F_DUPFD_CLOEXEC, 100);
	if (keep >= 0 && (dup2(0, 1) < 0 || dup2(0, 2) < 0))
		_exit(GK_EXIT_GOCKER);
	if (keep >= 0)
		told.code = try(&t, user, &told.err);
	memcpy(told.reach, t.reach, sizeof told.reach);
	(void)!write(keep >= 0 ? keep : 1, &told, sizeof told);
	_exit(0);
}

int gk_trial_shell(const char *user, struct gk_err *err)
{
	return gk_trial_reach(user, NULL, 0, err);
}

int gk_trial_reach(const char *user, struct gk_reach *list, size_t n, struct gk_err *err)
{
	int pair[2];
	struct told told = { 0 };
	if (pipe2(pair, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot try a login");
	gk_autoclose int from = pair[0], to = pair[1];
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		child(user, list, n, to);
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot try a login");
	gk_close_fd(&to);
	gk_autoclose int pidfd = gk_sys_pidfd_open(pid);
	struct pollfd p = { .fd = from, .events = POLLIN };
	bool answered = poll(&p, 1, TRIAL_TIMEOUT_MS) == 1 &&
		read(from, &told, sizeof told) == (ssize_t)sizeof told;
	if (!answered && pidfd >= 0)
		(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!answered)
		return gk_fail(err, -EIO, "the trial login did not come to an end");
	for (size_t i = 0; i < n && answered; i++)
		list[i] = told.reach[i];
	if (told.code < 0)
		*err = told.err;
	return told.code;
}
