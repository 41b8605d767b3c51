/* gocker-shell: the set-uid login shell. It contains its caller or it refuses; there is no third
 * way out of main. Each step is one call; src/README.md has them in a picture. */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "run/build/login.h"
#include "run/privilege/nss-worker.h"
#include "run/privilege/cleanse.h"
#include "run/privilege/exe.h"
#include "run/privilege/identity.h"
#include "run/store/banner.h"
#include "run/store/drain.h"
#include "run/store/hostroot.h"
#include "run/store/load.h"
#include "run/build/session.h"
#include "run/watch/supervise.h"

#define SELF GK_BINDIR "/gocker-shell"

/* How long the caller may take to read why it is refused. */
enum { REFUSE_MS = 10000 };

struct shell {
	struct gk_login login;
	struct gk_stdio stdio;
	uid_t uid;
	gid_t gid;
	struct gk_nss_worker apart; /* who that is, asked for */
	struct gk_session session;
};

static const char *env_value(const char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static void read_request(struct shell *sh, int argc, char **argv)
{
	struct gk_request *request = &sh->login.request;
	request->door = GK_DOOR_SHELL;
	request->env = sh->login.caller.env;
	request->tty = sh->stdio.tty.mode;
	request->agent_socket = env_value(sh->login.caller.env, "SSH_AUTH_SOCK");
	gk_request_called(request, SELF, argc, (const char *const *)argv);
}

/* The name that the caller gives: sshd, login, su and sudo set both. It proves nothing, and is used
 * for nothing but to refuse. */
static const char *claimed_name(const struct shell *sh)
{
	const char *name = env_value(sh->login.caller.env, "LOGNAME");
	return name ? name : env_value(sh->login.caller.env, "USER");
}

static int identify(struct shell *sh, struct gk_err *err)
{
	int r = gk_become_root(&sh->uid, err);
	if (r == 0)
		r = gk_nss_worker_start(&sh->apart, NULL, sh->uid, claimed_name(sh), err);
	return r;
}

static int decide(struct shell *sh, struct gk_err *err)
{
	struct gk_err config = GK_ERR_INIT;
	/* Read while NSS is asked; who it is goes before what is wrong with it. */
	int loaded = gk_load_config(GK_CONFIG_PATH, &sh->login.arena, &sh->login.config, &config);
	if (loaded == 0)
		gk_hostroot_early(&sh->login.config, &sh->login.request, &sh->login.arena);
	int r = gk_nss_worker_answer(&sh->apart, &sh->login.arena, &sh->login.who, err);
	if (r == 0 && loaded < 0) {
		*err = config;
		r = loaded;
	}
	if (r == 0)
		r = gk_login_policy(&sh->login, err);
	if (r == 0)
		r = gk_drain_check(err);
	if (r == 0)
		r = gk_login_new_id(&sh->login);
	if (r == 0) {
		sh->login.joins = sh->login.policy.share == GK_SHARE_USER;
		gk_banner_read(&sh->login.policy, &sh->login.request, &sh->login.arena);
	}
	if (r == 0)
		r = gk_login_plan(&sh->login, err);
	/* Of a login that joins it is opened inside. */
	if (r == 0)
		sh->stdio.tty.mode = sh->login.plan.tty;
	if (r < 0)
		gk_nss_worker_end(&sh->apart);
	return r < 0 ? gk_fail_errno(err, r, "cannot plan the session") : 0;
}

static int open_session(struct shell *sh, struct gk_err *err)
{
	char user[256], tty[16], where[64] = "";
	gk_session_init(&sh->session, &sh->login.plan, &sh->login.caller);
	sh->session.tty = sh->stdio.tty;
	sh->session.stdio = &sh->stdio;
	sh->session.apart = &sh->apart;
	int r = gk_tty_check_left(&sh->stdio.tty, err);
	if (r == 0)
		r = gk_supervise_prepare(&sh->session, err);
	if (r == 0)
		r = sh->login.joins ? gk_join_open(&sh->session, &sh->login.join, err) :
				      gk_session_open(&sh->session, err);
	gk_nss_worker_end(&sh->apart);
	if (r < 0)
		return r;
	snprintf(tty, sizeof tty, "%s", sh->stdio.tty.mode == GK_TTY_NONE ? "no" : "yes");
	if (sh->session.joined)
		snprintf(where, sizeof where, " container=%s%s", sh->session.container.id,
			sh->session.container.digest == sh->login.join.digest ? "" : " behind=yes");
	gk_log(LOG_INFO,
		"event=open id=%s door=shell user=\"%s\" uid=%u image=%s tty=%s from=\"%s\"%s",
		sh->login.id, gk_escape(user, sizeof user, sh->login.who.name), (unsigned)sh->uid,
		sh->login.policy.image, tty, gk_session_from(&sh->session), where);
	return 0;
}

/* Nothing is done as root any more. What waits for the user's own descriptors (a full pipe, a file
 * system of the user's) may wait for ever: that has to be a process that counts as the user's and
 * that the user can end. */
static void become_user(const struct shell *sh)
{
	if (geteuid() != 0 || sh->uid == 0)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(sh->gid, sh->gid, sh->gid) < 0 ||
		setresuid(sh->uid, sh->uid, sh->uid) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		_exit(GK_EXIT_GOCKER);
}

/* One line with the reason to the administrator, one to the user; nothing ran. */
static int refuse(struct shell *sh, int code, const struct gk_err *err)
{
	char user[256], msg[600], detail[600];
	gk_log_open("gocker-shell");
	gk_log(LOG_ERR,
		"event=refused door=shell user=\"%s\" uid=%u code=%d reason=\"%s\" detail=\"%s\"",
		gk_escape(user, sizeof user, sh->login.who.name), (unsigned)sh->uid, code,
		gk_escape(msg, sizeof msg, err->msg),
		gk_escape(detail, sizeof detail, err->detail));
	if (sh->stdio.taken)
		gk_stdio_refuse(&sh->stdio, err->msg);
	become_user(sh);
	if (!sh->stdio.taken)
		dprintf(STDERR_FILENO, "gocker: %s\n", err->msg);
	else
		gk_stdio_end(&sh->stdio, REFUSE_MS);
	/* Where the child hangs in a close they share the table: nothing is closed here. */
	return code;
}

int main(int argc, char **argv)
{
	static struct shell sh = { .apart = GK_NSS_WORKER_INIT, .stdio = GK_STDIO_INIT };
	struct gk_err err = GK_ERR_INIT;
	int status = 0, code;
	sh.uid = getuid();
	sh.gid = getgid();
	if (argc < 1 || !argv || !argv[0]) {
		(void)gk_fail(&err, -EINVAL, "called without its own name");
		return refuse(&sh, GK_EXIT_GOCKER, &err);
	}
	/* A user can't change root's file; root, where the policy lets him in, could. */
	if (sh.uid == 0 && gk_exe_protect("gocker-shell", argv, &err) < 0)
		return refuse(&sh, GK_EXIT_GOCKER, &err);
	if (gk_cleanse(&sh.login.arena, &sh.stdio, &sh.login.caller, &err) < 0 ||
		identify(&sh, &err) < 0)
		return refuse(&sh, GK_EXIT_GOCKER, &err);
	gk_log_open("gocker-shell");
	gk_caller_title(&sh.login.caller, argc, argv);
	read_request(&sh, argc, argv);
	if (decide(&sh, &err) < 0 || open_session(&sh, &err) < 0)
		return refuse(&sh, GK_EXIT_GOCKER, &err);
	code = gk_supervise_start(&sh.session, &err);
	if (code != 0) {
		(void)gk_session_close(&sh.session);
		return refuse(&sh, code, &err);
	}
	if (gk_session_record(&sh.session, &err) < 0) {
		(void)gk_session_close(&sh.session);
		return refuse(&sh, GK_EXIT_GOCKER, &err);
	}
	if (gk_supervise(&sh.session, &status, &err) < 0)
		return refuse(&sh, GK_EXIT_GOCKER, &err);
	gk_end_like(status);
}
