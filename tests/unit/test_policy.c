/* Which rules apply to whom, and that what is printed reads back. */
#include "unit.h"

#include <errno.h>

#include "plan/config.h"
#include "plan/keys.h"
#include "plan/list.h"
#include "plan/policy.h"
#include "plan/profile.h"

static const struct gk_group ann_groups[] = { { 1000, "ann" }, { 50, "staff" }, { 60, "students" },
	{ 4711, NULL } };
static const struct gk_identity ann = { 1000, 1000, "ann", "", "/home/ann", "/bin/sh", ann_groups,
	COUNT(ann_groups) };

static int policy_for(const char *text, const struct gk_identity *who, struct gk_arena *arena,
	struct gk_policy *ret, struct gk_err *err)
{
	struct gk_config config;
	int r = gk_config_parse(
		text, strlen(text), "g.ini", gk_ini_read, arena, &config, NULL, err);
	return r < 0 ? r : gk_policy_for(&config, who, arena, ret, err);
}

static struct gk_policy good_policy(
	const char *text, const struct gk_identity *who, struct gk_arena *arena)
{
	struct gk_policy policy;
	struct gk_err err = GK_ERR_INIT;
	if (policy_for(text, who, arena, &policy, &err) < 0)
		fail_msg("%s", err.msg);
	return policy;
}

static void test_defaults_are_the_original_ones(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_policy p = good_policy("", &ann, &arena);
	assert_string_equal(p.image, "alpine");
	assert_string_equal(p.hostname, "gocker-container");
	assert_string_equal(p.shell, "/bin/sh");
	assert_int_equal(p.pids_max, 20);
	assert_int_equal(p.user_pids_max, 200);
	assert_int_equal(p.user_sessions_max, 16);
	assert_int_equal(p.sessions_max, 0);
	assert_true(p.memory_max == GK_UNLIMITED && p.user_memory_max == GK_UNLIMITED);
	assert_int_equal(p.root, GK_ROOT_OVERLAY);
	assert_int_equal(p.root_size, 64 << 20);
	assert_int_equal(p.tmp_size, 64 << 20);
	assert_int_equal(p.root_inodes, 16384);
	assert_int_equal(p.nofile, 16384);
	assert_int_equal(p.home, GK_HOME_BIND);
	assert_int_equal(p.network, GK_NETWORK_HOST);
	assert_false(p.tcp_connect.limited || p.tcp_bind.limited);
	assert_int_equal(p.abstract_sockets, GK_ABSTRACT_SESSION);
	assert_true(p.contain && p.umask == (mode_t)-1);
	assert_int_equal(p.share, GK_SHARE_LOGIN);
	assert_true(p.linger_s == 0 && p.container_max_duration_s == 0 && p.max_duration_s == 0);
	assert_string_equal(p.origin[GK_KEY_PIDS_MAX].section, "built-in");
	assert_int_equal(p.origin[GK_KEY_PIDS_MAX].line, 0);
}

static void test_user_over_groups_over_default_wherever_they_stand(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_policy p =
		good_policy("[user:ann]\npids_max = 1\n"
			    "[group:students]\npids_max = 2\nhostname = two\ncpus = 2\n"
			    "[group:staff]\npids_max = 3\nhostname = three\n"
			    "[group:wheel]\nhostname = four\n"
			    "[default]\npids_max = 5\nhostname = five\nshell = /bin/five\n",
			&ann, &arena);
	assert_int_equal(p.pids_max, 1);
	assert_string_equal(p.origin[GK_KEY_PIDS_MAX].section, "user:ann");
	assert_int_equal(p.origin[GK_KEY_PIDS_MAX].line, 2);
	/* Of two groups the later one in the file. */
	assert_string_equal(p.hostname, "three");
	assert_string_equal(p.origin[GK_KEY_HOSTNAME].section, "group:staff");
	assert_int_equal(p.cpus_milli, 2000);
	assert_string_equal(p.shell, "/bin/five");
	assert_true(p.named);
}

