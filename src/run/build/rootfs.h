/* Step 7: the root of a session, built in its own mount namespace from the plan. */
#ifndef GK_RUN_BUILD_ROOTFS_H
#define GK_RUN_BUILD_ROOTFS_H

#include <stdbool.h>

#include "base/err.h"
#include "plan/plan.h"

/* What was opened outside and is attached inside. fds, -1 where there is none. */
struct gk_rootfs_sources {
	const char *image_path; /* the very directory that image_fd is open on */
	int image_fd;           /* opened (and locked) by the supervisor, to compare with */
	int *binds;             /* a mount fd for each of plan->binds, as they come */
	int link;               /* where they come from, in order: GK_MSG_BIND */
	int pty;                /* mount fd of the terminal */
	int stub;               /* mount fd of the entry stub */
	int userns;             /* the user namespace whose ids the root has */
	int devlog;             /* the keeper's socket, not yet bound, that becomes /dev/log */
};

/* Builds the root in a fresh mount namespace, enters it with pivot_root, detaches the old one and
 * sets made[i] of what plan->mounts[i] was mounted: gk_verify_mounts is to come before anything of
 * the user's is run. Called in the new session's init, which is PID 1 of its PID namespace. On
 * failure the namespace is half built: exit, and it is gone. Returns 0 or -errno. */
int gk_rootfs_build(const struct gk_plan *plan, const struct gk_rootfs_sources *sources, bool *made,
	struct gk_err *err);

#endif
