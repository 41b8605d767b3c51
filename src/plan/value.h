/* Strict readers for single values: a whole text is a value or it is refused. Each returns true and
 * sets *ret, or false with *ret untouched and *ret_why saying why ("is not a whole number"). */
#ifndef GK_PLAN_VALUE_H
#define GK_PLAN_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan/text.h"

/* Decimal digits only, no sign, no leading zero, from min to max. */
bool gk_value_count(const char *s, uint64_t min, uint64_t max, uint64_t *ret, const char **ret_why);

/* The same into an unsigned, without a reason. */
bool gk_value_small(const char *s, unsigned min, unsigned max, unsigned *ret);

/* Bytes: a count, with K, M, G or T for powers of 1024 ("64M"). min and max in bytes. */
bool gk_value_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret, const char **ret_why);

/* CPUs as thousandths: "1", "1.5", "0.125". min and max in thousandths. */
bool gk_value_cpus(const char *s, uint32_t min, uint32_t max, uint32_t *ret, const char **ret_why);

/* Seconds: a count and one of s, m, h, d ("30m"). min and max in seconds. */
bool gk_value_duration(
	const char *s, uint64_t min, uint64_t max, uint64_t *ret, const char **ret_why);

/* "yes" or "no". */
bool gk_value_bool(const char *s, bool *ret, const char **ret_why);

/* Three or four octal digits up to 0777. */
bool gk_value_umask(const char *s, mode_t *ret, const char **ret_why);

/* The position of s in a NULL-ended list. */
bool gk_value_choice(
	const char *s, const char *const *choices, unsigned *ret, const char **ret_why);

/* The checks below take no *ret: they only judge. */

/* An image's name: letters, digits, ".", "_", "-", not beginning with the latter three, at most 64
 * bytes. It becomes one component of a path. */
bool gk_value_image_ok(const char *s, const char **ret_why);

/* A host name as RFC 1123 has it, at most 63 bytes (Linux keeps 64), dots allowed. */
bool gk_value_hostname_ok(const char *s, const char **ret_why);

/* A variable's name: letters, digits and "_", not beginning with a digit. n bytes at s. */
bool gk_value_env_name_ok(const char *s, size_t n);

#endif
