/* The payload's environment: a fresh one, with what the policy lets through. */
#ifndef GK_PLAN_ENV_H
#define GK_PLAN_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/plan.h"

/* The most variables a payload is given, the longest value, and the most bytes in all. What is
 * over is left out, but never SSH_ORIGINAL_COMMAND, to which no bound applies. MAX_ARG_STRLEN of
 * the kernel is 128 KiB (execve(2)). */
enum { GK_ENV_VARS = 512, GK_ENV_VALUE_BYTES = 127 << 10, GK_ENV_BYTES = 512 << 10 };

/* Whether the variable named by n bytes at name is never passed or set: it steers the dynamic
 * loader, the C library or a shell's start. */
bool gk_env_never(const char *name, size_t n);

/* Whether an item of env_pass (a name, or a beginning with * behind it) passes nothing at all:
 * every variable that it stands for is never passed, or has a value of gocker's own. */
bool gk_env_pass_is_vain(const char *pattern);

/* Whether the policy takes a variable (NAME=value) from the image's config: image_env names it, it
 * is neither one that is never passed nor one that gocker decides, but for a PATH of absolute
 * directories, and its value has no control characters. */
bool gk_env_from_image(const struct gk_policy *policy, const char *assignment);

/* What gocker itself decides. */
struct gk_env_facts {
	const char *home, *user, *shell;
	const char *agent; /* SSH_AUTH_SOCK inside, or NULL */
};

/* Makes the environment for a request under a policy. Returns a NULL-ended array, or NULL when
 * memory is exhausted. */
const char *const *gk_env_make(const struct gk_request *request, const struct gk_policy *policy,
	const struct gk_env_facts *facts, struct gk_arena *arena);

#endif
