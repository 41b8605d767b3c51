#include "run/store/imagefacts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "run/store/devices.h"
#include "run/store/hostroot.h"
#include "run/store/image.h"

/* The lines of text, as an array. */
static const char *const *split_lines(char *text, struct gk_arena *arena)
{
	const char **list = gk_arena_array(arena, GK_IMAGE_ENV_VARS + 1, sizeof *list);
	size_t n = 0;
	char *save = NULL;
	for (char *line = list ? strtok_r(text, "\n", &save) : NULL; line && n < GK_IMAGE_ENV_VARS;
		line = strtok_r(NULL, "\n", &save))
		list[n++] = line;
	return list;
}

static int read_env(int version_fd, const char *image, struct gk_request *request,
	struct gk_arena *arena, struct gk_err *err)
{
	struct stat st;
	char *text;
	size_t size;
	gk_autoclose int fd = openat(
		version_fd, GK_IMAGE_ENV_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ?
			0 :
			gk_fail_errno(err, -errno, "image %s: its variables", image);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !gk_is_roots_alone(&st))
		return gk_fail(err, -EPERM, "image %s: its variables are not root's alone", image);
	int r = gk_read_all(fd, GK_IMAGE_ENV_MAX, arena, &text, &size, err);
	if (r < 0) {
		gk_err_context(err, "image %s: its variables", image);
		return r;
	}
	request->image_env = split_lines(text, arena);
	return request->image_env ? 0 : gk_fail_errno(err, -ENOMEM, "image %s", image);
}

/* Whether the image has no variables, as most: one call. An image that is not there has none. */
static bool has_no_env(const char *image_dir, const char *image)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s/../" GK_IMAGE_ENV_FILE, image_dir, image);
	return n > 0 && (size_t)n < sizeof path && access(path, F_OK) < 0 && errno == ENOENT;
}

int gk_image_facts(const struct gk_policy *policy, struct gk_request *request,
	struct gk_arena *arena, struct gk_err *err)
{
	const char *image = request->override.image ? request->override.image : policy->image;
	unsigned flags = request->door == GK_DOOR_RUN ? GK_IMAGE_ANY_PARENT : 0;
	gk_autoclose int root = -1, lock = -1;
	int r = gk_devices_find(policy->devices, request, arena, err);
	if (r < 0)
		return r;
	r = gk_hostroot_for(policy, request, arena, err);
	if (r < 0 || strcmp(image, GK_IMAGE_HOST) == 0)
		return r;
	if (gk_image_name_ok(image) && has_no_env(policy->image_dir, image))
		return 0;
	if (gk_image_open(policy->image_dir, image, flags, &root, &lock, NULL) < 0 || lock < 0)
		return 0;
	return read_env(lock, image, request, arena, err);
}
