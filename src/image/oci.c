#include "image/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>
#include <linux/capability.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/cage.h"
#include "image/hash.h"
#include "image/info.h"

enum {
	JSON_MAX = 4 << 20,
	INDEX_DEPTH = 4,
	CANDIDATES_MAX = 64,
};

struct candidate {
	char digest[GK_OCI_SUM];
	char ref[GK_OCI_REF_MAX];
	char arch[32]; /* "" where the index does not say */
};

struct reader {
	int fd;
	const char *label;
	const struct gk_oci_choice *choice;
	const char *blobs; /* what goes before the SHA-256 in a blob's path */
	struct gk_oci *ret;
	struct gk_arena arena;
	struct candidate list[CANDIDATES_MAX];
	unsigned n;
	char others[128]; /* machines of images that were passed over */
	struct gk_err *err;
};

const char *gk_oci_arch(const char *machine)
{
	static const struct {
		const char *machine, *arch;
	} known[] = { { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "armv6l", "arm" },
		{ "armv7l", "arm" }, { "armv8l", "arm" }, { "i386", "386" }, { "i586", "386" },
		{ "i686", "386" }, { "loongarch64", "loong64" } };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(machine, known[i].machine) == 0)
			return known[i].arch;
	return machine;
}

static bool is_sum(const char *s)
{
	return strspn(s, "0123456789abcdef") == 64 && strlen(s) == 64;
}

static int damaged(struct reader *r, const char *what)
{
	return gk_fail(r->err, -EINVAL, "%s: %s", r->label, what);
}

/* Symlinks are followed, since docker save makes some, but never out of the layout. */
static int open_file(const struct reader *r, const char *path, struct stat *ret)
{
	int fd = gk_sys_openat2(r->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
	if (fd >= 0 && (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode))) {
		(void)close(fd);
		return -EINVAL;
	}
	return fd;
}

/* Parses a file. sum is what it must have, or NULL; ret_sum, where not NULL, what it has. */
static struct json_object *read_json(
	struct reader *r, const char *path, const char *sum, char ret_sum[GK_OCI_SUM])
{
	char *text = NULL, has[GK_SUM_MAX] = "";
	size_t size = 0;
	struct stat st;
	gk_autoclose int fd = open_file(r, path, &st);
	if (fd < 0) {
		(void)gk_fail_errno(r->err, fd, "%s: %s", r->label, path);
		return NULL;
	}
	if (gk_read_all(fd, JSON_MAX, &r->arena, &text, &size, r->err) < 0) {
		gk_err_context(r->err, "%s: %s", r->label, path);
		return NULL;
	}
	gk_autohash struct gk_hash *hash = gk_hash_new(256);
	if (hash)
		gk_hash_add(hash, text, size);
	if (!hash || gk_hash_end(hash, has) < 0 || (sum && strcmp(has, sum) != 0)) {
		(void)gk_fail(r->err, -EINVAL,
			"%s: %s does not have the digest that it is named by", r->label, path);
		return NULL;
	}
	struct json_object *json = strlen(text) == size ? json_tokener_parse(text) : NULL;
	if (!json)
		(void)gk_fail(r->err, -EINVAL, "%s: %s is no JSON", r->label, path);
	else if (ret_sum)
		memcpy(ret_sum, has, GK_OCI_SUM);
	return json;
}

