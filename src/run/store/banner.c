#include "run/store/banner.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"

enum { FILE_MAX_BYTES = 4096 };

void gk_banner_read(
	const struct gk_policy *policy, struct gk_request *request, struct gk_arena *arena)
{
	struct gk_err err = GK_ERR_INIT;
	char reason[600], *text = NULL;
	size_t size;
	request->banner = NULL;
	if (!request->greet || *policy->banner != '/')
		return;
	gk_autoclose int fd = gk_open_trusted(policy->banner, &err);
	if (fd >= 0 && gk_read_all(fd, FILE_MAX_BYTES, arena, &text, &size, &err) == 0)
		request->banner = text;
	else
		gk_log(LOG_WARNING, "event=missing what=banner reason=\"%s\"",
			gk_escape(reason, sizeof reason, err.msg));
}

void gk_banner_show(const char *banner)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
	if (!banner || !isatty(STDOUT_FILENO) || access(".hushlogin", F_OK) == 0)
		return;
	if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT))
		(void)gk_write_all(STDOUT_FILENO, banner, strlen(banner));
}
