/* Step 5: subtrees of the host (home, volumes, the agent's socket, the terminal) opened safely and
 * cloned before the container exists. */
#ifndef GK_RUN_TREE_H
#define GK_RUN_TREE_H

#include "base/err.h"
#include "plan/plan.h"

/* How long a file system (NFS, FUSE, an automounter) may take to open a home. */
enum { GK_TREE_TIMEOUT_MS = 15000 };

/* Opens one tree of the plan and clones it as a detached, private mount with nosuid and nodev on it
 * and on everything mounted below. Symlinks are followed only where root owns them and no earlier
 * component can be written by anyone else. A tree as_user is opened with the user's ids, in a
 * child that is killed when the file system does not answer. Returns the mount's fd or -errno. */
int gk_tree_open(const struct gk_tree *tree, const struct gk_credentials *cred,
	struct gk_err *err);

/* Clones the terminal behind fd as a mount of its own, to be bound at /dev/console. It must be a
 * pty of a devpts (CVE-2025-52565). Returns the mount's fd or -errno. */
int gk_tree_of_pty(int fd, struct gk_err *err);

#endif
