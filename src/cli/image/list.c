/* gocker image list, show, verify, remove and prune. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/image/image.h"
#include "cli/print.h"
#include "image/info.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/tools.h"
#include "plan/hostroot.h"

static int print_json(struct json_object *value)
{
	return gk_json_print(value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void add_bool(struct json_object *to, const char *key, bool value)
{
	(void)json_object_object_add(to, key, json_object_new_boolean(value));
}

/* What is known of a version: its info.json, or an empty record, with name, version and use. */
static struct json_object *describe(
	const struct gk_store *store, const struct gk_image_version *version)
{
	gk_autoclose int fd = -1;
	struct json_object *info = NULL;
	if (version->dir[0] && gk_store_open_version(store, version, &fd, NULL, NULL) == 0)
		info = gk_info_read(fd, NULL);
	if (!info)
		info = json_object_new_object();
	gk_info_set(info, "name", version->name);
	gk_info_set(info, "version_dir", version->dir[0] ? version->dir : NULL);
	if (info) {
		add_bool(info, "current", version->current);
		add_bool(info, "in_use", version->in_use);
		add_bool(info, "managed", version->dir[0] != '\0');
	}
	return info;
}

static void print_head(void)
{
	printf("%-20s %-8s %-7s %-21s %10s  %s\n", "NAME", "STATE", "USE", "MADE", "SIZE", "WHAT");
}

static void print_line(const struct gk_image_version *version, struct json_object *info)
{
	char size[32], os[96];
	const char *state = strcmp(version->name, GK_IMAGE_HOST) == 0 ? "not used" :
		!version->dir[0]                                      ? "plain" :
		version->current                                      ? "current" :
									"old";
	printf("%-20s %-8s %-7s %-21s %10s  %s\n", version->name, state,
		version->in_use ? "in use" : "-",
		gk_info_get(info, "made")[0] ? gk_info_get(info, "made") : "-",
		version->dir[0] ? gk_image_size(size, gk_info_number(info, "size_bytes")) : "-",
		gk_escape(os, sizeof os, gk_info_get(info, "os")));
}

/* The root that no image directory has. */
static void list_host(struct gk_image_cli *cli, struct json_object *all)
{
	char os[96];
	struct json_object *info = gk_image_describe_host(cli);
	if (!cli->json && info)
		printf("%-20s %-8s %-7s %-21s %10s  %s, this host's own files\n", GK_IMAGE_HOST,
			"built in",
			json_object_get_boolean(json_object_object_get(info, "in_use")) ? "in use" :
											  "-",
			"-", "-", gk_escape(os, sizeof os, gk_info_get(info, "os")));
	if (json_object_array_add(all, info) < 0)
		gk_info_put(&info);
}

int gk_image_cmd_list(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	gk_autolist struct gk_image_list list = { 0 };
	const char *name = cli->argc ? cli->argv[0] : NULL;
	bool host = !name || strcmp(name, GK_IMAGE_HOST) == 0;
	int r = gk_image_open_store(cli, false, &store);
	if (r == -ENOENT && host) {
		r = 0; /* no image directory yet: no images */
	} else if (r == 0) {
		r = gk_store_list(&store, name, &list, &cli->err);
		if (r == 0 && !host && list.n == 0)
			r = gk_fail(&cli->err, -ENOENT, "there is no image '%s'", name);
	}
	if (r < 0)
		return gk_image_failed(cli);
	gk_autoinfo struct json_object *all = json_object_new_array();
	if (!cli->json && (list.n || host))
		print_head();
	if (host)
		list_host(cli, all);
	for (size_t i = 0; i < list.n; i++) {
		struct json_object *info = describe(&store, &list.list[i]);
		if (!cli->json)
			print_line(&list.list[i], info);
		if (json_object_array_add(all, info) < 0)
			gk_info_put(&info);
	}
	return cli->json && print_json(all) < 0 ? GK_EXIT_GOCKER : 0;
}

static void print_field(struct json_object *info, const char *key, const char *label)
{
	char text[600];
	const char *value = gk_info_get(info, key);
	if (*value)
		printf("%-12s %s\n", label, gk_escape(text, sizeof text, value));
}

static void on_stale(void *arg, const char *path, const char *why)
{
	(void)arg;
	printf("%-12s %s %s\n", "stale", path, why);
}

static void print_values(const char *key, struct json_object *value)
{
	char text[600];
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			print_values(key, json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, one)
		{
			char label[300];
			const char *is = json_object_get_string(one);
			snprintf(label, sizeof label, "%s=%s", name, is ? is : "");
			printf("%-12s %s: %s\n", "config", key,
				gk_escape(text, sizeof text, label));
		}
	} else {
		const char *is = json_object_get_string(value);
		printf("%-12s %s: %s\n", "config", key, gk_escape(text, sizeof text, is ? is : ""));
	}
}

