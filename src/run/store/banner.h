/* The banner's file, and the banner on the user's terminal. */
#ifndef GK_RUN_STORE_BANNER_H
#define GK_RUN_STORE_BANNER_H

#include "base/arena.h"
#include "plan/policy.h"
#include "plan/request.h"

/* Where request->greet is set and the banner is a file, request->banner becomes its text: of at
 * most 4 KiB, trusted as gocker.ini is (gk_open_trusted). One that can't be read is logged and left
 * out: a text locks nobody out. */
void gk_banner_read(
	const struct gk_policy *policy, struct gk_request *request, struct gk_arena *arena);

/* Writes it (NULL: none) to stdout, if that is a terminal that takes it now. To be called as the
 * user, in the home: .hushlogin there is the user's way to say no, as to sshd and login(1). */
void gk_banner_show(const char *banner);

#endif
