/* The rules of a session's network, given to the kernel without a program in between. */
#ifndef GK_RUN_BUILD_NETRULES_H
#define GK_RUN_BUILD_NETRULES_H

#include <stddef.h>

#include "plan/plan.h"

/* Makes the table `inet gocker` with one chain at the exit (output) of the network namespace that
 * the socket (NETLINK_NETFILTER) is of: what is on `lo` (interface 1) and neighbour discovery pass,
 * and questions for names; then the first of these rules that matches decides, and what none
 * matches passes. Returns 0 or -errno: then there is no such table. */
int gk_netrules_load(
	int fd, const struct gk_net_rule *const *lists, const size_t *counts, size_t n);

/* Whether a table `inet gocker` in the namespace of the socket is in force and has these chains
 * (NULL-ended). Returns 0, -ENOENT where something is missing, or -errno. */
int gk_netrules_look(int fd, const char *const *chains);

#endif
