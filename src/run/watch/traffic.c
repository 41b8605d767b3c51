#include "run/watch/traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int gk_traffic_open(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/net/dev", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* "  eth0: 8 numbers of what came in, 8 of what went out", bytes first. */
static void add_line(const char *line, struct gk_traffic *ret)
{
	uint64_t in = 0, out = 0;
	const char *name = line + strspn(line, " "), *colon = strchr(name, ':');
	if (!colon || strncmp(name, "lo:", 3) == 0 ||
		sscanf(colon + 1, " %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &in, &out) !=
			2)
		return;
	ret->in = (ret->in == UINT64_MAX ? 0 : ret->in) + in;
	ret->out = (ret->out == UINT64_MAX ? 0 : ret->out) + out;
}

void gk_traffic_read(int fd, struct gk_traffic *ret)
{
	char text[4096]; /* two interfaces, and the titles */
	*ret = (struct gk_traffic){ UINT64_MAX, UINT64_MAX };
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	for (char *save, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		add_line(line, ret);
}
