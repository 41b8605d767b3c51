/* What oci.c, oci-json.c and oci-config.c share: a layout while it is read. */
#ifndef GK_IMAGE_OCI_READER_H
#define GK_IMAGE_OCI_READER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "image/oci.h"

enum { GK_OCI_CANDIDATES_MAX = 64 };

struct gk_oci_candidate {
	char digest[GK_OCI_SUM];
	char ref[GK_OCI_REF_MAX];
	char arch[32]; /* "" where the index does not say */
};

struct gk_oci_reader {
	int fd;
	const char *label;
	const struct gk_oci_choice *choice;
	const char *blobs; /* what goes before the SHA-256 in a blob's path */
	struct gk_oci *ret;
	struct gk_arena arena;
	struct gk_oci_candidate list[GK_OCI_CANDIDATES_MAX];
	unsigned n;
	char others[128]; /* machines of images that were passed over */
	struct gk_err *err;
};

/* Fails with -EINVAL: the layout is not as it must be. */
int gk_oci_damaged(struct gk_oci_reader *r, const char *what);
/* Fails with -ENOEXEC: the image is for another machine, or none that it names. */
int gk_oci_other_machine(struct gk_oci_reader *r, const char *arch);

/* Whether s is a SHA-256 in hexadecimal. */
bool gk_oci_is_sum(const char *s);
/* The hexadecimal part of "sha256:…"; NULL for any other digest. */
const char *gk_oci_sum(const char *digest);

/* A member of an object that has this type, else NULL; the text of one that is a string, else "".
 */
struct json_object *gk_oci_member(struct json_object *of, const char *key, enum json_type type);
const char *gk_oci_text(struct json_object *of, const char *key);

/* Parses a file. sum is what it must have, or NULL; ret_sum, where not NULL, what it has. NULL with
 * r->err on failure; the caller puts the result. */
struct json_object *gk_oci_json(
	struct gk_oci_reader *r, const char *path, const char *sum, char ret_sum[GK_OCI_SUM]);
/* A descriptor: where its blob is, with its sum and size; -EINVAL when it is none. */
int gk_oci_follow(struct gk_oci_reader *r, struct json_object *descriptor,
	char path[GK_OCI_PATH_MAX], char digest[GK_OCI_SUM], uint64_t *ret_size);
/* Parses the blob of a descriptor, checked against its digest and size; as gk_oci_json. */
struct json_object *gk_oci_blob(
	struct gk_oci_reader *r, struct json_object *descriptor, char digest[GK_OCI_SUM]);

/* The machine, the layers' diff_ids and what is kept, from the image's config. -errno. */
int gk_oci_read_config(struct gk_oci_reader *r, struct json_object *config);

#endif
