/* `image = host`: what of the host a session may see, looked up on the host. */
#ifndef GK_RUN_STORE_HOSTROOT_H
#define GK_RUN_STORE_HOSTROOT_H

#include "base/arena.h"
#include "base/err.h"
#include "plan/hostroot.h"
#include "plan/config.h"
#include "plan/policy.h"
#include "plan/request.h"

/* The administrator's own list. One that is missing adds nothing. */
#define GK_HOST_ALLOW_PATH GK_SYSCONFDIR "/gocker.d/host.allow"

/* Finds out what the root of `image = host` is made of: the system's directories, and what the
 * allow-lists name. The administrator's list must be a regular file of root's that nobody else can
 * write, as must the directories above it. Nothing of it is opened for reading; nothing that others
 * could have put there is taken. What is named and not taken is in *ret too, with the reason.
 * Returns 0 or -errno: -EINVAL for a fault in a list, -EPERM or -ELOOP for a list that others could
 * have written, or a /usr. */
int gk_hostroot_survey(struct gk_arena *arena, struct gk_hostroot *ret, struct gk_err *err)
	__attribute__((warn_unused_result));

/* The same where the request, or else the policy, names the image `host`, into request->host;
 * nothing otherwise. To be called before gk_plan_make. */
int gk_hostroot_for(const struct gk_policy *policy, struct gk_request *request,
	struct gk_arena *arena, struct gk_err *err) __attribute__((warn_unused_result));

/* Looks already, while it is not yet known whose login it is and the caller would wait for that
 * answer: where any section of config names the image `host`. What was found out is
 * gk_hostroot_for's; after a fault that asks again. */
void gk_hostroot_early(
	const struct gk_config *config, struct gk_request *request, struct gk_arena *arena);

#endif
