/* gocker exec: one more command in a session that lives. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "cli/sessions/act.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/pump.h"
#include "cli/sessions/sessions.h"
#include "plan/list.h"
#include "plan/plan.h"
#include "plan/text.h"
#include "run/privilege/creds.h"
#include "run/build/enter.h"
#include "run/build/login.h"
#include "run/privilege/identity.h"
#include "run/privilege/landlock.h"
#include "run/store/container.h"
#include "run/store/load.h"
#include "run/watch/relay.h"
#include "run/privilege/seccomp.h"
#include "run/watch/supervise.h"

static const struct gk_option options[] = {
	{ 'u', "user", "USER", "user",
		"in a session of the container's root (`gocker run`): as this user of the host, or as "
		"UID[:GID]; any other session has its own user only" },
	{ 'i', "interactive", NULL, NULL,
		"pass stdin to the command, which has an empty one otherwise" },
	{ 't', "tty", NULL, NULL,
		"allocate a terminal, and pass stdin with it (default: without -i, when stdin and "
		"stdout are terminals)" },
	{ 'T', "no-tty", NULL, NULL, "allocate none" },
	{ 'e', "env", "NAME=VALUE", NULL, "a variable for the command; can be repeated" },
	{ 'w', "workdir", "DIR", NULL, "where it starts (default: the home)" },
	{ 0 },
};

const struct gk_page gk_page_exec = {
	.name = "exec",
	.what = "run one more command in a session",
	.usage = "[OPTION...] ID CMD [ARG...]",
	.about =
		"Runs a command inside a session, as the session's user, within its limits and with no "
		"privilege that the session does not have. Ends as the command does, and with the "
		"session.",
	.options = options,
	.tail = "Exit status: that of the command; 125 when gocker failed, 126 when the command cannot "
		"run, 127 when it was not found.",
	.args = "session command",
};

struct exec {
	struct gk_login login;
	struct gk_seen seen;
	struct gk_cgroup cgroup;
	struct gk_enter enter;
	struct gk_relay relay;
	struct gk_pump pump;
	const char *user; /* NULL: the session's own */
	int signals;
	int tty; /* 1 wanted, 0 not, -1 as the terminal says */
	bool interactive;
};

static int read_options(struct exec *x, int argc, char **argv, const char **ret_id)
{
	struct gk_override *o = &x->login.request.override;
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_exec, argc, argv, 1, &value)) != -1;) {
		switch (c) {
		case 'u': x->user = value; break;
		case 'e':
			o->env_set = gk_list_add(o->env_set, value, &x->login.arena);
			if (!o->env_set)
				return GK_EXIT_GOCKER;
			break;
		case 'w': o->workdir = value; break;
		case 'i': x->interactive = true; break;
		case 't': x->tty = 1; break;
		case 'T': x->tty = 0; break;
		default: return 2;
		}
	}
	if (argc - optind < 2)
		return gk_cli_usage(
			"exec", argc == optind ? "no session given" : "no command given");
	*ret_id = argv[optind];
	x->login.request.argv = (const char *const *)(argv + optind + 1);
	return 0;
}

static int find(struct exec *x, const char *id, struct gk_err *err)
{
	int r = gk_seen_find(id, &x->login.arena, &x->seen, err);
	if (r == 0)
		r = gk_seen_open(&x->seen, &x->cgroup, &x->enter.init_pidfd, err);
	if (r == 0 && x->seen.frozen)
		r = gk_fail(
			err, -EBUSY, "session %s is frozen; `gocker thaw` it first", x->seen.id);
	return r;
}

/* UID[:GID], which the image may know and the host need not. Returns 0, or -EINVAL for what is
 * none. The two highest numbers mean "no change" and "nobody mapped" to the kernel. */
