#include "plan/plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>

#include "plan/build.h"
#include "plan/env.h"
#include "plan/keys.h"
#include "plan/text.h"
#include "plan/value.h"

/* Tasks of gocker's own in a session's leaf: init; behind the PAM door also the two processes of
 * sshd that serve the connection. */
enum { OWN_TASKS_SHELL = 1, OWN_TASKS_PAM = 3 };

/* With network = private: pasta, or on the bridge what forwards published ports, and what keeps it.
 */
enum { NETWORK_TASKS = 2 };

/* All containers share what kernel.pty.max leaves them, which is 3072 by default: 4096 without the
 * 1024 that are kept for the host's own devpts (fs/devpts/inode.c). A user's sessions together get
 * at most half of them. No session gets less than TERMINALS_MIN for that, so above
 * USER_TERMINALS / TERMINALS_MIN sessions the bound of all of them is higher. */
enum { USER_TERMINALS = 1536, TERMINALS_MIN = 24 };

/* What the container's root keeps of root's powers: enough to install packages and to become
 * another user; nothing that reaches the kernel, the network or devices (capabilities(7)). */
static const int root_caps[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL,
	CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT };

static const struct gk_node nodes[] = {
	{ .name = "null", .major = 1, .minor = 3, .mode = 0666 },
	{ .name = "zero", .major = 1, .minor = 5, .mode = 0666 },
	{ .name = "full", .major = 1, .minor = 7, .mode = 0666 },
	{ .name = "random", .major = 1, .minor = 8, .mode = 0666 },
	{ .name = "urandom", .major = 1, .minor = 9, .mode = 0666 },
	{ .name = "tty", .major = 5, .minor = 0, .mode = 0666 },
};
enum { NODES = sizeof nodes / sizeof *nodes };

static int no_memory(struct gk_err *err)
{
	(void)gk_fail_errno(err, -ENOMEM, "cannot make the plan");
	return -ENOMEM;
}

/* Reads an option of `gocker run` as the key of the same meaning. */
static int override_key(
	struct gk_build *b, struct gk_policy *policy, enum gk_key key, const char *text)
{
	struct gk_complaint why;
	if (!text)
		return 0;
	int e = gk_key_set(key, text, b->arena, policy, &why);
	if (e == -EINVAL)
		return gk_fail(b->err, e, "%s; %s", why.reason, why.hint);
	if (e < 0)
		return no_memory(b->err);
	policy->origin[key] = (struct gk_origin){ .section = "option" };
	return 0;
}

/* The policy's own volumes, then the request's. */
static int add_volumes(struct gk_build *b, struct gk_policy *policy, const char *text)
{
	const struct gk_policy own = *policy;
	int e = override_key(b, policy, GK_KEY_VOLUMES, text);
	if (e < 0 || !text)
		return e;
	struct gk_volume *all =
		gk_arena_array(b->arena, own.nvolumes + policy->nvolumes, sizeof *all);
	if (!all)
		return no_memory(b->err);
	for (size_t i = 0; i < own.nvolumes; i++)
		all[i] = own.volumes[i];
	for (size_t i = 0; i < policy->nvolumes; i++)
		all[own.nvolumes + i] = policy->volumes[i];
	policy->volumes = all;
	policy->nvolumes += own.nvolumes;
	return 0;
}

