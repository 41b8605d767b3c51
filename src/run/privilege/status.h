/* What the kernel writes of this thread in /proc/thread-self/status. */
#ifndef GK_RUN_PRIVILEGE_STATUS_H
#define GK_RUN_PRIVILEGE_STATUS_H

#include <stdint.h>

/* Masks as the kernel has them: bit 0 is signal 1, or capability 0. */
struct gk_status {
	uint64_t sig_ignored, sig_caught;
	uint64_t cap_bounding;
};

/* One read in place of a call for each signal or capability, sixty and forty of them. Returns 0, or
 * -errno where /proc is not the kernel's, does not show this process, or the lines are not within
 * the first STATUS_BYTES (a process can have 65,536 groups, which are listed before them): the
 * caller then has to ask call by call. proc_pid_status(5). */
int gk_status_read(struct gk_status *ret);

#endif
