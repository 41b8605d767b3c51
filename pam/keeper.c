/* gocker-keeper: one for each login through pam_gocker. It stays outside, makes the container, has
 * the daemon join it, and takes it down when the login is over. Its one caller is the module, which
 * starts it with the link as fd 0, no environment and no argument. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sched.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/privilege/identity.h"
#include "run/privilege/landlock.h"
#include "run/store/banner.h"
#include "run/store/drain.h"
#include "run/store/imagefacts.h"
#include "run/store/image.h"
#include "run/store/load.h"
#include "run/store/record.h"
#include "run/privilege/seccomp.h"

/* A stack whose last line can't come is refused at once (keeper-stack.c). Should it not come all
 * the same, it is told to the log, and no process of the user's lives below the caller. */
enum { ENTER_TIMEOUT_MS = 120000, LOOSE_MS = 5000 };

static int answer(struct gk_keeper *k, struct gk_link_message *m, int fd)
{
	return gk_fd_send(k->link, m, sizeof *m, fd);
}

/* On its own: no child of the daemon's, no terminal, so that neither its wait(2) nor a ^C meets it.
 */
static int stand_alone(struct gk_err *err)
{
	pid_t pid = fork();
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot start the keeper");
	if (pid > 0)
		_exit(0);
	if (setsid() < 0)
		return gk_fail_errno(err, -errno, "cannot start the keeper");
	(void)prctl(PR_SET_NAME, "gocker-keeper", 0, 0, 0);
	return 0;
}

static int introduce(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_link_message m = { .kind = GK_LINK_KEEPER };
	gk_autoclose int self = gk_sys_pidfd_open(getpid());
	int r = self < 0 ? self : answer(k, &m, self);
	return r < 0 ? gk_fail_errno(err, r, "cannot talk to the module") : 0;
}

/* Returns the kind of the next message, 0 at the end of the link. */
static int receive(struct gk_keeper *k, struct gk_link_message *ret, int timeout_ms)
{
	gk_autoclose int fd = -1;
	struct pollfd p = { .fd = k->link, .events = POLLIN };
	int n = poll(&p, 1, timeout_ms);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	n = gk_fd_recv(k->link, ret, sizeof *ret, &fd);
	if (n <= 0)
		return n;
	return n == (int)sizeof *ret && fd < 0 ? ret->kind : -EPROTO;
}

static int receive_question(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_link_message *q = &k->question;
	int kind = receive(k, q, GK_LINK_TIMEOUT_MS);
	q->user[sizeof q->user - 1] = q->service[sizeof q->service - 1] = '\0';
	q->text[sizeof q->text - 1] = '\0';
	q->tty[sizeof q->tty - 1] = q->rhost[sizeof q->rhost - 1] = '\0';
	if (kind != GK_LINK_OPEN && kind != GK_LINK_ASK && kind != GK_LINK_CHECK)
		return gk_fail(
			err, -EPROTO, "protocol error: expected OPEN or ASK from the module");
	return 0;
}

/* The record takes where a login came from out of the environment, as sshd sets it. */
static int fill_caller(struct gk_keeper *k)
{
	const char **env = gk_arena_array(&k->login.arena, 2, sizeof *env);
	if (!env)
		return -ENOMEM;
	if (k->question.rhost[0])
		env[0] = gk_arena_printf(&k->login.arena, "SSH_CONNECTION=%s", k->question.rhost);
	k->login.caller.env = env;
	return 0;
}

static int make_plan(struct gk_keeper *k, const char *const *env, struct gk_err *err)
{
	k->login.request.door = GK_DOOR_PAM;
	k->login.request.env = env;
	/* The entry stub looks whether it is due. */
	k->login.request.greet = true;
	gk_banner_read(&k->login.policy, &k->login.request, &k->login.arena);
	k->login.joins = gk_keeper_is_shared(k);
	int r = gk_login_plan(&k->login, err);
	if (r == 0 && gk_keeper_is_trial(k))
		gk_session_as_trial(&k->login.plan, &k->login.policy, &k->nobody);
	return r;
}

