#include "run/store/devices.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "plan/plan.h"
#include "plan/text.h"

static bool known(const struct gk_request *request, const char *name)
{
	for (size_t i = 0; i < request->ndevices; i++)
		if (strcmp(request->devices[i].name, name) == 0)
			return true;
	return false;
}

static int add(
	const char *path, struct gk_node *list, struct gk_request *request, struct gk_arena *arena)
{
	const char *name = path + strlen("/dev/");
	struct stat st;
	/* Only root can make names in /dev. */
	if (stat(path, &st) < 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) ||
		known(request, name))
		return 0;
	struct gk_node *node = &list[request->ndevices++];
	*node = (struct gk_node){ .name = gk_arena_strdup(arena, name),
		.major = major(st.st_rdev),
		.minor = minor(st.st_rdev),
		.mode = st.st_mode & 0777,
		.by_policy = true,
		.block = S_ISBLK(st.st_mode),
		.uid = st.st_uid,
		.gid = st.st_gid };
	return node->name ? 0 : -ENOMEM;
}

static int add_matches(const char *pattern, struct gk_node *list, struct gk_request *request,
	struct gk_arena *arena)
{
	glob_t found = { 0 };
	int g = glob(pattern, GLOB_NOESCAPE, NULL, &found);
	int r = g == GLOB_NOSPACE ? -ENOMEM : 0;
	for (size_t i = 0; g == 0 && r == 0 && i < found.gl_pathc; i++)
		if (request->ndevices <= GK_DEVICES_MAX)
			r = add(found.gl_pathv[i], list, request, arena);
	globfree(&found);
	return r;
}

int gk_devices_find(const char *const *patterns, struct gk_request *request, struct gk_arena *arena,
	struct gk_err *err)
{
	request->devices = NULL;
	request->ndevices = 0;
	if (!patterns || !*patterns)
		return 0;
	struct gk_node *list = gk_arena_array(arena, GK_DEVICES_MAX + 1, sizeof *list);
	request->devices = list;
	int r = list ? 0 : -ENOMEM;
	for (; r == 0 && *patterns; patterns++)
		r = add_matches(*patterns, list, request, arena);
	return r < 0 ? gk_fail_errno(err, r, "devices") : 0;
}
