/* Bringing programs of the host into an image, to run there at the path they have here, whatever C
 * library the image has, if any.
 *
 * At the path stands a hard link of a small static launcher. The program itself, the host's loader
 * and the libraries lie in GK_TOOLS_DIR (launch/launch.h), so nothing of the image's own is
 * replaced. */
#ifndef GK_IMAGE_TOOLS_H
#define GK_IMAGE_TOOLS_H

#include <stdbool.h>

#include "base/err.h"
#include "image/image.h"

struct json_object;

/* Puts making->with into the root of a version under construction, together with those that info
 * says it has already, all fresh from the host, and tries them in a container (making->try). A
 * program is an absolute path, a name in the host's usual directories, or sftp-server or git, each
 * with the helpers it needs; python3 and perl come with their standard library, and what draws on a
 * terminal with terminfo and a locale. What the image has of its own is left alone. Records all in
 * info: "tools" (program, path, version) and "tool_files" (host path, SHA-256). making->said is
 * told in one line each what was left out and why. Returns 0 or -errno: -ENOENT when the host lacks
 * one of the programs, -ENOEXEC when one does not run in the image. With if_there such are left
 * out, and those that could not be tried are kept. */
int gk_tools_add(struct gk_staging *staging, struct json_object *info,
	const struct gk_making *making, bool if_there, struct gk_err *err);

/* A new version of image name, with the programs making->with too. */
int gk_image_tools(const struct gk_store *store, const char *name, const struct gk_making *making,
	struct gk_err *err);

/* Whether the programs in an image are those of the host still: calls stale for each file of the
 * host that was brought in and has changed since or is gone. Returns how many. */
unsigned gk_tools_stale(struct json_object *info,
	void (*stale)(void *arg, const char *path, const char *why), void *arg);

#endif