static struct json_object *member(struct json_object *of, const char *key, enum json_type type)
{
	struct json_object *value = NULL;
	if (!of || !json_object_is_type(of, json_type_object) ||
		!json_object_object_get_ex(of, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

static const char *text_of(struct json_object *of, const char *key)
{
	struct json_object *value = member(of, key, json_type_string);
	return value ? json_object_get_string(value) : "";
}

/* The hexadecimal part of "sha256:…"; NULL for any other digest. */
static const char *sum_of(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && is_sum(digest + 7) ? digest + 7 : NULL;
}

/* A descriptor: where its blob is, with its sum; -EINVAL when it is none. */
static int follow(struct reader *r, struct json_object *descriptor, char path[GK_OCI_PATH_MAX],
	char digest[GK_OCI_SUM], uint64_t *ret_size)
{
	const char *sum = sum_of(text_of(descriptor, "digest"));
	struct json_object *size = member(descriptor, "size", json_type_int);
	if (!sum || !size || json_object_get_int64(size) < 0)
		return damaged(r, "a descriptor without a SHA-256 and a size");
	memcpy(digest, sum, GK_OCI_SUM);
	*ret_size = (uint64_t)json_object_get_int64(size);
	snprintf(path, GK_OCI_PATH_MAX, "%s%s", r->blobs, sum);
	return 0;
}

static struct json_object *read_blob(
	struct reader *r, struct json_object *descriptor, char digest[GK_OCI_SUM])
{
	char path[GK_OCI_PATH_MAX];
	uint64_t size = 0;
	struct stat st;
	if (follow(r, descriptor, path, digest, &size) < 0)
		return NULL;
	gk_autoclose int fd = open_file(r, path, &st);
	if (fd >= 0 && (uint64_t)st.st_size != size) {
		(void)gk_fail(r->err, -EINVAL, "%s: %s has not the size that it is named by",
			r->label, path);
		return NULL;
	}
	return read_json(r, path, digest, NULL);
}

/* Remembers another machine's image, for the message. */
static void pass_over(struct reader *r, const char *arch)
{
	char name[32];
	size_t len = strlen(r->others);
	(void)gk_escape(name, sizeof name, arch);
	if (*arch && !strstr(r->others, name))
		snprintf(r->others + len, sizeof r->others - len, "%s%s", len ? ", " : "", name);
}

static int add_candidate(struct reader *r, struct json_object *descriptor, const char *ref)
{
	struct json_object *platform = member(descriptor, "platform", json_type_object);
	const char *arch = text_of(platform, "architecture"), *os = text_of(platform, "os");
	const char *sum = sum_of(text_of(descriptor, "digest"));
	if (!sum)
		return damaged(r, "a descriptor without a SHA-256");
	if (r->choice->ref && strcmp(r->choice->ref, ref) != 0)
		return 0;
	if (strcmp(os, "unknown") == 0) /* attestations, by BuildKit */
		return 0;
	if ((*os && strcmp(os, "linux") != 0) || (*arch && strcmp(arch, r->choice->arch) != 0)) {
		pass_over(r, *os && strcmp(os, "linux") != 0 ? os : arch);
		return 0;
	}
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->list[i].digest, sum) == 0)
			return 0;
	if (r->n == CANDIDATES_MAX)
		return damaged(r, "holds too many images");
	struct candidate *c = &r->list[r->n++];
	memcpy(c->digest, sum, GK_OCI_SUM);
	snprintf(c->ref, sizeof c->ref, "%s", ref);
	return 0;
}

static int read_index(
	struct reader *r, struct json_object *index, const char *above, unsigned depth)
{
	struct json_object *list = member(index, "manifests", json_type_array);
	if (!list || depth > INDEX_DEPTH)
		return damaged(r, "an index without manifests, or too deep");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *d = json_object_array_get_idx(list, i);
		struct json_object *notes = member(d, "annotations", json_type_object);
		const char *ref = text_of(notes, "org.opencontainers.image.ref.name");
		const char *type = text_of(d, "mediaType");
		char digest[GK_OCI_SUM];
		int result;
		ref = *ref ? ref : above;
		if (strstr(type, "image.index") || strstr(type, "manifest.list")) {
			gk_autoinfo struct json_object *below = read_blob(r, d, digest);
			result = below ? read_index(r, below, ref, depth + 1) : r->err->code;
		} else {
			result = add_candidate(r, d, ref);
		}
		if (result < 0)
			return result;
	}
	return 0;
}

static int keep(struct reader *r, const char *key, const char *value)
{
	struct gk_oci *o = r->ret;
	size_t n = strlen(key) + 1, m = strlen(value) + 1;
	if (n + m > sizeof o->config - o->config_size)
		return damaged(r, "the image's config is too large");
	memcpy(o->config + o->config_size, key, n);
	memcpy(o->config + o->config_size + n, value, m);
	o->config_size += n + m;
	return 0;
}

static int keep_list(struct reader *r, struct json_object *config, const char *key)
{
	struct json_object *list = member(config, key, json_type_array);
	int result = 0;
	for (size_t i = 0; result == 0 && list && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		if (json_object_is_type(one, json_type_string))
			result = keep(r, key, json_object_get_string(one));
	}
	return result;
}

static int keep_labels(struct reader *r, struct json_object *config)
{
	struct json_object *labels = member(config, "Labels", json_type_object);
	if (!labels)
		return 0;
	json_object_object_foreach(labels, name, value)
	{
		const char *text = json_object_get_string(value);
		const char *line = gk_arena_printf(&r->arena, "%s=%s", name, text ? text : "");
		int result = line ? keep(r, "Label", line) : -ENOMEM;
		if (result < 0)
			return result;
	}
	return 0;
}

