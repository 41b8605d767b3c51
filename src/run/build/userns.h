/* A user namespace for the container's root: uid 0 inside is nobody in particular outside. */
#ifndef GK_RUN_BUILD_USERNS_H
#define GK_RUN_BUILD_USERNS_H

#include <stdint.h>

#include "base/err.h"

/* Takes a range of GK_USERNS_IDS host ids that no living session has, of those that begin at
 * `first` (userns_base of gocker.ini). It is given back when the last copy of the fd that is
 * returned is closed, however that comes about. Returns the fd, -EDQUOT when all are taken, or
 * -errno. */
int gk_userns_take(uint64_t first, uint64_t *ret_base, struct gk_err *err);

/* Makes a user namespace in which the ids 0 to GK_USERNS_IDS - 1 are those from base on outside.
 * Needs CAP_SETUID and CAP_SETGID on the host. Returns an fd of the namespace, or -errno. */
int gk_userns_make(uint64_t base, struct gk_err *err);

/* Enters it, by its fd or by the pidfd of a process in it, and has no more than caps from then on:
 * the kernel gives whoever enters all of them, and a whole bounding set (user_namespaces(7)). The
 * uid stays the host's root until it is changed. Returns 0 or -errno. */
int gk_userns_enter(int fd, uint64_t caps, struct gk_err *err);

#endif
