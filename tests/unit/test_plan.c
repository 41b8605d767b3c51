/* The plan: what is refused, what is mounted where, who runs what. */
#include "unit.h"

#include <errno.h>
#include <sched.h>

#include "plan/build.h"
#include "plan/config.h"
#include "plan/plan.h"
#include "plan/text.h"

/* One login, as the tests change it. */
struct login {
	struct gk_arena arena;
	struct gk_group groups[4];
	struct gk_identity who;
	struct gk_request request;
	const char *ini;
	struct gk_policy policy;
	struct gk_plan plan;
	struct gk_err err;
};

static struct login login_of(const char *ini)
{
	struct login l = { .ini = ini,
		.who = { 1000, 1000, "ann", "Ann", "/home/ann", "/bin/bash", NULL, 2 },
		.groups = { { 1000, "ann" }, { 50, "staff" } },
		.request = { .session_id = "0123456789ab" } };
	return l;
}

static void end_login(struct login *l)
{
	gk_arena_free(&l->arena);
}

#define LOGIN __attribute__((cleanup(end_login))) struct login

static int make(struct login *l)
{
	struct gk_config config;
	gk_err_clear(&l->err);
	l->who.groups = l->groups;
	int r = gk_config_parse(
		l->ini, strlen(l->ini), "g.ini", gk_ini_read, &l->arena, &config, NULL, &l->err);
	if (r == 0)
		r = gk_policy_for(&config, &l->who, &l->arena, &l->policy, &l->err);
	if (r == 0)
		r = gk_plan_make(&l->request, &l->who, &l->policy, &l->arena, &l->plan, &l->err);
	return r;
}

static void make_well(struct login *l)
{
	if (make(l) < 0)
		fail_msg("%s", l->err.msg);
}

static const struct gk_mount *mount_at(const struct gk_plan *plan, const char *target)
{
	for (size_t i = 0; i < plan->nmounts; i++)
		if (strcmp(plan->mounts[i].target, target) == 0)
			return &plan->mounts[i];
	return NULL;
}

static const struct gk_entry *entry_at(const struct gk_plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->nentries; i++)
		if (strcmp(plan->entries[i].path, path) == 0)
			return &plan->entries[i];
	return NULL;
}

static void test_homes_that_would_break_the_container(void **state)
{
	(void)state;
	const char *const homes[] = { "/", "", "relative", "/dev", "/dev/shm", "/proc/self", "/sys",
		"/etc", "/etc/x", "/usr", "/usr/games", "/usr/local", GK_BINDIR, "/bin", "/sbin",
		"/lib", "/lib64/x", "/tmp", "/tmp/x", "/var", "/var/run/sshd", "/run",
		"/home/../etc", "/home/./../etc", "/./etc", "/.", "./home/ann", "/home/x:y",
		"/run/ssh-agent.sock" };
	for (size_t i = 0; i < COUNT(homes); i++) {
		LOGIN bind = login_of(""), tmpfs = login_of("[default]\nhome = tmpfs\n"),
		      none = login_of("[default]\nhome = none\n");
		bind.who.home = tmpfs.who.home = none.who.home = homes[i];
		if (make(&bind) != -EINVAL || make(&tmpfs) != -EINVAL)
			fail_msg("a home at %s was planned", homes[i]);
		assert_contains(bind.err.msg, "home = none", homes[i]);
		make_well(&none);
		assert_string_equal(none.plan.cwd, "/");
	}
}

