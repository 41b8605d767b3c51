#include "image/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/capability.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "image/cage.h"
#include "image/extract.h"
#include "image/info.h"
#include "image/oci-reader.h"

enum { INDEX_DEPTH = 4 };

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

/* Remembers another machine's image, for the message. */
static void pass_over(struct gk_oci_reader *r, const char *arch)
{
	char name[32];
	size_t len = strlen(r->others);
	(void)gk_escape(name, sizeof name, arch);
	if (*arch && !strstr(r->others, name))
		snprintf(r->others + len, sizeof r->others - len, "%s%s", len ? ", " : "", name);
}

static int add_candidate(struct gk_oci_reader *r, struct json_object *descriptor, const char *ref)
{
	struct json_object *platform = gk_oci_member(descriptor, "platform", json_type_object);
	const char *arch = gk_oci_text(platform, "architecture"), *os = gk_oci_text(platform, "os");
	const char *sum = gk_oci_sum(gk_oci_text(descriptor, "digest"));
	if (!sum)
		return gk_oci_damaged(r, "a descriptor without a SHA-256");
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
	if (r->n == GK_OCI_CANDIDATES_MAX)
		return gk_oci_damaged(r, "holds too many images");
	struct gk_oci_candidate *c = &r->list[r->n++];
	memcpy(c->digest, sum, GK_OCI_SUM);
	snprintf(c->ref, sizeof c->ref, "%s", ref);
	return 0;
}

static int read_index(
	struct gk_oci_reader *r, struct json_object *index, const char *above, unsigned depth)
{
	struct json_object *list = gk_oci_member(index, "manifests", json_type_array);
	if (!list || depth > INDEX_DEPTH)
		return gk_oci_damaged(r, "an index without manifests, or too deep");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *d = json_object_array_get_idx(list, i);
		struct json_object *notes = gk_oci_member(d, "annotations", json_type_object);
		const char *ref = gk_oci_text(notes, "org.opencontainers.image.ref.name");
		const char *type = gk_oci_text(d, "mediaType");
		char digest[GK_OCI_SUM];
		int result;
		ref = *ref ? ref : above;
		if (strstr(type, "image.index") || strstr(type, "manifest.list")) {
			gk_autoinfo struct json_object *below = gk_oci_blob(r, d, digest);
			result = below ? read_index(r, below, ref, depth + 1) : r->err->code;
		} else {
			result = add_candidate(r, d, ref);
		}
		if (result < 0)
			return result;
	}
	return 0;
}

static int set_layers(struct gk_oci_reader *r, struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0;
	if (n == 0 || n > GK_OCI_LAYERS_MAX)
		return gk_oci_damaged(r, n ? "more layers than 256" : "an image without layers");
	r->ret->nlayers = (unsigned)n;
	return 0;
}

/* An image's manifest, OCI's or docker's: its layers and its config. */
static int read_image(struct gk_oci_reader *r, struct json_object *manifest)
{
	char digest[GK_OCI_SUM];
	struct gk_oci *o = r->ret;
	struct json_object *list = gk_oci_member(manifest, "layers", json_type_array);
	int result = set_layers(r, list);
	for (unsigned i = 0; result == 0 && i < o->nlayers; i++) {
		struct gk_oci_layer *l = &o->layers[i];
		result = gk_oci_follow(
			r, json_object_array_get_idx(list, i), l->path, l->digest, &l->size_bytes);
	}
	if (result < 0)
		return result;
	gk_autoinfo struct json_object *config =
		gk_oci_blob(r, gk_oci_member(manifest, "config", json_type_object), digest);
	return config ? gk_oci_read_config(r, config) : r->err->code;
}

static int read_manifest(struct gk_oci_reader *r, const struct gk_oci_candidate *c)
{
	char path[GK_OCI_PATH_MAX];
	struct gk_oci *o = r->ret;
	snprintf(path, sizeof path, "%s%s", r->blobs, c->digest);
	gk_autoinfo struct json_object *manifest = gk_oci_json(r, path, c->digest, NULL);
	if (!manifest)
		return r->err->code;
	memcpy(o->digest, c->digest, sizeof o->digest);
	memcpy(o->ref, c->ref, sizeof o->ref);
	return read_image(r, manifest);
}

static void list_refs(struct gk_oci_reader *r, char *ret, size_t size)
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

static int choose(struct gk_oci_reader *r)
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
		return gk_oci_other_machine(r, r->others);
	return r->choice->ref ? gk_fail(r->err, -ENOENT, "%s: no image is called '%s' in it",
					r->label, gk_escape(text, sizeof text, r->choice->ref)) :
				gk_oci_damaged(r, "holds no image");
}

