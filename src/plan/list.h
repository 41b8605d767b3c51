/* The keys of gocker.ini that hold lists: items separated by blanks, quotes around what has them.
 */
#ifndef GK_PLAN_LIST_H
#define GK_PLAN_LIST_H

#include <stdbool.h>

#include "base/arena.h"
#include "plan/policy.h"

/* Each reads a list of at most GK_LIST_MAX items and returns true, or false with *ret_why set and
 * the rest untouched. An empty text is an empty list. */

/* Names of variables, a * allowed at the end of each. */
bool gk_list_env_pass(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why);

/* NAME=value, no name twice. Names that gocker itself must decide are refused. */
bool gk_list_env_set(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why);

/* SOURCE:TARGET[:ro], both absolute paths without a colon; {user} may stand in both. */
bool gk_list_volumes(const char *s, struct gk_arena *arena, const struct gk_volume **ret,
	size_t *ret_n, const char **ret_why);

/* SOURCE[:TARGET[:rw]], single files and sockets: read-only without :rw, and at the source's path
 * without a target. */
bool gk_list_files(const char *s, struct gk_arena *arena, const struct gk_volume **ret,
	size_t *ret_n, const char **ret_why);

/* Absolute paths below /dev, perhaps with the wildcards of glob(7). */
bool gk_list_devices(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why);

/* "any", "none", or ports and ranges of ports (N or N-M) from min on, at most GK_PORTS_MOST in all.
 * They are sorted, and those that touch are joined. With min 0 (which ports may be bound) all ports
 * from GK_PORTS_FREE to 65535 may be among them. */
bool gk_list_ports(const char *s, uint64_t min, struct gk_arena *arena, struct gk_ports *ret,
	const char **ret_why);

/* "private", "all", ADDRESS[/BITS], or with a port or range of ports ADDRESS[/BITS]:N[-M]; in that
 * case an IPv6 network stands in brackets. */
bool gk_list_nets(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why);

/* [ADDRESS:]PORT, [ADDRESS:]FIRST-LAST, or with /SIZE for a slice of the range to each user; at
 * most GK_PUBLISH_MOST ports for one session. An IPv6 address stands in brackets. */
bool gk_list_publish(
	const char *s, struct gk_arena *arena, const char *const **ret, const char **ret_why);

/* The list `s` (NULL: an empty one) with one more item, quoted so that it reads back as that item,
 * blanks and quotes included; NULL when memory is exhausted. For options that can be repeated. */
const char *gk_list_add(const char *s, const char *item, struct gk_arena *arena);

/* The text that reads back to the list; NULL when memory is exhausted. */
const char *gk_list_words_text(const char *const *words, struct gk_arena *arena);
/* For both volumes and files. */
const char *gk_list_volumes_text(const struct gk_volume *volumes, size_t n, struct gk_arena *arena);
const char *gk_list_ports_text(const struct gk_ports *ports, struct gk_arena *arena);

#endif
