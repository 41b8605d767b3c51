/* gocker-shell: the set-uid login shell. It contains its caller or it refuses; there is no third
 * way out of main. Each step is one call; src/README.md has them in a picture. */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "plan/plan.h"
#include "run/privilege/nss-worker.h"
#include "run/privilege/cleanse.h"
#include "run/privilege/exe.h"
#include "run/privilege/identity.h"
#include "run/store/banner.h"
#include "run/store/drain.h"
#include "run/store/hostroot.h"
#include "run/store/imagefacts.h"
#include "run/store/load.h"
#include "run/build/join.h"
#include "run/build/session.h"
#include "run/watch/supervise.h"

#define SELF GK_BINDIR "/gocker-shell"

/* How long the caller may take to read why it is refused. */
enum { REFUSE_MS = 10000 };

struct login {
	struct gk_arena arena;
	struct gk_caller caller;
	struct gk_stdio stdio;
	uid_t uid;
	gid_t gid;
	struct gk_nss_worker apart; /* who that is, asked for */
	struct gk_identity who;
	struct gk_config config;
	struct gk_policy policy;
	struct gk_request request;
	struct gk_plan plan;
	struct gk_join join; /* with share = user: where the login goes */
	struct gk_session session;
	char id[GK_ID_BYTES];
};

