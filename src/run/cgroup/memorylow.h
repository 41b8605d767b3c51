/* memory_low: memory that the kernel leaves to a user's sessions while the host is short of it
 * (cgroup-v2.rst, memory.low). A cgroup is protected up to what every cgroup above it is, so the
 * value stands in the session's leaf and the user's cgroup, and the sum over all users in those
 * above. */
#ifndef GK_RUN_CGROUP_MEMORYLOW_H
#define GK_RUN_CGROUP_MEMORYLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Whether a protection of low bytes can be given: not where the cgroups of this host are themselves
 * in one, of a container, whose memory.low is less. GK_UNLIMITED asks for nothing. */
bool gk_memory_low_kept(uint64_t low);

/* The same: 0, or -EOPNOTSUPP with err. */
int gk_memory_low_check(uint64_t low, struct gk_err *err);

/* Gives the user's cgroup a protection of low bytes (GK_UNLIMITED: none), and those above it, up to
 * the slice, the sum of all users'. Returns 0 or -errno: -ENOENT where the memory controller was
 * not handed down. */
int gk_memory_low_give(int base_fd, int user_fd, uint64_t low);

/* Removes the user's cgroup, NAME below base_fd and open as user_fd, if no session is in it, and
 * what it had from the sum above it. */
void gk_memory_low_remove_user(int base_fd, int user_fd, const char *name);

#endif
