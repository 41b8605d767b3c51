/* What the plan's enums, bits and limits are called wherever it is printed. */
#ifndef GK_PLAN_NAMES_H
#define GK_PLAN_NAMES_H

#include <stdint.h>

#include "plan/plan.h"

const char *gk_door_name(enum gk_door door);
const char *gk_tty_name(enum gk_tty_mode tty);
const char *gk_entry_name(enum gk_entry_kind kind);
const char *gk_mount_name(enum gk_mount_kind kind);
const char *gk_scratch_name(enum gk_scratch scratch);
const char *gk_filter_name(enum gk_filter filter);

enum gk_bits {
	GK_BITS_NAMESPACES, /* CLONE_NEW* */
	GK_BITS_MOUNT,      /* enum gk_mount_flag */
	GK_BITS_CAPS,       /* 1 << CAP_* */
	GK_BITS_SCOPE,      /* enum gk_scope */
};

/* Takes one bit that has a name out of *bits, in the order of printing, and returns the name; NULL
 * when none of those left has one. */
const char *gk_bits_next(enum gk_bits what, uint64_t *bits);

/* One limit of a plan: its unit is in the name or, for memory, bytes. */
struct gk_limit {
	const char *name;
	uint64_t value;  /* GK_UNLIMITED: none */
	enum gk_key key; /* of the policy, that it comes from */
};
enum { GK_LIMITS = 19 };

/* All limits of a plan, in the order of printing. */
void gk_plan_limits(const struct gk_plan *plan, struct gk_limit ret[GK_LIMITS]);

#endif
