/* Images that are made of layers. */
#ifndef GK_IMAGE_LAYERED_H
#define GK_IMAGE_LAYERED_H

#include "image/extract.h"
#include "image/oci.h"
#include "image/store.h"

struct json_object;

/* Unpacks an image of a layout (oci.h) into staging->root_fd, which is empty: each layer through
 * the store (layers.h), then merged. Limits hold for all layers together. info gains digest,
 * layers, architecture and config. With trusted, nobody else can write to the layout meanwhile;
 * otherwise its layers are copied before they are summed up and read. Returns 0 or -errno; besides
 * the errors of oci.h, -EINVAL for a layer whose size, digest or diff_id is another, and those of
 * extract.h. */
int gk_layered_unpack(struct gk_staging *staging, int layout_fd, bool trusted, const char *label,
	const char *ref, const struct gk_extract_options *options, struct json_object *info,
	struct gk_extract_stats *ret, struct gk_err *err);

#endif
