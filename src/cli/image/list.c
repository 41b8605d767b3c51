/* gocker image list, and what show and list tell of a version. */
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

int gk_image_print_json(struct json_object *value)
{
	return gk_json_print(value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void add_bool(struct json_object *to, const char *key, bool value)
{
	(void)json_object_object_add(to, key, json_object_new_boolean(value));
}

struct json_object *gk_image_describe(
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
		/* gocker 0.1.0 recorded no version. */
		bool by_name = plain || (strcmp(s->version, "-") == 0 && version->in_use);
		bool first = by_name ? strcmp(s->image, version->name) == 0 :
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

/* At 80 columns everything is shown, in as many lines as it takes. */
static const struct gk_column list_columns[] = {
	{ "NAME", false, 12, 0, true },
	{ "STATE", false, 0, 2, false },
	{ "SOURCE", false, 10, 3, true },
	{ "DIGEST", false, 0, 4, false },
	{ "AGE", true, 0, 0, false },
	{ "SIZE", true, 0, 0, false },
	{ "USED BY", false, 8, 1, true },
	{ "WHAT", false, 9, 5, true },
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
			first ? gk_image_describe_host(cli) : gk_image_describe(store, version);
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
		return gk_image_print_json(all) < 0 ? GK_EXIT_GOCKER : 0;
	if (print_list(cli, &list, host, &sessions, all) < 0) {
		(void)gk_fail_errno(&cli->err, -ENOMEM, "cannot print the list");
		return gk_image_failed(cli);
	}
	return 0;
}