static size_t count(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

/* The policy's own variables, then the request's, which win. */
static int add_env(struct gk_build *b, struct gk_policy *policy, const char *text)
{
	const char *const *own = policy->env_set;
	int e = override_key(b, policy, GK_KEY_ENV_SET, text);
	if (e < 0 || !text)
		return e;
	size_t n = count(own), more = count(policy->env_set);
	const char **all = gk_arena_array(b->arena, n + more + 1, sizeof *all);
	if (!all)
		return no_memory(b->err);
	for (size_t i = 0; i < n; i++)
		all[i] = own[i];
	for (size_t i = 0; i < more; i++)
		all[n + i] = policy->env_set[i];
	policy->env_set = all;
	return 0;
}

/* The policy with what the options of `gocker run` change. */
static int apply_overrides(struct gk_build *b, const struct gk_policy *given)
{
	const struct gk_override *over = &b->request->override;
	struct gk_policy *policy = gk_arena_alloc(b->arena, sizeof *policy);
	if (!policy)
		return no_memory(b->err);
	*policy = *given;
	/* The host root's home is not the container root's, unless it is asked for. */
	if (over->as_container_root)
		policy->home = GK_HOME_NONE;
	const struct {
		enum gk_key key;
		const char *text;
	} texts[] = { { GK_KEY_IMAGE, over->image }, { GK_KEY_HOSTNAME, over->hostname },
		{ GK_KEY_NETWORK, over->network }, { GK_KEY_ROOT, over->root },
		{ GK_KEY_HOME, over->home } };
	int e = 0;
	for (size_t i = 0; e == 0 && i < sizeof texts / sizeof *texts; i++)
		e = override_key(b, policy, texts[i].key, texts[i].text);
	if (e == 0)
		e = add_volumes(b, policy, over->volumes);
	if (e == 0)
		e = add_env(b, policy, over->env_set);
	if (over->pids_max)
		policy->pids_max = over->pids_max;
	if (over->memory_max)
		policy->memory_max = over->memory_max;
	if (over->cpus_milli)
		policy->cpus_milli = over->cpus_milli;
	b->policy = policy;
	return e;
}

bool gk_build_is_shared(const struct gk_build *b)
{
	return b->policy->share == GK_SHARE_USER &&
		(b->request->door != GK_DOOR_RUN || b->request->join);
}

/* The terminal of a login that joins is opened inside and relayed: its own would outlive it there.
 */
static int relay_terminal(struct gk_build *b)
{
	if (!gk_build_is_shared(b) || b->request->tty != GK_TTY_TAKEOVER)
		return 0;
	struct gk_request *request = gk_arena_alloc(b->arena, sizeof *request);
	if (!request)
		return no_memory(b->err);
	*request = *b->request;
	request->tty = GK_TTY_RELAY;
	b->request = request;
	return 0;
}

/* Who it is inside. */
static int choose_who(struct gk_build *b, const struct gk_identity *who)
{
	static const struct gk_group group = { 0, "root" };
	static const struct gk_identity root = { 0, 0, "root", "root", "/root", "/bin/sh", &group,
		1 };
	b->who = b->request->override.as_container_root ? &root : who;
	if (b->who->uid == 0 && b->request->door == GK_DOOR_SHELL && !b->policy->named)
		return gk_fail(b->err, -EPERM,
			"root does not log in through gocker-shell; if it should, write [user:%s] "
			"in gocker.ini",
			who->name ? who->name : "root");
	return gk_build_check_account(b->who, b->err);
}

/* {id} replaced, cut to what a host name may have. */
static int make_hostname(struct gk_build *b, struct gk_plan *plan)
{
	const char *id = b->request->session_id ? b->request->session_id : "ID";
	const char *full = gk_replace(b->arena, b->policy->hostname, "{id}", id);
	char *name = full ? gk_arena_strndup(b->arena, full, 63) : NULL;
	const char *why = NULL;
	if (!name)
		return no_memory(b->err);
	for (size_t n = strlen(name); n && (name[n - 1] == '-' || name[n - 1] == '.');)
		name[--n] = '\0';
	if (!gk_value_hostname_ok(name, &why))
		return gk_fail(b->err, -EINVAL, "the host name of the session %s", why);
	plan->hostname = name;
	return 0;
}

/* Files of /etc that name the host and say how names are found. */
static int make_etc(struct gk_build *b, const struct gk_plan *plan)
{
	const char *hosts = gk_arena_printf(b->arena,
		"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t%s\n",
		plan->hostname);
	const char *name = gk_arena_printf(b->arena, "%s\n", plan->hostname);
	if (!hosts || !name)
		return no_memory(b->err);
	int e = gk_build_entry(b, GK_ENTRY_FILE, "/etc/hosts", 0644, hosts);
	if (e == 0)
		e = gk_build_entry(b, GK_ENTRY_FILE, "/etc/hostname", 0644, name);
	if (e == 0 && b->policy->network == GK_NETWORK_HOST)
		e = gk_build_entry(b, GK_ENTRY_COPY, "/etc/resolv.conf", 0644, "/etc/resolv.conf");
	if (e == 0 && b->policy->network == GK_NETWORK_PRIVATE)
		e = gk_build_entry(
			b, GK_ENTRY_RESOLV, "/etc/resolv.conf", 0644, "/etc/resolv.conf");
	if (e == 0)
		e = gk_build_entry(b, GK_ENTRY_COPY, "/etc/localtime", 0644, "/etc/localtime");
	/* In a stack as distributions have it pam_limits stands behind the line that enters: it
	 * reads the host's limits, not the image's, and fails without a file. */
	if (e == 0 && b->request->door == GK_DOOR_PAM)
		e = gk_build_entry(b, GK_ENTRY_COPY, "/etc/security/limits.conf", 0644,
			"/etc/security/limits.conf");
	return e;
}

/* A terminal is of no use without a task on it. A shared container is the user's only one, and root
 * has as many as there are. */
static unsigned terminals_max(const struct gk_build *b)
{
	const struct gk_policy *policy = b->policy;
	bool alone = gk_build_is_shared(b) || b->request->override.as_container_root;
	uint64_t max = alone ? GK_TERMINALS_MAX : TERMINALS_MIN;
	if (policy->user_sessions_max && USER_TERMINALS / policy->user_sessions_max > max)
		max = USER_TERMINALS / policy->user_sessions_max;
	if (max > GK_TERMINALS_MAX)
		max = GK_TERMINALS_MAX;
	return (unsigned)(max < policy->pids_max ? max : policy->pids_max);
}

/* Whether a name below /dev is one that gocker makes itself, or lies in such a directory. */
static bool is_own_node(const char *name)
{
	static const char *const own[] = { "pts", "shm", "mqueue", "fd", "stdin", "stdout",
		"stderr", "ptmx", "console", "log", NULL };
	size_t n = strcspn(name, "/");
	for (const char *const *o = own; *o; o++)
		if (strncmp(name, *o, n) == 0 && !(*o)[n])
			return true;
	for (size_t i = 0; i < NODES; i++)
		if (strncmp(name, nodes[i].name, n) == 0 && !nodes[i].name[n])
			return true;
	return false;
}

/* What every session has, and what the policy's devices name on this host. */
static int make_nodes(struct gk_build *b, struct gk_plan *plan)
{
	const struct gk_request *request = b->request;
	if (request->ndevices > GK_DEVICES_MAX)
		return gk_fail(b->err, -E2BIG,
			"devices name more than %d devices of this host; name fewer in gocker.ini",
			GK_DEVICES_MAX);
	struct gk_node *all = gk_arena_array(b->arena, NODES + request->ndevices, sizeof *all);
	if (!all)
		return no_memory(b->err);
	memcpy(all, nodes, sizeof nodes);
	plan->nodes = all;
	plan->nnodes = NODES;
	for (size_t i = 0; i < request->ndevices; i++)
		if (!is_own_node(request->devices[i].name))
			all[plan->nnodes++] = request->devices[i];
	return 0;
}

static int make_root(struct gk_build *b, struct gk_plan *plan)
{
	static const char *const dirs[] = { "/dev", "/proc", "/run", "/tmp", NULL };
	int e = gk_build_accounts(b);
	if (e == 0)
		e = make_etc(b, plan);
	for (const char *const *dir = dirs; e == 0 && *dir; dir++)
		e = gk_build_entry(b, GK_ENTRY_DIR, *dir, 0755, NULL);
	if (e == 0)
		e = gk_build_mounts(b);
	if (e == 0 && !gk_build_is_host(b)) {
		plan->image_path =
			gk_arena_printf(b->arena, "%s/%s", b->policy->image_dir, b->policy->image);
		e = plan->image_path ? 0 : no_memory(b->err);
	}
	const struct gk_policy *policy = b->policy;
	plan->scratch[GK_SCRATCH_ROOT] =
		(struct gk_tmpfs){ policy->root_size, policy->root_inodes };
	plan->scratch[GK_SCRATCH_TMP] = (struct gk_tmpfs){ policy->tmp_size, policy->root_inodes };
	return e;
}

static int make_credentials(struct gk_build *b, struct gk_credentials *cred)
{
	const struct gk_identity *who = b->who;
	gid_t *groups = gk_arena_array(b->arena, who->ngroups, sizeof *groups);
	if (!groups)
		return no_memory(b->err);
	for (size_t i = 0; i < who->ngroups; i++)
		groups[i] = who->groups[i].gid;
	*cred = (struct gk_credentials){ .uid = who->uid,
		.gid = who->gid,
		.groups = groups,
		.ngroups = who->ngroups,
		.no_new_privs = true,
		.filter = GK_FILTER_USER };
	/* A network namespace has abstract sockets of its own. Whether a shared container has one
	 * was decided when it was made, by the policy of then. */
	if ((b->policy->network == GK_NETWORK_HOST || gk_build_is_shared(b)) &&
		b->policy->abstract_sockets == GK_ABSTRACT_SESSION)
		cred->scope = GK_SCOPE_ABSTRACT_SOCKETS | GK_SCOPE_SIGNALS;
	/* Logins that share a container signal each other's processes, as on any host; its PID
	 * namespace keeps the others out. */
	if (gk_build_is_shared(b))
		cred->scope &= ~(unsigned)GK_SCOPE_SIGNALS;
	if (!b->request->override.as_container_root)
		return 0;
	cred->filter = GK_FILTER_ADMIN;
	cred->scope = GK_SCOPE_ABSTRACT_SOCKETS | GK_SCOPE_SIGNALS;
	for (size_t i = 0; i < sizeof root_caps / sizeof *root_caps; i++)
		cred->caps |= UINT64_C(1) << root_caps[i];
	/* Where the kernel's own check of ports is all that is needed, it has to apply. */
	if (gk_ports_all_free(&b->policy->tcp_bind))
		cred->caps &= ~(UINT64_C(1) << CAP_NET_BIND_SERVICE);
	return 0;
}

/* The shell with its arguments: "-sh" for a login shell, "sh -c …" for a command; whatever else it
 * was called with is handed on. */
static int make_shell(struct gk_build *b, struct gk_plan *plan)
{
	const struct gk_request *request = b->request;
	const char *const command[] = { "-c", request->command, NULL };
	const char *const *rest = request->argv ? request->argv : command;
	size_t n = request->argv ? count(request->argv) : request->command ? 2 : 0;
	const char **argv = gk_arena_array(b->arena, n + 2, sizeof *argv);
	const char *base = strrchr(b->policy->shell, '/') + 1;
	if (!argv)
		return no_memory(b->err);
	argv[0] = request->login ? gk_arena_printf(b->arena, "-%s", base) : base;
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = rest[i];
	plan->exec_path = b->policy->shell;
	plan->argv = argv;
	return argv[0] ? 0 : no_memory(b->err);
}

static int make_command(struct gk_build *b, struct gk_plan *plan)
{
	static const char *const nothing[] = { NULL };
	const struct gk_request *request = b->request;
	if (request->door == GK_DOOR_PAM) {
		plan->argv = nothing;
		return 0;
	}
	if (request->door == GK_DOOR_SHELL || !request->argv || !request->argv[0])
		return make_shell(b, plan);
	plan->exec_path = request->argv[0];
	plan->argv = request->argv;
	return *plan->exec_path ? 0 : gk_fail(b->err, -EINVAL, "the command is empty");
}

static int make_payload(struct gk_build *b, struct gk_plan *plan)
{
	static const char *const nothing[] = { NULL };
	const struct gk_override *over = &b->request->override;
	struct gk_env_facts facts = { .home = over->as_container_root ? "/root" : b->home,
		.user = b->who->name,
		.shell = b->policy->shell,
		.agent = b->agent };
	const char *why = NULL;
	plan->cwd = over->workdir ? gk_path_clean(b->arena, over->workdir, &why) : b->home;
	if (!plan->cwd)
		return gk_fail(b->err, -EINVAL, "the working directory %s", why);
	/* A command that asked for a directory is not run in another. */
	plan->cwd_else = over->workdir ? plan->cwd : "/";
	plan->env = b->request->door == GK_DOOR_PAM ?
		nothing :
		gk_env_make(b->request, b->policy, &facts, b->arena);
	return plan->env ? make_command(b, plan) : no_memory(b->err);
}

static uint64_t network_tasks(const struct gk_plan *plan)
{
	return plan->network_rules || plan->npublish ? NETWORK_TASKS : 0;
}

int gk_plan_make(const struct gk_request *request, const struct gk_identity *who,
	const struct gk_policy *policy, struct gk_arena *arena, struct gk_plan *ret_plan,
	struct gk_err *err)
{
	struct gk_build b = { .arena = arena, .request = request, .err = err };
	/* The last id of all means "no change" to the kernel. */
	if (request->override.userns_base > UINT32_MAX - 1 - GK_USERNS_IDS)
		return gk_fail(err, -EINVAL, "there are not %d ids from %llu on", GK_USERNS_IDS,
			(unsigned long long)request->override.userns_base);
	struct gk_plan plan = { .door = request->door, .session_id = request->session_id };
	int e = apply_overrides(&b, policy);
	if (e == 0)
		e = relay_terminal(&b);
	if (e == 0)
		e = choose_who(&b, who);
	if (e == 0)
		e = make_hostname(&b, &plan);
	if (e == 0)
		e = gk_build_places(&b);
	if (e == 0)
		e = gk_build_banner(&b);
	if (e == 0)
		e = make_root(&b, &plan);
	if (e == 0)
		e = make_nodes(&b, &plan);
	if (e == 0)
		e = make_credentials(&b, &plan.cred);
	if (e == 0)
		e = make_payload(&b, &plan);
	if (e == 0)
		e = gk_build_network(&b, &plan);
	if (e < 0)
		return e;
	plan.tty = b.request->tty;
	plan.who = b.who;
	plan.policy = b.policy;
	plan.umask = b.policy->umask;
	plan.banner = request->door == GK_DOOR_SHELL ? b.banner : NULL;
	plan.nofile = b.policy->nofile == GK_UNLIMITED ? 0 : b.policy->nofile;
	plan.namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
		CLONE_NEWCGROUP | (b.policy->network == GK_NETWORK_HOST ? 0 : CLONE_NEWNET);
	plan.userns_base = request->override.userns_base;
	if (plan.userns_base)
		plan.namespaces |= CLONE_NEWUSER;
	plan.leaf_pids_max = b.policy->pids_max +
		(request->door == GK_DOOR_PAM ? OWN_TASKS_PAM : OWN_TASKS_SHELL) +
		network_tasks(&plan);
	plan.terminals_max = terminals_max(&b);
	plan.entries = b.entries;
	plan.nentries = b.nentries;
	plan.binds = b.binds;
	plan.nbinds = b.nbinds;
	plan.mounts = b.mounts;
	plan.nmounts = b.nmounts;
	*ret_plan = plan;
	return 0;
}

int gk_plan_make_container(const struct gk_request *request, const struct gk_identity *who,
	const struct gk_policy *policy, struct gk_arena *arena, struct gk_plan *ret_plan,
	struct gk_err *err)
{
	/* Laid out for the PAM door, which serves the other doors, too. */
	const struct gk_request of_none = { .door = GK_DOOR_PAM,
		.session_id = request->session_id,
		.container = true,
		.greet = true,
		.banner = request->banner,
		.host = request->host,
		.image_env = request->image_env,
		.devices = request->devices,
		.ndevices = request->ndevices };
	struct gk_plan plan = { 0 };
	struct gk_policy *lasting = gk_arena_alloc(arena, sizeof *lasting);
	int e = lasting ? gk_plan_make(&of_none, who, policy, arena, &plan, err) :
			  gk_fail_errno(err, -ENOMEM, "cannot make the plan");
	if (e < 0)
		return e;
	*lasting = *plan.policy;
	lasting->max_duration_s = policy->container_max_duration_s;
	lasting->idle_timeout_s = 0;
	plan.policy = lasting;
	/* sshd's process of each login counts as one of the user's: logins come and go. */
	plan.leaf_pids_max = policy->pids_max + OWN_TASKS_SHELL + network_tasks(&plan);
	*ret_plan = plan;
	return 0;
}
