/* The daemon's private mount namespace while its session is open: the host's mounts, but for the
 * terminals and the login records, which are the session's. */
#ifndef GK_PAM_VIEW_H
#define GK_PAM_VIEW_H

#include <stdbool.h>

struct gk_view {
	int mnt;  /* the mount namespace to go back to, -1: it was never left */
	int root; /* and the root directory in it */
	int cwd;  /* and the working directory */
};
#define GK_VIEW_INIT \
	{ \
		-1, -1, -1 \
	}

/* Leaves the caller's mount namespace for a private copy that follows it (MS_SLAVE). ptys, a
 * detached mount of the container's devpts, is /dev/pts there, so that a terminal which the daemon
 * allocates has the same name inside; the caller keeps ptys. With `records` /dev/null lies over
 * utmp, wtmp, lastlog and btmp, because the keeper writes them. For a caller with one thread.
 * Returns 0, or -errno with the caller back where it was. */
int gk_view_make(struct gk_view *v, int ptys, bool records);

/* Goes back, with root and working directory. Returns 0 or -errno. Fine without a view. */
int gk_view_leave(struct gk_view *v);

#endif
