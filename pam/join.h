/* Entering a container: what a child of the daemon and a daemon that enters itself have in common,
 * and the way of the latter. */
#ifndef GK_PAM_JOIN_H
#define GK_PAM_JOIN_H

#include <stdint.h>

#include "link.h"

/* A join is believed only when `/` is the very mount that the keeper announced. Returns 0, -EXDEV
 * or -errno. */
int gk_join_verify(const struct gk_link_root *want);

/* Whether this kernel, and what filters the caller, let a child verify its join: 0, or -errno. */
int gk_join_can_verify(void);

/* Into the directory at the same path inside, if there is one: to what it leads is up to the image
 * and the user, while the caller is root still. Links are followed, but none of proc(5)'s own: the
 * root and the directory of another process that is on its way inside are the host's. */
void gk_join_chdir(const char *path);

/* Limits of what acts for the user. A hard limit of 0 for core files (pam_limits) keeps no handler
 * of the host's from running, and the entry stub, which is the user's, could not raise it to the 1
 * that does (gk_forbid_core): its soft limit stays. nofile: the most descriptors; 0: as many as the
 * daemon. Returns 0 or -errno. */
int gk_join_limits(uint64_t nofile);

/* The namespaces of the host, to come back to. They are files, so that this depends on no process:
 * the keeper may have been killed. */
struct gk_host_ns {
	int fd[6];
	int root;
	uint64_t joined; /* CLONE_NEW* bits of those that were left */
};
#define GK_HOST_NS_INIT \
	{ \
		.fd = { -1, -1, -1, -1, -1, -1 }, .root = -1 \
	}

/* Takes the calling process, which has one thread, into the namespaces of `init` (a pidfd).
 * namespaces are CLONE_NEW* bits. Returns 0, or -errno with the caller where it was (in `/`). */
int gk_join_all(
	struct gk_host_ns *host, int init, uint64_t namespaces, const struct gk_link_root *root);

/* Brings it back: namespaces, root and working directory. Returns 0 or -errno. */
int gk_join_leave(struct gk_host_ns *host, const char *cwd);

/* Closes the descriptors. */
void gk_join_forget(struct gk_host_ns *host);

#endif
