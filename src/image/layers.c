#include "image/layers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "image/cage.h"
#include "image/info.h"
#include "image/layout.h"
#include "image/manifest.h"
#include "image/tree.h"

#define LAYERS ".layers"
#define PREFIX "sha256-"
enum { LAYER_NAME_MAX = sizeof PREFIX + GK_OCI_SUM };

void gk_layer_put(struct gk_layer *layer)
{
	gk_close_fd(&layer->notes_fd);
	gk_close_fd(&layer->tree_fd);
	gk_close_fd(&layer->fd);
}

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_layers(const struct gk_store *store, bool create, struct gk_err *err)
{
	struct stat st;
	if (create && mkdirat(store->dir_fd, LAYERS, 0700) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, "cannot make %s/" LAYERS, store->path);
	gk_autoclose int fd = open_dir(store->dir_fd, LAYERS);
	if (fd < 0)
		return fd == -ENOENT ? fd : gk_fail_errno(err, fd, "%s/" LAYERS, store->path);
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077))
		return gk_fail(
			err, -EPERM, "%s/" LAYERS " must be root's alone (mode 0700)", store->path);
	return gk_steal_fd(&fd);
}

/* The parts of a layer whose directory is open, and held. */
static int open_parts(struct gk_layer *layer)
{
	layer->tree_fd = open_dir(layer->fd, "tree");
	layer->notes_fd = openat(layer->fd, "notes", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return layer->tree_fd < 0 ? layer->tree_fd : layer->notes_fd < 0 ? -errno : 0;
}

static void on_difference(void *arg, enum gk_difference kind, const char *path, const char *what)
{
	(void)arg;
	(void)kind;
	(void)path;
	(void)what;
}

static bool has_sum(int dir_fd, const char *name, const char *wanted)
{
	char sum[GK_SUM_MAX];
	gk_autoclose int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && gk_hash_fd(fd, 256, NULL, sum) == 0 && strcmp(sum, wanted) == 0;
}

/* Whether a layer is as it was unpacked. Also tells what info.json says of it. */
static int check(const struct gk_store *store, struct gk_layer *layer)
{
	struct gk_err ignored = GK_ERR_INIT;
	gk_autoinfo struct json_object *info = gk_info_read(layer->fd, NULL);
	if (!info || open_parts(layer) < 0 ||
		!has_sum(layer->fd, "manifest", gk_info_get(info, "manifest_sha256")) ||
		!has_sum(layer->fd, "notes", gk_info_get(info, "notes_sha256")))
		return -ENOENT;
	int64_t n = gk_manifest_verify(
		layer->tree_fd, layer->fd, "manifest", store->tick, on_difference, NULL, &ignored);
	if (n != 0)
		return n == -EINTR ? -EINTR : -ENOENT;
	snprintf(layer->diff_id, sizeof layer->diff_id, "%s", gk_info_get(info, "diff_id"));
	gk_info_get_stats(info, &layer->stats);
	return 0;
}

int gk_layer_take(
	const struct gk_store *store, const char *digest, struct gk_layer *ret, struct gk_err *err)
{
	char name[LAYER_NAME_MAX];
	gk_autolayer struct gk_layer layer = GK_LAYER_INIT;
	snprintf(name, sizeof name, PREFIX "%s", digest);
	gk_autoclose int layers = open_layers(store, false, err);
	if (layers < 0)
		return layers;
	/* Under the store's lock, so that no prune comes between open and lock. */
	gk_autoclose int lock = gk_store_lock(store, err);
	if (lock < 0)
		return lock;
	layer.fd = open_dir(layers, name);
	if (layer.fd < 0 || flock(layer.fd, LOCK_SH | LOCK_NB) < 0)
		return -ENOENT;
	gk_close_fd(&lock);
	int r = check(store, &layer);
	if (r < 0)
		return r == -ENOENT ? r : gk_fail_errno(err, r, "layer %.12s", digest);
	snprintf(layer.digest, sizeof layer.digest, "%s", digest);
	layer.reused = true;
	*ret = layer;
	layer = GK_LAYER_INIT;
	return 0;
}

/* Unpacks into a staging directory: the tree, the notes, what sums them up, and the record. */
static int fill(const struct gk_store *store, struct gk_layer *layer, int fd, const char *label,
	const struct gk_extract_options *given, struct gk_err *err)
{
	struct gk_extract_options options = *given;
	struct gk_manifest_totals totals;
	char notes_sum[GK_SUM_MAX];
	if (mkdirat(layer->fd, "tree", 0755) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory in %s", store->path);
	gk_autoclose int notes = openat(
		layer->fd, "notes", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = notes < 0 ? -errno : open_parts(layer);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot make a directory in %s", store->path);
	options.layer = true;
	options.notes_fd = notes;
	r = gk_extract_caged(fd, label, layer->tree_fd, &options, &layer->stats, err);
	if (r < 0)
		return r;
	if (strcmp(layer->stats.sum, layer->digest) != 0)
		return gk_fail(err, -EINVAL, "%s changed while it was read", label);
	if (strcmp(layer->stats.plain_sum, layer->diff_id) != 0)
		return gk_fail(err, -EINVAL,
			"%s does not have the diff_id that the image's config gives it", label);
	if (fchmod(layer->tree_fd, 0755) < 0)
		return gk_fail_errno(err, -errno, "%s", label);
	r = gk_manifest_write(layer->tree_fd, layer->fd, "manifest", options.tick, &totals, err);
	if (r < 0)
		return r;
	r = gk_hash_fd(layer->notes_fd, 256, NULL, notes_sum);
	if (r < 0 || lseek(layer->notes_fd, 0, SEEK_SET) < 0)
		return gk_fail_errno(err, r < 0 ? r : -errno, "%s", label);
	gk_autoinfo struct json_object *info = gk_info_new("layer", NULL, NULL);
	gk_info_set(info, "digest", layer->digest);
	gk_info_set(info, "diff_id", layer->diff_id);
	gk_info_set(info, "manifest_sha256", totals.sum);
	gk_info_set(info, "notes_sha256", notes_sum);
	gk_info_set_stats(info, &layer->stats);
	gk_info_set_made(info);
	return gk_info_write(info, layer->fd, err);
}

/* Puts it into the store under its name. One that is there gives way: it was damaged, or another
 * import has made the same meanwhile and goes on with what it holds. */
static int commit(
	const struct gk_store *store, struct gk_layer *layer, const char *dir, struct gk_err *err)
{
	char name[LAYER_NAME_MAX], dead[GK_VERSION_NAME_MAX];
	snprintf(name, sizeof name, PREFIX "%s", layer->digest);
	gk_autoclose int layers = open_layers(store, true, err);
	gk_autoclose int lock = layers < 0 ? layers : gk_store_lock(store, err);
	if (lock < 0)
		return lock;
	gk_autoclose int old = gk_store_doom_layer(store, layers, name, dead, sizeof dead);
	if (old == -EBUSY) {
		/* Somebody is using the same layer: theirs stays, this one does without a name. */
		return 0;
	}
	if (flock(layer->fd, LOCK_SH | LOCK_NB) < 0 ||
		renameat(store->versions_fd, dir, layers, name) < 0)
		return gk_fail_errno(err, -errno, "cannot put a layer into %s", store->path);
	return 0;
}

int gk_layer_unpack(const struct gk_store *store, int fd, const char *digest, const char *diff_id,
	const char *label, const struct gk_extract_options *options, struct gk_layer *ret,
	struct gk_err *err)
{
	char dir[GK_VERSION_NAME_MAX];
	gk_autolayer struct gk_layer layer = GK_LAYER_INIT;
	snprintf(layer.digest, sizeof layer.digest, "%s", digest);
	snprintf(layer.diff_id, sizeof layer.diff_id, "%s", diff_id);
	layer.fd = gk_store_stage(store, "layer", dir, sizeof dir, err);
	if (layer.fd < 0)
		return layer.fd;
	int r = fill(store, &layer, fd, label, options, err);
	if (r == 0)
		r = commit(store, &layer, dir, err);
	if (r < 0) {
		(void)gk_tree_remove(store->versions_fd, dir, NULL, NULL);
		return r;
	}
	*ret = layer;
	layer = GK_LAYER_INIT;
	return 0;
}

/* The layers that some version names, as "sha256-HEX" → true. */
static int collect_used(const struct gk_store *store, struct json_object *used)
{
	DIR *dir = gk_store_opendir(store->versions_fd);
	if (!dir)
		return -errno;
	for (struct dirent *e; (e = readdir(dir));) {
		gk_autoclose int fd =
			e->d_name[0] == '.' ? -1 : open_dir(store->versions_fd, e->d_name);
		gk_autoinfo struct json_object *info = fd < 0 ? NULL : gk_info_read(fd, NULL);
		struct json_object *list = NULL;
		if (!info || !json_object_object_get_ex(info, "layers", &list) ||
			!json_object_is_type(list, json_type_array))
			continue;
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			char name[LAYER_NAME_MAX];
			const char *digest =
				gk_info_get(json_object_array_get_idx(list, i), "digest");
			if (strncmp(digest, "sha256:", 7) != 0)
				continue;
			snprintf(name, sizeof name, PREFIX "%.64s", digest + 7);
			(void)json_object_object_add(used, name, json_object_new_boolean(1));
		}
	}
	(void)closedir(dir);
	return 0;
}

/* Takes one unused layer out. 1: it did; 0: there is none. */
static int prune_one(const struct gk_store *store, int layers, struct gk_err *err)
{
	char dead[GK_VERSION_NAME_MAX] = "";
	gk_autoinfo struct json_object *used = json_object_new_object();
	gk_autoclose int held = -1;
	gk_autoclose int lock = gk_store_lock(store, err);
	if (lock < 0)
		return lock;
	int r = used ? collect_used(store, used) : -ENOMEM;
	DIR *dir = r < 0 ? NULL : gk_store_opendir(layers);
	if (!dir)
		return gk_fail_errno(err, r < 0 ? r : -errno, "%s/" LAYERS, store->path);
	for (struct dirent *e; held < 0 && (e = readdir(dir));)
		if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) == 0 &&
			!json_object_object_get_ex(used, e->d_name, NULL))
			held = gk_store_doom_layer(store, layers, e->d_name, dead, sizeof dead);
	(void)closedir(dir);
	gk_close_fd(&lock);
	if (held < 0)
		return 0;
	r = gk_tree_remove(store->versions_fd, dead, store->tick, err);
	return r < 0 ? r : 1;
}

int gk_layers_prune(const struct gk_store *store, size_t *ret_removed, struct gk_err *err)
{
	gk_autoclose int layers = open_layers(store, false, err);
	if (layers == -ENOENT || store->versions_fd < 0)
		return 0;
	int r = layers;
	while (r >= 0 && (r = prune_one(store, layers, err)) > 0)
		(*ret_removed)++;
	return r < 0 ? r : 0;
}