static void test_homes_that_are_fine(void **state)
{
	(void)state;
	const char *const homes[][2] = { { "/home/ann", "/home/ann" },
		{ "/home//ann/", "/home/ann" }, { "/srv/jail/./home/x", "/srv/jail/home/x" },
		{ "/./home/ann/.", "/home/ann" }, { "/home/.ann", "/home/.ann" },
		{ "/root", "/root" }, { "/var/lib/ann", "/var/lib/ann" },
		{ "/usr/local/home/ann", "/usr/local/home/ann" }, { "/srv/a b", "/srv/a b" },
		{ "/tmpx", "/tmpx" }, { "/home", "/home" } };
	for (size_t i = 0; i < COUNT(homes); i++) {
		LOGIN l = login_of("");
		l.who.home = homes[i][0];
		make_well(&l);
		const struct gk_mount *m = mount_at(&l.plan, homes[i][1]);
		assert_non_null(m);
		assert_int_equal(m->kind, GK_MOUNT_BIND);
		assert_int_equal(m->flags, GK_MF_NOSUID | GK_MF_NODEV);
		assert_true(l.plan.binds[m->index].as_user);
		assert_string_equal(l.plan.binds[m->index].source, homes[i][1]);
		assert_non_null(entry_at(&l.plan, homes[i][1]));
	}
}

static void test_volumes_keep_off(void **state)
{
	(void)state;
	const char *const targets[] = { "/", "/etc", "/etc/ssl", "/proc/x", "/usr/share", "/tmp/x",
		"/home", "/home/ann", "/home/ann/x", "/dev/shm", "/run", "/data", "/data/y" };
	for (size_t i = 0; i < COUNT(targets); i++) {
		char ini[128];
		snprintf(ini, sizeof ini, "[default]\nvolumes = /s:/data/x /s:%s\n", targets[i]);
		LOGIN l = login_of(ini);
		bool disjoint = strcmp(targets[i], "/data/y") == 0;
		if (make(&l) != (disjoint ? 0 : -EINVAL))
			fail_msg("%s: %s", targets[i], l.err.msg);
	}
}

/* Of the kernel's own files single directories, which nobody can write to. */
static void test_volumes_of_sys_are_readonly(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		int result;
	} cases[] = { { "volumes = /sys/devices/x:/sys/devices/x:ro", 0 },
		{ "volumes = /sys/devices/x:/mnt/x:ro", 0 },
		{ "volumes = /sys/devices/x:/sys/devices/x", -EINVAL },
		{ "volumes = /sys/devices/x:/mnt/x", -EINVAL },
		{ "volumes = /sys:/sys:ro", -EINVAL }, { "files = /sys/x:/mnt/x", 0 },
		{ "files = /sys/x:/mnt/x:rw", -EINVAL } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		char ini[128];
		snprintf(ini, sizeof ini, "[default]\n%s\n", cases[i].lines);
		LOGIN l = login_of(ini);
		if (make(&l) != cases[i].result)
			fail_msg("%s: %s", cases[i].lines, l.err.msg);
	}
}

static void test_volumes_are_mounted(void **state)
{
	(void)state;
	LOGIN l = login_of("[default]\nvolumes = /srv/a:/mnt/a:ro /srv/b:/run/b /c:/usr/local/c\n");
	make_well(&l);
	const struct gk_mount *a = mount_at(&l.plan, "/mnt/a"), *b = mount_at(&l.plan, "/run/b");
	assert_int_equal(a->flags, GK_MF_NOSUID | GK_MF_NODEV | GK_MF_RO);
	assert_int_equal(b->flags, GK_MF_NOSUID | GK_MF_NODEV);
	assert_string_equal(l.plan.binds[a->index].source, "/srv/a");
	assert_false(l.plan.binds[a->index].as_user);
	assert_non_null(mount_at(&l.plan, "/usr/local/c"));
}

static void test_files_are_mounted(void **state)
{
	(void)state;
	LOGIN l = login_of("[default]\nfiles = /run/s.sock /srv/{user}.txt:/mnt/n:rw\n");
	make_well(&l);
	const struct gk_mount *s = mount_at(&l.plan, "/run/s.sock");
	const struct gk_mount *n = mount_at(&l.plan, "/mnt/n");
	assert_int_equal(s->flags, GK_MF_NOSUID | GK_MF_NODEV | GK_MF_RO | GK_MF_OPTIONAL);
	assert_int_equal(n->flags, GK_MF_NOSUID | GK_MF_NODEV | GK_MF_OPTIONAL);
	assert_true(l.plan.binds[s->index].file);
	assert_false(l.plan.binds[s->index].socket || l.plan.binds[s->index].as_user);
	assert_string_equal(l.plan.binds[n->index].source, "/srv/ann.txt");
	assert_int_equal(entry_at(&l.plan, "/mnt/n")->kind, GK_ENTRY_FILE);
}