/* What ended sessions leave through descriptors (A58) is bounded where a session's memory is. */
static void test_user_memory_follows_memory(void **state)
{
	(void)state;
	static const struct {
		const char *ini;
		uint64_t max;
		bool follows;
	} cases[] = { { "[default]\nmemory_max = 64M\n", 1024ull << 20, true },
		{ "[default]\nmemory_max = 64M\nuser_sessions_max = 2\n", 128ull << 20, true },
		{ "[default]\nmemory_max = 64M\nuser_sessions_max = 0\n", GK_UNLIMITED, false },
		{ "[default]\nmemory_max = 1024T\nuser_sessions_max = 1048576\n", GK_UNLIMITED,
			false },
		{ "[default]\nmemory_max = 64M\nuser_memory_max = none\n", GK_UNLIMITED, false },
		{ "[default]\nmemory_max = 64M\nuser_memory_max = 96M\n", 96ull << 20, false },
		{ "[default]\nuser_memory_max = 96M\n", 96ull << 20, false } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		ARENA arena = { 0 };
		struct gk_policy p = good_policy(cases[i].ini, &ann, &arena);
		assert_true(p.user_memory_max == cases[i].max);
		assert_int_equal(p.user_memory_follows, cases[i].follows);
		if (cases[i].follows)
			assert_int_equal(p.origin[GK_KEY_USER_MEMORY_MAX].line, 2);
	}
}

static void test_names_are_exact(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *text = "[user:Ann]\npids_max = 7\n[group:STAFF]\npids_max = 8\n"
			   "[user:ann ]\n";
	struct gk_err err = GK_ERR_INIT;
	struct gk_policy p;
	assert_int_equal(policy_for(text, &ann, &arena, &p, &err), -EINVAL);
	p = good_policy("[user:Ann]\npids_max = 7\n[group:STAFF]\npids_max = 8\n"
			"[group:ann b]\npids_max = 9\n",
		&ann, &arena);
	assert_int_equal(p.pids_max, 20);
	assert_false(p.named);
	/* Bob and bob are two users, each with his own rules. */
	const char *two = "[user:Bob]\npids_max = 1\n[user:bob]\npids_max = 2\n";
	struct gk_identity bob = ann;
	bob.name = "Bob";
	assert_int_equal(good_policy(two, &bob, &arena).pids_max, 1);
	bob.name = "bob";
	assert_int_equal(good_policy(two, &bob, &arena).pids_max, 2);
}

static void test_directory_service_names(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const names[] = { "DOM\\ann", "ann@dom.example", "j\xc3\xbcrgen", "ann#1",
		"ann;b", "ann=b", "a[n", "ann b" };
	for (size_t i = 0; i < COUNT(names); i++) {
		struct gk_identity who = ann;
		who.name = names[i];
		const char *text = gk_arena_printf(&arena, "[user:%s]\npids_max = 77\n", names[i]);
		struct gk_policy p;
		struct gk_err err = GK_ERR_INIT;
		int r = policy_for(text, &who, &arena, &p, &err);
		/* A bracket in a name is the one thing a title can't hold. */
		if (strchr(names[i], '['))
			assert_int_equal(r, -EINVAL);
		else if (r < 0 || p.pids_max != 77)
			fail_msg("%s: %s", names[i], err.msg);
	}
}

static void test_a_group_without_a_name_matches_nothing(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_policy p = good_policy("[group:4711]\npids_max = 7\n", &ann, &arena);
	assert_int_equal(p.pids_max, 20);
}

static void test_system_accounts_are_exempt_unless_named(void **state)
{
	(void)state;
	struct gk_arena arena = { 0 };
	struct gk_group groups[] = { { 33, "www-data" } };
	struct gk_identity www = { .name = "www-data",
		.uid = 33,
		.gid = 33,
		.home = "/var/www",
		.shell = "/usr/sbin/nologin",
		.groups = groups,
		.ngroups = 1 };
	struct gk_policy p = good_policy("[gocker]\nmin_uid = 1000\n", &www, &arena);
	assert_false(p.contain);
	assert_int_equal(p.origin[GK_KEY_CONTAIN].line, 2);
	assert_false(good_policy("", &www, &arena).contain);
	assert_false(good_policy("[default]\ncontain = yes\n", &www, &arena).contain);
	assert_true(good_policy("[user:www-data]\ncontain = yes\n", &www, &arena).contain);
	assert_true(good_policy("[group:www-data]\ncontain = yes\n", &www, &arena).contain);
	assert_true(good_policy("[gocker]\nmin_uid = 33\n", &www, &arena).contain);
	assert_true(good_policy("[gocker]\nmin_uid = 0\n", &www, &arena).contain);
	www.uid = 1000;
	assert_true(good_policy("", &www, &arena).contain);
	gk_arena_free(&arena);
}

