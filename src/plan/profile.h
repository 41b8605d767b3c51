/* The profiles of gocker.ini: sets of values that a section names by one word. */
#ifndef GK_PLAN_PROFILE_H
#define GK_PLAN_PROFILE_H

#include <stddef.h>

#include "plan/policy.h"

/* One value of a profile, as gocker.ini would have it. */
struct gk_profile_value {
	enum gk_key key;
	const char *text;
};

/* The names, in the order of enum gk_profile, NULL-ended. */
extern const char *const gk_profile_names[];

/* The values of a profile; none for GK_PROFILE_NONE. All others have values for the same keys, and
 * none that only some hosts can enforce. *ret_n is their number. */
const struct gk_profile_value *gk_profile_values(enum gk_profile profile, size_t *ret_n);

/* The profile of that name; GK_PROFILE_NONE for any other text. */
enum gk_profile gk_profile_by_name(const char *name);

#endif
