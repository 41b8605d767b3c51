/* What a plan must know of this host: its devices, and the image that the plan is for, before the
 * image is opened for the session. */
#ifndef GK_RUN_STORE_IMAGEFACTS_H
#define GK_RUN_STORE_IMAGEFACTS_H

#include "base/arena.h"
#include "base/err.h"
#include "plan/policy.h"
#include "plan/request.h"

/* Beside a version's root: the variables that the image's config sets, NAME=value, a line each.
 * Written by gk_image_seal, root's alone. */
#define GK_IMAGE_ENV_FILE "env"
enum { GK_IMAGE_ENV_MAX = 16 << 10, GK_IMAGE_ENV_VARS = 256 };

/* For the image that the request names, or else the policy: request->host where that is `host`
 * (hostroot.h), and otherwise request->image_env. For the policy's devices: request->devices. To be
 * called before gk_plan_make. An image that cannot be opened sets nothing: gk_session_open says
 * why. The session looks the name up again: one that opens at the moment in which an image is
 * replaced may have its predecessor's variables. Returns 0 or -errno: those of gk_hostroot_survey,
 * and -EFBIG, -EPERM or -EIO for a list of variables that cannot be used. */
int gk_image_facts(const struct gk_policy *policy, struct gk_request *request,
	struct gk_arena *arena, struct gk_err *err) __attribute__((warn_unused_result));

#endif