static int identity_by_number(struct exec *x, struct gk_identity *ret)
{
	unsigned long id[2];
	const char *p = x->user;
	struct gk_group *group = gk_arena_alloc(&x->login.arena, sizeof *group);
	for (size_t i = 0; i < 2; i++) {
		char *end;
		if (!gk_is_digit(*p))
			return -EINVAL;
		id[i] = strtoul(p, &end, 10);
		if (id[i] >= UINT32_MAX - 1 || (*end && (i > 0 || *end != ':')))
			return -EINVAL;
		if (!*end && i == 0)
			id[++i] = id[0];
		p = end + 1;
	}
	if (!group)
		return -ENOMEM;
	*group = (struct gk_group){ (gid_t)id[1], NULL };
	*ret = (struct gk_identity){ (uid_t)id[0], (gid_t)id[1],
		gk_arena_printf(&x->login.arena, "%lu", id[0]), "", "/", "/bin/sh", group, 1 };
	return ret->name ? 0 : -ENOMEM;
}

/* Whoever has the session, has it alone: another user in it, root not least, would have what the
 * session has not. The container's root of `gocker run` can become anybody anyway. Returns whether
 * the command keeps the container root's powers, or -errno. */
static int choose_user(struct exec *x, struct gk_err *err)
{
	bool root_session = x->seen.caps != 0;
	struct gk_identity other;
	int r = gk_identity_by_uid(x->seen.uid, &x->login.arena, &x->login.who, err);
	if (r < 0 || !x->user)
		return r < 0 ? r : root_session;
	r = identity_by_number(x, &other);
	if (r == -EINVAL)
		r = gk_identity_by_name(x->user, &x->login.arena, &other, err);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot run it as %s", x->user);
	if (other.uid == x->seen.uid)
		return root_session;
	if (!root_session)
		return gk_fail(err, -EPERM,
			"session %s is %s's, and no other user's command runs in it", x->seen.id,
			x->seen.user);
	x->login.who = other;
	return false;
}

static uint64_t network_of(int pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
	return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_ino;
}

/* Who the command runs as and with what environment is planned as a login's is; where it runs is
 * the session's. What the session's own programs may keep, it may, and no more. */
static int decide(struct exec *x, struct gk_err *err)
{
	int as_root = choose_user(x, err);
	if (as_root < 0)
		return as_root;
	int r = gk_load_config(GK_CONFIG_PATH, &x->login.arena, &x->login.config, err);
	if (r == 0)
		r = gk_login_policy(&x->login, err);
	if (r < 0)
		return r;
	/* The network is there already, whatever the policy says of it. */
	x->login.policy.network = network_of(x->seen.init) == gk_container_network() ?
		GK_NETWORK_HOST :
		GK_NETWORK_NONE;
	x->login.policy.net_deny = x->login.policy.net_allow = x->login.policy.publish = NULL;
	x->login.request.door = GK_DOOR_RUN;
	x->login.request.session_id = x->seen.id;
	x->login.request.env = x->login.caller.env;
	x->login.request.override.as_container_root = as_root;
	x->login.request.override.userns_base = x->seen.userns;
	if (x->seen.caps)
		x->login.request.override.home = "none";
	r = gk_login_plan(&x->login, err);
	if (r == 0)
		x->login.plan.cred.caps &= x->seen.caps;
	/* Each entry is a Landlock domain of its own, and the administrator's command may signal
	 * the session's processes. No other can be: the PID namespace has none. */
	x->login.plan.cred.scope &= ~(unsigned)GK_SCOPE_SIGNALS;
	return r < 0 ? r : gk_landlock_check(&x->login.plan, err);
}

/* A limit as /proc/PID/limits prints it, at most what this process may set. */
static rlim_t read_limit(const char *text, rlim_t most)
{
	rlim_t n = strncmp(text, "unlimited", 9) == 0 ? RLIM_INFINITY :
							(rlim_t)strtoull(text, NULL, 10);
	return n > most ? most : n;
}

/* /proc/PID/limits has a heading and then a line for each limit in the order of its number, with
 * the soft value in column 27 and the hard one in column 48 (proc(5)). prlimit(2) would need
 * CAP_SYS_RESOURCE, which root in many containers lacks. */