static void test_root_is_not_contained_unless_said(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_identity root = ann;
	root.uid = 0;
	root.name = "root";
	assert_false(good_policy("", &root, &arena).contain);
	assert_true(good_policy("[user:root]\ncontain = yes\n", &root, &arena).contain);
	assert_false(good_policy("[default]\ncontain = no\n", &ann, &arena).contain);
}

static void test_the_container_of_one_login_ends_at_the_lower_time(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_policy p = good_policy("[default]\ncontainer_max_duration = 1h\n", &ann, &arena);
	assert_int_equal(p.max_duration_s, 3600);
	assert_int_equal(p.origin[GK_KEY_MAX_DURATION].line, 2);
	p = good_policy(
		"[default]\ncontainer_max_duration = 1h\nmax_duration = 2h\n", &ann, &arena);
	assert_int_equal(p.max_duration_s, 3600);
	assert_int_equal(p.origin[GK_KEY_MAX_DURATION].line, 2);
	p = good_policy(
		"[default]\ncontainer_max_duration = 2h\nmax_duration = 1h\n", &ann, &arena);
	assert_int_equal(p.max_duration_s, 3600);
	assert_int_equal(p.origin[GK_KEY_MAX_DURATION].line, 3);
	p = good_policy("[default]\ncontainer_max_duration = 1h\nshare = user\n", &ann, &arena);
	assert_int_equal(p.max_duration_s, 0);
	assert_int_equal(p.container_max_duration_s, 3600);
	assert_int_equal(p.share, GK_SHARE_USER);
	p = good_policy("[default]\nlinger = forever\n", &ann, &arena);
	assert_true(p.linger_s == GK_UNLIMITED);
}

static void test_placeholders(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *text = "[default]\nhostname = lab-{user}-{id}\n"
			   "volumes = /srv/{user}/x:/w/{user} /a:/b:ro\n";
	struct gk_policy p = good_policy(text, &ann, &arena);
	assert_string_equal(p.hostname, "lab-ann-{id}");
	assert_int_equal(p.nvolumes, 2);
	assert_string_equal(p.volumes[0].source, "/srv/ann/x");
	assert_string_equal(p.volumes[0].target, "/w/ann");
	assert_false(p.volumes[0].readonly);
	assert_true(p.volumes[1].readonly);
	struct gk_identity who = ann;
	who.name = "DOM\\J\xc3\xbcrgen__X.";
	assert_string_equal(good_policy(text, &who, &arena).hostname, "lab-DOM-J-rgen-X-{id}");
	who.name = "\xc3\xbc";
	assert_string_equal(good_policy(text, &who, &arena).hostname, "lab-user-{id}");
}

static void test_a_name_leads_no_volume_elsewhere(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *const names[] = { "..", ".", "../../etc", "a/b", "a:b", "/" };
	for (size_t i = 0; i < COUNT(names); i++) {
		struct gk_identity who = ann;
		who.name = names[i];
		struct gk_policy p;
		struct gk_err err = GK_ERR_INIT;
		int r = policy_for("[default]\nvolumes = /srv/{user}:/w\n", &who, &arena, &p, &err);
		if (r != -EINVAL)
			fail_msg("%s gave %s", names[i], p.volumes[0].source);
		/* Without the placeholder the name does not matter. */
		good_policy("[default]\nvolumes = /srv/x:/w\n", &who, &arena);
	}
}

static void test_every_default_reads_back(void **state)
{
	(void)state;
	for (int key = 0; key < GK_KEY_COUNT; key++) {
		ARENA arena = { 0 };
		struct gk_policy p = { 0 }, again = { 0 };
		struct gk_complaint why;
		enum gk_key k = (enum gk_key)key;
		assert_int_equal(gk_key_set(k, gk_key_default(k), &arena, &p, &why), 0);
		const char *text = gk_key_text(k, &p, &arena);
		assert_int_equal(gk_key_set(k, text, &arena, &again, &why), 0);
		assert_string_equal(gk_key_text(k, &again, &arena), text);
		assert_int_equal(gk_key_find(gk_key_name(k), strlen(gk_key_name(k))), key);
	}
}