/* What most refusals of gk_session_open are for: a slot and the image, both let go at once. Who
 * takes a slot tries again for a moment before it is told that all are taken (record.c). */
static int try_to_open(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_slot slot = GK_SLOT_INIT;
	gk_autoclose int root = -1, lock = -1;
	int r = gk_slot_take(k->login.plan.who->uid, &k->login.policy, &slot, err);
	if (r < 0)
		return r;
	gk_slot_release(&slot);
	const char *path = k->login.plan.image_path, *slash = path ? strrchr(path, '/') : NULL;
	if (!slash)
		return 0; /* image = host */
	const char *dir = gk_arena_printf(&k->login.arena, "%.*s", (int)(slash - path), path);
	if (!dir)
		return gk_fail_errno(err, -ENOMEM, "cannot plan the session");
	return gk_image_open(dir, slash + 1, 0, &root, &lock, err);
}

/* Whoever enters itself has to come out again, and Landlock's rules bind for good. */
static int check_ports(const struct gk_keeper *k, struct gk_err *err)
{
	if (k->mode == GK_LINK_WHOLE && gk_landlock_is_tcp(&k->login.plan))
		return gk_fail(err, -EOPNOTSUPP,
			"tcp_connect and tcp_bind cannot be enforced for a program that the PAM "
			"stack names with whole=");
	return gk_landlock_check(&k->login.plan, err);
}

static int decide(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_err ignored = GK_ERR_INIT, unread = GK_ERR_INIT;
	bool opener = gk_keeper_check_caller(k, &ignored) == 0;
	int r = gk_load_config(GK_CONFIG_PATH, &k->login.arena, &k->login.config, &unread);
	/* Whose processes a refusal ends is to be known where the policy can't be read, too. */
	int known = gk_nss_worker_answer(&k->apart, &k->login.arena, &k->login.who, err);
	/* A program that is not known may only ask for the account (chfn, an IMAP server): where it
	 * opens a session, the session lines refuse it. */
	if (k->question.kind == GK_LINK_CHECK && !opener)
		return known;
	if (r < 0)
		*err = unread;
	else
		r = known;
	if (r == 0)
		r = gk_login_policy(&k->login, err);
	if (r < 0 || !k->login.policy.contain || k->question.kind == GK_LINK_ASK)
		return r;
	r = gk_keeper_check_caller(k, err);
	if (r == 0 && !gk_keeper_is_trial(k))
		r = gk_drain_check(err);
	if (r == 0 && k->mode == GK_LINK_WHOLE && gk_keeper_is_shared(k))
		return gk_fail(err, -EOPNOTSUPP,
			"share = user is not supported for programs named with whole=; write "
			"share = login for this user");
	if (r == 0 && !gk_keeper_has_own_stack(k))
		r = gk_keeper_check_stack(k, err);
	if (r < 0)
		return r;
	r = gk_login_new_id(&k->login);
	if (r == 0)
		r = fill_caller(k);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot plan the session");
	r = make_plan(k, NULL, err);
	if (r == 0)
		r = check_ports(k, err);
	return r == 0 && k->question.kind == GK_LINK_CHECK ? try_to_open(k, err) : r;
}

/* Tells the module what awaits the user. Returns 1 when there is more to do. */
static int tell_decision(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_link_message m = { .kind = k->login.policy.contain ? GK_LINK_LIMITS :
								       GK_LINK_FREE };
	bool enter = k->login.policy.contain && k->question.kind == GK_LINK_OPEN;
	if (enter) {
		m.mode = (int32_t)k->mode;
		m.tasks_max = k->login.plan.leaf_pids_max;
		if (k->login.policy.memory_max != GK_UNLIMITED)
			m.memory_max = k->login.policy.memory_max;
		/* Whether the rest of the stack gives the login a cgroup of its own is seen by
		 * this. */
		if (gk_cgroup_procs_of(k->login.caller.parent, k->before, sizeof k->before) < 0)
			k->before[0] = '\0';
	}
	int r = answer(k, &m, -1);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot talk to the module");
	return enter;
}

