#include "run/privilege/origin.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

struct process {
	bool one_uid; /* real, effective, saved and that of the file system are the same */
	uid_t uid;
	pid_t parent;
	char program[NAME_MAX + 1]; /* the last part of the executable's path */
	dev_t dev;
	ino_t ino;
};

static bool read_uids(const char *status, struct process *ret)
{
	unsigned uid[4];
	const char *line = strstr(status, "\nUid:"), *parent = strstr(status, "\nPPid:");
	if (!line || !parent ||
		sscanf(line, "\nUid: %u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]) != 4)
		return false;
	ret->one_uid = uid[0] == uid[1] && uid[0] == uid[2] && uid[0] == uid[3];
	ret->uid = uid[0];
	ret->parent = (pid_t)strtol(parent + 6, NULL, 10);
	return true;
}

static bool look_at(pid_t pid, struct process *ret)
{
	char path[64], text[2048], exe[PATH_MAX];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	gk_autoclose int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof exe - 1);
	if (n <= 0 || stat(path, &st) < 0 || !read_uids(text, ret))
		return false;
	exe[n] = '\0';
	const char *slash = strrchr(exe, '/');
	snprintf(ret->program, sizeof ret->program, "%.*s", NAME_MAX, slash ? slash + 1 : exe);
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	return true;
}

/* sshd, the sshd-session of OpenSSH 9.8 and later, or dropbear; " (deleted)" follows after an
 * upgrade. */
static bool is_server(const struct process *p)
{
	return strncmp(p->program, "sshd", 4) == 0 || strncmp(p->program, "dropbear", 8) == 0;
}

bool gk_origin_is_proven(pid_t parent, uid_t uid)
{
	struct process side, monitor;
	if (!look_at(parent, &side) || !side.one_uid || !is_server(&side))
		return false;
	if (side.uid == 0)
		return true;
	return side.uid == uid && look_at(side.parent, &monitor) && monitor.one_uid &&
		monitor.uid == 0 && monitor.dev == side.dev && monitor.ino == side.ino;
}
