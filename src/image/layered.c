#include "image/layered.h"

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
#include "base/path.h"
#include "base/sys.h"
#include "image/info.h"
#include "image/layers.h"
#include "image/merge.h"
#include "image/tree.h"

struct import {
	struct gk_staging *staging;
	int layout_fd, work_fd;
	bool trusted;
	const char *label;
	struct gk_extract_options options; /* the limits are what is left of them */
	struct gk_oci oci;
	struct gk_layer held[GK_OCI_LAYERS_MAX]; /* until the image names them */
	struct gk_extract_stats stats;
	struct json_object *layers;
	struct gk_err *err;
};

/* Copies a file while it is summed up. */
static int copy_and_sum(struct import *im, int from, int to, uint64_t max, const char *label,
	char ret_sum[GK_SUM_MAX])
{
	gk_autohash struct gk_hash *hash = gk_hash_new(256);
	unsigned char buf[64 << 10];
	uint64_t done = 0;
	if (!hash)
		return gk_fail_errno(im->err, -ENOMEM, "%s", label);
	for (;;) {
		int r = gk_tick(im->options.tick, "reading", GK_UNIT_BYTES, done, 0);
		ssize_t n = r < 0 ? 0 : read(from, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (r < 0 || n < 0)
			return gk_fail_errno(im->err, r < 0 ? r : -errno, "%s", label);
		if (n == 0)
			return gk_hash_end(hash, ret_sum);
		done += (uint64_t)n;
		if (done > max)
			return gk_fail(im->err, -EFBIG,
				"%s goes over the limit on the size (--max-size)", label);
		gk_hash_add(hash, buf, (size_t)n);
		r = to < 0 ? 0 : gk_write_all(to, buf, (size_t)n);
		if (r < 0)
			return gk_fail_errno(im->err, r, "%s", im->staging->store->path);
	}
}

/* Opens a layer's file and makes sure that it is the one that the manifest names. Summed up here,
 * not in a cage, so that nothing but these very bytes can ever be stored under their name. */
static int open_blob(struct import *im, const struct gk_oci_layer *l, const char *label,
	char ret_digest[GK_OCI_SUM])
{
	char sum[GK_SUM_MAX];
	struct stat st;
	gk_autoclose int from =
		gk_sys_openat2(im->layout_fd, l->path, O_RDONLY | O_NONBLOCK | O_NOCTTY,
			RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
	if (from < 0)
		return gk_fail_errno(im->err, from, "%s (%s)", label, l->path);
	if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
		return gk_fail(im->err, -EINVAL, "%s (%s) is not a file", label, l->path);
	if (l->size_bytes != GK_OCI_SIZE_UNKNOWN && (uint64_t)st.st_size != l->size_bytes)
		return gk_fail(im->err, -EINVAL,
			"%s does not have the size that the manifest gives it", label);
	gk_autoclose int copy = -1;
	if (!im->trusted) {
		copy = openat(im->work_fd, "blob", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (copy < 0 || unlinkat(im->work_fd, "blob", 0) < 0)
			return gk_fail_errno(im->err, -errno, "%s", im->staging->store->path);
	}
	int r = copy_and_sum(im, from, copy, im->options.limits.size_bytes, label, sum);
	if (r < 0)
		return gk_fail_errno(im->err, r, "%s", label);
	if (l->digest[0] && strcmp(sum, l->digest) != 0)
		return gk_fail(im->err, -EINVAL,
			"%s does not have the digest that the manifest gives it", label);
	memcpy(ret_digest, sum, GK_OCI_SUM);
	int fd = im->trusted ? gk_steal_fd(&from) : gk_steal_fd(&copy);
	if (lseek(fd, 0, SEEK_SET) < 0) {
		r = gk_fail_errno(im->err, -errno, "%s", label);
		(void)close(fd);
		return r;
	}
	return fd;
}

static int take_layer(struct import *im, unsigned i, const char *label)
{
	const struct gk_oci_layer *l = &im->oci.layers[i];
	const struct gk_store *store = im->staging->store;
	char digest[GK_OCI_SUM];
	gk_autoclose int fd = open_blob(im, l, label, digest);
	if (fd < 0)
		return fd;
	int r = gk_layer_take(store, digest, &im->held[i], im->err);
	if (r == -ENOENT)
		return gk_layer_unpack(
			store, fd, digest, l->diff_id, label, &im->options, &im->held[i], im->err);
	if (r == 0 && strcmp(im->held[i].diff_id, l->diff_id) != 0)
		return gk_fail(im->err, -EINVAL,
			"%s does not have the diff_id that the image's config gives it", label);
	return r < 0 ? gk_fail_errno(im->err, r, "%s", label) : 0;
}

/* The limits are for all layers together. */
static int account(struct import *im, const struct gk_layer *layer, const char *label)
{
	struct gk_extract_limits *left = &im->options.limits;
	const struct gk_extract_stats *s = &layer->stats;
	if (s->size_bytes > left->size_bytes)
		return gk_fail(
			im->err, -EFBIG, "%s goes over the limit on the size (--max-size)", label);
	if (s->entries > left->entries)
		return gk_fail(
			im->err, -EFBIG, "%s: more entries than the limit (--max-entries)", label);
	left->size_bytes -= s->size_bytes;
	left->entries -= s->entries;
	im->stats.entries += s->entries;
	im->stats.size_bytes += s->size_bytes;
	im->stats.absolute += s->absolute;
	im->stats.special += s->special;
	im->stats.setid += s->setid;
	im->stats.xattrs += s->xattrs;
	return 0;
}

static void record_layer(struct import *im, const struct gk_layer *layer)
{
	char text[GK_OCI_SUM + 8];
	struct json_object *one = json_object_new_object();
	snprintf(text, sizeof text, "sha256:%s", layer->digest);
	gk_info_set(one, "digest", text);
	snprintf(text, sizeof text, "sha256:%s", layer->diff_id);
	gk_info_set(one, "diff_id", text);
	(void)json_object_object_add(
		one, "size_bytes", json_object_new_int64((int64_t)layer->stats.size_bytes));
	if (json_object_array_add(im->layers, one) < 0)
		gk_info_put(&one);
}

static int one_layer(struct import *im, unsigned i)
{
	char label[400];
	snprintf(label, sizeof label, "%.300s: layer %u of %u", im->label, i + 1, im->oci.nlayers);
	int r = take_layer(im, i, label);
	if (r == 0)
		r = account(im, &im->held[i], label);
	if (r == 0)
		r = gk_layer_merge(im->held[i].tree_fd, im->held[i].notes_fd, im->staging->root_fd,
			im->work_fd, label, im->options.tick, im->err);
	if (r == 0)
		record_layer(im, &im->held[i]);
	return r;
}

/* Keys with one value become strings, labels an object, the others lists. */
static struct json_object *config_of(const struct gk_oci *oci)
{
	struct json_object *config = json_object_new_object(), *into = NULL;
	const char *key, *value;
	for (size_t at = 0; gk_oci_config_next(oci, &at, &key, &value);) {
		if (strcmp(key, "User") == 0 || strcmp(key, "WorkingDir") == 0) {
			gk_info_set(config, key, value);
		} else if (strcmp(key, "Label") == 0) {
			char name[256];
			const char *equals = strchr(value, '=');
			if (!json_object_object_get_ex(config, "Labels", &into)) {
				into = json_object_new_object();
				(void)json_object_object_add(config, "Labels", into);
			}
			snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - value) : 255,
				value);
			gk_info_set(into, name, equals ? equals + 1 : "");
		} else {
			if (!json_object_object_get_ex(config, key, &into)) {
				into = json_object_new_array();
				(void)json_object_object_add(config, key, into);
			}
			struct json_object *text = json_object_new_string(value);
			if (json_object_array_add(into, text) < 0)
				gk_info_put(&text);
		}
	}
	return config;
}

static void record(struct import *im, struct json_object *info)
{
	char text[GK_OCI_SUM + 8];
	snprintf(text, sizeof text, "sha256:%s", im->oci.digest);
	gk_info_set(info, "digest", text);
	gk_info_set(info, "ref", im->oci.ref[0] ? im->oci.ref : NULL);
	gk_info_set(info, "architecture", im->oci.arch);
	(void)json_object_object_add(info, "config", config_of(&im->oci));
	(void)json_object_object_add(info, "layers", json_object_get(im->layers));
}

static int unpack(struct import *im, const char *ref, struct json_object *info)
{
	struct utsname host;
	const struct gk_oci_choice choice = { ref,
		uname(&host) == 0 ? gk_oci_arch(host.machine) : "" };
	int r = gk_oci_read_caged(
		im->layout_fd, im->label, &choice, im->options.tick, &im->oci, im->err);
	if (r < 0)
		return r;
	int fd = im->staging->fd;
	if (mkdirat(fd, "work", 0700) < 0)
		return gk_fail_errno(im->err, -errno, "%s", im->staging->store->path);
	im->work_fd = openat(fd, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (im->work_fd < 0)
		return gk_fail_errno(im->err, -errno, "%s", im->staging->store->path);
	for (unsigned i = 0; r == 0 && i < im->oci.nlayers; i++)
		r = one_layer(im, i);
	if (r == 0)
		r = gk_tree_remove(fd, "work", NULL, im->err);
	if (r == 0)
		record(im, info);
	return r;
}

int gk_layered_unpack(struct gk_staging *staging, int layout_fd, bool trusted, const char *label,
	const char *ref, const struct gk_extract_options *options, struct json_object *info,
	struct gk_extract_stats *ret, struct gk_err *err)
{
	gk_autofree struct import *im = calloc(1, sizeof *im);
	gk_autoinfo struct json_object *layers = json_object_new_array();
	if (!im || !layers)
		return gk_fail_errno(err, -ENOMEM, "%s", label);
	im->staging = staging;
	im->layout_fd = layout_fd;
	im->work_fd = -1;
	im->trusted = trusted;
	im->label = label;
	im->options = *options;
	im->layers = layers;
	im->err = err;
	for (unsigned i = 0; i < GK_OCI_LAYERS_MAX; i++)
		im->held[i] = GK_LAYER_INIT;
	int r = unpack(im, ref, info);
	if (r == 0)
		*ret = im->stats;
	gk_close_fd(&im->work_fd);
	/* The staging directory keeps the layers until info.json names them. */
	for (unsigned i = 0; i < GK_OCI_LAYERS_MAX; i++) {
		if (r == 0 && im->held[i].fd >= 0)
			staging->held[staging->nheld++] = gk_steal_fd(&im->held[i].fd);
		gk_layer_put(&im->held[i]);
	}
	return r;
}