/* The plan again, with the variables that the rest of the stack has set. */
static int plan_again(struct gk_keeper *k, struct gk_link_message *m, struct gk_err *err)
{
	size_t n = 0;
	m->names[sizeof m->names - 1] = '\0';
	for (const char *s = m->names; *s; s++)
		n += *s == '\n';
	const char **names = gk_arena_array(&k->login.arena, n + 1, sizeof *names);
	char *text = gk_arena_strdup(&k->login.arena, m->names), *save;
	if (!names || !text)
		return gk_fail_errno(err, -ENOMEM, "cannot plan the session");
	size_t at = 0;
	for (char *name = strtok_r(text, "\n", &save); name && at < n;
		name = strtok_r(NULL, "\n", &save))
		names[at++] = name;
	return make_plan(k, names, err);
}

/* Waits for the last line of the stack. Returns 1, or 0 when the login ended before it. */
static int await_enter(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_link_message m = { 0 };
	char user[256];
	int kind = receive(k, &m, ENTER_TIMEOUT_MS);
	if (kind == -ETIMEDOUT) {
		gk_log(LOG_ALERT,
			"event=stuck door=pam user=\"%s\" reason=\"the stack does not come to its last pam_gocker line\"",
			gk_escape(user, sizeof user, k->login.who.name));
		while (kind == -ETIMEDOUT) {
			gk_keeper_end_loose(k);
			kind = receive(k, &m, LOOSE_MS);
		}
	}
	if (kind == GK_LINK_ENTER) {
		int r = plan_again(k, &m, err);
		return r < 0 ? r : 1;
	}
	return kind == 0 ? 0 :
			   gk_fail(err, -EPROTO, "the module did not enter the session in time");
}

/* Keeps uid 0 and next to nothing else: what is left to do needs no capability but root's own
 * files. */
static int give_up_powers(const struct gk_keeper *k, struct gk_err *err)
{
	gk_autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return gk_fail_errno(err, -errno, "/dev/null");
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return gk_fail_errno(err, -errno, "/dev/null");
	if (gk_keeper_is_shared(k)) /* a descriptor for each process that it may have to end */
		gk_creds_raise_files();
	/* init ends what is in its container; of one that is shared only this login's is to end. */
	int r = gk_creds_reduce(gk_keeper_is_shared(k) ? 1ULL << CAP_KILL : 0, err);
	return r == 0 ? gk_seccomp_supervisor(err) : r;
}

/* A caller that enters itself moves itself into the cgroup first: on v1 whoever else moves it waits
 * for an RCU grace period (gk_cgroup_join). It is looked at before it may join. */
static int count_caller(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_link_message m = { .kind = GK_LINK_LEAF };
	if (k->mode != GK_LINK_WHOLE || k->session.cgroup.foreign)
		return 0;
	gk_autoclose int tasks = gk_cgroup_open_tasks(gk_keeper_cgroup(k));
	int r = tasks < 0 ? tasks : answer(k, &m, tasks);
	if (r == 0 && receive(k, &m, GK_LINK_TIMEOUT_MS) != GK_LINK_COUNTED)
		r = -EPIPE;
	if (r == 0 && gk_cgroup_has(&k->session.cgroup, k->login.caller.parent) != 1)
		r = -EPERM;
	return r < 0 ? gk_fail_errno(err, r, "cannot limit the login") : 0;
}

/* What the children of the caller need to go inside. With a scope that logind has made for the
 * login they are in its cgroup already. */
struct ways {
	int ptys, leaf, rules;
};