static const char *env_value(const char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static void read_request(struct login *l, int argc, char **argv)
{
	struct gk_request *request = &l->request;
	request->door = GK_DOOR_SHELL;
	request->session_id = l->id;
	request->env = l->caller.env;
	request->tty = l->stdio.tty.mode;
	request->agent_socket = env_value(l->caller.env, "SSH_AUTH_SOCK");
	gk_request_called(request, SELF, argc, (const char *const *)argv);
}

/* The name that the caller gives: sshd, login, su and sudo set both. It proves nothing, and is used
 * for nothing but to refuse. */
static const char *claimed_name(const struct login *l)
{
	const char *name = env_value(l->caller.env, "LOGNAME");
	return name ? name : env_value(l->caller.env, "USER");
}

static int identify(struct login *l, struct gk_err *err)
{
	int r = gk_become_root(&l->uid, err);
	if (r == 0)
		r = gk_nss_worker_start(&l->apart, NULL, l->uid, claimed_name(l), err);
	return r;
}

static int decide(struct login *l, struct gk_err *err)
{
	struct gk_err config = GK_ERR_INIT;
	/* Read while NSS is asked; who it is goes before what is wrong with it. */
	int loaded = gk_load_config(GK_CONFIG_PATH, &l->arena, &l->config, &config);
	if (loaded == 0)
		gk_hostroot_early(&l->config, &l->request, &l->arena);
	int r = gk_nss_worker_answer(&l->apart, &l->arena, &l->who, err);
	if (r == 0 && loaded < 0) {
		*err = config;
		r = loaded;
	}
	if (r == 0)
		r = gk_policy_for(&l->config, &l->who, &l->arena, &l->policy, err);
	if (r == 0)
		r = gk_drain_check(err);
	if (r == 0)
		r = gk_session_new_id(l->id);
	if (r == 0)
		gk_banner_read(&l->policy, &l->request, &l->arena);
	if (r == 0)
		r = gk_image_facts(&l->policy, &l->request, &l->arena, err);
	if (r == 0)
		r = gk_plan_make(&l->request, &l->who, &l->policy, &l->arena, &l->plan, err);
	if (r == 0 && l->policy.share == GK_SHARE_USER)
		r = gk_join_plan(&l->request, &l->who, &l->policy, &l->arena, &l->join, err);
	/* Of a login that joins it is opened inside. */
	if (r == 0)
		l->stdio.tty.mode = l->plan.tty;
	if (r < 0)
		gk_nss_worker_end(&l->apart);
	return r < 0 ? gk_fail_errno(err, r, "cannot plan the session") : 0;
}

static int open_session(struct login *l, struct gk_err *err)
{
	char user[256], tty[16], where[64] = "";
	gk_session_init(&l->session, &l->plan, &l->caller);
	l->session.tty = l->stdio.tty;
	l->session.stdio = &l->stdio;
	l->session.apart = &l->apart;
	int r = gk_tty_check_left(&l->stdio.tty, err);
	if (r == 0)
		r = gk_supervise_prepare(&l->session, err);
	if (r == 0)
		r = l->policy.share == GK_SHARE_USER ? gk_join_open(&l->session, &l->join, err) :
						       gk_session_open(&l->session, err);
	gk_nss_worker_end(&l->apart);
	if (r < 0)
		return r;
	snprintf(tty, sizeof tty, "%s", l->stdio.tty.mode == GK_TTY_NONE ? "no" : "yes");
	if (l->session.joined)
		snprintf(where, sizeof where, " container=%s%s", l->session.container.id,
			l->session.container.digest == l->join.digest ? "" : " behind=yes");
	gk_log(LOG_INFO,
		"event=open id=%s door=shell user=\"%s\" uid=%u image=%s tty=%s from=\"%s\"%s",
		l->id, gk_escape(user, sizeof user, l->who.name), (unsigned)l->uid, l->policy.image,
		tty, gk_session_from(&l->session), where);
	return 0;
}

/* Nothing is done as root any more. What waits for the user's own descriptors (a full pipe, a file
 * system of the user's) may wait for ever: that has to be a process that counts as the user's and
 * that the user can end. */
static void become_user(const struct login *l)
{
	if (geteuid() != 0 || l->uid == 0)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(l->gid, l->gid, l->gid) < 0 ||
		setresuid(l->uid, l->uid, l->uid) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		_exit(GK_EXIT_GOCKER);
}

/* One line with the reason to the administrator, one to the user; nothing ran. */
static int refuse(struct login *l, int code, const struct gk_err *err)
{
	char user[256], msg[600], detail[600];
	gk_log_open("gocker-shell");
	gk_log(LOG_ERR,
		"event=refused door=shell user=\"%s\" uid=%u code=%d reason=\"%s\" detail=\"%s\"",
		gk_escape(user, sizeof user, l->who.name), (unsigned)l->uid, code,
		gk_escape(msg, sizeof msg, err->msg),
		gk_escape(detail, sizeof detail, err->detail));
	if (l->stdio.taken)
		gk_stdio_refuse(&l->stdio, err->msg);
	become_user(l);
	if (!l->stdio.taken)
		dprintf(STDERR_FILENO, "gocker: %s\n", err->msg);
	else
		gk_stdio_end(&l->stdio, REFUSE_MS);
	/* Where the child hangs in a close they share the table: nothing is closed here. */
	return code;
}

int main(int argc, char **argv)
{
	static struct login l = { .apart = GK_NSS_WORKER_INIT, .stdio = GK_STDIO_INIT };
	struct gk_err err = GK_ERR_INIT;
	int status = 0, code;
	l.uid = getuid();
	l.gid = getgid();
	if (argc < 1 || !argv || !argv[0]) {
		(void)gk_fail(&err, -EINVAL, "called without its own name");
		return refuse(&l, GK_EXIT_GOCKER, &err);
	}
	/* A user can't change root's file; root, where the policy lets him in, could. */
	if (l.uid == 0 && gk_exe_protect("gocker-shell", argv, &err) < 0)
		return refuse(&l, GK_EXIT_GOCKER, &err);
	if (gk_cleanse(&l.arena, &l.stdio, &l.caller, &err) < 0 || identify(&l, &err) < 0)
		return refuse(&l, GK_EXIT_GOCKER, &err);
	gk_log_open("gocker-shell");
	gk_caller_title(&l.caller, argc, argv);
	read_request(&l, argc, argv);
	if (decide(&l, &err) < 0 || open_session(&l, &err) < 0)
		return refuse(&l, GK_EXIT_GOCKER, &err);
	code = gk_supervise_start(&l.session, &err);
	if (code != 0) {
		(void)gk_session_close(&l.session);
		return refuse(&l, code, &err);
	}
	if (gk_session_record(&l.session, &err) < 0) {
		(void)gk_session_close(&l.session);
		return refuse(&l, GK_EXIT_GOCKER, &err);
	}
	if (gk_supervise(&l.session, &status, &err) < 0)
		return refuse(&l, GK_EXIT_GOCKER, &err);
	gk_end_like(status);
}
