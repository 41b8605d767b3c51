/* That each property the fuzzers check would be seen to fail: a plan, a policy and a reading of the
 * file are spoilt in one way each, and the check has to abort. Unspoilt they pass. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan/config.h"
#include "plan/keys.h"
#include "plan/policy.h"

static const char *key_text(
	enum gk_key key, const struct gk_policy *policy, struct gk_arena *arena);
static int parse(const char *text, size_t size, const char *path, gk_tokenizer *tokenize,
	struct gk_arena *arena, struct gk_config *ret, struct gk_faults *faults,
	struct gk_err *err);

/* The checks themselves, with what they ask for a value's text and for a configuration in our
 * hands. */
#define gk_key_text key_text
#include "../fuzz/properties.c"
#undef gk_key_text
#define gk_config_parse parse
#include "../fuzz/fuzz_config.c"
#undef gk_config_parse

static enum { AS_IT_IS, OTHER_TEXT, CHANGES, NO_FAULT, NO_REASON, LATE_LINE, TAKES_ALL } broken;

/* Printing that does not agree with reading. */
static const char *key_text(enum gk_key key, const struct gk_policy *policy, struct gk_arena *arena)
{
	static unsigned calls;
	if (broken == OTHER_TEXT && key == GK_KEY_PIDS_MAX)
		return calls++ % 2 ? "7" : "8";
	return gk_key_text(key, policy, arena);
}

static int parse(const char *text, size_t size, const char *path, gk_tokenizer *tokenize,
	struct gk_arena *arena, struct gk_config *ret, struct gk_faults *faults, struct gk_err *err)
{
	struct gk_config was = *ret;
	int r = gk_config_parse(text, size, path, tokenize, arena, ret, faults, err);
	if (r == 0)
		return 0;
	switch (broken) {
	case CHANGES:
		ret->nsections = was.nsections + 1;
		break; /* a refused file that leaves something */
	case NO_FAULT: faults->n = 0; break;
	case NO_REASON: faults->list[0].reason = NULL; break;
	case LATE_LINE: faults->list[0].line = 1000; break;
	case TAKES_ALL: return 0;
	default: break;
	}
	return r;
}

struct made {
	struct gk_arena arena;
	struct gk_policy policy;
	struct gk_request request;
	struct gk_plan plan;
	struct gk_mount *mounts;
	struct gk_entry *entries;
	struct gk_bind *binds;
	const char **env;
};

static void make(struct made *m)
{
	static const char ini[] = "[default]\nvolumes = /srv/a:/a /srv/b:/b\nenv_set = A=1\n";
	static const char *const argv[] = { "ls", NULL };
	struct gk_err err = GK_ERR_INIT;
	struct gk_config config;
	memset(m, 0, sizeof *m);
	m->request = (struct gk_request){
		.door = GK_DOOR_SHELL, .argv = argv, .session_id = "0123456789ab"
	};
	assert_int_equal(gk_config_parse(ini, sizeof ini - 1, "g.ini", gk_ini_read, &m->arena,
				 &config, NULL, &err),
		0);
	assert_int_equal(gk_policy_for(&config, &people[0], &m->arena, &m->policy, &err), 0);
	assert_int_equal(
		gk_plan_make(&m->request, &people[0], &m->policy, &m->arena, &m->plan, &err), 0);
	/* Ours to change. */
	m->mounts = gk_arena_array(&m->arena, m->plan.nmounts, sizeof *m->mounts);
	m->entries = gk_arena_array(&m->arena, m->plan.nentries, sizeof *m->entries);
	m->binds = gk_arena_array(&m->arena, m->plan.nbinds, sizeof *m->binds);
	m->env = gk_arena_array(&m->arena, 64, sizeof *m->env);
	assert_true(m->mounts && m->entries && m->binds && m->env);
	memcpy(m->mounts, m->plan.mounts, m->plan.nmounts * sizeof *m->mounts);
	memcpy(m->entries, m->plan.entries, m->plan.nentries * sizeof *m->entries);
	memcpy(m->binds, m->plan.binds, m->plan.nbinds * sizeof *m->binds);
	for (size_t i = 0; m->plan.env[i]; i++)
		m->env[i] = m->plan.env[i];
	m->plan.mounts = m->mounts;
	m->plan.entries = m->entries;
	m->plan.binds = m->binds;
	m->plan.env = m->env;
}

