/* gocker run: a command in a container of its own, for root by hand or from a script. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ini.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/detach.h"
#include "cli/pump.h"
#include "plan/keys.h"
#include "plan/list.h"
#include "plan/plan.h"
#include "run/build/login.h"
#include "run/privilege/identity.h"
#include "run/privilege/landlock.h"
#include "run/store/image.h"
#include "run/store/load.h"
#include "run/build/session.h"
#include "run/watch/supervise.h"
#include "run/build/tty.h"
#include "run/build/userns.h"

enum {
	IMAGE = GK_OPTION_LONG,
	IMAGE_DIR,
	EDIT_ROOT,
	PIDS,
	CPUS,
	NETWORK,
	USERNS,
	READ_ONLY,
	LOG,
	JOIN
};

static const struct gk_option options[] = {
	{ 'u', "user", "USER", "user",
		"as this user of the host, with their policy in gocker.ini" },
	{ JOIN, "join", NULL, NULL,
		"with --user, where gocker.ini says share = user: in the container that this user's "
		"logins share, made if there is none" },
	{ IMAGE, "image", "NAME", "image", "the image (default: as gocker.ini says)" },
	{ IMAGE_DIR, "image-dir", "DIR", "dir", "where images are (default: as gocker.ini says)" },
	{ EDIT_ROOT, "edit-root", "DIR", NULL, NULL }, /* of `gocker image edit` */
	{ 'h', "hostname", "NAME", NULL, "the host name inside" },
	{ PIDS, "pids-limit", "N", NULL, "at most N processes" },
	{ 'm', "memory", "SIZE", NULL, "at most this much memory, such as 512M (cgroup v2)" },
	{ CPUS, "cpus", "N", NULL, "at most N CPUs, such as 1.5 (cgroup v2)" },
	{ NETWORK, "network", "MODE", "host private none", "host, private or none" },
	{ USERNS, "userns", NULL, NULL,
		"a user namespace: root inside has no privilege outside (Linux 5.19)" },
	{ READ_ONLY, "read-only", NULL, NULL, "a read-only root" },
	{ 'v', "volume", "SRC:DEST[:ro]", "dir",
		"a directory of the host inside; can be repeated" },
	{ 'e', "env", "NAME=VALUE", NULL, "a variable for the command; can be repeated" },
	{ 'w', "workdir", "DIR", NULL, "where the command starts" },
	{ 'd', "detach", NULL, NULL,
		"print the session's id and leave it running; no terminal, no input" },
	{ LOG, "log", "FILE", "file",
		"with -d: append what the command prints to FILE (default: dropped)" },
	{ 'i', "interactive", NULL, NULL,
		"pass keyboard input on to a command without a terminal; a file or a pipe on stdin is "
		"always passed on" },
	{ 't', "tty", NULL, NULL,
		"allocate a terminal (default: when stdin and stdout are terminals)" },
	{ 'T', "no-tty", NULL, NULL, "allocate none" },
	{ 0 },
};

const struct gk_page gk_page_run = {
	.name = "run",
	.what = "run a command in a new container",
	.usage = "[OPTION...] CMD [ARG...]",
	.about =
		"Runs a command in a new container and ends as the command does. Without --user it "
		"runs as the container's root, with few of root's privileges. The image is an option, "
		"not an argument as with docker.",
	.options = options,
	.tail = "Exit status: that of the command; 125 when gocker failed, 126 when the command cannot "
		"run, 127 when it was not found.",
	.args = "command",
};

struct run {
	struct gk_login login;
	struct gk_session session;
	const char *user, *image_dir, *memory, *cpus, *pids;
	bool userns, detach, interactive;
	const char *log;
	struct gk_detach apart;
	struct gk_pump pump;
	int ids; /* holds the range of the user namespace */
	int tty; /* 1 wanted, 0 not, -1 as the terminal says */
};

/* Adds one more word to a list option. */
static int append(struct run *run, const char **list, const char *word)
{
	*list = gk_list_add(*list, word, &run->login.arena);
	return *list ? 0 : -ENOMEM;
}