static void test_values_read_back(void **state)
{
	(void)state;
	const struct {
		enum gk_key key;
		const char *text, *printed;
	} rows[] = {
		{ GK_KEY_MEMORY_MAX, "4096K", "4M" },
		{ GK_KEY_MEMORY_MAX, "4194305", "4194305" },
		{ GK_KEY_MEMORY_SWAP_MAX, "0", "0" },
		{ GK_KEY_MEMORY_MAX, "1024G", "1T" },
		{ GK_KEY_CPUS, "1.5", "1.500" },
		{ GK_KEY_CPUS, "none", "none" },
		{ GK_KEY_USER_SESSIONS_MAX, "none", "0" },
		{ GK_KEY_USER_PIDS_MAX, "none", "none" },
		{ GK_KEY_IDLE_TIMEOUT, "90s", "90s" },
		{ GK_KEY_IDLE_TIMEOUT, "3600s", "1h" },
		{ GK_KEY_LINGER, "7200s", "2h" },
		{ GK_KEY_LINGER, "forever", "forever" },
		{ GK_KEY_LINGER, "none", "none" },
		{ GK_KEY_UMASK, "022", "0022" },
		{ GK_KEY_IMAGE_DIR, "/a//b/", "/a/b" },
		{ GK_KEY_VOLUMES, "/a:/b:ro '/c d':/e", "/a:/b:ro '/c d:/e'" },
		{ GK_KEY_BANNER, "/etc//welcome", "/etc/welcome" },
		{ GK_KEY_BANNER, "Hello {user}", "Hello {user}" },
		{ GK_KEY_HOME_QUOTA, "5G", "5G" },
		{ GK_KEY_MEMORY_HIGH, "400M", "400M" },
		{ GK_KEY_USER_CPUS, "2", "2.000" },
		{ GK_KEY_CPU_WEIGHT, "50", "50" },
		{ GK_KEY_CPU_WEIGHT, "none", "none" },
		{ GK_KEY_IO_WEIGHT, "1000", "1000" },
		{ GK_KEY_IO_MAX, "home:wiops=7,rbps=1M /dev//vda:wbps=64K",
			"home:rbps=1048576,wiops=7 /dev/vda:wbps=65536" },
		{ GK_KEY_DEVICES, "/dev//dri/card0 /dev/nvidia*", "/dev/dri/card0 /dev/nvidia*" },
		{ GK_KEY_FILES, "/a /b:/b /c:/d /e:/e:rw", "/a /b /c:/d /e:/e:rw" },
		{ GK_KEY_TCP_CONNECT, "443 22 80", "22 80 443" },
		{ GK_KEY_TCP_CONNECT, "1-4096", "1-4096" },
		{ GK_KEY_TCP_CONNECT, "22 20-23 24 23 30 65535", "20-24 30 65535" },
		{ GK_KEY_TCP_CONNECT, "none", "none" },
		{ GK_KEY_TCP_BIND, "1024-65535", "1024-65535" },
		{ GK_KEY_TCP_BIND, "0 80-1023 3000-65535 1000-4000", "0 80-65535" },
		{ GK_KEY_TCP_BIND, "any", "any" },
		{ GK_KEY_NET_DENY, "private  10.0.0.0/8:1-2 [::1]:80 ::/1",
			"private 10.0.0.0/8:1-2 [::1]:80 ::/1" },
		{ GK_KEY_NET_ALLOW, "all", "all" },
		{ GK_KEY_PUBLISH, "8000  0.0.0.0:9000-9009 [::1]:20000-29999/10",
			"8000 0.0.0.0:9000-9009 [::1]:20000-29999/10" },
		{ GK_KEY_ENV_SET, "A=\"it's\" 'B=x y'", "\"A=it's\" 'B=x y'" },
		{ GK_KEY_ENV_SET, "A='x \"'\"'y z\"", "'A=x \"'\"'y z\"" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		ARENA arena = { 0 };
		struct gk_policy p = { 0 }, again = { 0 };
		struct gk_complaint why;
		assert_int_equal(gk_key_set(rows[i].key, rows[i].text, &arena, &p, &why), 0);
		const char *text = gk_key_text(rows[i].key, &p, &arena);
		assert_string_equal(text, rows[i].printed);
		assert_int_equal(gk_key_set(rows[i].key, text, &arena, &again, &why), 0);
		assert_string_equal(gk_key_text(rows[i].key, &again, &arena), text);
	}
}

static void test_a_group_s_sessions_are_those_of_the_section_that_wins(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_policy p = good_policy("[group:students]\ngroup_sessions_max = 60\n"
					 "[group:staff]\ngroup_sessions_max = 5\n"
					 "[group:wheel]\ngroup_sessions_max = 1\n",
		&ann, &arena);
	assert_int_equal(p.group_sessions_max, 5);
	assert_int_equal(p.group_sessions_gid, 50);
	p = good_policy("[default]\npids_max = 7\n", &ann, &arena);
	assert_int_equal(p.group_sessions_max, 0);
	static const char *const wrong[] = { "[default]\ngroup_sessions_max = 5\n",
		"[user:ann]\ngroup_sessions_max = 5\n", "[gocker]\ngroup_sessions_max = 5\n" };
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(policy_for(wrong[i], &ann, &arena, &p, &err), -EINVAL);
}

static void test_what_needs_a_leaf_of_its_own(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool leaf;
		enum gk_key needs_v2;
	} rows[] = {
		{ "user_pids_max = none\n", false, GK_KEY_COUNT },
		{ "user_sessions_max = 8\n", false, GK_KEY_COUNT },
		{ "user_sessions_max = 9\n", true, GK_KEY_COUNT },
		{ "user_sessions_max = 0\nuser_pids_max = 9999\n", true, GK_KEY_COUNT },
		{ "memory_max = 64M\nuser_pids_max = none\n", false, GK_KEY_MEMORY_MAX },
		{ "user_memory_max = 64M\n", true, GK_KEY_USER_MEMORY_MAX },
		{ "memory_high = 64M\n", true, GK_KEY_MEMORY_HIGH },
		{ "memory_low = 64M\n", true, GK_KEY_MEMORY_LOW },
		{ "cpus = 1\n", true, GK_KEY_CPUS },
		{ "user_cpus = 1\n", true, GK_KEY_USER_CPUS },
		{ "cpu_weight = 50\n", true, GK_KEY_CPU_WEIGHT },
		{ "io_weight = 50\n", true, GK_KEY_IO_WEIGHT },
		{ "io_max = root:riops=9\n", true, GK_KEY_IO_MAX },
		{ "devices = /dev/x\n", true, GK_KEY_DEVICES },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		ARENA arena = { 0 };
		const char *text = gk_arena_printf(&arena, "[default]\n%s", rows[i].text);
		struct gk_policy p = good_policy(text, &ann, &arena);
		assert_int_equal(gk_policy_needs_leaf(&p, 23), rows[i].leaf);
		assert_int_equal(gk_policy_needs_v2(&p), rows[i].needs_v2);
		if (rows[i].needs_v2 == GK_KEY_COUNT)
			continue;
		const struct gk_setting setting = { (int)rows[i].needs_v2,
			gk_key_text(rows[i].needs_v2, &p, &arena), 1 };
		assert_true(gk_setting_needs_v2(&setting, &arena));
	}
}

