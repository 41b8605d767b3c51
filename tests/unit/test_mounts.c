/* The plan: what is mounted where, and what is refused. */
#include "login.h"

#include "plan/text.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_homes_that_would_break_the_container),
		cmocka_unit_test(test_homes_that_are_fine),
		cmocka_unit_test(test_volumes_keep_off),
		cmocka_unit_test(test_volumes_of_sys_are_readonly),
		cmocka_unit_test(test_volumes_are_mounted),
		cmocka_unit_test(test_files_are_mounted),
		cmocka_unit_test(test_files_keep_off),
		cmocka_unit_test(test_only_dev_may_hold_devices_and_nothing_sets_uid),
		cmocka_unit_test(test_mount_points_come_before_mounts),
	};
	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