static int open_ways(struct gk_keeper *k, struct ways *ret, struct gk_err *err)
{
	*ret = (struct ways){ -1, -1, -1 };
	if (k->mode == GK_LINK_WHOLE)
		return 0;
	int r = ret->ptys = gk_keeper_clone_ptys(k, err);
	if (r >= 0)
		r = gk_landlock_rules(&k->login.plan, &ret->rules, err);
	if (r < 0 || k->session.cgroup.foreign)
		return r;
	r = ret->leaf = gk_cgroup_open_tasks(gk_keeper_cgroup(k));
	return r < 0 ? gk_fail_errno(err, r, "cannot limit the login") : 0;
}

static int hand_over(struct gk_keeper *k, struct gk_link_message *ready, const struct ways *ways)
{
	struct gk_link_message ptys = { .kind = GK_LINK_PTYS }, leaf = { .kind = GK_LINK_LEAF },
			       rules = { .kind = GK_LINK_RULES };
	ready->leaf = ways->leaf >= 0;
	ready->rules = ways->rules >= 0;
	ready->tcp = gk_landlock_is_tcp(&k->login.plan);
	int r = answer(k, ready, gk_keeper_init(k));
	if (r == 0 && ways->ptys >= 0)
		r = answer(k, &ptys, ways->ptys);
	if (r == 0 && ways->leaf >= 0)
		r = answer(k, &leaf, ways->leaf);
	if (r == 0 && ways->rules >= 0)
		r = answer(k, &rules, ways->rules);
	return r;
}

/* The file through which the caller goes back; on v1 the one by which a thread moves itself. */
static void tell_origin(const struct gk_keeper *k, char *buf, size_t size)
{
	const char *slash = strrchr(k->origin, '/');
	if (k->session.cgroup.v1 && slash)
		snprintf(buf, size, "%.*s/tasks", (int)(slash - k->origin), k->origin);
	else
		snprintf(buf, size, "%s", k->origin);
}

/* The caller may open the session now; it is open when it says so. */
static int let_in(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_link_message m = { .kind = GK_LINK_READY,
		.mode = (int32_t)k->mode,
		/* A shared container may have been made with another policy. */
		.namespaces =
			k->login.plan.namespaces | (gk_keeper_is_shared(k) ? CLONE_NEWNET : 0),
		.uid = k->login.who.uid,
		.records = gk_keeper_is_recorded(k),
		.nofile = k->login.plan.nofile,
		.umask = k->login.plan.umask == (mode_t)-1 ? -1 : (int32_t)k->login.plan.umask };
	struct ways ways = { -1, -1, -1 };
	tell_origin(k, m.origin, sizeof m.origin);
	int r = count_caller(k, err);
	if (r == 0)
		r = gk_keeper_root_of(k->session.init, &m.root, &m.pid_ns, err);
	if (r == 0)
		r = open_ways(k, &ways, err);
	if (r == 0)
		r = gk_keeper_open_terminals(k, err);
	if (r == 0)
		r = gk_keeper_open_signals(k, err);
	if (r == 0)
		r = gk_keeper_start_log(k, err);
	if (r == 0)
		r = give_up_powers(k, err);
	if (r == 0 && hand_over(k, &m, &ways) < 0)
		r = gk_fail(err, -EPIPE, "the module is gone");
	gk_close_fd(&ways.ptys);
	gk_close_fd(&ways.leaf);
	gk_close_fd(&ways.rules);
	if (r == 0 && receive(k, &m, GK_LINK_TIMEOUT_MS) != GK_LINK_ENTERED)
		r = gk_fail(err, -EPIPE, "the caller did not enter");
	return r;
}

