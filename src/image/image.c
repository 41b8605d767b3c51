#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/elf.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/cage.h"
#include "image/info.h"
#include "image/layered.h"
#include "image/layout.h"
#include "image/manifest.h"
#include "image/oci.h"
#include "image/tools.h"
#include "image/tree.h"
#include "plan/text.h"
#include "plan/value.h"
#include "run/store/imagefacts.h"

/* What the doors read of the image's config (run/store/imagefacts.h), as lines: JSON is nothing for
 * a program with privilege. What could not be a line, or is too much, is left out. */
static int write_env(int version_fd, struct json_object *info, struct gk_err *err)
{
	struct json_object *config = NULL, *list = NULL;
	char text[GK_IMAGE_ENV_MAX];
	size_t size = 0, n = 0;
	if (!json_object_object_get_ex(info, "config", &config) ||
		!json_object_object_get_ex(config, "Env", &list) ||
		!json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(list) && n < GK_IMAGE_ENV_VARS; i++) {
		const char *line = json_object_get_string(json_object_array_get_idx(list, i));
		size_t len = line ? strlen(line) : 0, name = line ? strcspn(line, "=") : 0;
		if (name == len || !gk_value_env_name_ok(line, name) || gk_has_control(line) ||
			len + 2 > sizeof text - size)
			continue;
		snprintf(text + size, sizeof text - size, "%s\n", line);
		size += len + 1;
		n++;
	}
	if (!n)
		return 0;
	gk_autoclose int fd = openat(version_fd, GK_IMAGE_ENV_FILE,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : gk_write_all(fd, text, size);
	return r < 0 ? gk_fail_errno(err, r, "cannot write the image's variables") : 0;
}

int gk_image_seal(struct gk_staging *staging, struct json_object *info, const struct gk_tick *tick,
	struct gk_err *err)
{
	struct gk_manifest_totals totals;
	if (!info)
		return gk_fail_errno(err, -ENOMEM, "cannot write info.json");
	/* Whatever an archive or an editor did to it: the root itself is root's, 0755. */
	if (fchmod(staging->root_fd, 0755) < 0 ||
		(geteuid() == 0 && fchown(staging->root_fd, 0, 0) < 0))
		return gk_fail_errno(err, -errno, "cannot set the owner of the root");
	int r = gk_manifest_write(staging->root_fd, staging->fd, "manifest", tick, &totals, err);
	if (r < 0)
		return r;
	gk_info_set_made(info);
	gk_info_set_os(info, staging->root_fd);
	(void)json_object_object_add(
		info, "entries", json_object_new_int64((int64_t)totals.entries));
	(void)json_object_object_add(
		info, "size_bytes", json_object_new_int64((int64_t)totals.size_bytes));
	gk_info_set(info, "manifest_sha256", totals.sum);
	r = write_env(staging->fd, info, err);
	if (r == 0)
		r = gk_info_write(info, staging->fd, err);
	if (r == 0)
		r = gk_tick(tick, "writing to the disk", GK_UNIT_FILES, totals.entries, 0);
	return r < 0 ? gk_fail_errno(err, r, "stopped") : gk_staging_commit(staging, err);
}

const char *gk_image_other_machine(int root_fd, const char **ret_program)
{
	static const char *const programs[] = { "/bin/sh", "/usr/bin/env", "/bin/busybox" };
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		struct stat st;
		gk_autoclose int fd = gk_sys_openat2(root_fd, programs[i] + 1,
			O_RDONLY | O_NONBLOCK, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		*ret_program = programs[i];
		const char *other = gk_elf_other_machine(fd);
		if (other)
			return other;
	}
	return NULL;
}

static int check_machine(int root_fd, const char *label, struct gk_err *err)
{
	const char *program, *other = gk_image_other_machine(root_fd, &program);
	return other ?
		gk_fail(err, -ENOEXEC, "%s is for another machine: its %s is a program for %s",
			label, program, other) :
		0;
}

static int seal_unpacked(struct gk_staging *staging, const char *label,
	const struct gk_extract_options *options, const struct gk_making *making,
	struct json_object *info, const struct gk_extract_stats *stats, struct gk_err *err)
{
	int r = check_machine(staging->root_fd, label, err);
	gk_info_set_stats(info, stats);
	if (r == 0 && making && making->with)
		r = gk_tools_add(staging, info, making, true, err);
	return r == 0 ? gk_image_seal(staging, info, options->tick, err) : r;
}

/* The archive held a layout: what is in the root becomes that, and a new root is made of it. */
static int unpack_layout(struct gk_staging *staging, const char *label, const char *ref,
	const struct gk_extract_options *options, struct json_object *info,
	struct gk_extract_stats *stats, struct gk_err *err)
{
	const char *const path = staging->store->path;
	if (renameat(staging->fd, "root", staging->fd, "layout") < 0 ||
		mkdirat(staging->fd, "root", 0755) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", path);
	gk_autoclose int layout = staging->root_fd;
	staging->root_fd =
		openat(staging->fd, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (staging->root_fd < 0 || fchmod(staging->root_fd, 0755) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", path);
	int r = gk_layered_unpack(staging, layout, true, label, ref, options, info, stats, err);
	return r == 0 ? gk_tree_remove(staging->fd, "layout", options->tick, err) : r;
}

/* Unpacks and puts in place; info takes what was found on the way. */
static int import_into(struct gk_staging *staging, int fd, const char *label, const char *ref,
	const struct gk_extract_options *options, const struct gk_making *making,
	struct json_object *info, struct gk_extract_stats *ret, struct gk_err *err)
{
	struct gk_extract_stats stats;
	int r = gk_extract_caged(fd, label, staging->root_fd, options, &stats, err);
	if (r < 0)
		return r;
	if (!gk_info_get(info, "sum")[0]) {
		char sum[GK_SUM_MAX + 8];
		snprintf(sum, sizeof sum, "sha256:%s", stats.sum);
		gk_info_set(info, "sum", sum);
	}
	if (stats.is_layers)
		r = unpack_layout(staging, label, ref, options, info, &stats, err);
	else if (ref)
		r = gk_fail(err, -EINVAL, "%s holds a root file system, not images by name", label);
	if (r == 0)
		r = seal_unpacked(staging, label, options, making, info, &stats, err);
	if (r == 0)
		*ret = stats;
	return r;
}

int gk_image_import(const struct gk_store *store, const char *name, int fd, const char *origin,
	const char *ref, const struct gk_extract_options *options, struct gk_extract_stats *ret,
	struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	gk_autoinfo struct json_object *info = gk_info_new(origin ? "file" : "stdin", origin, NULL);
	const char *label = origin ? origin : "standard input";
	struct stat st;
	int r = gk_staging_begin(store, name, &staging, err);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return gk_fail_errno(err, -errno, "%s", label);
	if (!S_ISDIR(st.st_mode))
		return import_into(&staging, fd, label, ref, options, NULL, info, ret, err);
	gk_info_set(info, "from", "directory");
	r = gk_layered_unpack(&staging, fd, false, label, ref, options, info, ret, err);
	return r == 0 ? seal_unpacked(&staging, label, options, NULL, info, ret, err) : r;
}

/* The digest that a version is made of and the one that it is pinned to; "" for none. */
struct source {
	char digest[GK_SUM_MAX + 8], pinned[GK_SUM_MAX + 8];
	bool edited;
};

static void read_source(struct json_object *info, struct source *ret)
{
	const char *base = gk_info_get(info, "base_digest");
	*ret = (struct source){ .edited = *base != '\0' };
	snprintf(ret->digest, sizeof ret->digest, "%s", gk_info_get(info, "digest"));
	snprintf(ret->pinned, sizeof ret->pinned, "%s", gk_info_get(info, "pinned"));
}

static int check_pin(const char *name, const struct source *now, const char *digest,
	enum gk_pinning pinning, struct gk_err *err)
{
	if (pinning == GK_PIN_CLEAR || !now->pinned[0] || strcmp(now->pinned, digest) == 0)
		return 0;
	return gk_fail(err, -EPERM,
		"image '%s' is pinned to %.19s…, and the registry has %.19s…; --unpin lets it go on",
		name, now->pinned, digest);
}

static void set_pin(
	struct json_object *info, const char *digest, const char *before, enum gk_pinning pinning)
{
	json_object_object_del(info, "pinned");
	if (pinning == GK_PIN_SET || (pinning == GK_PIN_KEEP && *before))
		gk_info_set(info, "pinned", digest);
}

/* What the name stands for now. Returns 1 where that is of this digest: there is nothing to do but
 * to pin it, or to let it go, and to note that it comes from ref, where `update` looks: it may have
 * been imported, or pulled by another name. */
static int compare_current(const struct gk_store *store, const char *name, const char *ref,
	const char *digest, enum gk_pinning pinning, struct source *ret, struct gk_err *err)
{
	struct gk_image_version version;
	gk_autoclose int fd = -1;
	*ret = (struct source){ 0 };
	/* Two that pull, one of them with --pin, do not undo what the other writes. */
	gk_autoclose int lock = gk_store_lock(store, err);
	if (lock < 0)
		return lock;
	if (gk_store_current(store, name, &version, NULL) < 0)
		return 0;
	int r = gk_store_open_version(store, &version, &fd, NULL, err);
	gk_autoinfo struct json_object *info = r == 0 ? gk_info_read(fd, err) : NULL;
	if (!info)
		return r < 0 ? r : err->code;
	read_source(info, ret);
	r = check_pin(name, ret, digest, pinning, err);
	if (r < 0 || strcmp(ret->digest, digest) != 0)
		return r;
	set_pin(info, digest, ret->pinned, pinning);
	gk_info_set(info, "from", "registry");
	gk_info_set(info, "origin", ref);
	json_object_object_del(info, "sum");
	r = gk_info_write(info, fd, err);
	return r < 0 ? r : 1;
}

/* A directory in a version under construction, for what comes from elsewhere. */
static int make_download(const struct gk_staging *staging, struct gk_err *err)
{
	if (mkdirat(staging->fd, "download", 0700) < 0)
		return gk_fail_errno(
			err, -errno, "cannot make a directory in %s", staging->store->path);
	int dir = openat(staging->fd, "download", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return dir < 0 ? gk_fail_errno(err, -errno, "%s", staging->store->path) : dir;
}

static int download(const struct gk_staging *staging, const struct gk_pull *pull,
	char ret_digest[GK_SUM_MAX + 8], struct gk_err *err)
{
	struct utsname host;
	const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	gk_autoclose int dir = make_download(staging, err);
	if (dir < 0)
		return dir;
	int r = gk_pull_run(pull, dir, err);
	if (r < 0)
		return r;
	gk_autoclose int layout = openat(dir, "image", how);
	gk_autofree struct gk_oci *oci = calloc(1, sizeof *oci);
	if (layout < 0 || !oci)
		return gk_fail_errno(err, layout < 0 ? -errno : -ENOMEM, "%s", pull->ref);
	const struct gk_oci_choice choice = { NULL,
		uname(&host) == 0 ? gk_oci_arch(host.machine) : "" };
	r = gk_oci_read_caged(layout, pull->ref, &choice, pull->tick, oci, err);
	if (r < 0)
		return r;
	snprintf(ret_digest, GK_SUM_MAX + 8, "sha256:%s", oci->digest);
	return gk_steal_fd(&layout);
}

int gk_image_pull(const struct gk_store *store, const char *name, const struct gk_pull *pull,
	enum gk_pinning pinning, const struct gk_extract_options *options, struct gk_pulled *ret,
	struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	struct gk_pulled pulled = { .changed = true };
	struct source now;
	int r = gk_staging_begin(store, name, &staging, err);
	if (r < 0)
		return r;
	gk_autoclose int layout = download(&staging, pull, pulled.digest, err);
	if (layout < 0)
		return layout;
	r = compare_current(store, name, pull->ref, pulled.digest, pinning, &now, err);
	if (r < 0)
		return r;
	if (r > 0) {
		pulled.changed = false;
		*ret = pulled;
		return 0;
	}
	gk_autoinfo struct json_object *info = gk_info_new("registry", pull->ref, NULL);
	/* Whatever fetched it may have given its descriptors to somebody: not trusted. */
	r = gk_layered_unpack(
		&staging, layout, false, pull->ref, NULL, options, info, &pulled.stats, err);
	if (r == 0 && strcmp(gk_info_get(info, "digest"), pulled.digest) != 0)
		r = gk_fail(err, -EBADMSG, "%s was changed while it was read", pull->ref);
	if (r == 0)
		r = gk_tree_remove(staging.fd, "download", pull->tick, err);
	if (r < 0)
		return r;
	set_pin(info, pulled.digest, now.pinned, pinning);
	r = seal_unpacked(&staging, pull->ref, options, NULL, info, &pulled.stats, err);
	pulled.replaced_edited = now.edited;
	if (r == 0)
		*ret = pulled;
	return r;
}

/* Whether the root is of the release that was asked for: a mirror could give another one's file,
 * and its signature, under that name. */
static int check_release(int root_fd, const struct gk_alpine *alpine, struct gk_err *err)
{
	char text[GK_ALPINE_VERSION_MAX + 1] = "";
	gk_autoclose int fd = gk_sys_openat2(root_fd, "etc/alpine-release",
		O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, alpine->version) == 0 ?
		0 :
		gk_fail(err, -EBADMSG, "%s is not Alpine %s: not used", alpine->url,
			alpine->version);
}

int gk_image_fetch(const struct gk_store *store, const char *name,
	const struct gk_alpine_options *options, const struct gk_making *making,
	struct gk_alpine *ret, struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	struct gk_extract_stats stats;
	char sum[GK_SUM_MAX + 8];
	int r = gk_staging_begin(store, name, &staging, err);
	if (r < 0)
		return r;
	gk_autoclose int fd = -1;
	r = gk_alpine_fetch(options, staging.fd, making->tick, &fd, ret, err);
	if (r < 0)
		return r;
	snprintf(sum, sizeof sum, "sha512:%s", ret->sha512);
	gk_autoinfo struct json_object *info = gk_info_new("fetch", ret->url, sum);
	gk_info_set(info, "version", ret->version);
	gk_info_set(info, "signed_by", ret->signer[0] ? ret->signer : NULL);
	const struct gk_extract_options extract = {
		.limits = { GK_EXTRACT_SIZE_BYTES, GK_EXTRACT_ENTRIES },
		.owners = geteuid() == 0,
		.tick = making->tick,
	};
	r = gk_extract_caged(fd, ret->url, staging.root_fd, &extract, &stats, err);
	if (r == 0)
		r = check_release(staging.root_fd, ret, err);
	return r < 0 ? r : seal_unpacked(&staging, ret->url, &extract, making, info, &stats, err);
}

static void record_packages(struct json_object *info, const char *const *packages)
{
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; list && packages[i]; i++)
		(void)json_object_array_add(list, json_object_new_string(packages[i]));
	(void)json_object_object_add(info, "packages", list);
}

int gk_image_new(const struct gk_store *store, const char *name, const struct gk_bootstrap *b,
	char *ret_suite, struct gk_extract_stats *ret, const struct gk_making *making,
	struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	char origin[2 * GK_SUITE_MAX + 1];
	int r = gk_bootstrap_check(b, ret_suite, err);
	if (r < 0)
		return r;
	r = gk_staging_begin(store, name, &staging, err);
	if (r < 0)
		return r;
	gk_autoclose int dir = make_download(&staging, err);
	gk_autoclose int fd = dir < 0 ? dir : gk_bootstrap_run(b, ret_suite, dir, err);
	if (fd < 0)
		return fd;
	snprintf(origin, sizeof origin, "%s %s", b->distribution, ret_suite);
	gk_autoinfo struct json_object *info = gk_info_new("packages", origin, NULL);
	record_packages(info, b->packages);
	r = gk_tree_remove(staging.fd, "download", making->tick, err);
	const struct gk_extract_options extract = {
		.limits = { b->max_bytes, GK_EXTRACT_ENTRIES },
		.owners = true,
		.tick = making->tick,
	};
	if (r == 0)
		r = import_into(&staging, fd, origin, NULL, &extract, making, info, ret, err);
	return r;
}

int gk_image_copy(const struct gk_store *store, const char *name, struct gk_staging *ret,
	struct json_object **ret_info, const struct gk_tick *tick, struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	struct gk_image_version version;
	gk_autoclose int fd = -1, root = -1;
	int r = gk_store_current(store, name, &version, err);
	if (r == 0)
		r = gk_store_open_version(store, &version, &fd, &root, err);
	if (r < 0)
		return r;
	gk_autoinfo struct json_object *info = gk_info_read(fd, err);
	if (!info)
		return err->code;
	r = gk_staging_begin(store, name, &staging, err);
	if (r == 0)
		r = gk_tree_copy(root, staging.root_fd, tick, err);
	if (r < 0)
		return r;
	snprintf(staging.base, sizeof staging.base, "%s", version.dir);
	/* A copy shares no file with the layers, and is no longer what the digest names. */
	gk_info_set(info, "base_digest",
		gk_info_get(info, "digest")[0] ? gk_info_get(info, "digest") : NULL);
	json_object_object_del(info, "digest");
	json_object_object_del(info, "layers");
	*ret = staging;
	staging.fd = staging.root_fd = -1;
	*ret_info = info;
	info = NULL;
	return 0;
}