/* What the image's author meant it to be started with. */
static void print_config(struct json_object *info)
{
	struct json_object *config = NULL;
	if (!json_object_object_get_ex(info, "config", &config) ||
		!json_object_is_type(config, json_type_object))
		return;
	json_object_object_foreach(config, key, value)
	{
		print_values(key, value);
	}
}

static bool has_layer(struct json_object *info, const char *digest)
{
	struct json_object *list = NULL;
	if (!json_object_object_get_ex(info, "layers", &list))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(gk_info_get(json_object_array_get_idx(list, i), "digest"), digest) == 0)
			return true;
	return false;
}

/* The bytes of an image's layers that other images are made of, too. */
static uint64_t count_shared(
	const struct gk_store *store, const char *name, struct json_object *info)
{
	gk_autolist struct gk_image_list list = { 0 };
	struct json_object *layers = NULL;
	uint64_t shared = 0;
	if (!json_object_object_get_ex(info, "layers", &layers) ||
		gk_store_list(store, NULL, &list, NULL) < 0)
		return 0;
	for (size_t i = 0; i < json_object_array_length(layers); i++) {
		struct json_object *layer = json_object_array_get_idx(layers, i);
		bool found = false;
		for (size_t k = 0; k < list.n && !found; k++) {
			if (!list.list[k].current || strcmp(list.list[k].name, name) == 0)
				continue;
			gk_autoinfo struct json_object *other = describe(store, &list.list[k]);
			found = has_layer(other, gk_info_get(layer, "digest"));
		}
		shared += found ? gk_info_number(layer, "size_bytes") : 0;
	}
	return shared;
}

static void print_layers(struct json_object *info, uint64_t shared)
{
	char size[32], own[32];
	uint64_t all = 0;
	struct json_object *list = NULL;
	if (!json_object_object_get_ex(info, "layers", &list))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		all += gk_info_number(json_object_array_get_idx(list, i), "size_bytes");
	printf("%-12s %zu: %s shared with other images, %s its own\n", "layers",
		json_object_array_length(list), gk_image_size(size, shared),
		gk_image_size(own, all - shared));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		printf("%-12s %s %s\n", "layer", gk_info_get(one, "digest"),
			gk_image_size(size, gk_info_number(one, "size_bytes")));
	}
}

static void print_info(
	const struct gk_image_version *version, struct json_object *info, uint64_t shared)
{
	char size[32];
	struct json_object *list = NULL;
	print_field(info, "name", "name");
	print_field(info, "os", "what");
	print_field(info, "made", "made");
	print_field(info, "from", "from");
	print_field(info, "origin", "origin");
	print_field(info, "version", "release");
	print_field(info, "sum", "sum");
	print_field(info, "ref", "ref");
	print_field(info, "digest", "digest");
	print_field(info, "base_digest", "changed from");
	print_field(info, "architecture", "machine");
	print_field(info, "version_dir", "version");
	if (version->dir[0])
		printf("%-12s %s in %" PRIu64 " entr%s\n", "size",
			gk_image_size(size, gk_info_number(info, "size_bytes")),
			gk_info_number(info, "entries"),
			gk_info_number(info, "entries") == 1 ? "y" : "ies");
	else
		printf("%-12s %s\n", "managed", "no: a plain directory made by hand");
	printf("%-12s %s\n", "in use", version->in_use ? "yes" : "no");
	print_layers(info, shared);
	print_config(info);
	if (json_object_object_get_ex(info, "made_harmless", &list)) {
		json_object_object_foreach(list, key, value)
		{
			if (json_object_get_int64(value))
				printf("%-12s %s: %s\n", "harmless", key,
					json_object_get_string(value));
		}
	}
	if (json_object_object_get_ex(info, "edited", &list))
		for (size_t i = 0; i < json_object_array_length(list); i++)
			printf("%-12s %s\n", "edited",
				json_object_get_string(json_object_array_get_idx(list, i)));
	if (json_object_object_get_ex(info, "tools", &list))
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			struct json_object *tool = json_object_array_get_idx(list, i);
			if (gk_info_get(tool, "version")[0])
				printf("%-12s %s (%s)\n", "tool", gk_info_get(tool, "path"),
					gk_info_get(tool, "version"));
		}
	if (gk_tools_stale(info, on_stale, NULL))
		printf("%-12s gocker image tools %s PROGRAM...\n", "to renew", version->name);
}

