#include "cli/doctor/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/print.h"

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443 /* on every architecture */
#endif

enum { BLOCK_BYTES = 1024 }; /* of the limits in struct dqblk, quotactl(2) */

void gk_quota_read(const char *path, uid_t uid, struct gk_quota *ret)
{
	struct dqblk q = { 0 };
	*ret = (struct gk_quota){ .most_bytes = UINT64_MAX };
	gk_autoclose int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_quotactl_fd, fd, QCMD(Q_GETQUOTA, USRQUOTA), (int)uid, &q) < 0) {
		ret->error = errno;
		return;
	}
	/* 0 is none; the soft limit is one as well, a few days later. */
	uint64_t most = q.dqb_bhardlimit ? q.dqb_bhardlimit : q.dqb_bsoftlimit;
	if (most)
		ret->most_bytes =
			most > UINT64_MAX / BLOCK_BYTES ? UINT64_MAX - 1 : most * BLOCK_BYTES;
	ret->used_bytes = q.dqb_curspace;
}

static const char *set_it(struct gk_doctor *d)
{
	unsigned long long blocks = d->policy.home_quota / BLOCK_BYTES;
	return gk_arena_printf(&d->arena, "setquota -u %s 0 %llu 0 0 \"$(stat -c %%m %s)\"",
		d->user, blocks, d->who.home);
}

void gk_quota_tell(struct gk_doctor *d, const struct gk_quota *quota)
{
	uint64_t want = d->have_policy ? d->policy.home_quota : GK_UNLIMITED;
	char used[24], most[24], wanted[24];
	gk_human_bytes(used, sizeof used, quota->used_bytes);
	gk_human_bytes(most, sizeof most, quota->most_bytes);
	gk_human_bytes(wanted, sizeof wanted, want);
	if (quota->error && want != GK_UNLIMITED)
		gk_found(d, GK_FOUND_WARN, "home quota",
			"mount it with usrquota and set quotas, or remove home_quota from gocker.ini",
			"home_quota is %s, but the file system of %s keeps no quotas of users: %s",
			wanted, d->who.home, strerror(quota->error));
	else if (!quota->error && want != GK_UNLIMITED && quota->most_bytes == UINT64_MAX)
		gk_found(d, GK_FOUND_WARN, "home quota", set_it(d),
			"home_quota is %s, but the file system of %s has no limit for %s (%s used)",
			wanted, d->who.home, d->user, used);
	else if (!quota->error && quota->most_bytes > want)
		gk_found(d, GK_FOUND_WARN, "home quota", set_it(d),
			"home_quota is %s, but the file system of %s lets %s have %s (%s used)",
			wanted, d->who.home, d->user, most, used);
	else if (!quota->error && quota->most_bytes != UINT64_MAX)
		gk_found(d, GK_FOUND_OK, "home quota", NULL, "%s of %s used", used, most);
}