static int read_options(struct run *run, int argc, char **argv)
{
	struct gk_override *o = &run->login.request.override;
	/* '+': what follows the command belongs to it. */
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_run, argc, argv, 1, &value)) != -1;) {
		switch (c) {
		case 'u': run->user = value; break;
		case IMAGE: o->image = value; break;
		case IMAGE_DIR: run->image_dir = value; break;
		case EDIT_ROOT: o->edit_root = value; break;
		case 'h': o->hostname = value; break;
		case PIDS: run->pids = value; break;
		case 'm': run->memory = value; break;
		case CPUS: run->cpus = value; break;
		case NETWORK: o->network = value; break;
		case JOIN: run->login.request.join = true; break;
		case USERNS: run->userns = true; break;
		case READ_ONLY: o->root = "readonly"; break;
		case 'v':
			if (append(run, &o->volumes, value) < 0)
				return 125;
			break;
		case 'e':
			if (append(run, &o->env_set, value) < 0)
				return 125;
			break;
		case 'w': o->workdir = value; break;
		case 'd': run->detach = true; break;
		case LOG: run->log = value; break;
		case 'i': run->interactive = true; break;
		case 't': run->tty = 1; break;
		case 'T': run->tty = 0; break;
		default: return 2;
		}
	}
	if (optind == argc)
		return gk_cli_usage("run", "no command given");
	if (run->log && !run->detach)
		return gk_cli_usage(
			"run", "--log goes with --detach; redirect the output otherwise");
	if (run->detach && run->tty == 1)
		return gk_cli_usage("run", "--detach leaves no terminal for -t");
	if (run->userns && (run->user || o->edit_root))
		return gk_cli_usage("run",
			"--userns is for the container's root; a user's command has the "
			"user's own ids and no privilege to lose");
	if (run->login.request.join && !run->user)
		return gk_cli_usage("run", "--join needs --user");
	if (run->login.request.join &&
		(o->image || run->image_dir || o->edit_root || o->hostname || run->pids ||
			run->memory || run->cpus || o->network || o->root || o->volumes))
		return gk_cli_usage("run",
			"--join runs the command in a container as gocker.ini makes it; of the options "
			"about the container none goes with it");
	run->login.request.argv = (const char *const *)(argv + optind);
	return 0;
}

/* The options that are values of gocker.ini keys are read as those keys are, and go before the
 * user's own sections as a configuration of their own would. */
static int load_config(struct run *run, struct gk_err *err)
{
	struct stat st;
	if (lstat(GK_CONFIG_PATH, &st) == 0 && !run->image_dir)
		return gk_load_config(GK_CONFIG_PATH, &run->login.arena, &run->login.config, err);
	char *text = run->image_dir ?
		gk_arena_printf(&run->login.arena, "[gocker]\nimage_dir = %s\n", run->image_dir) :
		gk_arena_strdup(&run->login.arena, "[gocker]\n");
	if (!text)
		return gk_fail_errno(err, -ENOMEM, "configuration");
	return gk_config_parse(text, strlen(text), "built-in configuration", gk_ini_read,
		&run->login.arena, &run->login.config, NULL, err);
}

static int decide(struct run *run, struct gk_err *err)
{
	int r = load_config(run, err);
	if (r == 0)
		r = run->user ?
			gk_identity_by_name(run->user, &run->login.arena, &run->login.who, err) :
			gk_identity_by_uid(0, &run->login.arena, &run->login.who, err);
	if (r == 0)
		r = gk_login_policy(&run->login, err);
	if (r == 0)
		r = gk_login_new_id(&run->login);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot plan the session");
	static const enum gk_key keys[] = { GK_KEY_PIDS_MAX, GK_KEY_MEMORY_MAX, GK_KEY_CPUS };
	const char *const texts[] = { run->pids, run->memory, run->cpus };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct gk_complaint why;
		if (!texts[i])
			continue;
		r = gk_key_set(keys[i], texts[i], &run->login.arena, &run->login.policy, &why);
		if (r < 0)
			return gk_fail(err, r, "%s: %s; %s", texts[i], why.reason, why.hint);
		run->login.policy.origin[keys[i]] = (struct gk_origin){ .section = "option" };
	}
	if (!run->user) {
		run->login.request.override.as_container_root = true;
		/* It follows a number of sessions that root does not have. */
		if (run->login.policy.user_memory_follows)
			run->login.policy.user_memory_max = GK_UNLIMITED;
		run->login.policy.user_sessions_max = 0;
		run->login.policy.user_pids_max = GK_UNLIMITED;
		if (!run->login.request.override.home)
			run->login.request.override.home = "none";
	}
	if (run->userns) {
		run->ids = gk_userns_take(run->login.policy.userns_base,
			&run->login.request.override.userns_base, err);
		if (run->ids < 0)
			return run->ids;
	}
	if (run->login.request.join && run->login.policy.share != GK_SHARE_USER)
		return gk_fail(err, -EINVAL,
			"--join: %s has a container for each login; write share = user in gocker.ini",
			run->user);
	run->login.joins = run->login.request.join;
	return gk_login_plan(&run->login, err);
}

/* Where the command is uid 0 to whoever listens on the host's abstract sockets, a person is told; a
 * script's streams are its own, and who asked for the network knows what it is. */
static void warn_of_sockets(const struct run *run)
{
	const struct gk_override *o = &run->login.request.override;
	if (run->login.plan.cred.scope && !run->userns && !o->network && !o->edit_root &&
		run->login.plan.policy->network == GK_NETWORK_HOST && isatty(STDERR_FILENO) &&
		gk_landlock_abi() < GK_LANDLOCK_SCOPE)
		fputs("gocker run: this kernel cannot keep the command from the host's abstract unix "
		      "sockets, which take it for root; use --network none or --userns\n",
			stderr);
}

