/* gocker image fetch, new, import and tools. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/image/how.h"
#include "cli/image/image.h"
#include "image/image.h"
#include "image/info.h"
#include "image/layers.h"
#include "image/tools.h"

void gk_image_say_harmless(const struct gk_image_cli *cli, const struct gk_extract_stats *stats)
{
	const struct {
		uint64_t n;
		const char *what;
	} list[] = {
		{ stats->setid, "lost their set-uid or set-gid bit" },
		{ stats->xattrs, "lost capabilities or other extended attributes" },
		{ stats->special, "left out: devices, FIFOs or sockets" },
		{ stats->absolute, "had absolute names, taken as below the root" },
	};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (list[i].n)
			gk_image_say(cli, "  %" PRIu64 " %s", list[i].n, list[i].what);
}

int gk_image_cmd_import(struct gk_image_cli *cli)
{
	const char *name = cli->argv[0], *file = cli->argv[1];
	gk_autostore struct gk_store store = GK_STORE_INIT;
	struct gk_extract_stats stats;
	char size[32];
	bool from_stdin = strcmp(file, "-") == 0;
	const struct gk_extract_options options = {
		.limits = { cli->max_size, cli->max_entries },
		.owners = true,
		.tick = &cli->tick,
	};
	if (from_stdin && isatty(STDIN_FILENO)) {
		(void)gk_fail(&cli->err, -EINVAL, "standard input is a terminal, not an archive");
		return gk_image_failed(cli);
	}
	gk_autoclose int opened = from_stdin ? -1 : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (!from_stdin && opened < 0) {
		(void)gk_fail_errno(&cli->err, -errno, "%s", file);
		return gk_image_failed(cli);
	}
	if (gk_image_open_store(cli, true, &store) < 0 ||
		gk_image_import(&store, name, from_stdin ? STDIN_FILENO : opened,
			from_stdin ? NULL : file, cli->ref, &options, &stats, &cli->err) < 0) {
		/* Layers that were unpacked before the failure are of no image. */
		size_t ignored = 0;
		if (store.dir_fd >= 0)
			(void)gk_layers_prune(&store, &ignored, NULL);
		return gk_image_failed(cli);
	}
	gk_image_say(cli, "image %s: %" PRIu64 " entr%s, %s", name, stats.entries,
		stats.entries == 1 ? "y" : "ies", gk_image_size(size, stats.size_bytes));
	gk_image_say_harmless(cli, &stats);
	return 0;
}

/* The version that fetch replaces: the programs of the host that were brought into it go into the
 * new one, too, added to cli->with; *ret_edited is whether it was changed by edit. */
static int keep_programs(struct gk_image_cli *cli, const struct gk_store *store,
	const struct gk_image_version *version, bool *ret_edited)
{
	enum { MOST = sizeof cli->with / sizeof *cli->with - 1 };
	struct gk_err ignored = GK_ERR_INIT;
	struct json_object *tools = NULL;
	gk_autoclose int fd = -1;
	if (!version->dir[0] || gk_store_open_version(store, version, &fd, NULL, &ignored) < 0)
		return 0;
	gk_autoinfo struct json_object *info = gk_info_read(fd, &ignored);
	size_t n = 0;
	if (!info)
		return 0;
	*ret_edited = json_object_object_get_ex(info, "edited", NULL);
	(void)json_object_object_get_ex(info, "tools", &tools);
	while (cli->with[n])
		n++;
	for (size_t i = 0; i < (tools ? json_object_array_length(tools) : 0); i++) {
		const char *program = gk_info_get(json_object_array_get_idx(tools, i), "program");
		size_t k = 0;
		while (k < n && strcmp(cli->with[k], program) != 0)
			k++;
		if (!*program || k < n)
			continue;
		if (n == MOST)
			return gk_fail(&cli->err, -E2BIG, "more than %d programs at once", MOST);
		cli->with[n] = gk_arena_strdup(&cli->arena, program);
		if (!cli->with[n++])
			return gk_fail_errno(&cli->err, -ENOMEM, "%s", program);
	}
	return 0;
}

static struct gk_making making_of(const struct gk_image_cli *cli, const char *const *with)
{
	return (struct gk_making){
		.tick = &cli->tick,
		.said = &cli->said,
		.with = with && with[0] ? with : NULL,
		.try = &cli->try,
	};
}

/* Without a mirror a login still needs a root. */
static int fall_back(struct gk_image_cli *cli, const struct gk_store *store, const char *name)
{
	static const char *const places[] = { "/bin/busybox", "/usr/bin/busybox" };
	const char *busybox = places[access(places[0], X_OK) == 0 ? 0 : 1];
	const struct gk_making making = making_of(cli, cli->with);
	struct gk_err why = cli->err;
	gk_err_clear(&cli->err);
	gk_image_progress_clear();
	if (gk_image_busybox(store, name, busybox, &making, &cli->err) < 0) {
		gk_err_context(&cli->err, "%s; and no fallback", why.msg);
		return gk_image_failed(cli);
	}
	fprintf(stderr, "gocker image fetch: no mirror (%s): image %s is made of %s instead\n",
		why.msg, name, busybox);
	return 0;
}

