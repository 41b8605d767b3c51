/* gocker image verify, remove, prune and rollback. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/image/image.h"
#include "cli/sessions/sessions.h"
#include "image/info.h"
#include "image/layers.h"
#include "image/manifest.h"

struct findings {
	const struct gk_image_cli *cli;
	struct json_object *list;
};

static void add_finding(struct findings *f, const char *kind, const char *path, const char *what)
{
	struct json_object *one = json_object_new_object();
	gk_info_set(one, "path", path);
	gk_info_set(one, "kind", kind);
	gk_info_set(one, "what", what);
	if (json_object_array_add(f->list, one) < 0)
		gk_info_put(&one);
}

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
	add_finding(f, kinds[kind], gk_escape(name, sizeof name, path), what);
}

/* The layers that the image was made of, as the store has them for the next image. Returns how many
 * are damaged or gone, or -errno. */
static int verify_layers(struct gk_image_cli *cli, const struct gk_store *store, int version_fd,
	struct findings *findings)
{
	gk_autoinfo struct json_object *info = gk_info_read(version_fd, &cli->err);
	struct json_object *list = NULL;
	int n = 0;
	(void)json_object_object_get_ex(info, "layers", &list);
	for (size_t i = 0; i < (list ? json_object_array_length(list) : 0); i++) {
		gk_autolayer struct gk_layer layer = GK_LAYER_INIT;
		const char *digest = gk_info_get(json_object_array_get_idx(list, i), "digest");
		const char *colon = strchr(digest, ':');
		int r = gk_layer_take(store, colon ? colon + 1 : digest, &layer, &cli->err);
		if (r == 0)
			continue;
		if (r != -ENOENT)
			return r;
		n++;
		if (cli->json)
			add_finding(findings, "layer", digest, "damaged or gone");
		gk_image_progress_clear();
		if (!cli->json)
			printf("%-8s %s (damaged or gone)\n", "layer", digest);
	}
	return n;
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
	int bad = n < 0 ? 0 : verify_layers(cli, &store, fd, &findings);
	if (n < 0 || bad < 0)
		return gk_image_failed(cli);
	n += bad;
	if (cli->json && gk_image_print_json(list) < 0)
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

/* By whom a replaced version is still used, a line each. */
static void say_used(struct gk_image_cli *cli, const struct gk_store *store)
{
	gk_autolist struct gk_image_list list = { 0 };
	struct gk_seen_list sessions = { 0 };
	struct gk_err ignored = GK_ERR_INIT;
	(void)gk_seen_read(&(struct gk_seen_filter){ 0 }, &cli->arena, &sessions, &ignored);
	if (gk_store_list(store, NULL, &list, &ignored) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		for (size_t k = 0; k < sessions.n && !list.list[i].current; k++)
			if (list.list[i].dir[0] &&
				strcmp(sessions.list[k].version, list.list[i].dir) == 0)
				gk_image_say(cli, "  %s is in use by %s (%s)", list.list[i].dir,
					sessions.list[k].id,
					gk_seen_readable(&cli->arena, sessions.list[k].user));
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
	if (prune.ret_used)
		say_used(cli, &store);
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
