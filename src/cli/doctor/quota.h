/* What a file system's quota says of a user: read, never set. */
#ifndef GK_CLI_DOCTOR_QUOTA_H
#define GK_CLI_DOCTOR_QUOTA_H

#include <stdint.h>
#include <sys/types.h>

#include "cli/doctor/doctor.h"

struct gk_quota {
	int error;           /* 0, or errno: ESRCH, ENOSYS or another where there are no quotas */
	uint64_t most_bytes; /* what the user may have there; UINT64_MAX: no limit */
	uint64_t used_bytes;
};

/* Asks for a user's quota on the file system that path is on (quotactl_fd(2), Linux 5.14). Users
 * may ask for their own. It asks nothing of a file system without quotas. */
void gk_quota_read(const char *path, uid_t uid, struct gk_quota *ret);

/* Compares it with home_quota in the user's policy, and adds what was found. */
void gk_quota_tell(struct gk_doctor *d, const struct gk_quota *quota);

#endif
