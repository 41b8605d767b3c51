#include "run/privilege/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"

enum { STATUS_BYTES = 8192, DIGITS = 16 };

/* name begins with the newline before the line. The kernel escapes those in a process's name. */
static bool take_mask(const char *text, const char *name, uint64_t *ret)
{
	const char *p = strstr(text, name);
	uint64_t mask = 0;
	if (!p)
		return false;
	p += strlen(name);
	for (int i = 0; i < DIGITS; i++, p++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = *p ? strchr(digits, *p) : NULL;
		if (!digit)
			return false;
		mask = mask << 4 | (uint64_t)(digit - digits);
	}
	*ret = mask;
	return *p == '\n';
}

int gk_status_read(struct gk_status *ret)
{
	char text[STATUS_BYTES];
	struct gk_status s;
	struct statfs fs;
	gk_autoclose int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC)
		return -EPERM;
	ssize_t n = read(fd, text, sizeof text - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (!take_mask(text, "\nSigIgn:\t", &s.sig_ignored) ||
		!take_mask(text, "\nSigCgt:\t", &s.sig_caught) ||
		!take_mask(text, "\nCapBnd:\t", &s.cap_bounding))
		return -EBADMSG;
	*ret = s;
	return 0;
}