static struct gk_mount *a_volume(struct made *m)
{
	for (size_t i = 0; i < m->plan.nmounts; i++)
		if (strcmp(m->mounts[i].target, "/a") == 0)
			return &m->mounts[i];
	fail_msg("no volume in the plan");
	return NULL;
}

static struct gk_entry *entry(struct made *m, const char *path)
{
	for (size_t i = 0; i < m->plan.nentries; i++)
		if (strcmp(m->entries[i].path, path) == 0)
			return &m->entries[i];
	fail_msg("no %s in the plan", path);
	return NULL;
}

static void add_env(struct made *m, const char *text)
{
	size_t n = 0;
	while (m->env[n])
		n++;
	m->env[n] = text;
}

static void nothing(struct made *m)
{
	(void)m;
}
static void target_is_etc(struct made *m)
{
	a_volume(m)->target = "/etc";
}
static void target_covers(struct made *m)
{
	a_volume(m)->target = "/usr";
}
static void target_below_proc(struct made *m)
{
	a_volume(m)->target = "/proc/sys";
}
static void target_with_dots(struct made *m)
{
	a_volume(m)->target = "/a/../../b";
}
static void target_relative(struct made *m)
{
	a_volume(m)->target = "a";
}
static void target_root(struct made *m)
{
	a_volume(m)->target = "/";
}
static void target_in_another(struct made *m)
{
	a_volume(m)->target = "/b/c";
}
static void with_suid(struct made *m)
{
	a_volume(m)->flags &= ~(unsigned)GK_MF_NOSUID;
}
static void with_devices(struct made *m)
{
	a_volume(m)->flags &= ~(unsigned)GK_MF_NODEV;
}
static void no_such_tree(struct made *m)
{
	a_volume(m)->index = 99;
}
static void source_with_dots(struct made *m)
{
	m->binds[0].source = "/srv/../etc";
}
static void first_is_not_the_root(struct made *m)
{
	m->mounts[0].target = "/mnt";
}
static void users_entry(struct made *m)
{
	m->entries[0].uid = 1000;
}
static void passwd_missing(struct made *m)
{
	entry(m, "/etc/passwd")->path = "/etc/other";
}
static void passwd_without_user(struct made *m)
{
	entry(m, "/etc/passwd")->content = "root:x:0:0:root:/root:/bin/sh\n";
}
static void passwd_cut(struct made *m)
{
	entry(m, "/etc/passwd")->content = "ann:x:1000:1000\n";
}
static void group_too_many(struct made *m)
{
	entry(m, "/etc/group")->content = "ann:x:1000:\nwheel:x:10:ann\n";
}
static void group_of_others(struct made *m)
{
	entry(m, "/etc/group")->content = "staff:x:500:bob\n";
}
static void other_uid(struct made *m)
{
	m->plan.cred.uid = 0;
}
static void other_gid(struct made *m)
{
	m->plan.cred.gid = 0;
}
static void fewer_groups(struct made *m)
{
	m->plan.cred.ngroups--;
}
static void new_privs(struct made *m)
{
	m->plan.cred.no_new_privs = false;
}
static void capabilities(struct made *m)
{
	m->plan.cred.caps = 1;
}
static void other_filter(struct made *m)
{
	m->plan.cred.filter = GK_FILTER_ADMIN;
}
static void env_preload(struct made *m)
{
	add_env(m, "LD_PRELOAD=/x");
}
static void env_twice(struct made *m)
{
	add_env(m, "HOME=/x");
}
static void env_no_name(struct made *m)
{
	add_env(m, "=x");
}
static void env_no_value(struct made *m)
{
	add_env(m, "X");
}
static void hostname(struct made *m)
{
	m->plan.hostname = "a b";
}
static void pids(struct made *m)
{
	m->plan.leaf_pids_max = m->policy.pids_max;
}
static void no_terminals(struct made *m)
{
	m->plan.terminals_max = 0;
}
static void terminals(struct made *m)
{
	m->plan.terminals_max = 1000;
}
static void cwd(struct made *m)
{
	m->plan.cwd = "../x";
}
static void no_program(struct made *m)
{
	m->plan.exec_path = NULL;
}