int gk_image_cmd_show(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	struct gk_image_version version;
	if (strcmp(cli->argv[0], GK_IMAGE_HOST) == 0)
		return gk_image_show_host(cli);
	if (gk_image_open_store(cli, false, &store) < 0 ||
		gk_store_current(&store, cli->argv[0], &version, &cli->err) < 0)
		return gk_image_failed(cli);
	gk_autoinfo struct json_object *info = describe(&store, &version);
	if (cli->json)
		return print_json(info) < 0 ? GK_EXIT_GOCKER : 0;
	print_info(&version, info, count_shared(&store, version.name, info));
	return 0;
}

struct findings {
	const struct gk_image_cli *cli;
	struct json_object *list;
};

static void on_difference(void *arg, enum gk_difference kind, const char *path, const char *what)
{
	static const char *const kinds[] = { "missing", "added", "changed" };
	struct findings *f = arg;
	char name[600];
	if (!f->cli->json) {
		gk_image_progress_clear();
		printf("%-8s /%s%s%s%s\n", kinds[kind], gk_escape(name, sizeof name, path),
			what ? " (" : "", what ? what : "", what ? ")" : "");
		return;
	}
	struct json_object *one = json_object_new_object();
	gk_info_set(one, "path", gk_escape(name, sizeof name, path));
	gk_info_set(one, "kind", kinds[kind]);
	gk_info_set(one, "what", what);
	if (json_object_array_add(f->list, one) < 0)
		gk_info_put(&one);
}

/* The manifest must be the one that info.json was written with. */
static int check_manifest(int fd, struct gk_err *err)
{
	char sum[GK_SUM_MAX];
	gk_autoinfo struct json_object *info = gk_info_read(fd, err);
	gk_autoclose int manifest = openat(fd, "manifest", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (!info)
		return err->code;
	int r = manifest < 0 ? -errno : gk_hash_fd(manifest, 256, NULL, sum);
	if (r < 0)
		return gk_fail_errno(err, r, "the manifest");
	if (strcmp(sum, gk_info_get(info, "manifest_sha256")) != 0)
		return gk_fail(err, -EBADMSG, "the manifest itself was changed");
	return 0;
}

int gk_image_cmd_verify(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	struct gk_image_version version;
	gk_autoclose int fd = -1, root = -1;
	gk_autoinfo struct json_object *list = json_object_new_array();
	struct findings findings = { .cli = cli, .list = list };
	if (gk_image_open_store(cli, false, &store) < 0 ||
		gk_store_current(&store, cli->argv[0], &version, &cli->err) < 0 ||
		gk_store_open_version(&store, &version, &fd, &root, &cli->err) < 0 ||
		check_manifest(fd, &cli->err) < 0)
		return gk_image_failed(cli);
	int64_t n = gk_manifest_verify(
		root, fd, "manifest", &cli->tick, on_difference, &findings, &cli->err);
	if (n < 0)
		return gk_image_failed(cli);
	if (cli->json && print_json(list) < 0)
		return GK_EXIT_GOCKER;
	if (n == 0)
		gk_image_say(cli, "image %s is as it was made", cli->argv[0]);
	return n ? GK_IMAGE_DIFFERS : 0;
}

int gk_image_cmd_remove(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	int status = gk_image_open_store(cli, false, &store) < 0 ? gk_image_failed(cli) : 0;
	for (int i = 0; store.dir_fd >= 0 && i < cli->argc; i++) {
		gk_err_clear(&cli->err);
		if (gk_store_remove(&store, cli->argv[i], &cli->err) < 0)
			status = gk_image_failed(cli);
		else
			gk_image_say(cli, "image %s removed", cli->argv[i]);
	}
	size_t layers = 0;
	if (store.dir_fd >= 0 && gk_layers_prune(&store, &layers, &cli->err) < 0)
		status = gk_image_failed(cli);
	return status;
}

int gk_image_cmd_prune(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	size_t removed = 0, kept = 0;
	int r = gk_image_open_store(cli, false, &store);
	if (r == 0 && cli->argc == 0)
		r = gk_store_prune(&store, NULL, &removed, &kept, &cli->err);
	for (int i = 0; r == 0 && i < cli->argc; i++) {
		struct gk_image_version current;
		r = gk_store_current(&store, cli->argv[i], &current, &cli->err);
		if (r == 0)
			r = gk_store_prune(&store, cli->argv[i], &removed, &kept, &cli->err);
	}
	if (r < 0)
		return gk_image_failed(cli);
	size_t layers = 0;
	if (gk_layers_prune(&store, &layers, &cli->err) < 0)
		return gk_image_failed(cli);
	gk_image_say(cli, "%zu old version%s removed%s", removed, removed == 1 ? "" : "s",
		kept ? ", others are in use" : "");
	return 0;
}