/* Every profile has the same keys, each with a value that is one. */
static void test_profiles_have_the_same_keys(void **state)
{
	(void)state;
	size_t n, first;
	const struct gk_profile_value *work = gk_profile_values(GK_PROFILE_WORK, &first);
	assert_true(gk_profile_values(GK_PROFILE_NONE, &n) == NULL && n == 0);
	for (unsigned i = GK_PROFILE_WORK; gk_profile_names[i]; i++) {
		const struct gk_profile_value *values = gk_profile_values((enum gk_profile)i, &n);
		assert_int_equal(gk_profile_by_name(gk_profile_names[i]), i);
		assert_int_equal(n, first);
		for (size_t k = 0; k < n; k++) {
			ARENA arena = { 0 };
			struct gk_policy p = { 0 };
			struct gk_complaint why;
			assert_int_equal(values[k].key, work[k].key);
			assert_int_equal(
				gk_key_set(values[k].key, values[k].text, &arena, &p, &why), 0);
			assert_string_equal(gk_key_text(values[k].key, &p, &arena), values[k].text);
			const struct gk_setting setting = { values[k].key, values[k].text, 1 };
			assert_false(gk_setting_needs_v2(&setting, &arena));
			assert_false(gk_setting_needs_landlock(&setting, &arena));
		}
	}
}

