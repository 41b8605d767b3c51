/* Images as any user: names, paths out of archives, versions and their locks, manifests, pins, ELF.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/elf.h"
#include "image/alpine.h"
#include "image/extract.h"
#include "image/image.h"
#include "image/info.h"
#include "image/inroot.h"
#include "image/manifest.h"
#include "image/spawn.h"
#include "image/store.h"
#include "image/tree.h"
#include "run/store/image.h"

/* A directory of its own for each test. */
struct place {
	char path[200];
	int fd;
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	const char *tmp = getenv("TMPDIR");
	snprintf(place->path, sizeof place->path, "%s/gocker-unit.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(place->path))
		return -1;
	place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return place->fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	(void)close(place->fd);
	char *slash = strrchr(place->path, '/');
	*slash = '\0';
	gk_autoclose int above = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = gk_tree_remove(above, slash + 1, NULL, NULL);
	free(place);
	return r;
}

static void write_at(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_names(void **state)
{
	(void)state;
	const char *const good[] = { "a", "alpine", "Alpine-3.20", "0", "a_b.c-d",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	const char *const bad[] = { "", ".", "..", ".a", "-a", "_a", "a/b", "a b", "a\n",
		"\xc3\xa4", "a@b", "a:b",
		"01234567890123456789012345678901234567890123456789012345678901234" };
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(gk_image_name_ok(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(gk_image_name_ok(bad[i]));
}

static void test_paths_out_of_archives(void **state)
{
	(void)state;
	char out[PATH_MAX], name[PATH_MAX + 8];
	const char *const good[][2] = { { "a", "a" }, { "a/b", "a/b" }, { "/a/b", "a/b" },
		{ "./a//b/", "a/b" }, { "///", "" }, { "", "" }, { ".", "" }, { "./.", "" },
		{ "..a/b..", "..a/b.." }, { "a/.../b", "a/.../b" } };
	const char *const bad[] = { "..", "../a", "a/..", "a/../b", "/..", "a/b/../../..",
		"./../a" };
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(gk_extract_path(good[i][0], out), 0);
		assert_string_equal(out, good[i][1]);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(gk_extract_path(bad[i], out), -EINVAL);
	memset(name, 'n', 256);
	name[256] = '\0';
	assert_int_equal(gk_extract_path(name, out), -ENAMETOOLONG);
	name[255] = '\0';
	assert_int_equal(gk_extract_path(name, out), 0);
	for (size_t i = 0; i < 2 * (GK_EXTRACT_DEPTH + 1); i++)
		name[i] = i % 2 ? '/' : 'd';
	name[2 * (GK_EXTRACT_DEPTH + 1)] = '\0';
	assert_int_equal(gk_extract_path(name, out), -ENAMETOOLONG);
	name[2 * GK_EXTRACT_DEPTH] = '\0';
	assert_int_equal(gk_extract_path(name, out), 0);
}

static void test_pins_are_sums(void **state)
{
	(void)state;
	for (const struct gk_pin *pin = gk_pins; pin->version; pin++) {
		assert_int_equal(strlen(pin->sha512), 128);
		assert_int_equal(strspn(pin->sha512, "0123456789abcdef"), 128);
		assert_non_null(strrchr(pin->version, '.'));
	}
}

static void test_listings(void **state)
{
	char version[GK_ALPINE_VERSION_MAX] = "";
	static const char text[] = "---\n-\n  title: \"Standard\"\n  arch: x86_64\n"
				   "  version: 3.25.0\n  flavor: alpine-standard\n"
				   "-\n  title: \"Mini root filesystem\"\n  desc: |\n"
				   "    For use in containers\n  arch: x86_64\n"
				   "  version: \"3.25.1\"\r\n  flavor: alpine-minirootfs\n";
	static const char *const none[] = { "", "-", "version: 3.25.1\n", "<html>\n",
		"-\n  arch: x86_64\n  flavor: alpine-minirootfs\n",
		"-\n  arch: x86_64\n  flavor: alpine-minirootfs\n  version: 3.25.1_rc1\n",
		"-\n  arch: x86_64\n  flavor: alpine-minirootfs\n  version: 3.25/../1\n",
		"-\n  arch: x86_64\n  flavor: alpine-minirootfs\n  version: 3.25\n",
		"-\n  arch: x86_64\n  flavor: alpine-minirootfs\n  version: 3.25.99999\n",
		"-\n  arch: x86_64\n  flavor: alpine-minirootfs\n-\n  version: 3.25.1\n" };
	(void)state;
	assert_true(gk_alpine_listed(text, "x86_64", version));
	assert_string_equal(version, "3.25.1");
	assert_false(gk_alpine_listed(text, "aarch64", version));
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_false(gk_alpine_listed(none[i], "x86_64", version));
	assert_true(gk_alpine_compare("3.9.10", "3.20.3") < 0);
	assert_true(gk_alpine_compare("3.20.10", "3.20.9") > 0);
	assert_int_equal(gk_alpine_compare("3.20.3", "3.20.3"), 0);
}

static void test_sums(void **state)
{
	struct place *place = *state;
	char sum[GK_SUM_MAX];
	write_at(place->fd, "abc", "abc"); /* FIPS 180-2, appendix B.1 and C.1 */
	gk_autoclose int fd = openat(place->fd, "abc", O_RDONLY);
	assert_int_equal(gk_hash_fd(fd, 256, NULL, sum), 0);
	assert_string_equal(
		sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(gk_hash_fd(fd, 512, NULL, sum), 0);
	assert_string_equal(sum,
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

struct found {
	int n;
	char text[512];
};

static void on_difference(void *arg, enum gk_difference kind, const char *path, const char *what)
{
	static const char *const kinds[] = { "missing", "added", "changed" };
	struct found *found = arg;
	size_t len = strlen(found->text);
	found->n++;
	snprintf(found->text + len, sizeof found->text - len, "%s %s %s\n", kinds[kind], path,
		what ? what : "-");
}

static int64_t verify(struct place *place, int root, struct found *found)
{
	struct gk_err err = GK_ERR_INIT;
	*found = (struct found){ 0 };
	return gk_manifest_verify(root, place->fd, "manifest", NULL, on_difference, found, &err);
}

/* Names that sort differently by bytes than by components, and that need escaping. */
static int make_tree(struct place *place)
{
	static const char *const files[] = { "root/a/x", "root/a.b", "root/a b", "root/a\nb",
		"root/\\000", "root/\x01", "root/z" };
	assert_int_equal(mkdirat(place->fd, "root", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "root/a", 0755), 0);
	for (size_t i = 0; i < COUNT(files); i++)
		write_at(place->fd, files[i], files[i]);
	assert_int_equal(symlinkat("to a\n", place->fd, "root/link"), 0);
	return openat(place->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void test_manifest_tells_each_difference(void **state)
{
	struct place *place = *state;
	struct gk_manifest_totals totals;
	struct gk_err err = GK_ERR_INIT;
	struct found found;
	gk_autoclose int root = make_tree(place);
	assert_int_equal(gk_manifest_write(root, place->fd, "manifest", NULL, &totals, &err), 0);
	assert_int_equal(totals.entries, 9);
	assert_int_equal(verify(place, root, &found), 0);

	write_at(root, "a/x", "root/a/y");
	assert_int_equal(verify(place, root, &found), 1);
	assert_string_equal(found.text, "changed a/x content\n");
	write_at(root, "a/x", "root/a/x");

	assert_int_equal(fchmodat(root, "z", 0600, 0), 0);
	write_at(root, "a/new", "");
	assert_int_equal(unlinkat(root, "a b", 0), 0);
	assert_int_equal(unlinkat(root, "link", 0), 0);
	assert_int_equal(symlinkat("else", root, "link"), 0);
	assert_int_equal(verify(place, root, &found), 4);
	assert_string_equal(
		found.text, "added a/new -\nmissing a b -\nchanged link target\nchanged z mode\n");
}

static void test_a_damaged_manifest_is_told(void **state)
{
	struct place *place = *state;
	struct found found;
	gk_autoclose int root = make_tree(place);
	const char *const damaged[] = { "", "gocker-manifest 2\n", "gocker-manifest 1\nf 0644\n",
		"gocker-manifest 1\nf 0644 0 0 1 - x" };
	for (size_t i = 0; i < COUNT(damaged); i++) {
		write_at(place->fd, "manifest", damaged[i]);
		assert_int_equal(verify(place, root, &found), -EBADMSG);
	}
}

static void test_trees_of_any_depth_are_removed(void **state)
{
	struct place *place = *state;
	int fd = openat(place->fd, ".", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	write_at(fd, "file", "");
	close(fd);
	assert_int_equal(gk_tree_remove(place->fd, "d", NULL, NULL), 0);
	assert_int_equal(faccessat(place->fd, "d", F_OK, 0), -1);
}

static void test_removal_follows_no_symlink(void **state)
{
	struct place *place = *state;
	assert_int_equal(mkdirat(place->fd, "kept", 0755), 0);
	write_at(place->fd, "kept/file", "");
	assert_int_equal(mkdirat(place->fd, "gone", 0755), 0);
	assert_int_equal(symlinkat("../kept", place->fd, "gone/link"), 0);
	assert_int_equal(gk_tree_remove(place->fd, "gone", NULL, NULL), 0);
	assert_int_equal(faccessat(place->fd, "kept/file", F_OK, 0), 0);
}

static void test_copies_keep_links_modes_and_times(void **state)
{
	struct place *place = *state;
	struct gk_err err = GK_ERR_INIT;
	struct stat a, b, link;
	gk_autoclose int from = make_tree(place);
	assert_int_equal(linkat(from, "z", from, "a/z", 0), 0);
	assert_int_equal(fchmodat(from, "z", 0751, 0), 0);
	const struct timespec old[2] = { { 1000, 5 }, { 2000, 7 } };
	assert_int_equal(utimensat(from, "a", old, 0), 0);
	assert_int_equal(mkfifoat(from, "pipe", 0600), 0);
	assert_int_equal(mkdirat(place->fd, "copy", 0755), 0);
	gk_autoclose int to = openat(place->fd, "copy", O_RDONLY | O_DIRECTORY);
	assert_int_equal(gk_tree_copy(from, to, NULL, &err), 0);
	assert_int_equal(fstatat(to, "z", &a, 0), 0);
	assert_int_equal(fstatat(to, "a/z", &b, 0), 0);
	assert_true(a.st_ino == b.st_ino && (a.st_mode & 07777) == 0751);
	assert_int_equal(fstatat(to, "a", &a, 0), 0);
	assert_true(a.st_mtim.tv_sec == 2000 && a.st_mtim.tv_nsec == 7);
	assert_int_equal(fstatat(to, "link", &link, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(link.st_mode));
	assert_int_equal(fstatat(to, "pipe", &a, 0), -1);
}

static void test_in_root_links_stay_in_the_root(void **state)
{
	struct place *place = *state;
	struct gk_err err = GK_ERR_INIT;
	const char *name;
	assert_int_equal(mkdirat(place->fd, "root", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "root/usr", 0755), 0);
	assert_int_equal(symlinkat("../../../../usr", place->fd, "root/lib"), 0);
	assert_int_equal(symlinkat("/usr", place->fd, "root/bin"), 0);
	write_at(place->fd, "source", "text");
	gk_autoclose int root = openat(place->fd, "root", O_RDONLY | O_DIRECTORY);
	gk_autoclose int source = openat(place->fd, "source", O_RDONLY);
	assert_int_equal(gk_inroot_copy(root, "/lib/new/dir/file", source, 04755, &err), 0);
	assert_int_equal(gk_inroot_copy(root, "/bin/x", source, 0644, &err), 0);
	struct stat st;
	assert_int_equal(fstatat(root, "usr/new/dir/file", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(faccessat(root, "usr/x", F_OK, 0), 0);
	assert_int_equal(gk_inroot_parent(root, "/none/x", false, &name, &err), -ENOENT);
	gk_err_clear(&err);
	assert_int_equal(gk_inroot_parent(root, "relative", false, &name, &err), -EINVAL);
}

/* A new version of image name that holds one file. */
static int make_version(
	const struct gk_store *store, const char *name, const char *text, struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	gk_autoinfo struct json_object *info = gk_info_new("test", NULL, NULL);
	int r = gk_staging_begin(store, name, &staging, err);
	if (r < 0)
		return r;
	write_at(staging.root_fd, "file", text);
	return gk_image_seal(&staging, info, NULL, err);
}

static void open_store(struct place *place, struct gk_store *store)
{
	static char path[PATH_MAX];
	struct gk_err err = GK_ERR_INIT;
	(void)umask(022);
	snprintf(path, sizeof path, "%s/images", place->path);
	assert_int_equal(gk_store_open(path, true, store, &err), 0);
}

static void test_versions_replace_each_other(void **state)
{
	struct place *place = *state;
	gk_autostore struct gk_store store = GK_STORE_INIT;
	gk_autolist struct gk_image_list list = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_image_version version;
	struct gk_prune prune = { 0 };
	open_store(place, &store);
	assert_int_equal(make_version(&store, "a", "one", &err), 0);
	assert_int_equal(gk_store_current(&store, "a", &version, &err), 0);
	gk_autoclose int held = -1;
	assert_int_equal(gk_store_open_version(&store, &version, &held, NULL, &err), 0);
	assert_int_equal(make_version(&store, "a", "two", &err), 0);
	assert_int_equal(make_version(&store, "b", "three", &err), 0);
	assert_int_equal(gk_store_list(&store, NULL, &list, &err), 0);
	assert_int_equal(list.n, 3);
	assert_true(list.list[0].current && !list.list[0].in_use);
	assert_true(!list.list[1].current && list.list[1].in_use);
	assert_string_equal(list.list[1].dir, version.dir);
	assert_string_equal(list.list[2].name, "b");

	assert_int_equal(gk_store_prune(&store, NULL, &prune, &err), 0);
	assert_true(prune.ret_removed == 0 && prune.ret_used == 1);
	assert_int_equal(gk_store_remove(&store, "a", &err), -EBUSY);
	gk_err_clear(&err);
	gk_close_fd(&held);
	prune = (struct gk_prune){ .keep = 1 };
	assert_int_equal(gk_store_prune(&store, "a", &prune, &err), 0);
	assert_true(prune.ret_removed == 0 && prune.ret_used == 0);
	prune = (struct gk_prune){ 0 };
	assert_int_equal(gk_store_prune(&store, "a", &prune, &err), 0);
	assert_int_equal(prune.ret_removed, 1);
	assert_int_equal(gk_store_remove(&store, "a", &err), 0);
	assert_int_equal(gk_store_current(&store, "a", &version, &err), -ENOENT);
}

static void test_only_abandoned_staging_is_swept(void **state)
{
	struct place *place = *state;
	gk_autostore struct gk_store store = GK_STORE_INIT;
	struct gk_staging abandoned = GK_STAGING_INIT;
	gk_autostaging struct gk_staging working = GK_STAGING_INIT;
	struct gk_err err = GK_ERR_INIT;
	open_store(place, &store);
	assert_int_equal(gk_staging_begin(&store, "a", &abandoned, &err), 0);
	gk_close_fd(&abandoned.root_fd);
	gk_close_fd(&abandoned.fd); /* as the kernel does for a process that is killed */
	assert_int_equal(faccessat(store.versions_fd, abandoned.dir, F_OK, 0), 0);
	assert_int_equal(gk_staging_begin(&store, "a", &working, &err), 0);
	assert_int_equal(faccessat(store.versions_fd, abandoned.dir, F_OK, 0), -1);
	gk_store_sweep(&store);
	assert_int_equal(faccessat(store.versions_fd, working.dir, F_OK, 0), 0);
}

static void test_a_change_of_what_was_replaced_is_refused(void **state)
{
	struct place *place = *state;
	gk_autostore struct gk_store store = GK_STORE_INIT;
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	gk_autoinfo struct json_object *info = NULL;
	struct gk_err err = GK_ERR_INIT;
	open_store(place, &store);
	assert_int_equal(make_version(&store, "a", "one", &err), 0);
	assert_int_equal(gk_image_copy(&store, "a", &staging, &info, NULL, &err), 0);
	assert_int_equal(make_version(&store, "a", "two", &err), 0);
	assert_int_equal(gk_image_seal(&staging, info, NULL, &err), -ESTALE);
	assert_contains(err.msg, "replaced by another command", "seal");
}

static void test_a_directory_made_by_hand_is_left_alone(void **state)
{
	struct place *place = *state;
	gk_autostore struct gk_store store = GK_STORE_INIT;
	struct gk_err err = GK_ERR_INIT;
	open_store(place, &store);
	assert_int_equal(mkdirat(store.dir_fd, "mine", 0755), 0);
	assert_int_equal(make_version(&store, "mine", "", &err), -EEXIST);
	gk_err_clear(&err);
	assert_int_equal(gk_store_remove(&store, "mine", &err), -EPERM);
	assert_int_equal(faccessat(store.dir_fd, "mine", F_OK, 0), 0);
}

static void test_a_store_that_others_can_write_is_refused(void **state)
{
	struct place *place = *state;
	struct gk_store store = GK_STORE_INIT;
	struct gk_err err = GK_ERR_INIT;
	open_store(place, &store);
	assert_int_equal(fchmod(store.dir_fd, 0775), 0);
	const char *path = store.path;
	gk_store_close(&store);
	assert_int_equal(gk_store_open(path, true, &store, &err), -EPERM);
	gk_err_clear(&err);
	assert_int_equal(gk_store_open("relative", true, &store, &err), -EINVAL);
}

static void test_os_release_is_read_inside(void **state)
{
	struct place *place = *state;
	assert_int_equal(mkdirat(place->fd, "root", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "root/etc", 0755), 0);
	gk_autoclose int root = openat(place->fd, "root", O_RDONLY | O_DIRECTORY);
	gk_autoinfo struct json_object *info = gk_info_new("test", NULL, NULL);
	assert_int_equal(
		symlinkat("/etc/../../../../../../../etc/os-release", root, "etc/os-release"), 0);
	gk_info_set_os(info, root); /* a link to itself, inside */
	assert_string_equal(gk_info_get(info, "os"), "");
	assert_int_equal(unlinkat(root, "etc/os-release", 0), 0);
	write_at(root, "etc/os-release", "ID=x\nPRETTY_NAME=\"Some \x1b[31m thing\"\n");
	gk_info_set_os(info, root);
	assert_string_equal(gk_info_get(info, "os"), "Some ?[31m thing");
}

static void test_programs_are_told_by_their_loader(void **state)
{
	struct place *place = *state;
	char loader[256];
	gk_autoclose int self = open("/proc/self/exe", O_RDONLY);
	assert_int_equal(gk_elf_loader(self, loader, sizeof loader), 1);
	assert_int_equal(loader[0], '/');
	assert_int_equal(gk_elf_loader(self, loader, 4), -ENOEXEC);
	write_at(place->fd, "script", "#!/bin/sh\n");
	gk_autoclose int script = openat(place->fd, "script", O_RDONLY);
	assert_int_equal(gk_elf_loader(script, loader, sizeof loader), -ENOEXEC);
}

static void test_what_programs_say_is_bounded(void **state)
{
	(void)state;
	char said[64];
	struct gk_err err = GK_ERR_INIT;
	const char *const echo[] = { "/bin/sh", "-c", "echo out; echo err >&2; exit 3", NULL };
	const char *const much[] = { "/bin/sh", "-c", "while echo too much; do :; done", NULL };
	const char *const none[] = { "/nonexistent", NULL };
	assert_int_equal(gk_spawn_read(echo, said, sizeof said, &err), 3);
	assert_string_equal(said, "out\n");
	assert_int_equal(gk_spawn_read(much, said, sizeof said, &err), -E2BIG);
	gk_err_clear(&err);
	assert_int_equal(gk_spawn_read(none, said, sizeof said, &err), -ENOENT);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_paths_out_of_archives),
		cmocka_unit_test(test_pins_are_sums),
		cmocka_unit_test(test_listings),
		IN_PLACE(test_sums),
		IN_PLACE(test_manifest_tells_each_difference),
		IN_PLACE(test_a_damaged_manifest_is_told),
		IN_PLACE(test_trees_of_any_depth_are_removed),
		IN_PLACE(test_removal_follows_no_symlink),
		IN_PLACE(test_copies_keep_links_modes_and_times),
		IN_PLACE(test_in_root_links_stay_in_the_root),
		IN_PLACE(test_versions_replace_each_other),
		IN_PLACE(test_only_abandoned_staging_is_swept),
		IN_PLACE(test_a_change_of_what_was_replaced_is_refused),
		IN_PLACE(test_a_directory_made_by_hand_is_left_alone),
		IN_PLACE(test_a_store_that_others_can_write_is_refused),
		IN_PLACE(test_os_release_is_read_inside),
		IN_PLACE(test_programs_are_told_by_their_loader),
		cmocka_unit_test(test_what_programs_say_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