static void test_files_keep_off(void **state)
{
	(void)state;
	const char *const targets[] = { "/", "/etc/passwd", "/proc/x", "/usr/bin/x", "/tmp/x",
		"/home", "/home/ann/x", "/dev/log", "/run", "/run/ssh-agent.sock", "/v", "/v/x",
		"/mnt", "/mnt/one", "/mnt/one/x", "/bin/sh", "/mnt/two" };
	for (size_t i = 0; i < COUNT(targets); i++) {
		char ini[128];
		snprintf(ini, sizeof ini, "[default]\nvolumes = /s:/v\nfiles = /s:/mnt/one /s:%s\n",
			targets[i]);
		LOGIN l = login_of(ini);
		bool disjoint = strcmp(targets[i], "/mnt/two") == 0;
		if (make(&l) != (disjoint ? 0 : -EINVAL))
			fail_msg("%s: %s", targets[i], l.err.msg);
	}
}

static void test_only_dev_may_hold_devices_and_nothing_sets_uid(void **state)
{
	(void)state;
	const char *const inis[] = { "",
		"[default]\nroot = readonly\nhome = tmpfs\n"
		"volumes = /a:/b /c:/d:ro\nnetwork = none\n" };
	for (size_t i = 0; i < COUNT(inis); i++) {
		for (int door = GK_DOOR_SHELL; door <= GK_DOOR_RUN; door++) {
			LOGIN l = login_of(inis[i]);
			l.request.door = (enum gk_door)door;
			l.request.tty = GK_TTY_TAKEOVER;
			l.request.agent_socket = "/tmp/ssh-a/agent.1";
			make_well(&l);
			for (size_t j = 0; j < l.plan.nmounts; j++) {
				const struct gk_mount *m = &l.plan.mounts[j];
				assert_true(m->flags & GK_MF_NOSUID);
				assert_true((m->flags & GK_MF_NODEV) ||
					gk_path_within(m->target, "/dev"));
			}
		}
	}
}

static void test_mount_points_come_before_mounts(void **state)
{
	(void)state;
	LOGIN l = login_of("[default]\nvolumes = /s:/deep/er/still\n");
	make_well(&l);
	/* Parents before children, no path twice. */
	for (size_t i = 0; i < l.plan.nentries; i++) {
		const char *path = l.plan.entries[i].path;
		char parent[256];
		snprintf(parent, sizeof parent, "%s", path);
		*strrchr(parent, '/') = '\0';
		bool found = !*parent;
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(l.plan.entries[j].path, path);
			found = found || strcmp(l.plan.entries[j].path, parent) == 0;
		}
		if (!found)
			fail_msg("no parent of %s", path);
	}
	assert_int_equal(l.plan.mounts[0].kind, GK_MOUNT_OVERLAY);
}

static void test_accounts_that_cannot_be_written_down(void **state)
{
	(void)state;
	char long_name[300];
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	const char *const names[] = { "", "a:b", "a\nb", "a\tb", "+ann", "-ann", "#ann", " ann",
		"ann ", "a,b", "a\x1b[2J", long_name };
	for (size_t i = 0; i < COUNT(names); i++) {
		LOGIN l = login_of("");
		l.who.name = names[i];
		if (make(&l) != -EINVAL)
			fail_msg("%s", names[i]);
		/* The name itself never reaches the user's terminal or the log. */
		assert_true(!*names[i] || strstr(l.err.msg, names[i]) == NULL);
	}
}

