/* The layers that images share: IMAGE_DIR/.layers. See README.md. */
#ifndef GK_IMAGE_LAYERS_H
#define GK_IMAGE_LAYERS_H

#include "image/extract.h"
#include "image/oci.h"
#include "image/store.h"

/* A layer in the store, held against gk_layers_prune for as long as fd is open. */
struct gk_layer {
	int fd, tree_fd, notes_fd;
	char digest[GK_OCI_SUM];  /* of the file that it came in: its name in the store */
	char diff_id[GK_OCI_SUM]; /* of the tar in that */
	struct gk_extract_stats stats;
	bool reused; /* it was there before */
};
#define GK_LAYER_INIT ((struct gk_layer){ .fd = -1, .tree_fd = -1, .notes_fd = -1 })
void gk_layer_put(struct gk_layer *layer);
#define gk_autolayer __attribute__((cleanup(gk_layer_put)))

/* Takes a layer out of the store, if it is there and is as it was when it was unpacked: everything
 * in it is summed up. -ENOENT when it is not there, or damaged. */
int gk_layer_take(
	const struct gk_store *store, const char *digest, struct gk_layer *ret, struct gk_err *err);

/* Unpacks the file fd, whose SHA-256 the caller has found to be digest, in a cage, and puts it into
 * the store if the tar in it has the SHA-256 diff_id; replaces a damaged one. */
int gk_layer_unpack(const struct gk_store *store, int fd, const char *digest, const char *diff_id,
	const char *label, const struct gk_extract_options *options, struct gk_layer *ret,
	struct gk_err *err);

/* Removes the layers that no version of any image is made of, and that nobody holds. Adds their
 * number to *ret_removed. Nothing else frees their space, since a version's files are links of
 * theirs. */
int gk_layers_prune(const struct gk_store *store, size_t *ret_removed, struct gk_err *err);

#endif
