/* Landlock: what a session's programs can reach, where the kernel can be told (landlock(7)). */
#ifndef GK_RUN_PRIVILEGE_LANDLOCK_H
#define GK_RUN_PRIVILEGE_LANDLOCK_H

#include <stdbool.h>

#include "base/err.h"
#include "plan/plan.h"

/* From which ABI on the kernel has what: Linux 6.7, and 6.12. */
enum { GK_LANDLOCK_TCP = 4, GK_LANDLOCK_SCOPE = 6 };

/* The ABI of this kernel's Landlock; 0: it has none, or it was turned off at boot. */
int gk_landlock_abi(void);

/* Whether the ports that the plan's policy allows can be enforced here. Returns 0, or -EOPNOTSUPP
 * with err: a policy is never ignored. */
int gk_landlock_check(const struct gk_plan *plan, struct gk_err *err);

/* Makes the rules of the plan: the ports of its policy, and the scope of its credentials as far as
 * the kernel has it. *ret_rules is a descriptor (close-on-exec), or -1 where nothing is restricted.
 * No privilege is needed. Returns 0, or -errno with err and *ret_rules untouched. */
int gk_landlock_rules(const struct gk_plan *plan, int *ret_rules, struct gk_err *err);

/* Whether the plan's rules are about TCP, so that gk_landlock_enter has to close what passes them
 * by. */
bool gk_landlock_is_tcp(const struct gk_plan *plan);

/* Binds this process and all that it starts to the rules: what is not allowed fails with EACCES, a
 * socket or signal out of scope with EPERM. It can't be undone. Needs no_new_privs or
 * CAP_SYS_ADMIN. rules -1: none. With tcp a filter refuses the ways to a TCP connection that
 * Landlock does not see. Returns 0 or -errno with err. */
int gk_landlock_enter(int rules, bool tcp, struct gk_err *err);

#endif
