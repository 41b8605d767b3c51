/* How an image that is not there is made. */
#ifndef GK_CLI_IMAGE_HOW_H
#define GK_CLI_IMAGE_HOW_H

#include <stdbool.h>

#include "base/arena.h"

/* Whether an image of that name would be taken for a distribution that is not Alpine: its name, in
 * any case, and no letter behind it. */
bool gk_image_names_another(const char *name);

/* The command that makes an image of that name, such as "gocker image fetch alpine". For the name
 * of another distribution never one that makes an Alpine. NULL: no memory. */
const char *gk_image_how(struct gk_arena *arena, const char *name);

#endif
