#include "who.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* A group with thousands of members needs more than sysconf(3) promises. */
enum { BUFFER_BYTES = 1 << 20, GROUPS_MOST = 65536 };

static bool in_list(gid_t want, const gid_t *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i] == want)
			return true;
	return false;
}

/* Returns the number of groups in *ret, which is malloc'ed, or -errno. */
static int list_groups(const char *user, gid_t primary, gid_t **ret)
{
	for (int room = 64; room <= GROUPS_MOST; room *= 4) {
		gk_autofree gid_t *list = calloc((size_t)room, sizeof *list);
		int n = room;
		if (!list)
			return -ENOMEM;
		if (getgrouplist(user, primary, list, &n) < 0)
			continue;
		*ret = list;
		list = NULL;
		return n;
	}
	return -E2BIG;
}

static bool is_member(const char *user, gid_t primary, const char *group, char *buf)
{
	struct group entry, *found = NULL;
	gk_autofree gid_t *list = NULL;
	if (getgrnam_r(group, &entry, buf, BUFFER_BYTES, &found) != 0 || !found)
		return false;
	gid_t want = found->gr_gid;
	int n = list_groups(user, primary, &list);
	return n > 0 && in_list(want, list, n);
}

int gk_who_groups(
	const char *user, uid_t *ret_uid, gid_t *ret_gid, gid_t **ret_groups, size_t *ret_ngroups)
{
	struct passwd entry, *found = NULL;
	gk_autofree char *buf = malloc(BUFFER_BYTES);
	if (!buf || getpwnam_r(user, &entry, buf, BUFFER_BYTES, &found) != 0 || !found)
		return buf ? -ENOENT : -ENOMEM;
	*ret_uid = found->pw_uid;
	*ret_gid = found->pw_gid;
	int n = list_groups(user, found->pw_gid, ret_groups);
	if (n < 0)
		return n;
	*ret_ngroups = (size_t)n;
	return 0;
}

enum gk_who gk_who_is(const char *user, const char *group)
{
	struct passwd entry, *found = NULL;
	gk_autofree char *buf = *user ? malloc(BUFFER_BYTES) : NULL;
	if (!buf || getpwnam_r(user, &entry, buf, BUFFER_BYTES, &found) != 0 || !found)
		return GK_WHO_UNKNOWN;
	if (found->pw_uid == 0)
		return GK_WHO_ROOT;
	gid_t primary = found->pw_gid;
	return group && *group && is_member(user, primary, group, buf) ? GK_WHO_MEMBER :
									 GK_WHO_OTHER;
}
