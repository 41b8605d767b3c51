/* The plan: who runs what, and what is refused. */
#include "login.h"

#include <sched.h>

#include "plan/text.h"

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
