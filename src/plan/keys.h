/* The keys of gocker.ini: what each is called, where it may stand, what it may hold. */
#ifndef GK_PLAN_KEYS_H
#define GK_PLAN_KEYS_H

#include <stdbool.h>

#include "base/arena.h"
#include "plan/policy.h"

/* The most items in one list of a policy. */
#define GK_LIST_MAX 64

/* Why a value is refused and what to write instead. */
struct gk_complaint {
	const char *reason, *hint;
};

/* The key called by the n bytes at name, or -1. */
int gk_key_find(const char *name, size_t n);

/* The key whose name is nearest to those bytes, or -1 when none is near: for "did you mean". */
int gk_key_nearest(const char *name, size_t n);

/* The number of letters to change, add or take away to come from a to b (both short). */
size_t gk_key_distance(const char *a, size_t na, const char *b, size_t nb);

/* Whether the key belongs to [gocker] only; the others belong to every other section. */
bool gk_key_is_host(enum gk_key key);

/* Whether the key belongs to sections [group:NAME] only. */
static inline bool gk_key_is_group(enum gk_key key)
{
	return key == GK_KEY_GROUP_SESSIONS_MAX;
}

/* The value a key has when gocker.ini does not set it, as gocker.ini would write it. */
const char *gk_key_default(enum gk_key key);

/* What may be written as a key's value: "write …". */
const char *gk_key_hint(enum gk_key key);

/* Reads text as the value of key into policy. Lists and strings are allocated from arena;
 * placeholders stay as they are. Returns 0, -EINVAL with *ret_complaint, or -ENOMEM. */
int gk_key_set(enum gk_key key, const char *text, struct gk_arena *arena, struct gk_policy *policy,
	struct gk_complaint *ret_complaint);

/* The value that policy has for key, as gocker.ini would write it (unquoted): gk_key_set reads it
 * back to the same value. NULL when memory is exhausted. */
const char *gk_key_text(enum gk_key key, const struct gk_policy *policy, struct gk_arena *arena);

#endif
