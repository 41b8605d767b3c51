/* gocker image list, show, verify, remove and prune. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/image/image.h"
#include "cli/print.h"
#include "cli/sessions/sessions.h"
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
		add_bool(info, "kept_edit", version->aside);
		add_bool(info, "managed", version->dir[0] != '\0');
	}
	return info;
}

/* Who has a version: the users of the sessions that run on it, each once. "-" for nobody. */
static const char *users_of(struct gk_image_cli *cli, const struct gk_image_version *version,
	const struct gk_seen_list *sessions)
{
	const char *text = "";
	bool plain = !version->dir[0];
	for (size_t i = 0; text && i < sessions->n; i++) {
		const struct gk_seen *s = &sessions->list[i];
		bool first = plain ? strcmp(s->image, version->name) == 0 :
				     strcmp(s->version, version->dir) == 0;
		for (size_t k = 0; k < i && first; k++)
			first = strcmp(sessions->list[k].user, s->user) != 0 ||
				strcmp(sessions->list[k].version, s->version) != 0 ||
				strcmp(sessions->list[k].image, s->image) != 0;
		if (first)
			text = gk_arena_printf(&cli->arena, "%s%s%s", text, *text ? "," : "",
				gk_seen_readable(&cli->arena, s->user));
	}
	/* What holds a version without a session: an edit, an import that shares its layers. */
	return !text || *text ? text : version->in_use ? "gocker" : "-";
}

static const char *state_of(const struct gk_image_version *version)
{
	bool host = strcmp(version->name, GK_IMAGE_HOST) == 0;
	return host              ? "not used" :
		!version->dir[0] ? "plain" :
		version->current ? "current" :
		version->aside   ? "kept" :
				   "old";
}

/* Where it is from, as short as it can be said. */
static const char *source_of(struct json_object *info)
{
	const char *origin = gk_info_get(info, "origin"), *from = gk_info_get(info, "from");
	const char *slash = strrchr(origin, '/');
	if (!*origin)
		return *from ? from : "-";
	return strcmp(from, "fetch") == 0 && slash ? slash + 1 : origin;
}

static const char *digest_of(struct json_object *info)
{
	const char *digest = gk_info_get(info, "digest");
	const char *base = gk_info_get(info, "base_digest");
	return strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : *base ? "changed" : "-";
}

static const struct gk_column list_columns[] = {
	{ "NAME", false, 8, 0 },
	{ "STATE", false, 0, 2 },
	{ "SOURCE", false, 12, 3 },
	{ "DIGEST", false, 0, 4 },
	{ "AGE", true, 0, 0 },
	{ "SIZE", true, 0, 0 },
	{ "USED BY", false, 8, 1 },
	{ "WHAT", false, 10, 5 },
};
enum { LIST_COLUMNS = sizeof list_columns / sizeof *list_columns };

static const char **fill_row(struct gk_image_cli *cli, const struct gk_image_version *version,
	struct json_object *info, const struct gk_seen_list *sessions, const char **cell)
{
	char text[300], age[32];
	int64_t seconds = version->made.tv_sec ? (int64_t)(time(NULL) - version->made.tv_sec) : -1;
	*cell++ = gk_arena_strdup(&cli->arena, version->name);
	*cell++ = state_of(version);
	*cell++ = gk_arena_strdup(&cli->arena, gk_escape(text, sizeof text, source_of(info)));
	*cell++ = gk_arena_printf(&cli->arena, "%.12s", digest_of(info));
	*cell++ = gk_arena_strdup(&cli->arena,
		gk_human_time(age, sizeof age, version->made.tv_sec && seconds < 0 ? 0 : seconds));
	*cell++ = version->dir[0] ?
		gk_arena_strdup(
			&cli->arena, gk_image_size(text, gk_info_number(info, "size_bytes"))) :
		"-";
	*cell++ = users_of(cli, version, sessions);
	*cell++ =
		gk_arena_strdup(&cli->arena, gk_escape(text, sizeof text, gk_info_get(info, "os")));
	return cell;
}

/* The root that no image directory has. */
static const char **fill_host(struct gk_image_cli *cli, struct json_object *info,
	const struct gk_seen_list *sessions, const char **cell)
{
	static const struct gk_image_version host = { .name = GK_IMAGE_HOST };
	char os[96];
	*cell++ = GK_IMAGE_HOST;
	*cell++ = "built in";
	for (int i = 0; i < 4; i++)
		*cell++ = "-";
	*cell++ = users_of(cli, &host, sessions);
	*cell++ = gk_arena_printf(&cli->arena, "%s, this host's own files",
		gk_escape(os, sizeof os, gk_info_get(info, "os")));
	return cell;
}

/* The sessions whose version it is are named in JSON, too. */
static void add_users(struct gk_image_cli *cli, const struct gk_image_version *version,
	const struct gk_seen_list *sessions, struct json_object *info)
{
	const char *users = users_of(cli, version, sessions);
	gk_info_set(info, "used_by", users && strcmp(users, "-") != 0 ? users : "");
}

