/* The files of a layout: JSON, and blobs by their digest. */
#include "image/oci-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/hash.h"

enum { JSON_MAX = 4 << 20 };

bool gk_oci_is_sum(const char *s)
{
	return strspn(s, "0123456789abcdef") == 64 && strlen(s) == 64;
}

int gk_oci_damaged(struct gk_oci_reader *r, const char *what)
{
	return gk_fail(r->err, -EINVAL, "%s: %s", r->label, what);
}

/* Symlinks are followed, since docker save makes some, but never out of the layout. */
static int open_file(const struct gk_oci_reader *r, const char *path, struct stat *ret)
{
	int fd = gk_sys_openat2(r->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
	if (fd >= 0 && (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode))) {
		(void)close(fd);
		return -EINVAL;
	}
	return fd;
}

struct json_object *gk_oci_json(
	struct gk_oci_reader *r, const char *path, const char *sum, char ret_sum[GK_OCI_SUM])
{
	char *text = NULL, has[GK_SUM_MAX] = "";
	size_t size = 0;
	struct stat st;
	gk_autoclose int fd = open_file(r, path, &st);
	if (fd < 0) {
		(void)gk_fail_errno(r->err, fd, "%s: %s", r->label, path);
		return NULL;
	}
	if (gk_read_all(fd, JSON_MAX, &r->arena, &text, &size, r->err) < 0) {
		gk_err_context(r->err, "%s: %s", r->label, path);
		return NULL;
	}
	gk_autohash struct gk_hash *hash = gk_hash_new(256);
	if (hash)
		gk_hash_add(hash, text, size);
	if (!hash || gk_hash_end(hash, has) < 0 || (sum && strcmp(has, sum) != 0)) {
		(void)gk_fail(r->err, -EINVAL,
			"%s: %s does not have the digest that it is named by", r->label, path);
		return NULL;
	}
	struct json_object *json = strlen(text) == size ? json_tokener_parse(text) : NULL;
	if (!json)
		(void)gk_fail(r->err, -EINVAL, "%s: %s is not JSON", r->label, path);
	else if (ret_sum)
		memcpy(ret_sum, has, GK_OCI_SUM);
	return json;
}

struct json_object *gk_oci_member(struct json_object *of, const char *key, enum json_type type)
{
	struct json_object *value = NULL;
	if (!of || !json_object_is_type(of, json_type_object) ||
		!json_object_object_get_ex(of, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *gk_oci_text(struct json_object *of, const char *key)
{
	struct json_object *value = gk_oci_member(of, key, json_type_string);
	return value ? json_object_get_string(value) : "";
}

const char *gk_oci_sum(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && gk_oci_is_sum(digest + 7) ? digest + 7 : NULL;
}

int gk_oci_follow(struct gk_oci_reader *r, struct json_object *descriptor,
	char path[GK_OCI_PATH_MAX], char digest[GK_OCI_SUM], uint64_t *ret_size)
{
	const char *sum = gk_oci_sum(gk_oci_text(descriptor, "digest"));
	struct json_object *size = gk_oci_member(descriptor, "size", json_type_int);
	if (!sum || !size || json_object_get_int64(size) < 0)
		return gk_oci_damaged(r, "a descriptor without a SHA-256 and a size");
	memcpy(digest, sum, GK_OCI_SUM);
	*ret_size = (uint64_t)json_object_get_int64(size);
	snprintf(path, GK_OCI_PATH_MAX, "%s%s", r->blobs, sum);
	return 0;
}

struct json_object *gk_oci_blob(
	struct gk_oci_reader *r, struct json_object *descriptor, char digest[GK_OCI_SUM])
{
	char path[GK_OCI_PATH_MAX];
	uint64_t size = 0;
	struct stat st;
	if (gk_oci_follow(r, descriptor, path, digest, &size) < 0)
		return NULL;
	gk_autoclose int fd = open_file(r, path, &st);
	if (fd >= 0 && (uint64_t)st.st_size != size) {
		(void)gk_fail(r->err, -EINVAL, "%s: %s does not have the size that it is named by",
			r->label, path);
		return NULL;
	}
	return gk_oci_json(r, path, digest, NULL);
}
