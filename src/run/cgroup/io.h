/* Limits of reading and writing on block devices (cgroup-v2.rst, "IO"). */
#ifndef GK_RUN_CGROUP_IO_H
#define GK_RUN_CGROUP_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "plan/plan.h"

/* The limits of a session, each with the number of its disk. */
enum { GK_IO_LIMITS_MOST = 64 };
struct gk_io_limits {
	size_t n;
	struct gk_io_disk {
		unsigned major, minor;
		const struct gk_io_limit *limit;
	} list[GK_IO_LIMITS_MOST];
};

/* Whether a disk of this host divides its time by weight: it has the scheduler bfq, or io.cost is
 * on (cgroup-v2.rst, "IO Interface Files"). Elsewhere the kernel takes a weight and does nothing.
 */
bool gk_io_divides(void);

/* Finds the disks of a policy's io_max, and whether a disk divides by io_weight. Of a partition it
 * is the disk around it. Two targets on one disk: the lower of the limits apply. Returns 0, or
 * -EOPNOTSUPP or -errno with the reason in err. */
int gk_io_find(const struct gk_plan *plan, struct gk_io_limits *ret, struct gk_err *err);

/* Writes the limits of a leaf. Returns 0 or -errno; -ENOENT: the controller is not enabled. */
int gk_io_limit(int leaf_fd, const struct gk_io_limits *limits);

/* Sets the share of a user's group; GK_UNLIMITED: the kernel's default, where the file is there.
 * Returns 0 or -errno. */
int gk_io_set_weight(int user_fd, uint64_t weight);

#endif