static int keep_config(struct reader *r, struct json_object *config)
{
	static const char *const texts[] = { "WorkingDir", "User" };
	static const char *const lists[] = { "Env", "Entrypoint", "Cmd" };
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof texts / sizeof *texts; i++)
		if (*text_of(config, texts[i]))
			result = keep(r, texts[i], text_of(config, texts[i]));
	for (size_t i = 0; result == 0 && i < sizeof lists / sizeof *lists; i++)
		result = keep_list(r, config, lists[i]);
	return result < 0 ? result : keep_labels(r, config);
}

static int other_machine(struct reader *r, const char *arch)
{
	char text[160];
	return gk_fail(r->err, -ENOEXEC, "%s is for %s; this host runs linux/%s", r->label,
		gk_escape(text, sizeof text, arch), r->choice->arch);
}

/* The machine, the layers' diff_ids and what is kept, from the image's config. */
static int read_config(struct reader *r, struct json_object *config)
{
	struct gk_oci *o = r->ret;
	struct json_object *ids =
		member(member(config, "rootfs", json_type_object), "diff_ids", json_type_array);
	const char *os = text_of(config, "os"), *arch = text_of(config, "architecture");
	if (*os && strcmp(os, "linux") != 0)
		return other_machine(r, os);
	if (strcmp(arch, r->choice->arch) != 0)
		return other_machine(r, *arch ? arch : "no machine that it names");
	snprintf(o->arch, sizeof o->arch, "%s", arch);
	if (!ids || json_object_array_length(ids) != o->nlayers)
		return damaged(r, "the config does not name as many layers as the manifest");
	for (unsigned i = 0; i < o->nlayers; i++) {
		struct json_object *id = json_object_array_get_idx(ids, i);
		const char *text =
			json_object_is_type(id, json_type_string) ? json_object_get_string(id) : "";
		const char *sum = sum_of(text);
		if (!sum)
			return damaged(r, "a layer's diff_id is no SHA-256");
		memcpy(o->layers[i].diff_id, sum, GK_OCI_SUM);
	}
	return keep_config(r, member(config, "config", json_type_object));
}

static int set_layers(struct reader *r, struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0;
	if (n == 0 || n > GK_OCI_LAYERS_MAX)
		return damaged(r, n ? "more layers than 256" : "an image without layers");
	r->ret->nlayers = (unsigned)n;
	return 0;
}

/* An image's manifest, OCI's or docker's: its layers and its config. */
static int read_image(struct reader *r, struct json_object *manifest)
{
	char digest[GK_OCI_SUM];
	struct gk_oci *o = r->ret;
	struct json_object *list = member(manifest, "layers", json_type_array);
	int result = set_layers(r, list);
	for (unsigned i = 0; result == 0 && i < o->nlayers; i++) {
		struct gk_oci_layer *l = &o->layers[i];
		result = follow(
			r, json_object_array_get_idx(list, i), l->path, l->digest, &l->size_bytes);
	}
	if (result < 0)
		return result;
	gk_autoinfo struct json_object *config =
		read_blob(r, member(manifest, "config", json_type_object), digest);
	return config ? read_config(r, config) : r->err->code;
}

static int read_manifest(struct reader *r, const struct candidate *c)
{
	char path[GK_OCI_PATH_MAX];
	struct gk_oci *o = r->ret;
	snprintf(path, sizeof path, "%s%s", r->blobs, c->digest);
	gk_autoinfo struct json_object *manifest = read_json(r, path, c->digest, NULL);
	if (!manifest)
		return r->err->code;
	memcpy(o->digest, c->digest, sizeof o->digest);
	memcpy(o->ref, c->ref, sizeof o->ref);
	return read_image(r, manifest);
}

static void list_refs(struct reader *r, char *ret, size_t size)
{
	size_t len = 0;
	ret[0] = '\0';
	for (unsigned i = 0; i < r->n && len + 1 < size; i++) {
		char name[GK_OCI_REF_MAX];
		int n = snprintf(ret + len, size - len, "%s%s", i ? ", " : "",
			gk_escape(name, sizeof name,
				*r->list[i].ref ? r->list[i].ref : r->list[i].digest));
		len += n > 0 ? (size_t)n : 0;
	}
}

