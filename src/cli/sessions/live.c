#include "cli/sessions/live.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "plan/text.h"

/* How many processes are looked at before a session is one without a command. */
enum { PROCESSES_MOST = 4096, COMMAND_BYTES = 512 };

/* ---- terminals ---- */

/* The container's devpts. Nothing on the way may be a link: an image's would be followed on the
 * host. */
static DIR *open_ptys(pid_t init)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/%d/root", (int)init);
	gk_autoclose int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	gk_autoclose int fd = root < 0 ?
		-1 :
		gk_sys_openat2(root, "dev/pts", O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir)
		(void)gk_steal_fd(&fd);
	return dir;
}

/* The terminal that was used last. */
static void find_terminal(struct gk_seen *s, time_t now, struct gk_arena *arena)
{
	DIR *dir = open_ptys(s->init);
	time_t newest = 0;
	struct stat st;
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		if (!gk_is_digit(e->d_name[0]) ||
			fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISCHR(st.st_mode))
			continue;
		time_t used = st.st_atim.tv_sec > st.st_mtim.tv_sec ? st.st_atim.tv_sec :
								      st.st_mtim.tv_sec;
		const char *name =
			used >= newest ? gk_arena_printf(arena, "/dev/pts/%s", e->d_name) : NULL;
		if (!name)
			continue;
		newest = used;
		s->tty = name;
		s->idle_s = now > used ? now - used : 0;
	}
	if (dir)
		closedir(dir);
}

/* ---- the command ---- */

/* The arguments of a process of this user with blanks between, or 0 bytes for another's and for
 * sshd's user side, which calls itself so. */
static size_t read_command(int pid, uid_t uid, char *buf, size_t size)
{
	char path[32];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != uid)
		return 0;
	ssize_t n = read(fd, buf, size - 1);
	while (n > 0 && buf[n - 1] == '\0')
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] == '\0')
			buf[i] = ' ';
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 && strncmp(buf, "sshd", 4) != 0 ? (size_t)n : 0;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

/* The oldest process of the user's, by its number: his shell, or what sshd runs in its place. */
static void find_command(struct gk_seen *s, const struct gk_cgroup *cg, struct gk_arena *arena)
{
	int pids[PROCESSES_MOST];
	size_t n = 0;
	gk_autoclose int fd = openat(cg->leaf_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	if (!f)
		return;
	(void)gk_steal_fd(&fd);
	while (n < PROCESSES_MOST && fscanf(f, "%d", &pids[n]) == 1)
		n++;
	fclose(f);
	qsort(pids, n, sizeof *pids, by_number);
	for (size_t i = 0; i < n; i++) {
		char raw[COMMAND_BYTES], shown[COMMAND_BYTES * 4];
		if (read_command(pids[i], s->uid, raw, sizeof raw) == 0)
			continue;
		const char *command = gk_arena_strdup(arena, gk_escape(shown, sizeof shown, raw));
		s->command = command ? command : s->command;
		return;
	}
}

void gk_live_look(
	struct gk_seen *seen, const struct gk_cgroup *cg, time_t now, struct gk_arena *arena)
{
	if (strcmp(seen->tty, "-") == 0 && seen->init > 0)
		find_terminal(seen, now, arena);
	if (strcmp(seen->command, "-") == 0)
		find_command(seen, cg, arena);
}
