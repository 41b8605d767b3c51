/* gocker's lines in the files of /etc/pam.d: putting them in, taking them out, and remembering what
 * a file was. */
#ifndef GK_CLI_ENABLE_PAM_EDIT_H
#define GK_CLI_ENABLE_PAM_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* One file to be changed. */
struct gk_pam_change {
	const char *service;
	const char *before, *after; /* its whole text */
	bool vendor;                /* it stands in /usr/lib/pam.d alone so far */
};

/* The text of a stack with `pam_gocker.so outer` before the first line that opens a session,
 * includes looked into, and `pam_gocker.so` after the last; sshd's gets `pam_gocker.so check`
 * before the first account line as well, unless it has that line (has_check) or no account line at
 * all. systemd-user gets the account line that refuses user managers instead. break_glass may be
 * NULL. NULL when memory is exhausted. */
const char *gk_pam_text_add(const char *text, const char *service, bool has_check,
	const char *break_glass, struct gk_arena *arena);

/* The text without any line of pam_gocker. NULL when memory is exhausted, or where a line with that
 * name cannot be read for sure. */
const char *gk_pam_text_remove(const char *text, struct gk_arena *arena);

/* What is to be done to contain the service's sessions, with nothing changed yet. Returns 1 when
 * there is something to do, 0 when it is done already, -ENOENT for a service that this host has
 * not, -EINVAL for a stack that has lines of gocker's in the wrong order, or -errno. */
int gk_pam_plan_add(const char *service, const char *break_glass, struct gk_arena *arena,
	struct gk_pam_change *ret, struct gk_err *err);

/* The same for giving the file back as it was. 0: it has no line of gocker's. */
int gk_pam_plan_remove(
	const char *service, struct gk_arena *arena, struct gk_pam_change *ret, struct gk_err *err);

/* Does it: the text that was is kept in GK_STATEDIR/pam, the new file takes the old one's place in
 * one step and is read back; where the order is not right then, the old one comes back. */
int gk_pam_apply_add(const struct gk_pam_change *change, struct gk_err *err);

/* Puts the text that was before back, and forgets it. */
int gk_pam_undo_add(const struct gk_pam_change *change, struct gk_err *err);

/* Whether the service is systemd's user manager, whose account part refuses the contained. */
bool gk_pam_is_manager(const char *service);

/* What a stack is once gocker's lines are out of it. */
enum gk_pam_left {
	GK_PAM_AS_IT_WAS, /* what gocker has found, byte for byte, or the vendor's file again */
	GK_PAM_EDITED,    /* edited since; what it was before stays in GK_STATEDIR/pam */
	GK_PAM_UNKNOWN    /* gocker did not write the lines: it does not know what was before */
};

/* Gives it back. A copy of the file that gocker ships, where the vendor has one in /usr/lib/pam.d,
 * is removed, so that the vendor's counts. Returns an enum gk_pam_left, or -errno. */
int gk_pam_apply_remove(const struct gk_pam_change *change, struct gk_err *err);

#endif