static void test_accounts_that_can(void **state)
{
	(void)state;
	const char *const names[] = { "DOM\\ann", "ann@dom.example", "Ann", "a b", "a.b-c_d",
		"\xc3\xbc", "..", "a/b" };
	for (size_t i = 0; i < COUNT(names); i++) {
		LOGIN l = login_of("");
		l.who.name = names[i];
		make_well(&l);
		char line[128];
		snprintf(line, sizeof line, "\n%s:x:1000:1000:Ann:/home/ann:/bin/sh\n", names[i]);
		assert_contains(entry_at(&l.plan, "/etc/passwd")->content, line, names[i]);
	}
}

static void test_groups_are_exactly_the_hosts(void **state)
{
	(void)state;
	LOGIN l = login_of("");
	l.groups[2] = (struct gk_group){ 4711, NULL };
	l.groups[3] = (struct gk_group){ 6, "x:0:ann\nroot" };
	l.who.ngroups = 4;
	make_well(&l);
	assert_string_equal(entry_at(&l.plan, "/etc/group")->content,
		"root:x:0:\ntty:x:5:\nnogroup:x:65534:\nann:x:1000:\nstaff:x:50:ann\n");
	assert_int_equal(l.plan.cred.ngroups, 4);
	assert_int_equal(l.plan.cred.groups[2], 4711);
	/* Behind the PAM door membership is read from the file. */
	l.request.door = GK_DOOR_PAM;
	make_well(&l);
	assert_string_equal(entry_at(&l.plan, "/etc/group")->content,
		"root:x:0:\ntty:x:5:\nnogroup:x:65534:\nann:x:1000:\nstaff:x:50:ann\n"
		"gid4711:x:4711:ann\ngid6:x:6:ann\n");
}

static void test_groups_of_the_same_name_or_number_stand_once(void **state)
{
	(void)state;
	LOGIN l = login_of("");
	l.groups[1] = (struct gk_group){ 5, "terminals" };
	l.groups[2] = (struct gk_group){ 700, "nogroup" };
	l.groups[3] = (struct gk_group){ 0, "root" };
	l.who.ngroups = 4;
	make_well(&l);
	assert_string_equal(entry_at(&l.plan, "/etc/group")->content,
		"ann:x:1000:\nterminals:x:5:ann\nnogroup:x:700:ann\nroot:x:0:ann\n");
}

static void test_description_is_cleaned(void **state)
{
	(void)state;
	LOGIN l = login_of("");
	l.who.gecos = "Ann:0:0\nroot::0:0";
	make_well(&l);
	assert_string_equal(entry_at(&l.plan, "/etc/passwd")->content,
		"root:x:0:0:root:/root:/bin/sh\n"
		"ann:x:1000:1000:Ann 0 0 root  0 0:/home/ann:/bin/sh\n"
		"nobody:x:65534:65534:nobody:/:/bin/false\n");
}

static void test_users_have_no_power(void **state)
{
	(void)state;
	for (int door = GK_DOOR_SHELL; door <= GK_DOOR_RUN; door++) {
		LOGIN l = login_of("");
		l.request.door = (enum gk_door)door;
		make_well(&l);
		assert_int_equal(l.plan.cred.uid, 1000);
		assert_int_equal(l.plan.cred.caps, 0);
		assert_true(l.plan.cred.no_new_privs);
		assert_int_equal(l.plan.cred.filter, GK_FILTER_USER);
	}
}

static void test_root_is_refused_unless_named(void **state)
{
	(void)state;
	const struct {
		const char *ini;
		int result;
	} rows[] = { { "", -EPERM }, { "[default]\npids_max = 5\n", -EPERM },
		{ "[group:root]\npids_max = 5\n", -EPERM }, { "[user:root]\n", 0 } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		LOGIN l = login_of(rows[i].ini);
		l.who.uid = 0;
		l.who.name = "root";
		l.who.home = "/root";
		l.groups[0] = (struct gk_group){ 0, "root" };
		assert_int_equal(make(&l), rows[i].result);
		if (rows[i].result == 0)
			assert_int_equal(l.plan.cred.caps, 0);
	}
}

