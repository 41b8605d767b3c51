/* Who asks: filled by src/run from the real uid (PAM door: PAM_USER) and NSS, used as data here. */
#ifndef GK_PLAN_IDENTITY_H
#define GK_PLAN_IDENTITY_H

#include <stddef.h>
#include <sys/types.h>

struct gk_group {
	gid_t gid;
	const char *name; /* NULL: the host knows no name for it */
};

struct gk_identity {
	uid_t uid;
	gid_t gid; /* the primary group */
	const char *name;
	const char *gecos;
	const char *home;
	const char *shell;             /* the host's passwd shell */
	const struct gk_group *groups; /* primary and supplementary, primary first, no gid twice */
	size_t ngroups;
};

#endif
