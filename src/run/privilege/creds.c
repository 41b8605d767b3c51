#include "run/privilege/creds.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "run/privilege/status.h"

enum { CAPS_MOST = 64 };

static int capset_all(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
			(uint32_t)(inheritable >> 32) },
	};
	return (int)gk_sys_ret(syscall(SYS_capset, &head, data));
}

static int capget_all(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	int r = (int)gk_sys_ret(syscall(SYS_capget, &head, data));
	if (r < 0)
		return r;
	*effective = data[0].effective | (uint64_t)data[1].effective << 32;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	*inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int drop_bounding(uint64_t keep)
{
	for (int cap = 0; cap < CAPS_MOST; cap++) {
		if (keep >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			/* The first number that the kernel does not know ends the set. */
			return errno == EINVAL ? 0 : -errno;
	}
	return 0;
}

static bool bounding_is(uint64_t want)
{
	struct gk_status status;
	if (gk_status_read(&status) == 0 && status.cap_bounding == want)
		return true;
	for (int cap = 0; cap < CAPS_MOST; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (has < 0)
			return true;
		if (has != (int)(want >> cap & 1))
			return false;
	}
	return true;
}

static int prove_ids(const struct gk_credentials *cred)
{
	uid_t uid[3];
	gid_t gid[3];
	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (uid[i] != cred->uid || gid[i] != cred->gid)
			return -EPERM;
	int n = getgroups(0, NULL);
	if (n < 0 || (size_t)n != cred->ngroups)
		return -EPERM;
	gk_autofree gid_t *have = calloc((size_t)n + 1, sizeof *have);
	if (!have || getgroups(n, have) != n)
		return -EPERM;
	/* The kernel sorts what it is given. */
	for (int i = 0; i < n; i++) {
		size_t at = 0;
		while (at < cred->ngroups && cred->groups[at] != have[i])
			at++;
		if (at == cred->ngroups)
			return -EPERM;
	}
	return 0;
}

static int prove_no_way_back(const struct gk_credentials *cred)
{
	uint64_t effective, permitted, inheritable;
	int r = capget_all(&effective, &permitted, &inheritable);
	if (r < 0)
		return r;
	if (effective != cred->caps || permitted != cred->caps || inheritable != 0)
		return -EPERM;
	if (!bounding_is(cred->caps))
		return -EPERM;
	if (cred->uid == 0)
		return 0;
	/* Trying is better than reading: each of these must fail. */
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setuid(0) == 0 || setgroups(0, NULL) == 0)
		return -EPERM;
	if (cred->gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0)
		return -EPERM;
	return capset_all(1, 1, 0) == 0 ? -EPERM : 0;
}

int gk_creds_bound(uint64_t caps, struct gk_err *err)
{
	int r = drop_bounding(caps);
	if (r == 0 && !bounding_is(caps))
		r = -EPERM;
	return r < 0 ? gk_fail_errno(err, r, "cannot narrow the capability bounding set") : 0;
}

int gk_creds_drop(const struct gk_credentials *cred, struct gk_err *err)
{
	int r = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno : 0;
	if (r == 0 && setgroups(cred->ngroups, cred->groups) < 0)
		r = -errno;
	if (r == 0 && setresgid(cred->gid, cred->gid, cred->gid) < 0)
		r = -errno;
	if (r == 0 && setresuid(cred->uid, cred->uid, cred->uid) < 0)
		r = -errno;
	if (r == 0)
		r = capset_all(cred->caps, cred->caps, 0);
	/* Until the execve nobody else of the same uid may look in: the change of ids set it anew,
	 * to fs.suid_dumpable (prctl(2)). */
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = -errno;
	if (r < 0)
		return gk_fail_errno(err, r, "cannot drop privileges");
	r = prove_ids(cred);
	if (r == 0)
		r = prove_no_way_back(cred);
	return r < 0 ? gk_fail(err, r, "privileges were not dropped; nothing was run") : 0;
}

int gk_creds_become(const struct gk_credentials *cred)
{
	if (setgroups(cred->ngroups, cred->groups) < 0 ||
		setresgid(cred->gid, cred->gid, cred->gid) < 0 ||
		setresuid(cred->uid, cred->uid, cred->uid) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int gk_creds_raise(void)
{
	uint64_t effective, permitted, inheritable;
	int r = capget_all(&effective, &permitted, &inheritable);
	return r < 0 ? r : capset_all(permitted, permitted, inheritable);
}

static bool allow_files(rlim_t n)
{
	const struct rlimit files = { n, n };
	return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

void gk_creds_raise_files(void)
{
	/* None may have more than fs.nr_open. */
	enum { MOST = 1 << 30 };
	struct rlimit now;
	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return;
	/* Where CAP_SYS_RESOURCE is missing, as in many containers, there is not one more. */
	rlim_t n = now.rlim_max < MOST && allow_files(now.rlim_max + 1) ? MOST : 0;
	while (n > now.rlim_max && !allow_files(n))
		n /= 2;
	if (n <= now.rlim_max)
		(void)allow_files(now.rlim_max);
}

int gk_creds_reduce(uint64_t caps, struct gk_err *err)
{
	int r = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno : 0;
	if (r == 0)
		r = capset_all(caps, caps, 0);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot give up capabilities") : 0;
}
