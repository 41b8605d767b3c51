/* The one judge of a PAM stack, for the keeper, `gocker enable` and `gocker doctor`. */
#ifndef GK_PAM_JUDGE_H
#define GK_PAM_JUDGE_H

#include <stdbool.h>

#include "base/err.h"
#include "pam/stack.h"

/* Whether the service's sessions are contained. confdir as in gk_pam_stack_read. `plain_alone`
 * allows a stack without the line with `outer`.
 *
 * Returns 0: every way through the stack that ends in success enters the container, and the two
 * lines stand in order. 1 with err: the same, but on the wrong side of gocker's lines is a module
 * that may run there. -ENOENT: no session line of gocker's. Else -errno with err: a way that is not
 * contained, or a stack that cannot be read for sure. */
int gk_pam_judge(const char *confdir, const char *service, bool plain_alone, struct gk_err *err);

/* Whether the service's account part is sure to refuse whom gocker's line refuses: the line with
 * `check`, or the one without, which refuses the contained. Of several one is enough. 0; -ENOENT
 * with err: there is no such line; else -errno with err: a way that ends in success goes past it or
 * undoes the refusal, or the stack cannot be read for sure. */
int gk_pam_judge_account(const char *confdir, const char *service, bool check, struct gk_err *err);

/* 1 is -EINVAL here: what `gocker enable` wants of a stack that it has written. */
int gk_pam_judge_strictly(const char *service, struct gk_err *err);

#endif
