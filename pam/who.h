/* Who a login is, as far as the module itself must know: root, a member of one group, or neither.
 */
#ifndef GK_PAM_WHO_H
#define GK_PAM_WHO_H

#include <stddef.h>
#include <sys/types.h>

enum gk_who {
	GK_WHO_UNKNOWN, /* no such account, or it can't be looked up */
	GK_WHO_ROOT,    /* uid 0 */
	GK_WHO_MEMBER,  /* in the group, as its primary one or by name */
	GK_WHO_OTHER,
};

/* Looks the user up; group may be NULL or empty. Nothing is kept: libpam's own helpers
 * (pam_modutil_getpwnam) store each answer until pam_end(3), which a daemon that opens sessions all
 * day may never call. */
enum gk_who gk_who_is(const char *user, const char *group);

/* The ids and supplementary groups of a user, as initgroups(3) would set them; *ret_groups is
 * malloc'ed. Returns 0, -ENOENT without such an account, or -errno. */
int gk_who_groups(
	const char *user, uid_t *ret_uid, gid_t *ret_gid, gid_t **ret_groups, size_t *ret_ngroups);

#endif