static void test_commands(void **state)
{
	(void)state;
	LOGIN l = login_of("[default]\nshell = /opt/bin/fish\n");
	make_well(&l);
	assert_string_equal(l.plan.exec_path, "/opt/bin/fish");
	assert_string_equal(l.plan.argv[0], "fish");
	assert_null(l.plan.argv[1]);
	l.request.login = true;
	make_well(&l);
	assert_string_equal(l.plan.argv[0], "-fish");
	l.request.login = false;
	l.request.command = "a; b \xff\n'";
	make_well(&l);
	assert_string_equal(l.plan.argv[0], "fish");
	assert_string_equal(l.plan.argv[1], "-c");
	assert_ptr_equal(l.plan.argv[2], l.request.command);
	assert_null(l.plan.argv[3]);
	const char *const args[] = { "-l", "-c", "x", "name", NULL };
	l.request.argv = args;
	make_well(&l);
	assert_string_equal(l.plan.argv[0], "fish");
	for (size_t i = 0; i < COUNT(args) - 1; i++)
		assert_ptr_equal(l.plan.argv[i + 1], args[i]);
	assert_null(l.plan.argv[5]);
	const char *const argv[] = { "ls", "-la", NULL };
	l.request.door = GK_DOOR_RUN;
	l.request.argv = argv;
	make_well(&l);
	assert_string_equal(l.plan.exec_path, "ls");
	assert_ptr_equal(l.plan.argv, argv);
}

static const char *banner_of(struct login *l)
{
	l->request.greet = true;
	make_well(l);
	return l->plan.banner;
}

static void test_banner(void **state)
{
	(void)state;
	LOGIN plain = login_of(""), none = login_of("[default]\nbanner = none\n");
	make_well(&plain);
	assert_null(plain.plan.banner); /* nobody sits there */
	assert_string_equal(banner_of(&plain),
		"This is a container (image alpine). Kept at logout: /home/ann.\n"
		"All else ends with this login. Limits: 20 tasks, 64M in /tmp.\n");
	assert_null(banner_of(&none));
	LOGIN asked = login_of("[default]\ncontact = \"the desk, room 12\"\n");
	assert_non_null(
		strstr(banner_of(&asked), ";\nto have them raised ask the desk, room 12.\n"));
	LOGIN words =
		login_of("[default]\nbanner = \"{user} in {image}: {pids_max}, {limits}, {x}\"\n"
			 "memory_max = 512M\ncpus = 1.5\nidle_timeout = 30m\nmax_duration = 8h\n");
	assert_string_equal(banner_of(&words),
		"ann in alpine: 20, 20 tasks, 512M of memory, 1.500 CPUs, 64M in /tmp, 30m idle, "
		"8h in all, {x}\n");
	LOGIN kept =
		login_of("[default]\nhome = none\nvolumes = /a:/mnt/a:ro /b:/mnt/b /c:/mnt/c\n");
	assert_non_null(strstr(banner_of(&kept), "Kept at logout: /mnt/b, /mnt/c.\n"));
	LOGIN nothing = login_of("[default]\nhome = tmpfs\n");
	assert_non_null(strstr(banner_of(&nothing), "Kept at logout: nothing.\n"));
	LOGIN shared = login_of("[default]\nshare = user\n");
	assert_non_null(strstr(banner_of(&shared), "\nAll your logins share it. Limits: "));
}

/* A file's text is cut at the end of a line; without one there is no banner. */
static void test_banner_file(void **state)
{
	char long_line[2 * GK_BANNER_MAX] = "first\n";
	(void)state;
	LOGIN l = login_of("[default]\nbanner = /etc/welcome\n");
	assert_null(banner_of(&l));
	l.request.banner = "for {user}\nand no newline";
	assert_string_equal(banner_of(&l), "for ann\nand no newline\n");
	memset(long_line + strlen(long_line), 'x', GK_BANNER_MAX);
	l.request.banner = long_line;
	assert_string_equal(banner_of(&l), "first\n");
	l.request.banner = strchr(long_line, 'x');
	assert_int_equal(strlen(banner_of(&l)), GK_BANNER_MAX);
}

