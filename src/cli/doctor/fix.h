/* What `gocker doctor` finds open and can close by itself: shown first, kept in GK_STATEDIR/fixes,
 * and undone by `gocker disable`. */
#ifndef GK_CLI_DOCTOR_FIX_H
#define GK_CLI_DOCTOR_FIX_H

#include <stdbool.h>

#include "cli/doctor/doctor.h"

/* The names of the fixes, for --fix=ID and for findings. */
#define GK_FIX_SSHD    "sshd"    /* the drop-in for sshd, and its reload */
#define GK_FIX_MANAGER "manager" /* the account line in the stack systemd-user */
#define GK_FIX_CRON    "cron"    /* an empty /etc/cron.allow */
#define GK_FIX_AT      "at"      /* an empty /etc/at.allow */

struct gk_fixing {
	const char *command; /* the subcommand, for messages */
	const char *only;    /* one of the names above; NULL: all that are needed */
	bool dry, yes;       /* only shown; not asked */
};

/* Whether there is a fix of this name. */
bool gk_fix_is(const char *name);

/* Shows what would close the findings of d that have a fix, asks on a terminal (elsewhere
 * fixing->yes is needed), and does it. d is as gk_doctor_open has left it. Returns the exit status:
 * 1 where something was refused or failed. */
int gk_fix(struct gk_doctor *d, const struct gk_fixing *fixing);

/* Undoes all fixes that were made and not changed since; says what it leaves. Returns the exit
 * status. */
int gk_fix_undo(const char *command, bool dry);

#endif