static int find_terminal(struct run *run, struct gk_tty *tty)
{
	gk_tty_detect(tty, getpid());
	bool both = isatty(0) && isatty(1);
	if (run->tty == 1 && !both)
		return gk_cli_usage("run", "-t needs a terminal on stdin and stdout");
	if (run->detach || run->tty == 0 || (run->tty == -1 && !both))
		*tty = (struct gk_tty){ .mode = GK_TTY_NONE, .fd = -1 };
	else
		tty->mode = GK_TTY_RELAY;
	run->login.request.tty = tty->mode;
	/* Others on the terminal, a pager behind a pipe, are to get what is typed. */
	if (tty->mode == GK_TTY_NONE && isatty(0) && !run->interactive && gk_pump_no_input() < 0)
		return gk_cli_usage("run", "no /dev/null");
	return 0;
}

/* The caller's terminal does not go in. */
static int keep_terminal_out(struct run *run, const struct gk_tty *tty, struct gk_err *err)
{
	if (run->detach)
		return 0;
	int r = gk_pump_open(&run->pump, tty->mode == GK_TTY_NONE ? 0 : tty->same, err);
	return r < 0 ? r : gk_pump_start(&run->pump, err);
}

/* `gocker run IMAGE CMD`, as docker has it: the image is an option here. */
static void explain_image(const struct run *run, int code)
{
	const char *const *argv = run->login.plan.argv;
	gk_autoclose int root = -1, lock = -1;
	struct gk_err ignored = GK_ERR_INIT;
	if (code == GK_EXIT_NOT_FOUND && argv && argv[0] && gk_image_name_ok(argv[0]) &&
		gk_image_open(run->login.policy.image_dir, argv[0], GK_IMAGE_ANY_PARENT, &root,
			&lock, &ignored) == 0)
		fprintf(stderr,
			"gocker run: '%s' is an image: gocker run --image %s COMMAND [ARG...]\n",
			argv[0], argv[0]);
}

static int refuse(struct run *run, int code, const struct gk_err *err)
{
	char msg[600];
	gk_detach_refuse(&run->apart);
	gk_pump_undo(&run->pump);
	gk_pump_end(&run->pump);
	(void)gk_cli_fail("run", err);
	explain_image(run, code);
	gk_log(LOG_ERR, "event=refused door=run code=%d reason=\"%s\"", code,
		gk_escape(msg, sizeof msg, err->msg));
	gk_arena_free(&run->login.arena);
	return code;
}

int gk_cmd_run(int argc, char **argv)
{
	static struct run run = {
		.tty = -1, .ids = -1, .apart = GK_DETACH_INIT, .pump = GK_PUMP_INIT
	};
	struct gk_err err = GK_ERR_INIT;
	struct gk_tty tty;
	uid_t caller;
	char user[256];
	int status = 0;
	int code = read_options(&run, argc, argv);
	if (code == 0)
		code = gk_cli_need_root("run");
	if (code == 0)
		code = find_terminal(&run, &tty);
	/* Not the 2 of other subcommands: that would read as the command's own. */
	if (code != 0)
		return GK_EXIT_GOCKER;
	if (gk_cleanse(&run.login.arena, NULL, &run.login.caller, &err) < 0 ||
		gk_become_root(&caller, &err) < 0)
		return refuse(&run, GK_EXIT_GOCKER, &err);
	/* As with any command, the shell that started it may leave first. */
	gk_close_fd(&run.login.caller.parent_pidfd);
	gk_log_open("gocker");
	gk_caller_title(&run.login.caller, argc, argv);
	run.login.request.door = GK_DOOR_RUN;
	run.login.request.session_id = run.login.id;
	run.login.request.env = run.login.caller.env;
	if (gk_cleanse_stdio(&err) < 0 || keep_terminal_out(&run, &tty, &err) < 0 ||
		decide(&run, &err) < 0)
		return refuse(&run, GK_EXIT_GOCKER, &err);
	warn_of_sockets(&run);
	if (run.detach) {
		/* In the process that the shell waits for this returns the exit status. */
		code = gk_detach(&run.apart, run.log, &err);
		if (code >= 0)
			return err.code ? refuse(&run, code, &err) : code;
	}
	gk_session_init(&run.session, &run.login.plan, &run.login.caller);
	run.session.tty = tty;
	run.session.image_flags = GK_IMAGE_ANY_PARENT;
	if ((run.login.request.join ? gk_join_open(&run.session, &run.login.join, &err) :
				      gk_session_open(&run.session, &err)) < 0)
		return refuse(&run, GK_EXIT_GOCKER, &err);
	gk_log(LOG_INFO, "event=open id=%s door=run user=\"%s\" uid=%u image=%s%s%s", run.login.id,
		gk_escape(user, sizeof user, run.login.who.name), (unsigned)run.login.who.uid,
		run.login.policy.image, run.login.request.join ? " container=" : "",
		run.login.request.join ? run.session.container.id : "");
	code = gk_supervise_start(&run.session, &err);
	if (code == 0 && gk_session_record(&run.session, &err) < 0)
		code = GK_EXIT_GOCKER;
	if (code != 0) {
		(void)gk_session_close(&run.session);
		return refuse(&run, code, &err);
	}
	gk_detach_done(&run.apart, run.login.id);
	if (gk_supervise(&run.session, &status, &err) < 0)
		return refuse(&run, GK_EXIT_GOCKER, &err);
	gk_pump_end(&run.pump);
	gk_end_like(status);
}
