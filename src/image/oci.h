/* Images as others store them: OCI image layouts (image-spec, image-layout.md) and what `docker
 * save` and skopeo's transport `dir` write, as a directory. Only what says which layers make the
 * image is read here, in a cage.
 */
#ifndef GK_IMAGE_OCI_H
#define GK_IMAGE_OCI_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/tick.h"

enum {
	GK_OCI_LAYERS_MAX = 256,
	GK_OCI_SUM = 65, /* a SHA-256 in hexadecimal, and NUL */
	GK_OCI_PATH_MAX = 256,
	GK_OCI_REF_MAX = 256,
	GK_OCI_CONFIG_MAX = 64 << 10,
};
#define GK_OCI_SIZE_UNKNOWN UINT64_MAX

struct gk_oci_layer {
	char path[GK_OCI_PATH_MAX]; /* below the layout */
	char digest[GK_OCI_SUM];    /* of the file; "" where the layout does not say */
	uint64_t size_bytes;        /* or GK_OCI_SIZE_UNKNOWN */
	char diff_id[GK_OCI_SUM];   /* of the tar in it */
};

/* One image of a layout. */
struct gk_oci {
	char digest[GK_OCI_SUM]; /* of its manifest; of its config where it came from docker save */
	char ref[GK_OCI_REF_MAX]; /* the name that the layout gives it, or "" */
	char arch[32];
	unsigned nlayers;
	struct gk_oci_layer layers[GK_OCI_LAYERS_MAX];
	/* What is kept of its config: KEY NUL VALUE NUL …, a key as often as it has values: Env,
	 * Entrypoint, Cmd, Label (NAME=VALUE), WorkingDir, User. */
	size_t config_size;
	char config[GK_OCI_CONFIG_MAX];
};

/* Which image of a layout: NULL for its only one. */
struct gk_oci_choice {
	const char *ref;
	const char *arch; /* as Go names this host's: gk_oci_arch() */
};

/* What Go, and so OCI, calls a machine of uname(2): "amd64" for "x86_64"; machine itself when it is
 * not known to be named otherwise. */
const char *gk_oci_arch(const char *machine);

/* Reads a layout, in the process that calls. Every manifest and config has the digest and size by
 * which it was named, or it is refused. -EINVAL for what is no layout, damaged, or holds several
 * images of which none was chosen; -ENOENT where none is called ref; -ENOEXEC where all are for
 * other machines. label is for messages. */
int gk_oci_read(int layout_fd, const char *label, const struct gk_oci_choice *choice,
	struct gk_oci *ret, struct gk_err *err);

/* The same in a cage, whose root is the layout. *ret is well-formed, whatever the cage did: strings
 * end, sums are sums, paths lead nowhere else. */
int gk_oci_read_caged(int layout_fd, const char *label, const struct gk_oci_choice *choice,
	const struct gk_tick *tick, struct gk_oci *ret, struct gk_err *err);

/* Goes through the records of oci->config. *at is 0 at first. Returns false at the end. */
int gk_oci_config_next(
	const struct gk_oci *oci, size_t *at, const char **ret_key, const char **ret_value);

#endif
