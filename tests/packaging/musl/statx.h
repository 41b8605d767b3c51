/* statx(2) for a musl older than 1.2.5 (Alpine has that since 3.20), as far as gocker uses it.
 * Included before everything else. */
#ifndef GK_TESTS_MUSL_STATX_H
#define GK_TESTS_MUSL_STATX_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef STATX_INO
#define STATX_INO    0x100U
#define STATX_MNT_ID 0x1000U

struct statx { /* the kernel's, linux/stat.h */
	uint32_t stx_mask, stx_blksize;
	uint64_t stx_attributes;
	uint32_t stx_nlink, stx_uid, stx_gid;
	uint16_t stx_mode, unused;
	uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct {
		int64_t tv_sec;
		uint32_t tv_nsec;
		int32_t unused;
	} stx_time[4];
	uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	uint64_t stx_mnt_id, spare[13];
};
_Static_assert(sizeof(struct statx) == 256, "as the kernel has it");

static inline int statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *ret)
{
	return (int)syscall(SYS_statx, dirfd, path, flags, mask, ret);
}
#endif

#endif
