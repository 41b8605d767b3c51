/* The look-up of an account in a process of its own. NSS loads whatever modules nsswitch.conf names, with
 * the libraries that these need; none of it is to stay mapped, for a session's length, in the supervisor
 * and in init, nor to be copied by each of their forks. */
#ifndef GK_RUN_APART_H
#define GK_RUN_APART_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/identity.h"

/* As gk_identity_by_name, or with name NULL as gk_identity_by_uid, in a child that ends with its answer.
 * For a process without threads. Returns 0, or -errno with err; whatever happens to the child is an error. */
int gk_identity_apart(const char *name, uid_t uid, struct gk_arena *arena, struct gk_identity *ret,
	struct gk_err *err);

#endif
