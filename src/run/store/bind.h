/* Step 5: subtrees and files of the host (home, volumes, files, the agent's socket, the terminal)
 * opened safely and cloned outside of the container, while it is built. */
#ifndef GK_RUN_STORE_BIND_H
#define GK_RUN_STORE_BIND_H

#include <sys/types.h>

#include "base/err.h"
#include "plan/plan.h"

/* How long a file system (NFS, FUSE, an automounter) may take to open a home. */
enum { GK_BIND_TIMEOUT_MS = 15000 };

/* A bind that is being opened. */
struct gk_bind_asked {
	pid_t pid; /* of the child that opens it; 0: none */
	int sock;
	int failed; /* -errno where none could be made */
};
#define GK_BIND_ASKED_INIT ((struct gk_bind_asked){ .sock = -1 })

/* Has a bind that the user decides about (as_user, or a socket) opened with the user's ids, in a
 * child. Of others nothing is done yet. gk_bind_take tells of failures. */
void gk_bind_ask(
	const struct gk_bind *bind, const struct gk_credentials *cred, struct gk_bind_asked *ret);

/* Waits for it, kills a child whose file system does not answer, and clones the bind as a detached,
 * private mount with nosuid and nodev on it and on everything mounted below. Symlinks are followed
 * only where root owns them and no earlier component can be written by anyone else. Returns the
 * mount's fd or -errno. ret_real (NULL, or real_size bytes) gets the real path of a bind that is
 * as_user, else "". */
int gk_bind_take(const struct gk_bind *bind, const struct gk_credentials *cred,
	struct gk_bind_asked *asked, char *ret_real, size_t real_size, struct gk_err *err);

/* Ends the child of one that is not taken. */
void gk_bind_forget(struct gk_bind_asked *asked);

/* Clones the terminal behind fd as a mount of its own, to be bound at /dev/console. It must be a
 * pty of a devpts (CVE-2025-52565). Returns the mount's fd or -errno. */
int gk_bind_pty(int fd, struct gk_err *err);

/* A program of gocker's own on the host (the entry stub) as a private mount. Returns its fd or
 * -errno. */
int gk_bind_program(const char *path);

#endif
