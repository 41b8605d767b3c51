/* Out of the reach of whoever rules the caller's cgroup. */
#ifndef GK_RUN_CGROUP_LEAVE_H
#define GK_RUN_CGROUP_LEAVE_H

#include "base/err.h"
#include "run/cgroup/cgroup.h"

/* Where this process is in a cgroup that others than root can change (a user's own, delegated one:
 * cgroups(7)), moves it to one that is root's: its user could freeze it (cgroup.freeze asks for no
 * right over the processes), and the session would go on past its time limits and its caller's end.
 * Elsewhere it stays where it is, since a move costs milliseconds. To be called before a lock is
 * taken: frozen, it would hold that for as long as the user likes. Returns 0 or -errno. */
int gk_leave_caller_cgroup(struct gk_err *err);

/* Moves this process out of the caller's cgroup in every case: what is to outlive the login must
 * not end with the login's scope. Returns 0 or -errno. */
int gk_leave_for_good(struct gk_err *err);

/* Whether root alone can change a cgroup and all above it, below where its hierarchy is mounted; 1
 * also where there is none such. Returns 1, 0 or -errno. */
int gk_cgroup_is_firm(const char *mount, const char *path);

#endif
