/* The PAM door's half of gocker enable and gocker disable: the lines in the host's PAM stacks. */
#ifndef GK_CLI_ENABLE_ENABLE_H
#define GK_CLI_ENABLE_ENABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum { GK_SERVICES_MOST = 16 };

struct gk_pam_door {
	const char *services[GK_SERVICES_MOST]; /* none: sshd, and systemd-user where there is
						   systemd */
	size_t nservices;
	const char *break_glass; /* a group whose members are let through, or NULL */
	bool dry, yes;           /* only said; not asked */
	struct gk_arena arena;
};

struct gk_err;
struct gk_identity;

/* Fetches the image that gocker.ini comes with, so that a new installation has one, in which scp
 * and sftp work. Returns 0 when the user's image is there, 1 when dry left it unfetched, which is
 * said, or -errno. Any other image is made by hand. */
int gk_enable_image(
	const struct gk_identity *who, bool dry, struct gk_arena *arena, struct gk_err *err);

/* Opens the door for all whom gocker.ini contains, the users named among them: a trial login for
 * each, one for root, that an administrator is left outside, then the lines. Where anything fails
 * nothing is changed. Returns the exit status. */
int gk_enable_pam(struct gk_pam_door *door, char **users);

/* Prints which lines a stack would get, one each. */
struct gk_pam_change;
void gk_pam_show(const struct gk_pam_change *c, const char *mood);

/* Takes the lines out of the services named, or of all that have them. Returns the exit status. */
int gk_disable_pam(struct gk_pam_door *door);

#endif