static int read_layout(struct gk_oci_reader *r)
{
	gk_autoinfo struct json_object *index = gk_oci_json(r, "index.json", NULL, NULL);
	int result = index ? read_index(r, index, "", 0) : r->err->code;
	if (result == 0)
		result = choose(r);
	return result < 0 ? result : read_manifest(r, &r->list[0]);
}

/* manifest.json of docker save: images as Config, RepoTags and Layers, by path. */
static int add_saved(
	struct gk_oci_reader *r, struct json_object *image, unsigned *ret_index, unsigned i)
{
	struct json_object *tags = gk_oci_member(image, "RepoTags", json_type_array);
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
	if (r->n == GK_OCI_CANDIDATES_MAX)
		return gk_oci_damaged(r, "holds too many images");
	*ret_index = i;
	snprintf(r->list[r->n++].ref, sizeof r->list[0].ref, "%s", ref);
	return 0;
}

/* A path inside the layout, as it is. */
static int copy_path(struct gk_oci_reader *r, const char *path, char ret[GK_OCI_PATH_MAX])
{
	char clean[PATH_MAX];
	if (!*path || strlen(path) >= GK_OCI_PATH_MAX || gk_extract_path(path, clean) < 0 ||
		!clean[0])
		return gk_oci_damaged(r, "manifest.json names a file that cannot be in it");
	snprintf(ret, GK_OCI_PATH_MAX, "%s", path);
	return 0;
}

/* A config is named by its sum: HEX.json, or blobs/sha256/HEX. */
static int read_saved_config(struct gk_oci_reader *r, const char *name)
{
	char path[GK_OCI_PATH_MAX], stem[GK_OCI_PATH_MAX];
	int result = copy_path(r, name, path);
	if (result < 0)
		return result;
	const char *slash = strrchr(path, '/');
	snprintf(stem, sizeof stem, "%s", slash ? slash + 1 : path);
	stem[strcspn(stem, ".")] = '\0';
	gk_autoinfo struct json_object *config =
		gk_oci_json(r, path, gk_oci_is_sum(stem) ? stem : NULL, r->ret->digest);
	return config ? gk_oci_read_config(r, config) : r->err->code;
}

static int read_saved(struct gk_oci_reader *r, struct json_object *all)
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
	struct json_object *layers = gk_oci_member(image, "Layers", json_type_array);
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
	return result < 0 ? result : read_saved_config(r, gk_oci_text(image, "Config"));
}

/* What skopeo's transport `dir` writes: the one image's manifest as it was, blobs by their SHA-256.
 */
static int read_dir(struct gk_oci_reader *r, struct json_object *manifest, const char *digest)
{
	char text[300];
	if (r->choice->ref)
		return gk_fail(r->err, -ENOENT, "%s: no image is called '%s' in it", r->label,
			gk_escape(text, sizeof text, r->choice->ref));
	r->blobs = "";
	memcpy(r->ret->digest, digest, sizeof r->ret->digest);
	return read_image(r, manifest);
}

static int read_manifest_file(struct gk_oci_reader *r)
{
	char digest[GK_OCI_SUM];
	gk_autoinfo struct json_object *json = gk_oci_json(r, "manifest.json", NULL, digest);
	if (!json)
		return r->err->code;
	if (json_object_is_type(json, json_type_array))
		return read_saved(r, json);
	return json_object_is_type(json, json_type_object) ?
		read_dir(r, json, digest) :
		gk_oci_damaged(r, "manifest.json is neither a list nor a manifest");
}

int gk_oci_read(int layout_fd, const char *label, const struct gk_oci_choice *choice,
	struct gk_oci *ret, struct gk_err *err)
{
	gk_autofree struct gk_oci_reader *r = calloc(1, sizeof *r);
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
		result = gk_oci_damaged(r,
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
	if (!ends(o->digest, sizeof o->digest) || !gk_oci_is_sum(o->digest) ||
		!ends(o->ref, sizeof o->ref) || !ends(o->arch, sizeof o->arch) || o->nlayers == 0 ||
		o->nlayers > GK_OCI_LAYERS_MAX || o->config_size > sizeof o->config ||
		(o->config_size && o->config[o->config_size - 1]))
		return false;
	for (unsigned i = 0; i < o->nlayers; i++) {
		const struct gk_oci_layer *l = &o->layers[i];
		if (!ends(l->path, sizeof l->path) || gk_extract_path(l->path, clean) < 0 ||
			!clean[0] || !ends(l->digest, sizeof l->digest) ||
			(l->digest[0] && !gk_oci_is_sum(l->digest)) ||
			!ends(l->diff_id, sizeof l->diff_id) || !gk_oci_is_sum(l->diff_id))
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
		r = gk_fail(err, -EIO, "%s: the process that read it sent an invalid reply", label);
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