/* A profile wins over what sections before its own say, and loses to the lines of its own section
 * and of later ones. The last one that is named applies, alone. */
static void test_where_a_profile_stands(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_policy p = good_policy("[default]\npids_max = 20\nroot_size = 32M\n"
					 "[group:staff]\nroot_size = 2G\nprofile = work\n"
					 "[user:ann]\numask = 027\n",
		&ann, &arena);
	assert_int_equal(p.profile, GK_PROFILE_WORK);
	assert_int_equal(p.pids_max, 512);
	assert_string_equal(p.origin[GK_KEY_PIDS_MAX].section, "group:staff");
	assert_int_equal(p.origin[GK_KEY_PIDS_MAX].line, 6);
	assert_string_equal(p.origin[GK_KEY_PIDS_MAX].profile, "work");
	assert_true(p.root_size == 2ull << 30);
	assert_null(p.origin[GK_KEY_ROOT_SIZE].profile);
	assert_int_equal(p.umask, 027);

	p = good_policy("[user:ann]\nprofile = work\n[default]\nprofile = ctf\nagent = yes\n", &ann,
		&arena);
	assert_int_equal(p.profile, GK_PROFILE_WORK);
	assert_int_equal(p.home, GK_HOME_BIND);
	assert_int_equal(p.network, GK_NETWORK_HOST);
	assert_int_equal(p.max_duration_s, 0);

	p = good_policy("[default]\nprofile = ctf\npids_max = 30\n[user:ann]\nprofile = none\n",
		&ann, &arena);
	assert_int_equal(p.profile, GK_PROFILE_NONE);
	assert_int_equal(p.network, GK_NETWORK_HOST);
	assert_int_equal(p.pids_max, 30);
	assert_int_equal(p.user_sessions_max, 16);

	p = good_policy("[group:other]\nprofile = ctf\n", &ann, &arena);
	assert_int_equal(p.profile, GK_PROFILE_NONE);
	assert_int_equal(p.pids_max, 20);
}

static void test_repeated_options_become_one_list(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	const char *list = gk_list_add(NULL, "A=x y", &arena);
	list = gk_list_add(list, "B='\"", &arena);
	list = gk_list_add(list, "C=", &arena);
	struct gk_policy p = { 0 };
	struct gk_complaint why;
	assert_int_equal(gk_key_set(GK_KEY_ENV_SET, list, &arena, &p, &why), 0);
	assert_string_equal(p.env_set[0], "A=x y");
	assert_string_equal(p.env_set[1], "B='\"");
	assert_string_equal(p.env_set[2], "C=");
	assert_null(p.env_set[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_the_original_ones),
		cmocka_unit_test(test_user_over_groups_over_default_wherever_they_stand),
		cmocka_unit_test(test_user_memory_follows_memory),
		cmocka_unit_test(test_names_are_exact),
		cmocka_unit_test(test_directory_service_names),
		cmocka_unit_test(test_a_group_without_a_name_matches_nothing),
		cmocka_unit_test(test_root_is_not_contained_unless_said),
		cmocka_unit_test(test_system_accounts_are_exempt_unless_named),
		cmocka_unit_test(test_the_container_of_one_login_ends_at_the_lower_time),
		cmocka_unit_test(test_placeholders),
		cmocka_unit_test(test_a_name_leads_no_volume_elsewhere),
		cmocka_unit_test(test_every_default_reads_back),
		cmocka_unit_test(test_values_read_back),
		cmocka_unit_test(test_a_group_s_sessions_are_those_of_the_section_that_wins),
		cmocka_unit_test(test_what_needs_a_leaf_of_its_own),
		cmocka_unit_test(test_profiles_have_the_same_keys),
		cmocka_unit_test(test_where_a_profile_stands),
		cmocka_unit_test(test_repeated_options_become_one_list),
	};
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