static bool read_limits(int pid, struct rlimit *limits)
{
	char path[64], line[160];
	snprintf(path, sizeof path, "/proc/%d/limits", pid);
	FILE *f = fopen(path, "re");
	int n = -1;
	while (f && n < (int)RLIM_NLIMITS && fgets(line, sizeof line, f)) {
		struct rlimit now;
		if (n >= 0) {
			if (strlen(line) < 48 || getrlimit((unsigned)n, &now) < 0)
				break;
			limits[n].rlim_max = read_limit(line + 47, now.rlim_max);
			limits[n].rlim_cur = read_limit(line + 26, limits[n].rlim_max);
		}
		n++;
	}
	if (f)
		fclose(f);
	return n == (int)RLIM_NLIMITS;
}

/* The resource limits of a process that init started, so that they are the session's own. */
static void take_limits(struct exec *x)
{
	int fd = openat(x->cgroup.leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	for (int pid; f && fscanf(f, "%d", &pid) == 1;) {
		struct rlimit found[RLIM_NLIMITS];
		gk_autoclose int pidfd =
			pid == x->seen.init || !gk_cgroup_is_inside(pid, x->seen.init) ?
			-1 :
			gk_cgroup_pidfd(&x->cgroup, pid);
		/* Still there afterwards: the number was its own all the while. */
		if (pidfd < 0 || !read_limits(pid, found) || gk_sys_pidfd_send_signal(pidfd, 0) < 0)
			continue;
		memcpy(x->login.caller.limits, found, sizeof found);
		break;
	}
	if (f)
		fclose(f);
}

/* Without -i the caller's stdin stays the caller's, so that a loop that reads it can go on. */
static int empty_stdin(void)
{
	int r = gk_pump_no_input();
	if (r == 0)
		return 0;
	fprintf(stderr, "gocker exec: /dev/null: %s\n", strerror(-r));
	return GK_EXIT_GOCKER;
}

static int find_terminal(struct exec *x)
{
	struct gk_tty *tty = &x->enter.tty;
	bool both = isatty(0) && isatty(1);
	if (x->tty == 1 && !both)
		return gk_cli_usage("exec", "-t needs a terminal on stdin and stdout");
	gk_tty_detect(tty, getpid());
	if (x->tty == 1 || (x->tty == -1 && both && !x->interactive))
		tty->mode = GK_TTY_RELAY;
	else
		*tty = (struct gk_tty){ .mode = GK_TTY_NONE, .fd = -1 };
	x->login.request.tty = tty->mode;
	return tty->mode == GK_TTY_NONE && !x->interactive ? empty_stdin() : 0;
}

static int prepare(struct exec *x, struct gk_err *err)
{
	static const int wanted[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGWINCH, SIGTSTP,
		SIGCONT };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		sigaddset(&set, wanted[i]);
	int r = x->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r < 0)
		return gk_fail_errno(err, -errno, "cannot wait for the command");
	r = 0;
	if (x->enter.tty.mode == GK_TTY_RELAY)
		r = gk_relay_open(&x->relay, x->enter.tty.fd, x->enter.master, err);
	/* The command has them now. */
	if (r == 0)
		r = gk_fd_null_stdio();
	if (r == 0)
		r = gk_creds_reduce(1ULL << CAP_KILL, err);
	if (r == 0)
		r = gk_seccomp_supervisor(err);
	return r;
}

