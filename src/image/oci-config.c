/* What is read, and kept, of an image's config. */
#include "image/oci-reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/log.h"

static int keep(struct gk_oci_reader *r, const char *key, const char *value)
{
	struct gk_oci *o = r->ret;
	size_t n = strlen(key) + 1, m = strlen(value) + 1;
	if (n + m > sizeof o->config - o->config_size)
		return gk_oci_damaged(r, "the image's config is too large");
	memcpy(o->config + o->config_size, key, n);
	memcpy(o->config + o->config_size + n, value, m);
	o->config_size += n + m;
	return 0;
}

static int keep_list(struct gk_oci_reader *r, struct json_object *config, const char *key)
{
	struct json_object *list = gk_oci_member(config, key, json_type_array);
	int result = 0;
	for (size_t i = 0; result == 0 && list && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		if (json_object_is_type(one, json_type_string))
			result = keep(r, key, json_object_get_string(one));
	}
	return result;
}

static int keep_labels(struct gk_oci_reader *r, struct json_object *config)
{
	struct json_object *labels = gk_oci_member(config, "Labels", json_type_object);
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

static int keep_config(struct gk_oci_reader *r, struct json_object *config)
{
	static const char *const texts[] = { "WorkingDir", "User" };
	static const char *const lists[] = { "Env", "Entrypoint", "Cmd" };
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof texts / sizeof *texts; i++)
		if (*gk_oci_text(config, texts[i]))
			result = keep(r, texts[i], gk_oci_text(config, texts[i]));
	for (size_t i = 0; result == 0 && i < sizeof lists / sizeof *lists; i++)
		result = keep_list(r, config, lists[i]);
	return result < 0 ? result : keep_labels(r, config);
}

int gk_oci_other_machine(struct gk_oci_reader *r, const char *arch)
{
	char text[160];
	return gk_fail(r->err, -ENOEXEC, "%s is for %s; this host runs linux/%s", r->label,
		gk_escape(text, sizeof text, arch), r->choice->arch);
}

int gk_oci_read_config(struct gk_oci_reader *r, struct json_object *config)
{
	struct gk_oci *o = r->ret;
	struct json_object *ids = gk_oci_member(
		gk_oci_member(config, "rootfs", json_type_object), "diff_ids", json_type_array);
	const char *os = gk_oci_text(config, "os"), *arch = gk_oci_text(config, "architecture");
	if (*os && strcmp(os, "linux") != 0)
		return gk_oci_other_machine(r, os);
	if (strcmp(arch, r->choice->arch) != 0)
		return gk_oci_other_machine(r, *arch ? arch : "no machine that it names");
	snprintf(o->arch, sizeof o->arch, "%s", arch);
	if (!ids || json_object_array_length(ids) != o->nlayers)
		return gk_oci_damaged(r, "the config does not name as many layers as the manifest");
	for (unsigned i = 0; i < o->nlayers; i++) {
		struct json_object *id = json_object_array_get_idx(ids, i);
		const char *text =
			json_object_is_type(id, json_type_string) ? json_object_get_string(id) : "";
		const char *sum = gk_oci_sum(text);
		if (!sum)
			return gk_oci_damaged(r, "a layer's diff_id is not a SHA-256");
		memcpy(o->layers[i].diff_id, sum, GK_OCI_SUM);
	}
	return keep_config(r, gk_oci_member(config, "config", json_type_object));
}