/* What there is to know besides, before anybody uses it. */
static void say_release(const struct gk_image_cli *cli, const struct gk_alpine *alpine)
{
	char os[GK_ALPINE_VERSION_MAX + 16];
	if (alpine->newer[0])
		gk_image_say(cli,
			"  the mirror also has %s, but no sum of it is known here, and no signature "
			"by a key in " GK_ALPINE_KEY " was found",
			alpine->newer);
	snprintf(os, sizeof os, "Alpine Linux v%.*s",
		(int)(strrchr(alpine->version, '.') - alpine->version), alpine->version);
	const char *ended = gk_alpine_ended(os);
	if (ended)
		gk_image_say(cli, "  %s gets no security fixes since %s", os, ended);
}

/* Alpine's key is for an administrator to put there: without it the pins are what is trusted. */
static int find_key(struct gk_image_cli *cli, struct gk_alpine_options *options)
{
	if (access(GK_ALPINE_KEY, F_OK) < 0)
		return 0;
	options->keyring = GK_ALPINE_KEY;
	int r = gk_image_userns_base(cli);
	options->userns_base = cli->userns_base;
	return r;
}

int gk_image_cmd_fetch(struct gk_image_cli *cli)
{
	const char *name = cli->argc ? cli->argv[0] : "alpine";
	const char *mirror = cli->mirror ? cli->mirror : getenv("ALPINE_MIRROR");
	const char *release = cli->release ? cli->release : getenv("ALPINE_VERSION");
	struct gk_alpine_options options = {
		.mirror = mirror && *mirror ? mirror : NULL,
		.version = release && *release ? release : NULL,
	};
	gk_autostore struct gk_store store = GK_STORE_INIT;
	struct gk_image_version current;
	struct gk_alpine alpine;
	bool edited = false;
	if (gk_image_names_another(name)) {
		(void)gk_fail(&cli->err, -EINVAL,
			"this makes an Alpine, and '%s' is another distribution's name; see `%s`",
			name, gk_image_how(&cli->arena, name));
		return gk_image_failed(cli);
	}
	if (find_key(cli, &options) < 0 || gk_image_open_store(cli, true, &store) < 0)
		return gk_image_failed(cli);
	bool there = gk_store_current(&store, name, &current, NULL) == 0;
	if (there && cli->if_missing)
		return 0;
	if (there && keep_programs(cli, &store, &current, &edited) < 0)
		return gk_image_failed(cli);
	const struct gk_making making = making_of(cli, cli->with);
	int r = gk_image_fetch(&store, name, &options, &making, &alpine, &cli->err);
	if (r == 0) {
		gk_image_say(cli, "image %s: %s, %s verified", name, alpine.url,
			alpine.signer[0] ? "signature" : "SHA-512");
		say_release(cli, &alpine);
		if (edited)
			gk_image_say(cli,
				"  the version before had been changed by edit; it is kept until "
				"`gocker image prune %s`",
				name);
		return 0;
	}
	if (r == -EHOSTUNREACH && cli->fallback)
		return fall_back(cli, &store, name);
	(void)gk_image_failed(cli);
	return r == -EHOSTUNREACH ? GK_IMAGE_NO_MIRROR : GK_EXIT_GOCKER;
}

int gk_image_cmd_new(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	const char *name = cli->argv[1];
	char suite[GK_SUITE_MAX], size[32];
	struct gk_extract_stats stats;
	const struct gk_making making = making_of(cli, cli->with);
	if (gk_image_userns_base(cli) < 0 || gk_image_open_store(cli, true, &store) < 0)
		return gk_image_failed(cli);
	const struct gk_bootstrap bootstrap = {
		.distribution = cli->argv[0],
		.suite = cli->suite,
		.mirror = cli->mirror,
		.keyring = cli->keyring,
		.packages = cli->packages,
		.userns_base = cli->userns_base,
		.max_bytes = cli->max_size,
		.tick = &cli->tick,
	};
	if (gk_image_new(&store, name, &bootstrap, suite, &stats, &making, &cli->err) < 0)
		return gk_image_failed(cli);
	gk_image_say(cli, "image %s: %s %s, %" PRIu64 " entries, %s", name, cli->argv[0], suite,
		stats.entries, gk_image_size(size, stats.size_bytes));
	gk_image_say_harmless(cli, &stats);
	return 0;
}

int gk_image_cmd_tools(struct gk_image_cli *cli)
{
	gk_autostore struct gk_store store = GK_STORE_INIT;
	const char *name = cli->argv[0];
	const struct gk_making making = making_of(cli, (const char *const *)(cli->argv + 1));
	if (gk_image_open_store(cli, true, &store) < 0 ||
		gk_image_tools(&store, name, &making, &cli->err) < 0)
		return gk_image_failed(cli);
	gk_image_say(cli,
		"image %s has programs of this host now; `gocker image show %s` lists them", name,
		name);
	return 0;
}