static void test_network_and_hostname(void **state)
{
	(void)state;
	LOGIN l = login_of("[default]\nnetwork = none\nhostname = "
			   "a123456789-123456789-123456789-123456789-123456789-{user}-{id}\n");
	make_well(&l);
	assert_true(l.plan.namespaces & CLONE_NEWNET);
	assert_null(entry_at(&l.plan, "/etc/resolv.conf"));
	assert_string_equal(
		l.plan.hostname, "a123456789-123456789-123456789-123456789-123456789-ann-01234567");
	LOGIN shared = login_of("");
	make_well(&shared);
	assert_false(shared.plan.namespaces & CLONE_NEWNET);
	assert_int_equal(shared.plan.namespaces &
			(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
				CLONE_NEWCGROUP),
		shared.plan.namespaces);
	assert_non_null(entry_at(&shared.plan, "/etc/resolv.conf"));
}

static void test_limits_add_what_gocker_needs(void **state)
{
	(void)state;
	LOGIN l = login_of("[default]\npids_max = 4194304\n");
	make_well(&l);
	assert_int_equal(l.plan.leaf_pids_max, 4194305);
	l.request.door = GK_DOOR_PAM;
	make_well(&l);
	assert_int_equal(l.plan.leaf_pids_max, 4194307);
}

/* However many sessions a user may have, they leave half of what containers have to the others, up
 * to 64 sessions. */
static void test_terminals(void **state)
{
	(void)state;
	static const struct {
		const char *ini;
		unsigned max;
	} cases[] = { { "", 20 }, { "[default]\npids_max = 1\n", 1 },
		{ "[default]\npids_max = 2000\n", 96 },
		{ "[default]\npids_max = 2000\nuser_sessions_max = 4\n", 128 },
		{ "[default]\npids_max = 2000\nuser_sessions_max = 64\n", 24 },
		{ "[default]\npids_max = 2000\nuser_sessions_max = 1000\n", 24 },
		{ "[default]\npids_max = 2000\nuser_sessions_max = 0\n", 24 } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		LOGIN l = login_of(cases[i].ini);
		make_well(&l);
		assert_int_equal(l.plan.terminals_max, cases[i].max);
	}
}

static void test_agent(void **state)
{
	(void)state;
	LOGIN l = login_of("");
	l.request.agent_socket = "/tmp/ssh-x/agent.1";
	make_well(&l);
	const struct gk_mount *m = mount_at(&l.plan, "/run/ssh-agent.sock");
	assert_true(m && l.plan.binds[m->index].socket);
	l.ini = "[default]\nagent = no\n";
	make_well(&l);
	assert_null(mount_at(&l.plan, "/run/ssh-agent.sock"));
	l.ini = "";
	const char *const others[] = { "../agent", "/run/user/1000/bus", "/tmp/tmux-1000/default",
		"/tmp/ssh-x/../a/agent.1", "/tmp/ssh-x/a/agent.1", "/tmp/ssh-agent.1",
		"/tmp/ssh-x/agent.1/b", "/home/ann/.gnupg/S.gpg-agent",
		"/home/bob/.ssh/agent/s.1" };
	for (size_t i = 0; i < COUNT(others); i++) {
		l.request.agent_socket = others[i];
		make_well(&l);
		if (mount_at(&l.plan, "/run/ssh-agent.sock"))
			fail_msg("%s was brought in", others[i]);
	}
	const char *const agents[] = { "/tmp/dropbear-1f/auth-1f-2", "/home/ann/.ssh/agent/s.1" };
	for (size_t i = 0; i < COUNT(agents); i++) {
		l.request.agent_socket = agents[i];
		make_well(&l);
		assert_non_null(mount_at(&l.plan, "/run/ssh-agent.sock"));
	}
}