static int choose(struct reader *r)
{
	char text[300];
	if (r->n == 1)
		return 0;
	if (r->n > 1) {
		list_refs(r, text, sizeof text);
		return gk_fail(r->err, -EINVAL, "%s holds %u images; choose with --ref: %s",
			r->label, r->n, text);
	}
	if (r->others[0])
		return other_machine(r, r->others);
	return r->choice->ref ? gk_fail(r->err, -ENOENT, "%s: no image is called '%s' in it",
					r->label, gk_escape(text, sizeof text, r->choice->ref)) :
				damaged(r, "holds no image");
}

static int read_layout(struct reader *r)
{
	gk_autoinfo struct json_object *index = read_json(r, "index.json", NULL, NULL);
	int result = index ? read_index(r, index, "", 0) : r->err->code;
	if (result == 0)
		result = choose(r);
	return result < 0 ? result : read_manifest(r, &r->list[0]);
}

/* manifest.json of docker save: images as Config, RepoTags and Layers, by path. */
static int add_saved(struct reader *r, struct json_object *image, unsigned *ret_index, unsigned i)
{
	struct json_object *tags = member(image, "RepoTags", json_type_array);
	const char *ref = "";
	for (size_t k = 0; tags && k < json_object_array_length(tags); k++) {
		struct json_object *tag = json_object_array_get_idx(tags, k);
		const char *text = json_object_is_type(tag, json_type_string) ?
			json_object_get_string(tag) :
			"";
		if (k == 0 || (r->choice->ref && strcmp(text, r->choice->ref) == 0))
			ref = text;
	}
	if (r->choice->ref && strcmp(ref, r->choice->ref) != 0)
		return 0;
	if (r->n == CANDIDATES_MAX)
		return damaged(r, "holds too many images");
	*ret_index = i;
	snprintf(r->list[r->n++].ref, sizeof r->list[0].ref, "%s", ref);
	return 0;
}

/* A path inside the layout, as it is. */
static int copy_path(struct reader *r, const char *path, char ret[GK_OCI_PATH_MAX])
{
	char clean[PATH_MAX];
	if (!*path || strlen(path) >= GK_OCI_PATH_MAX || gk_extract_path(path, clean) < 0 ||
		!clean[0])
		return damaged(r, "manifest.json names a file that cannot be in it");
	snprintf(ret, GK_OCI_PATH_MAX, "%s", path);
	return 0;
}

/* A config is named by its sum: HEX.json, or blobs/sha256/HEX. */
static int read_saved_config(struct reader *r, const char *name)
{
	char path[GK_OCI_PATH_MAX], stem[GK_OCI_PATH_MAX];
	int result = copy_path(r, name, path);
	if (result < 0)
		return result;
	const char *slash = strrchr(path, '/');
	snprintf(stem, sizeof stem, "%s", slash ? slash + 1 : path);
	stem[strcspn(stem, ".")] = '\0';
	gk_autoinfo struct json_object *config =
		read_json(r, path, is_sum(stem) ? stem : NULL, r->ret->digest);
	return config ? read_config(r, config) : r->err->code;
}

static int read_saved(struct reader *r, struct json_object *all)
{
	unsigned which = 0;
	int result = 0;
	for (unsigned i = 0; result == 0 && i < json_object_array_length(all); i++)
		result = add_saved(r, json_object_array_get_idx(all, i), &which, i);
	if (result == 0)
		result = choose(r);
	if (result < 0)
		return result;
	struct json_object *image = json_object_array_get_idx(all, which);
	struct json_object *layers = member(image, "Layers", json_type_array);
	result = set_layers(r, layers);
	for (unsigned i = 0; result == 0 && i < r->ret->nlayers; i++) {
		struct json_object *one = json_object_array_get_idx(layers, i);
		r->ret->layers[i].size_bytes = GK_OCI_SIZE_UNKNOWN;
		result = copy_path(r,
			json_object_is_type(one, json_type_string) ? json_object_get_string(one) :
								     "",
			r->ret->layers[i].path);
	}
	memcpy(r->ret->ref, r->list[0].ref, sizeof r->ret->ref);
	return result < 0 ? result : read_saved_config(r, text_of(image, "Config"));
}

/* What skopeo's transport `dir` writes: the one image's manifest as it was, blobs by their SHA-256.
 */
static int read_dir(struct reader *r, struct json_object *manifest, const char *digest)
{
	char text[300];
	if (r->choice->ref)
		return gk_fail(r->err, -ENOENT, "%s: no image is called '%s' in it", r->label,
			gk_escape(text, sizeof text, r->choice->ref));
	r->blobs = "";
	memcpy(r->ret->digest, digest, sizeof r->ret->digest);
	return read_image(r, manifest);
}