static void on_signal(struct exec *x)
{
	struct signalfd_siginfo info;
	bool relayed = x->relay.outer >= 0;
	if (read(x->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	int sig = (int)info.ssi_signo;
	if (sig == SIGWINCH) {
		gk_relay_resize(&x->relay);
	} else if (sig == SIGCONT) {
		gk_relay_continue(&x->relay);
	} else if (sig == SIGTSTP && relayed) {
		gk_relay_suspend(&x->relay);
		(void)kill(getpid(), SIGSTOP);
	} else if (sig != SIGTSTP) {
		(void)gk_sys_pidfd_send_signal(x->enter.pidfd, sig);
	}
}

static int wait_for(struct exec *x)
{
	enum { COMMAND, SIGNALS, OUTER, MASTER, PUMP, COUNT = PUMP + 3 };
	for (;;) {
		struct pollfd p[COUNT] = {
			[COMMAND] = { .fd = x->enter.pidfd, .events = POLLIN },
			[SIGNALS] = { .fd = x->signals, .events = POLLIN },
			[OUTER] = { .fd = -1 },
			[MASTER] = { .fd = -1 },
		};
		/* In the background it has to look whether it still is. */
		int again = x->relay.outer < 0 ? -1 : gk_relay_poll(&x->relay, &p[OUTER]);
		gk_pump_poll(&x->pump, &p[PUMP]);
		if (poll(p, COUNT, again) < 0 && errno != EINTR)
			return -errno;
		gk_pump_move(&x->pump, &p[PUMP]);
		if (x->relay.outer >= 0 && !gk_relay_move(&x->relay, &p[OUTER])) {
			(void)gk_sys_pidfd_send_signal(x->enter.pidfd, SIGHUP);
			x->relay.out.ended = true;
			x->relay.out.from = x->relay.out.to;
			gk_relay_close(&x->relay);
		}
		if (p[SIGNALS].revents)
			on_signal(x);
		if (p[COMMAND].revents)
			break;
	}
	siginfo_t info = { 0 };
	gk_relay_finish(&x->relay);
	gk_pump_drain(&x->pump);
	if (waitid(P_PIDFD, (id_t)x->enter.pidfd, &info, WEXITED) < 0)
		return -errno;
	return info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : info.si_status;
}

static int refuse(struct exec *x, int code, const struct gk_err *err)
{
	char msg[600];
	gk_pump_undo(&x->pump);
	(void)gk_cli_fail("exec", err);
	gk_log(LOG_ERR, "event=refused door=exec code=%d reason=\"%s\"", code,
		gk_escape(msg, sizeof msg, err->msg));
	gk_arena_free(&x->login.arena);
	return code;
}

int gk_cmd_exec(int argc, char **argv)
{
	static struct exec x = { .cgroup = GK_CGROUP_INIT,
		.relay = { .outer = -1 },
		.tty = -1,
		.pump = GK_PUMP_INIT,
		.signals = -1 };
	static char by[128];
	struct gk_err err = GK_ERR_INIT;
	char command[256];
	const char *id = NULL;
	uid_t caller;
	x.enter = GK_ENTER_INIT;
	x.enter.plan = &x.login.plan;
	x.enter.caller = &x.login.caller;
	x.enter.cgroup = &x.cgroup;
	int code = read_options(&x, argc, argv, &id);
	if (code == 0)
		code = gk_cli_need_root("exec");
	if (code == 0)
		code = find_terminal(&x);
	/* Not the 2 of other subcommands: that would read as the command's own. */
	if (code != 0)
		return GK_EXIT_GOCKER;
	snprintf(by, sizeof by, "%s", gk_act_by());
	if (gk_cleanse(&x.login.arena, NULL, &x.login.caller, &err) < 0 ||
		gk_become_root(&caller, &err) < 0)
		return refuse(&x, GK_EXIT_GOCKER, &err);
	gk_close_fd(&x.login.caller.parent_pidfd);
	gk_log_open("gocker");
	if (gk_cleanse_stdio(&err) < 0 || find(&x, id, &err) < 0 || decide(&x, &err) < 0)
		return refuse(&x, GK_EXIT_GOCKER, &err);
	take_limits(&x);
	gk_log(LOG_NOTICE, "event=exec id=%s user=\"%s\" as=%u by=%s command=\"%s\"", x.seen.id,
		x.seen.user, (unsigned)x.login.plan.cred.uid, by,
		gk_escape(command, sizeof command, x.login.request.argv[0]));
	if (gk_pump_open(&x.pump, x.enter.tty.mode == GK_TTY_NONE ? 0 : x.enter.tty.same, &err) < 0)
		return refuse(&x, GK_EXIT_GOCKER, &err);
	code = gk_enter_start(&x.enter, &err);
	if (code != 0)
		return refuse(&x, code, &err);
	int r = prepare(&x, &err);
	if (r < 0) {
		(void)gk_sys_pidfd_send_signal(x.enter.pidfd, SIGKILL);
		gk_fail_errno(&err, r, "cannot wait for the command");
		return refuse(&x, GK_EXIT_GOCKER, &err);
	}
	int status = wait_for(&x);
	gk_end_like(status < 0 ? W_EXITCODE(GK_EXIT_GOCKER, 0) : status);
}
