/* gocker image show. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/image/image.h"
#include "image/info.h"
#include "image/tools.h"
#include "plan/hostroot.h"

static void print_field(struct json_object *info, const char *key, const char *label)
{
	char text[600];
	const char *value = gk_info_get(info, key);
	if (*value)
		printf("%-12s %s\n", label, gk_escape(text, sizeof text, value));
}

/* A library of thousands of files changes with one update of a package. */
enum { STALE_SHOWN = 10 };

static void on_stale(void *arg, const char *path, const char *why)
{
	unsigned *n = arg;
	if (++*n > STALE_SHOWN)
		return;
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
			gk_autoinfo struct json_object *other =
				gk_image_describe(store, &list.list[k]);
			found = has_layer(other, gk_info_get(layer, "digest"));
		}
		shared += found ? gk_info_number(layer, "size_bytes") : 0;
	}
	return shared;
}

/* The bytes of the layers, and of those the ones that are of this image alone. */
static void add_sizes(const struct gk_store *store, const struct gk_image_version *version,
	struct json_object *info)
{
	uint64_t all = 0, shared = count_shared(store, version->name, info);
	struct json_object *list = NULL;
	if (!json_object_object_get_ex(info, "layers", &list))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		all += gk_info_number(json_object_array_get_idx(list, i), "size_bytes");
	(void)json_object_object_add(info, "shared_bytes", json_object_new_int64((int64_t)shared));
	(void)json_object_object_add(
		info, "own_bytes", json_object_new_int64((int64_t)(all - shared)));
}

static void print_layers(struct json_object *info)
{
	char size[32], own[32];
	struct json_object *list = NULL;
	if (!json_object_object_get_ex(info, "layers", &list))
		return;
	printf("%-12s %zu: %s shared with other images, %s its own\n", "layers",
		json_object_array_length(list),
		gk_image_size(size, gk_info_number(info, "shared_bytes")),
		gk_image_size(own, gk_info_number(info, "own_bytes")));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		printf("%-12s %s %s\n", "layer", gk_info_get(one, "digest"),
			gk_image_size(size, gk_info_number(one, "size_bytes")));
	}
}

static void print_info(const struct gk_image_version *version, struct json_object *info)
{
	static const struct {
		const char *key, *title;
	} fields[] = { { "name", "name" }, { "os", "what" }, { "made", "made" }, { "from", "from" },
		{ "origin", "origin" }, { "version", "release" }, { "sum", "sum" },
		{ "signed_by", "signed by" }, { "ref", "ref" }, { "digest", "digest" },
		{ "pinned", "pinned to" }, { "base_digest", "changed from" },
		{ "architecture", "machine" }, { "version_dir", "version" } };
	char size[32];
	unsigned stale = 0;
	struct json_object *list = NULL;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		print_field(info, fields[i].key, fields[i].title);
	if (version->dir[0])
		printf("%-12s %s in %" PRIu64 " entr%s\n", "size",
			gk_image_size(size, gk_info_number(info, "size_bytes")),
			gk_info_number(info, "entries"),
			gk_info_number(info, "entries") == 1 ? "y" : "ies");
	else
		printf("%-12s %s\n", "managed", "no: a plain directory made by hand");
	printf("%-12s %s\n", "in use", version->in_use ? "yes" : "no");
	print_layers(info);
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
	if (gk_tools_stale(info, on_stale, &stale) > STALE_SHOWN)
		printf("%-12s and %u more\n", "stale", stale - STALE_SHOWN);
	if (stale)
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
	gk_autoinfo struct json_object *info = gk_image_describe(&store, &version);
	add_sizes(&store, &version, info);
	if (cli->json)
		return gk_image_print_json(info) < 0 ? GK_EXIT_GOCKER : 0;
	print_info(&version, info);
	return 0;
}
