/* gocker image show host: what sessions with `image = host` see of this host, what of that has no
 * effect in them, and what looks like a secret that everyone may read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/image/exposed.h"
#include "cli/image/image.h"
#include "cli/print.h"
#include "cli/sessions/sessions.h"
#include "image/info.h"
#include "run/store/hostroot.h"

struct search {
	struct gk_image_cli *cli;
	struct json_object *exposed, *harmless;
};

static void report(struct search *s, struct json_object *list, const char *label, const char *path,
	const char *why)
{
	char shown[600];
	gk_escape(shown, sizeof shown, path);
	gk_image_progress_clear();
	if (!s->cli->json)
		printf("%-12s %s: %s\n", label, shown, why);
	struct json_object *one = json_object_new_object();
	gk_info_set(one, "path", shown);
	gk_info_set(one, "why", why);
	if (json_object_array_add(list, one) < 0)
		gk_info_put(&one);
}

static void on_exposed(void *arg, const char *path, const char *why)
{
	struct search *s = arg;
	report(s, s->exposed, "exposed", path, why);
}

/* ---- programs that give nothing ---- */

static const char *why_harmless(int dir, const char *name)
{
	struct stat st;
	char path[PATH_MAX];
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		!(st.st_mode & 0111))
		return NULL;
	if (st.st_mode & S_ISUID)
		return "its set-user-ID bit has no effect in a session";
	if (st.st_mode & S_ISGID)
		return "its set-group-ID bit has no effect in a session";
	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
	return lgetxattr(path, "security.capability", NULL, 0) > 0 ?
		"its capabilities have no effect in a session" :
		NULL;
}

static void search_programs(struct search *s)
{
	static const char *const dirs[] = { "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/games",
		"/usr/local/bin", "/usr/local/sbin", NULL };
	for (const char *const *path = dirs; *path; path++) {
		int fd = open(*path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		DIR *d = fd < 0 ? NULL : fdopendir(fd);
		for (struct dirent *e; d && (e = readdir(d));) {
			char program[PATH_MAX];
			const char *why = why_harmless(fd, e->d_name);
			snprintf(program, sizeof program, "%s/%s", *path, e->d_name);
			if (why)
				report(s, s->harmless, "harmless", program, why);
		}
		if (d)
			closedir(d);
	}
}

/* ---- the parts ---- */

static const char *kind_of(const struct gk_host_item *item)
{
	static const char *const kinds[] = {
		[GK_HOST_DIR] = "directory", [GK_HOST_FILE] = "file", [GK_HOST_LINK] = "link"
	};
	return item->split ? "partial" : kinds[item->kind];
}

static void add_item(struct search *s, struct json_object *items, const struct gk_host_item *item)
{
	char path[600], link[600];
	gk_escape(path, sizeof path, item->path);
	gk_escape(link, sizeof link, item->link ? item->link : "");
	if (!s->cli->json && item->left_out)
		printf("%-12s %s: %s\n", "left out", path, item->left_out);
	else if (!s->cli->json)
		printf("%-12s %s%s%s\n", kind_of(item), path, item->link ? " -> " : "", link);
	struct json_object *one = json_object_new_object();
	gk_info_set(one, "path", path);
	gk_info_set(one, "kind", kind_of(item));
	gk_info_set(one, "link", item->link ? link : NULL);
	gk_info_set(one, "left_out", item->left_out);
	if (json_object_array_add(items, one) < 0)
		gk_info_put(&one);
}

static struct json_object *add_list(struct json_object *to, const char *key)
{
	struct json_object *list = json_object_new_array();
	return json_object_object_add(to, key, list) < 0 ? NULL : list;
}

struct json_object *gk_image_describe_host(struct gk_image_cli *cli)
{
	struct gk_seen_list sessions = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct json_object *info = json_object_new_object();
	gk_autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!info)
		return NULL;
	(void)gk_seen_read(
		&(struct gk_seen_filter){ .image = GK_IMAGE_HOST }, &cli->arena, &sessions, &err);
	gk_info_set(info, "name", GK_IMAGE_HOST);
	gk_info_set(info, "from", "this host's own files, at each login");
	gk_info_set_os(info, root);
	(void)json_object_object_add(info, "current", json_object_new_boolean(true));
	(void)json_object_object_add(info, "in_use", json_object_new_boolean(sessions.n > 0));
	(void)json_object_object_add(info, "managed", json_object_new_boolean(false));
	return info;
}

static void print_head(struct json_object *info)
{
	char os[600];
	printf("%-12s %s\n%-12s %s\n%-12s %s\n%-12s %s\n", "name", gk_info_get(info, "name"),
		"what", gk_escape(os, sizeof os, gk_info_get(info, "os")), "from",
		gk_info_get(info, "from"), "in use",
		json_object_get_boolean(json_object_object_get(info, "in_use")) ? "yes" : "no");
}

int gk_image_show_host(struct gk_image_cli *cli)
{
	struct gk_hostroot host;
	gk_autoinfo struct json_object *info = gk_image_describe_host(cli);
	struct json_object *items = add_list(info, "items");
	struct search search = { .cli = cli,
		.exposed = add_list(info, "exposed"),
		.harmless = add_list(info, "harmless") };
	if (!items || !search.exposed || !search.harmless) {
		(void)gk_fail_errno(&cli->err, -ENOMEM, "host");
		return gk_image_failed(cli);
	}
	if (gk_hostroot_survey(&cli->arena, &host, &cli->err) < 0)
		return gk_image_failed(cli);
	if (!cli->json)
		print_head(info);
	for (size_t i = 0; i < host.n; i++)
		add_item(&search, items, &host.items[i]);
	search_programs(&search);
	int r = gk_exposed_find(&host, &cli->tick, on_exposed, &search);
	if (r < 0 && r != -E2BIG) {
		(void)gk_fail_errno(&cli->err, r, "host");
		return gk_image_failed(cli);
	}
	if (r == -E2BIG)
		gk_image_say(cli, "sessions see more than %d files; the rest was not examined",
			GK_EXPOSED_FILES_MOST);
	size_t found = json_object_array_length(search.exposed);
	if (found)
		gk_image_say(cli,
			"%zu file%s that everyone may read may be secret; use chmod o-r, or a line "
			"!PATH in " GK_HOST_ALLOW_PATH,
			found, found == 1 ? "" : "s");
	return cli->json &&
			gk_json_print(info,
				JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE) < 0 ?
		GK_EXIT_GOCKER :
		0;
}
