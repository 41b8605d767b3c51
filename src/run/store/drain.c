#include "run/store/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "run/store/record.h"

int gk_boot_id(char ret[GK_BOOT_ID_BYTES])
{
	gk_autoclose int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, GK_BOOT_ID_BYTES - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return n == GK_BOOT_ID_BYTES - 1 ? 0 : -EIO;
}

/* Whether the state was for a boot that is over. */
static bool is_over(const struct gk_drain *drain)
{
	char boot[GK_BOOT_ID_BYTES];
	return *drain->boot && gk_boot_id(boot) == 0 && strcmp(boot, drain->boot) != 0;
}

void gk_drain_read(struct gk_drain *ret)
{
	char text[1024], number[24];
	*ret = (struct gk_drain){ 0 };
	/* The directory is root's: nobody else can have made the file. */
	gk_autoclose int fd = open(GK_DRAIN_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return;
	ret->on = true;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return;
	text[n] = '\0';
	ret->maint = gk_record_get(text, "maint", number, sizeof number) && *number == '1';
	if (gk_record_get(text, "since", number, sizeof number))
		ret->since = strtoll(number, NULL, 10);
	(void)gk_record_get(text, "boot", ret->boot, sizeof ret->boot);
	(void)gk_record_get(text, "reason", ret->reason, sizeof ret->reason);
	ret->on = !is_over(ret);
}

int gk_drain_check(struct gk_err *err)
{
	struct gk_drain drain;
	gk_drain_read(&drain);
	if (!drain.on)
		return 0;
	return *drain.reason ?
		gk_fail(err, -EBUSY, "this host takes no new sessions: %s", drain.reason) :
		gk_fail(err, -EBUSY, "this host takes no new sessions now; try again later");
}
