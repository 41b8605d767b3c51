/* gocker image pull and update. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/image/image.h"
#include "image/image.h"
#include "image/info.h"
#include "image/layers.h"

static int pull_one(struct gk_image_cli *cli, const struct gk_store *store, const char *name,
	const char *ref, enum gk_pinning pinning)
{
	struct gk_pulled pulled = { 0 };
	char size[32];
	const struct gk_extract_options options = {
		.limits = { cli->max_size, cli->max_entries },
		.owners = true,
		.tick = &cli->tick,
	};
	const struct gk_pull pull = {
		.ref = ref,
		.authfile = cli->authfile,
		.policy = cli->policy,
		.userns_base = cli->userns_base,
		.max_bytes = cli->max_size,
		.tick = &cli->tick,
	};
	int r = gk_image_pull(store, name, &pull, pinning, &options, &pulled, &cli->err);
	if (r < 0) {
		/* Layers that were unpacked before the failure are of no image. */
		size_t ignored = 0;
		(void)gk_layers_prune(store, &ignored, NULL);
		return r;
	}
	if (!pulled.changed) {
		gk_image_say(cli, "image %s is up to date: %s has %s", name, ref, pulled.digest);
		return 0;
	}
	gk_image_say(cli, "image %s: %" PRIu64 " entr%s, %s; %s", name, pulled.stats.entries,
		pulled.stats.entries == 1 ? "y" : "ies",
		gk_image_size(size, pulled.stats.size_bytes), pulled.digest);
	gk_image_say_harmless(cli, &pulled.stats);
	if (pulled.replaced_edited)
		gk_image_say(cli,
			"  the version before had been changed by edit or tools; it is kept until "
			"`gocker image prune %s`",
			name);
	return 0;
}

int gk_image_cmd_pull(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	char ref[GK_PULL_REF_MAX], name[GK_IMAGE_NAME_MAX + 1];
	if (cli->pin && cli->unpin)
		return gk_cli_usage("image pull", "--pin and --unpin exclude each other");
	int r = gk_pull_ref(cli->argv[0], ref, &cli->err);
	if (r == 0 && cli->argc > 1 && !gk_image_name_ok(cli->argv[1]))
		r = gk_fail(&cli->err, -EINVAL, "not a name for an image (letters, digits, . _ -)");
	else if (r == 0 && cli->argc > 1)
		snprintf(name, sizeof name, "%s", cli->argv[1]);
	else if (r == 0 && !gk_pull_name(ref, name, sizeof name))
		r = gk_fail(&cli->err, -EINVAL, "give the image a name: gocker image pull %s NAME",
			ref);
	if (r == 0)
		r = gk_image_userns_base(cli);
	if (r == 0)
		r = gk_image_open_store(cli, true, &store);
	if (r == 0)
		r = pull_one(cli, &store, name, ref,
			cli->pin           ? GK_PIN_SET :
				cli->unpin ? GK_PIN_CLEAR :
					     GK_PIN_KEEP);
	return r < 0 ? gk_image_failed(cli) : 0;
}

/* Pulls one image again. named: the command line names it. Returns 1, 0 where it did not come from
 * a registry, or -errno. */
static int update_one(struct gk_image_cli *cli, const struct gk_store *store,
	const struct gk_image_version *version, bool named)
{
	gk_autoclose int fd = -1;
	char ref[GK_PULL_REF_MAX];
	const char *const name = version->name;
	int r = version->dir[0] ? gk_store_open_version(store, version, &fd, NULL, &cli->err) : 0;
	gk_autoinfo struct json_object *info = fd >= 0 ? gk_info_read(fd, &cli->err) : NULL;
	gk_close_fd(&fd);
	if (r < 0 || (version->dir[0] && !info))
		return r < 0 ? r : cli->err.code;
	if (!info || strcmp(gk_info_get(info, "from"), "registry") != 0)
		return named ? gk_fail(&cli->err, -EINVAL,
				       "image '%s' did not come from a registry", name) :
			       0;
	if (gk_info_get(info, "pinned")[0]) {
		gk_image_say(cli, "image %s stays: it is pinned to %s", name,
			gk_info_get(info, "pinned"));
		return 1;
	}
	if (!named && gk_info_get(info, "base_digest")[0]) {
		gk_image_say(cli,
			"image %s stays: it was changed by edit or tools; `gocker image update %s` "
			"replaces it",
			name, name);
		return 1;
	}
	r = gk_pull_ref(gk_info_get(info, "origin"), ref, &cli->err);
	if (r == 0)
		r = pull_one(cli, store, name, ref, GK_PIN_KEEP);
	return r < 0 ? r : 1;
}

int gk_image_cmd_update(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	gk_autolist struct gk_image_list list = { 0 };
	int status = 0;
	if (gk_image_userns_base(cli) < 0 || gk_image_open_store(cli, true, &store) < 0 ||
		gk_store_list(&store, NULL, &list, &cli->err) < 0)
		return gk_image_failed(cli);
	for (int i = 0; i < cli->argc; i++) {
		struct gk_image_version version;
		gk_err_clear(&cli->err);
		if (gk_store_current(&store, cli->argv[i], &version, &cli->err) < 0 ||
			update_one(cli, &store, &version, true) < 0)
			status = gk_image_failed(cli);
	}
	int pulled = 0;
	for (size_t i = 0; cli->argc == 0 && i < list.n && !gk_image_interrupted(); i++) {
		gk_err_clear(&cli->err);
		int r = list.list[i].current ? update_one(cli, &store, &list.list[i], false) : 0;
		pulled += r != 0;
		if (r < 0)
			status = gk_image_failed(cli);
	}
	if (cli->argc == 0 && !pulled)
		gk_image_say(
			cli, "no image came from a registry; `gocker image fetch` renews Alpine");
	return status;
}
