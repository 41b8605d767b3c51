/* How many of the host's terminals are in use, and who holds some of sessions that have ended. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/doctor/doctor.h"
#include "run/build/tty.h"

enum { PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143, HOLDERS_MOST = 256 };

struct holder {
	uid_t uid;
	size_t n;
};

/* One whose name is gone: its master was closed, and only descriptors keep it. */
static bool is_ended_pty(int dir, const char *name)
{
	struct stat st;
	if (fstatat(dir, name, &st, 0) < 0 || !S_ISCHR(st.st_mode) || st.st_nlink > 0)
		return false;
	return major(st.st_rdev) >= PTY_MAJOR_FIRST && major(st.st_rdev) <= PTY_MAJOR_LAST;
}

static size_t count_of(int proc, const char *pid, uid_t *ret_uid)
{
	char path[300];
	struct stat st;
	size_t n = 0;
	if (snprintf(path, sizeof path, "%s/fd", pid) >= (int)sizeof path)
		return 0;
	int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		(void)close(fd);
	if (!dir || fstatat(proc, pid, &st, 0) < 0) {
		if (dir)
			(void)closedir(dir);
		return 0;
	}
	for (const struct dirent *e; (e = readdir(dir));)
		n += is_ended_pty(fd, e->d_name);
	(void)closedir(dir);
	*ret_uid = st.st_uid;
	return n;
}

static void add(struct holder *list, uid_t uid, size_t n)
{
	for (size_t i = 0; i < HOLDERS_MOST; i++)
		if (list[i].n == 0 || list[i].uid == uid) {
			list[i].uid = uid;
			list[i].n += n;
			return;
		}
}

/* The user whose processes have the most of them open. n is 0: nobody has. */
static struct holder find_holder(void)
{
	struct holder list[HOLDERS_MOST] = { 0 }, most = { 0 };
	DIR *proc = opendir("/proc");
	for (const struct dirent *e; proc && (e = readdir(proc));) {
		uid_t uid = 0;
		size_t n = isdigit((unsigned char)e->d_name[0]) ?
			count_of(dirfd(proc), e->d_name, &uid) :
			0;
		if (n > 0)
			add(list, uid, n);
	}
	if (proc)
		(void)closedir(proc);
	for (size_t i = 0; i < HOLDERS_MOST; i++)
		if (list[i].n > most.n)
			most = list[i];
	return most;
}

void gk_doctor_terminals(struct gk_doctor *d)
{
	uint64_t used, most;
	gk_tty_count(&used, &most);
	if (most == 0)
		return;
	if (used < most / 2) {
		gk_found(d, GK_FOUND_OK, "terminals", NULL, "%" PRIu64 " of %" PRIu64 " in use",
			used, most);
		return;
	}
	struct holder by = find_holder();
	if (by.n == 0)
		gk_found(d, GK_FOUND_WARN, "terminals", "raise kernel.pty.max, see sysctl(8)",
			"%" PRIu64 " of %" PRIu64 " in use", used, most);
	else
		gk_found(d, GK_FOUND_WARN, "terminals",
			gk_arena_printf(
				&d->arena, "gocker kill --user \"$(id -nu %u)\"", (unsigned)by.uid),
			"%" PRIu64 " of %" PRIu64
			" in use; uid %u holds some of sessions that have "
			"ended, by %zu descriptors",
			used, most, (unsigned)by.uid, by.n);
}
