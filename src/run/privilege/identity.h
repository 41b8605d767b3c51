/* Step 2: who asks, from the real uid and NSS only; never from $USER, $HOME or argv. */
#ifndef GK_RUN_PRIVILEGE_IDENTITY_H
#define GK_RUN_PRIVILEGE_IDENTITY_H

#include "base/arena.h"
#include "base/err.h"
#include "plan/identity.h"

/* Refuses to go on in any user namespace but the host's own. Returns 0, -EPERM, or -errno. */
int gk_require_initial_user_ns(struct gk_err *err);

/* Requires effective uid 0 in the initial user namespace (inside `unshare -Ur` every uid reads 0),
 * then makes real, effective and saved uid and gid 0, so that the user can neither stop, kill nor
 * trace this process. ret_uid is the real uid of the caller. Returns 0 or -EPERM. */
int gk_become_root(uid_t *ret_uid, struct gk_err *err);

/* Looks the account up by name, or with name NULL by uid: half of what the two below do.
 * getgrouplist(3) has no way to say that it could not look: it gives the primary group alone, and
 * whoever is in a group with a strict section would get the default. So nothing may come of what
 * was found before gk_identity_confirm has asked for the groups again and found the same. */
int gk_identity_look_up(const char *name, uid_t uid, struct gk_arena *arena,
	struct gk_identity *ret, struct gk_err *err);
int gk_identity_confirm(const struct gk_identity *id, struct gk_err *err);

/* Refuses an account whose uid another name has as well. A uid is all that a set-uid program knows
 * of its caller: what getpwuid(3) finds for it is the first name, whoever logged in. The other one
 * is looked for in /etc/passwd, and under the name that the caller claims to have, which may be
 * NULL: it can refuse, but choose nothing. A directory is not searched through: most do not list
 * their accounts. Returns 0, -EPERM, or -errno, with err. */
int gk_identity_check_sole(const struct gk_identity *id, const char *claimed, struct gk_err *err);

/* Looks the account up by uid or by name. All NSS look-ups of a login happen here, before the
 * root changes. Returns 0, -ENOENT for an unknown account, or -errno. ret is untouched on failure.
 */
int gk_identity_by_uid(
	uid_t uid, struct gk_arena *arena, struct gk_identity *ret, struct gk_err *err);
int gk_identity_by_name(
	const char *name, struct gk_arena *arena, struct gk_identity *ret, struct gk_err *err);

#endif