static int read_manifest_file(struct reader *r)
{
	char digest[GK_OCI_SUM];
	gk_autoinfo struct json_object *json = read_json(r, "manifest.json", NULL, digest);
	if (!json)
		return r->err->code;
	if (json_object_is_type(json, json_type_array))
		return read_saved(r, json);
	return json_object_is_type(json, json_type_object) ?
		read_dir(r, json, digest) :
		damaged(r, "manifest.json is neither a list nor a manifest");
}

int gk_oci_read(int layout_fd, const char *label, const struct gk_oci_choice *choice,
	struct gk_oci *ret, struct gk_err *err)
{
	gk_autofree struct reader *r = calloc(1, sizeof *r);
	struct stat st;
	if (!r)
		return gk_fail_errno(err, -ENOMEM, "%s", label);
	r->fd = layout_fd;
	r->label = label;
	r->choice = choice;
	r->blobs = "blobs/sha256/";
	r->ret = ret;
	r->err = err;
	int result;
	if (fstatat(layout_fd, "index.json", &st, AT_SYMLINK_NOFOLLOW) == 0)
		result = read_layout(r);
	else if (fstatat(layout_fd, "manifest.json", &st, AT_SYMLINK_NOFOLLOW) == 0)
		result = read_manifest_file(r);
	else
		result = damaged(r,
			"no OCI layout and no docker save: it has neither index.json nor "
			"manifest.json");
	gk_arena_free(&r->arena);
	return result;
}

struct request {
	const char *label;
	const struct gk_oci_choice *choice;
};

static int read_in_cage(const void *arg, int in_fd, int root_fd, int out_fd,
	const struct gk_tick *tick, void *ret, struct gk_err *err)
{
	const struct request *request = arg;
	(void)in_fd;
	(void)out_fd;
	(void)tick;
	return gk_oci_read(root_fd, request->label, request->choice, ret, err);
}

static bool ends(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

/* What came out of the cage, taken for no more than bytes. */
static bool well_formed(const struct gk_oci *o)
{
	char clean[PATH_MAX];
	if (!ends(o->digest, sizeof o->digest) || !is_sum(o->digest) ||
		!ends(o->ref, sizeof o->ref) || !ends(o->arch, sizeof o->arch) || o->nlayers == 0 ||
		o->nlayers > GK_OCI_LAYERS_MAX || o->config_size > sizeof o->config ||
		(o->config_size && o->config[o->config_size - 1]))
		return false;
	for (unsigned i = 0; i < o->nlayers; i++) {
		const struct gk_oci_layer *l = &o->layers[i];
		if (!ends(l->path, sizeof l->path) || gk_extract_path(l->path, clean) < 0 ||
			!clean[0] || !ends(l->digest, sizeof l->digest) ||
			(l->digest[0] && !is_sum(l->digest)) ||
			!ends(l->diff_id, sizeof l->diff_id) || !is_sum(l->diff_id))
			return false;
	}
	return true;
}

int gk_oci_read_caged(int layout_fd, const char *label, const struct gk_oci_choice *choice,
	const struct gk_tick *tick, struct gk_oci *ret, struct gk_err *err)
{
	const struct request request = { label, choice };
	const struct gk_cage cage = {
		.label = label,
		.what = "reading",
		.in_fd = -1,
		.root_fd = layout_fd,
		.out_fd = -1,
		.caps = 1ULL << CAP_DAC_READ_SEARCH,
		.tick = tick,
		.fn = read_in_cage,
		.arg = &request,
	};
	int r = gk_cage_run(&cage, ret, sizeof *ret, err);
	if (r == 0 && !well_formed(ret))
		r = gk_fail(err, -EIO, "%s: the process that read it wrote nonsense", label);
	return r;
}

int gk_oci_config_next(
	const struct gk_oci *oci, size_t *at, const char **ret_key, const char **ret_value)
{
	size_t left = oci->config_size - *at;
	const char *key = oci->config + *at;
	const char *end = left ? memchr(key, '\0', left) : NULL;
	if (!end)
		return false;
	const char *value = end + 1;
	left -= (size_t)(value - key);
	end = left ? memchr(value, '\0', left) : NULL;
	if (!end)
		return false;
	*ret_key = key;
	*ret_value = value;
	*at += (size_t)(end + 1 - key);
	return true;
}