static void test_overrides(void **state)
{
	(void)state;
	LOGIN l = login_of("[default]\nvolumes = /a:/b\nenv_set = A=1 B=2\n");
	l.request.door = GK_DOOR_RUN;
	l.request.override = (struct gk_override){ .image = "other",
		.volumes = "/c:/d",
		.env_set = "B=3",
		.root = "readonly",
		.memory_max = 4096,
		.pids_max = 3 };
	make_well(&l);
	assert_string_equal(strrchr(l.plan.image_path, '/'), "/other");
	assert_true(mount_at(&l.plan, "/b") && mount_at(&l.plan, "/d"));
	assert_true(l.plan.mounts[0].flags & GK_MF_LATE_RO);
	assert_int_equal(l.plan.policy->memory_max, 4096);
	assert_int_equal(l.plan.leaf_pids_max, 4);
	const char *const *env = l.plan.env;
	while (*env && strncmp(*env, "B=", 2) != 0)
		env++;
	assert_string_equal(*env, "B=3");
	const struct gk_override bad[] = { { .image = "../x" }, { .network = "bridge" },
		{ .volumes = "/a:/etc" }, { .volumes = "x" }, { .env_set = "LD_PRELOAD=x" },
		{ .home = "x" }, { .hostname = "a b" }, { .workdir = "x" } };
	for (size_t i = 0; i < COUNT(bad); i++) {
		l.request.override = bad[i];
		assert_int_equal(make(&l), -EINVAL);
	}
}

static void test_failure_leaves_the_plan_alone(void **state)
{
	(void)state;
	LOGIN l = login_of("");
	struct gk_plan untouched;
	memset(&l.plan, 0x5a, sizeof l.plan);
	untouched = l.plan;
	l.who.home = "/etc";
	assert_int_equal(make(&l), -EINVAL);
	assert_memory_equal(&l.plan, &untouched, sizeof untouched);
}

static void check_resolv(const char *text, size_t size, const char *wanted)
{
	char got[256];
	assert_int_equal(gk_network_resolv(text, got, size), strlen(wanted));
	assert_string_equal(got, wanted);
}

static void test_name_servers_of_a_private_network(void **state)
{
	(void)state;
	check_resolv("", 256, "");
	check_resolv("nameserver 127.0.0.53\noptions edns0\nsearch a b", 256,
		"nameserver 192.0.2.53\noptions edns0\nsearch a b\n");
	check_resolv("nameserver\t10.0.0.1\nnameserver 10.0.0.2\nnameserver ::1\nnameserver 2::1\n",
		256, "nameserver 192.0.2.53\nnameserver 2001:db8:53::53\n");
	check_resolv(
		"nameserver fe80::1%eth0\n#nameserver 1.2.3.4\n", 256, "#nameserver 1.2.3.4\n");
	check_resolv("search a\nsearch bb\n", 12, "search a\n");
	check_resolv("search a\n", 10, "search a\n");
	check_resolv("search a\n", 9, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_homes_that_would_break_the_container),
		cmocka_unit_test(test_homes_that_are_fine),
		cmocka_unit_test(test_volumes_keep_off),
		cmocka_unit_test(test_volumes_are_mounted),
		cmocka_unit_test(test_volumes_of_sys_are_readonly),
		cmocka_unit_test(test_files_are_mounted),
		cmocka_unit_test(test_files_keep_off),
		cmocka_unit_test(test_only_dev_may_hold_devices_and_nothing_sets_uid),
		cmocka_unit_test(test_mount_points_come_before_mounts),
		cmocka_unit_test(test_accounts_that_cannot_be_written_down),
		cmocka_unit_test(test_accounts_that_can),
		cmocka_unit_test(test_groups_are_exactly_the_hosts),
		cmocka_unit_test(test_groups_of_the_same_name_or_number_stand_once),
		cmocka_unit_test(test_description_is_cleaned),
		cmocka_unit_test(test_users_have_no_power),
		cmocka_unit_test(test_root_is_refused_unless_named),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_banner),
		cmocka_unit_test(test_banner_file),
		cmocka_unit_test(test_network_and_hostname),
		cmocka_unit_test(test_limits_add_what_gocker_needs),
		cmocka_unit_test(test_terminals),
		cmocka_unit_test(test_agent),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_name_servers_of_a_private_network),
		cmocka_unit_test(test_failure_leaves_the_plan_alone),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