static int print_list(struct gk_image_cli *cli, const struct gk_image_list *list, bool host,
	const struct gk_seen_list *sessions, struct json_object *all)
{
	size_t rows = list->n + host;
	const char **cells = gk_arena_array(&cli->arena, rows * LIST_COLUMNS + 1, sizeof *cells);
	const char **at = cells;
	if (!cells)
		return -ENOMEM;
	for (size_t i = 0; i < rows; i++) {
		struct json_object *info = json_object_array_get_idx(all, i);
		at = host && i == 0 ? fill_host(cli, info, sessions, at) :
				      fill_row(cli, &list->list[i - host], info, sessions, at);
	}
	for (const char **cell = cells; cell < at; cell++)
		if (!*cell)
			return -ENOMEM;
	gk_table_print(stdout, list_columns, LIST_COLUMNS, cells, rows, gk_terminal_size(NULL), 0);
	return 0;
}

static struct json_object *collect(struct gk_image_cli *cli, const struct gk_store *store,
	const struct gk_image_list *list, bool host, const struct gk_seen_list *sessions)
{
	static const struct gk_image_version own = { .name = GK_IMAGE_HOST };
	struct json_object *all = json_object_new_array();
	for (size_t i = 0; all && i < list->n + host; i++) {
		bool first = host && i == 0;
		const struct gk_image_version *version = first ? &own : &list->list[i - host];
		struct json_object *info =
			first ? gk_image_describe_host(cli) : describe(store, version);
		add_users(cli, version, sessions, info);
		if (json_object_array_add(all, info) < 0)
			gk_info_put(&info);
	}
	return all;
}

int gk_image_cmd_list(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	gk_autolist struct gk_image_list list = { 0 };
	struct gk_seen_list sessions = { 0 };
	struct gk_err ignored = GK_ERR_INIT;
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
	(void)gk_seen_read(&(struct gk_seen_filter){ 0 }, &cli->arena, &sessions, &ignored);
	gk_autoinfo struct json_object *all = collect(cli, &store, &list, host, &sessions);
	if (!all)
		return GK_EXIT_GOCKER;
	if (cli->json)
		return print_json(all) < 0 ? GK_EXIT_GOCKER : 0;
	if (print_list(cli, &list, host, &sessions, all) < 0) {
		(void)gk_fail_errno(&cli->err, -ENOMEM, "cannot print the list");
		return gk_image_failed(cli);
	}
	return 0;
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
	print_field(info, "pinned", "pinned to");
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

/* Which sessions keep an image from being removed: "ID (USER), …" */
static void name_sessions(struct gk_image_cli *cli, const char *image)
{
	enum { SHOWN = 5 };
	struct gk_seen_list sessions = { 0 };
	struct gk_err ignored = GK_ERR_INIT;
	const char *text = "";
	(void)gk_seen_read(
		&(struct gk_seen_filter){ .image = image }, &cli->arena, &sessions, &ignored);
	for (size_t i = 0; text && i < sessions.n && i < SHOWN; i++)
		text = gk_arena_printf(&cli->arena, "%s%s%s (%s)", text, *text ? ", " : "",
			sessions.list[i].id, gk_seen_readable(&cli->arena, sessions.list[i].user));
	if (!text || !*text)
		return;
	gk_err_clear(&cli->err);
	if (sessions.n > SHOWN)
		(void)gk_fail(&cli->err, -EBUSY, "image '%s' is in use by %zu sessions: %s, …",
			image, sessions.n, text);
	else
		(void)gk_fail(&cli->err, -EBUSY, "image '%s' is in use by %s", image, text);
}

int gk_image_cmd_remove(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	int status = gk_image_open_store(cli, false, &store) < 0 ? gk_image_failed(cli) : 0;
	for (int i = 0; store.dir_fd >= 0 && i < cli->argc; i++) {
		gk_err_clear(&cli->err);
		int r = gk_store_remove(&store, cli->argv[i], &cli->err);
		if (r == -EBUSY)
			name_sessions(cli, cli->argv[i]);
		if (r < 0)
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
	struct gk_prune prune = { .keep = (size_t)cli->keep, .edits = cli->edits };
	int r = gk_image_open_store(cli, false, &store);
	if (r == 0 && cli->argc == 0)
		r = gk_store_prune(&store, NULL, &prune, &cli->err);
	for (int i = 0; r == 0 && i < cli->argc; i++) {
		struct gk_image_version current;
		r = gk_store_current(&store, cli->argv[i], &current, &cli->err);
		if (r == 0)
			r = gk_store_prune(&store, cli->argv[i], &prune, &cli->err);
	}
	if (r < 0)
		return gk_image_failed(cli);
	size_t layers = 0;
	if (gk_layers_prune(&store, &layers, &cli->err) < 0)
		return gk_image_failed(cli);
	gk_image_say(cli, "%zu old version%s removed%s%s", prune.ret_removed,
		prune.ret_removed == 1 ? "" : "s", prune.ret_used ? ", others are in use" : "",
		prune.ret_edits ? ", kept edits stay (--edits removes them)" : "");
	return 0;
}

int gk_image_cmd_rollback(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	const char *name = cli->argv[0], *dir = cli->argc > 1 ? cli->argv[1] : NULL;
	char now[GK_VERSION_NAME_MAX];
	if (gk_image_open_store(cli, false, &store) < 0 ||
		gk_store_rollback(&store, name, dir, now, &cli->err) < 0)
		return gk_image_failed(cli);
	gk_image_say(cli,
		"image %s is version %s again; sessions that run keep theirs, and no version was "
		"removed",
		name, now);
	return 0;
}
