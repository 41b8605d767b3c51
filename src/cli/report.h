/* What check and explain share: reading a configuration for a report, and JSON text. */
#ifndef GK_CLI_REPORT_H
#define GK_CLI_REPORT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/config.h"

/* Reads --format's argument. Returns 0, or 2 after a usage error. */
int gk_report_format(const char *name, const char *word, bool *ret_json);

/* Reads and parses the configuration at path; NULL: the host's own, which must be trusted by
 * owner and mode as a login trusts it. Faults go to faults when it is not NULL. Returns 0 or
 * -errno. */
int gk_report_config(const char *path, struct gk_arena *arena, struct gk_config *ret,
	struct gk_faults *faults, struct gk_err *err);

/* A JSON string: bytes that are not UTF-8 are shown as \xNN. */
json_object *gk_report_string(const char *s, struct gk_arena *arena);

/* Prints the object on stdout and frees it. Returns 0, or 1 when it could not be written. */
int gk_report_print(json_object *object);

#endif
