/* The building stage of a session's root, and what gocker itself puts there: directories, device
 * nodes, files, links. Mounts are root.c's, which calls these in the order in which they stand
 * here. Every function that returns int returns 0, or -errno with the reason in err; what was made
 * before a failure goes with the mount namespace. */
#ifndef GK_RUN_BUILD_STAGING_H
#define GK_RUN_BUILD_STAGING_H

#include "base/err.h"
#include "plan/plan.h"
#include "run/build/rootfs.h"

/* The two scratch file systems and the new root, all by fd. -1 where there is none yet. */
struct gk_stage {
	const struct gk_plan *plan;
	const struct gk_rootfs_sources *sources;
	int scratch[GK_SCRATCH_COUNT]; /* the roots of the scratch file systems */
	int veil;                      /* the root of the file system of the masks */
	int upper;                     /* the overlay's upper layer */
	int root;                      /* the new root, once it is mounted */
	int proc;                      /* the root of its /proc, whose type was checked */
	struct {
		int source; /* a clone of the host's /etc, mounted where it is not to be seen */
		int target; /* the session's own */
		unsigned flags;
	} etc; /* with image = host */
	struct gk_stage_mask {
		int model; /* one that is mounted: clones have its flags */
		int next;  /* a clone that is not mounted yet */
		unsigned flags;
	} masks[2];           /* of files, of directories */
	const char *home;     /* where the home is inside */
	char home_real[1024]; /* its path on the host without links, "" where it is not known */
};

/* Mounts the scratch file systems under the root-only directory of the run directory, with the
 * plan's limits in bytes and inodes, makes the masks, and opens the upper layer. The umask is 0
 * from here on. */
int gk_stage_lay_out(struct gk_stage *stage, struct gk_err *err);

/* Makes /dev: the plan's nodes, the usual links, /dev/log on the keeper's socket. */
int gk_stage_make_nodes(const struct gk_stage *stage, struct gk_err *err);

/* Makes the directories that the plan's scratch mounts show, with the modes and owners they need.
 */
int gk_stage_make_dirs(const struct gk_stage *stage, struct gk_err *err);

/* Fills the upper layer with the plan's entries, but for shells. A file copied from the host may be
 * missing there, which leaves an empty one. */
int gk_stage_make_entries(const struct gk_stage *stage, struct gk_err *err);

/* Once the root is mounted: a passwd shell that the image lacks becomes a link to the entry stub;
 * one that it has is never covered. */
int gk_stage_link_shells(const struct gk_stage *stage, struct gk_err *err);

/* Once all is mounted: a home that the host reaches through a link of root's is seen inside under
 * its real path as well, by a link, where nothing of that name is there. Programs have that path
 * from realpath(3) on the host. What cannot be had is left out. */
void gk_stage_link_home(const struct gk_stage *stage);

#endif