static int enter(struct gk_keeper *k, struct gk_err *err)
{
	char user[256], service[128], rhost[256], where[64] = "";
	int r = gk_keeper_build(k, err);
	if (r < 0)
		return r;
	gk_keeper_record_login(k);
	r = let_in(k, err);
	if (r < 0) {
		gk_keeper_record_logout(k);
		(void)gk_keeper_undo(k);
		return r;
	}
	gk_close_fd(&k->link);
	if (gk_keeper_is_shared(k))
		snprintf(where, sizeof where, " container=%s%s", k->session.container.id,
			k->session.container.digest == k->login.join.digest ? "" : " behind=yes");
	gk_log(LOG_INFO,
		"event=open id=%s door=pam user=\"%s\" uid=%u image=%s service=\"%s\" from=\"%s\"%s",
		k->login.id, gk_escape(user, sizeof user, k->login.who.name),
		(unsigned)k->login.who.uid, k->login.policy.image,
		gk_escape(service, sizeof service, k->question.service),
		gk_escape(rhost, sizeof rhost, k->question.rhost), where);
	return 0;
}

/* One line for the user by way of the module, one with the reason to the administrator. */
static void refuse(struct gk_keeper *k, const struct gk_err *err)
{
	struct gk_link_message m = { .kind = GK_LINK_REFUSED, .mode = (int32_t)k->mode };
	char user[256], msg[600], detail[600];
	snprintf(m.text, sizeof m.text, "%s", err->msg);
	/* Who tries a login reads the reason himself. */
	if (!gk_keeper_is_trial(k))
		gk_log_open("gocker-keeper");
	gk_log(LOG_ERR, "event=refused door=pam user=\"%s\" reason=\"%s\" detail=\"%s\"",
		gk_escape(user, sizeof user, k->question.user),
		gk_escape(msg, sizeof msg, err->msg),
		gk_escape(detail, sizeof detail, err->detail));
	/* The reason stands in the log by the time that anyone can look for it. */
	if (k->link >= 0)
		(void)answer(k, &m, -1);
}

/* Up to the moment when the caller is inside. Returns 1 then, 0 when there is nothing to keep. */
static int serve_link(struct gk_keeper *k, struct gk_err *err)
{
	int r = receive_question(k, err);
	if (r == 0)
		r = gk_nss_worker_start(&k->apart, k->question.user, 0, NULL, err);
	if (r == 0 && !gk_keeper_is_trial(k))
		gk_log_open("gocker-keeper");
	if (r == 0)
		r = decide(k, err);
	/* Not even that a login is none of our business is said before this. */
	if (r == 0)
		r = gk_nss_worker_confirm(&k->apart, err);
	if (r == 0)
		r = tell_decision(k, err);
	gk_nss_worker_end(&k->apart);
	if (r > 0)
		r = await_enter(k, err);
	if (r <= 0)
		return r;
	r = enter(k, err);
	return r < 0 ? r : 1;
}

/* fd 0 is the link only when a module started us; by hand nothing happens. */
static int take_link(struct gk_keeper *k)
{
	struct stat st;
	if (fstat(0, &st) < 0 || !S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	k->link = fcntl(0, F_DUPFD_CLOEXEC, 3);
	return k->link < 0 ? -errno : 0;
}

int main(void)
{
	static struct gk_keeper k = { .apart = GK_NSS_WORKER_INIT,
		.link = -1,
		.log_socket = -1,
		.log_pidfd = -1,
		.log_link = -1,
		.signals = -1,
		.ptys = -1,
		.outer_tty = -1 };
	struct gk_err err = GK_ERR_INIT;
	uid_t uid;
	if (gk_cleanse(&k.login.arena, NULL, &k.login.caller, &err) < 0 ||
		gk_become_root(&uid, &err) < 0 || take_link(&k) < 0 || stand_alone(&err) < 0)
		return GK_EXIT_GOCKER;
	if (introduce(&k, &err) < 0)
		return GK_EXIT_GOCKER;
	int r = serve_link(&k, &err);
	if (r < 0)
		refuse(&k, &err);
	/* Refused, or a login that has ended before its last line. */
	if (r <= 0) {
		gk_keeper_end_refused(&k);
		return r < 0 ? GK_EXIT_GOCKER : 0;
	}
	gk_keeper_watch(&k);
	gk_keeper_record_logout(&k);
	return gk_keeper_undo(&k) < 0 ? GK_EXIT_GOCKER : 0;
}
