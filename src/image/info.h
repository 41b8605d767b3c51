/* What gocker remembers about a version: info.json beside its root. */
#ifndef GK_IMAGE_INFO_H
#define GK_IMAGE_INFO_H

#include "base/err.h"
#include "image/extract.h"

struct json_object;

/* A new record. kind is "file", "stdin", "fetch", "busybox" or "edit"; origin says from where (a
 * path, a URL, a version), sum is "sha256:…" or "sha512:…"; both may be NULL. NULL: no memory. */
struct json_object *gk_info_new(const char *kind, const char *origin, const char *sum);

/* Adds what unpacking made harmless. */
void gk_info_set_stats(struct json_object *info, const struct gk_extract_stats *stats);

/* Reads back what that wrote; 0 for what is not there. */
void gk_info_get_stats(struct json_object *info, struct gk_extract_stats *ret);

/* A number of the record; 0 when it has none of that name. */
uint64_t gk_info_number(struct json_object *info, const char *key);

/* Says that the version was made now. */
void gk_info_set_made(struct json_object *info);

/* Adds a string; does nothing when value is NULL. */
void gk_info_set(struct json_object *info, const char *key, const char *value);

/* A string of the record, "" when it has none of that name. */
const char *gk_info_get(struct json_object *info, const char *key);

/* Adds the name that the root's own os-release gives itself, read without leaving the root. */
void gk_info_set_os(struct json_object *info, int root_fd);

/* Writes the new file version_fd/info.json, or replaces it. Returns 0 or -errno. */
int gk_info_write(struct json_object *info, int version_fd, struct gk_err *err);

/* Reads it. NULL when there is none that can be read, with err. Free with json_object_put. */
struct json_object *gk_info_read(int version_fd, struct gk_err *err);

void gk_info_put(struct json_object **info);
#define gk_autoinfo __attribute__((cleanup(gk_info_put)))

#endif
