/* Which devices the processes of a cgroup (v2) can open: a BPF program of the kernel's device
 * controller (cgroup-v2.rst, "Device controller"; Linux 4.15). */
#ifndef GK_RUN_CGROUP_DEVICES_H
#define GK_RUN_CGROUP_DEVICES_H

#include <stddef.h>
#include <linux/bpf.h>

#include "base/err.h"
#include "plan/plan.h"

/* Room for the program of any plan. */
enum { GK_DEVICE_PROGRAM_MAX = 512 };

/* Writes the program for a plan's nodes, terminals, and the node that an overlay hides files with.
 * Everything else is refused. Returns how many instructions there are, or 0 when they do not fit.
 */
size_t gk_device_program(
	const struct gk_node *nodes, size_t n, struct bpf_insn code[GK_DEVICE_PROGRAM_MAX]);

/* Attaches that program to a cgroup, for as long as the cgroup exists. Programs of cgroups above it
 * apply as well. Returns 0, or -errno with err. */
int gk_device_filter(int cgroup_fd, const struct gk_plan *plan, struct gk_err *err);

#endif