static void policy_pids(struct made *m)
{
	m->policy.pids_max = 0;
}
static void policy_image(struct made *m)
{
	m->policy.image = "../x";
}
static void policy_hostname(struct made *m)
{
	m->policy.hostname = "a_b";
}
static void policy_size(struct made *m)
{
	m->policy.root_size = GK_UNLIMITED;
}
static void policy_shell(struct made *m)
{
	m->policy.shell = "sh";
}
static void policy_text(struct made *m)
{
	(void)m;
	broken = OTHER_TEXT;
}

/* Whether the checks abort over what spoil makes of a good plan. */
static bool fires(void (*spoil)(struct made *m))
{
	struct made m;
	int status = 0;
	make(&m);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		(void)signal(SIGABRT, SIG_DFL);
		spoil(&m);
		gk_check_policy(&m.policy);
		gk_check_plan(&m.plan, &people[0], &m.request);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	gk_arena_free(&m.arena);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	return true;
}

static void test_each_property_of_a_plan_and_a_policy_fires(void **state)
{
#define ROW(f) \
	{ \
#f, f \
	}
	static const struct {
		const char *name;
		void (*spoil)(struct made *m);
	} rows[] = { ROW(target_is_etc), ROW(target_covers), ROW(target_below_proc),
		ROW(target_with_dots), ROW(target_relative), ROW(target_root),
		ROW(target_in_another), ROW(with_suid), ROW(with_devices), ROW(no_such_tree),
		ROW(source_with_dots), ROW(first_is_not_the_root), ROW(users_entry),
		ROW(passwd_missing), ROW(passwd_without_user), ROW(passwd_cut), ROW(group_too_many),
		ROW(group_of_others), ROW(other_uid), ROW(other_gid), ROW(fewer_groups),
		ROW(new_privs), ROW(capabilities), ROW(other_filter), ROW(env_preload),
		ROW(env_twice), ROW(env_no_name), ROW(env_no_value), ROW(hostname), ROW(pids),
		ROW(no_terminals), ROW(terminals), ROW(cwd), ROW(no_program), ROW(policy_pids),
		ROW(policy_image), ROW(policy_hostname), ROW(policy_size), ROW(policy_shell),
		ROW(policy_text) };
	(void)state;
	assert_false(fires(nothing));
	for (size_t i = 0; i < COUNT(rows); i++)
		if (!fires(rows[i].spoil))
			fail_msg("nothing is said of %s", rows[i].name);
}

static bool fires_on(const char *text)
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		(void)signal(SIGABRT, SIG_DFL);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)text, strlen(text));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_a_refused_file_that_yields_something_fires(void **state)
{
	static const char bad[] = "[default]\npids_max = 5x\n";
	(void)state;
	broken = AS_IT_IS;
	assert_false(fires_on("[default]\npids_max = 5\n"));
	assert_false(fires_on(bad));
	for (broken = CHANGES; broken <= TAKES_ALL; broken++)
		if (!fires_on(bad))
			fail_msg("nothing is said of breakage %d", (int)broken);
	broken = AS_IT_IS;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_property_of_a_plan_and_a_policy_fires),
		cmocka_unit_test(test_a_refused_file_that_yields_something_fires),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
