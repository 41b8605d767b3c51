#include "run/watch/logind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "plan/logind.h"
#include "plan/text.h"
#include "run/cgroup/scope.h"

/* What is read of a file of logind's state stays on the stack of a process that is there for as
 * long as the container: enough for the names of hundreds of sessions. */
enum { CONF_MAX_BYTES = 1 << 20, STATE_MAX_BYTES = 4096 };

/* ---- the configuration ---- */

/* The first one that has a file of a name is the one whose file counts (systemd.unit(5),
 * "/etc/systemd/system.conf.d" and logind.conf(5)). */
static const char *const conf_dirs[] = { "/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
	"/usr/lib/systemd" };
enum { CONF_DIRS = sizeof conf_dirs / sizeof *conf_dirs };

struct names {
	char **name;
	size_t n, cap;
};

static int read_conf(
	const char *path, struct gk_logind_conf *c, const char *user, struct gk_arena *arena)
{
	struct gk_err ignored = GK_ERR_INIT;
	struct stat st;
	char *text;
	size_t size;
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) /* a name that links to /dev/null is masked */
		return 0;
	int r = gk_read_all(fd, CONF_MAX_BYTES, arena, &text, &size, &ignored);
	if (r == 0)
		gk_logind_conf_add(c, user, text);
	return r;
}

/* The file of this name in the first directory that has it; none is no failure. */
static int read_first(
	const char *name, struct gk_logind_conf *c, const char *user, struct gk_arena *arena)
{
	char path[PATH_MAX];
	int r = -ENOENT;
	for (size_t i = 0; r == -ENOENT && i < CONF_DIRS; i++) {
		snprintf(path, sizeof path, "%s/%s", conf_dirs[i], name);
		r = read_conf(path, c, user, arena);
	}
	return r == -ENOENT ? 0 : r;
}

static int add_name(struct names *all, const char *name, struct gk_arena *arena)
{
	size_t len = strlen(name);
	if (*name == '.' || len < 5 || strcmp(name + len - 5, ".conf") != 0)
		return 0;
	void *grown = gk_grow(arena, all->name, all->n, &all->cap, sizeof *all->name);
	char *path = gk_arena_printf(arena, "logind.conf.d/%s", name);
	if (!grown || !path)
		return -ENOMEM;
	all->name = grown;
	all->name[all->n++] = path;
	return 0;
}

static int list_dir(const char *dir, struct names *all, struct gk_arena *arena)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int r = 0;
	snprintf(path, sizeof path, "%s/logind.conf.d", dir);
	DIR *d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (errno = 0, entry = readdir(d)))
		r = add_name(all, entry->d_name, arena);
	if (r == 0 && errno)
		r = -errno;
	(void)closedir(d);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_all(struct gk_logind_conf *c, const char *user, struct gk_arena *arena)
{
	struct names all = { 0 };
	int r = read_first("logind.conf", c, user, arena);
	for (size_t i = 0; r == 0 && i < CONF_DIRS; i++)
		r = list_dir(conf_dirs[i], &all, arena);
	if (r == 0 && all.n)
		qsort(all.name, all.n, sizeof *all.name, by_name);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		if (i == 0 || strcmp(all.name[i], all.name[i - 1]) != 0)
			r = read_first(all.name[i], c, user, arena);
	return r;
}

/* logind escapes unusual bytes of a name in the file's: with such a name nobody lingers here. */
static bool lingers(const char *user)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "/var/lib/systemd/linger/%s", user);
	return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

int gk_logind_kills(const char *user)
{
	struct gk_logind_conf c = { 0 };
	struct gk_arena arena = { 0 };
	if (!gk_scope_host_has_systemd())
		return 0;
	int r = read_all(&c, user, &arena);
	gk_arena_free(&arena);
	return r < 0 ? r : gk_logind_conf_kills(&c) && !lingers(user);
}

/* ---- what it is about ---- */

int gk_logind_open(void)
{
	return gk_scope_host_has_systemd() ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
}

static bool read_state(const char *path, char *text, size_t size)
{
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

/* Of any kind but that of the user's manager, which does not keep logind from letting the user go.
 */
static bool is_login(const char *id)
{
	char path[PATH_MAX], text[STATE_MAX_BYTES], class[32];
	snprintf(path, sizeof path, "/run/systemd/sessions/%s", id);
	return !strchr(id, '/') && read_state(path, text, sizeof text) &&
		gk_logind_value(text, "CLASS", class, sizeof class) &&
		!gk_starts_with(class, "manager");
}

/* A user whom logind lets go after the last logout is stopping, too, but has no login any more:
 * that one has linger. */
bool gk_logind_is_ending(int inotify, uid_t uid)
{
	char path[64], events[256], text[STATE_MAX_BYTES], value[STATE_MAX_BYTES], *save;
	if (inotify < 0)
		return false;
	while (read(inotify, events, sizeof events) > 0)
		;
	/* The file is replaced at each change: it is watched anew, and then read. */
	snprintf(path, sizeof path, "/run/systemd/users/%u", (unsigned)uid);
	(void)inotify_add_watch(inotify, path, IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF);
	if (!read_state(path, text, sizeof text) ||
		!gk_logind_value(text, "STOPPING", value, sizeof value) ||
		strcmp(value, "yes") != 0 ||
		!gk_logind_value(text, "SESSIONS", value, sizeof value))
		return false;
	for (char *id = strtok_r(value, " ", &save); id; id = strtok_r(NULL, " ", &save))
		if (is_login(id))
			return true;
	return false;
}
