#include "cli/image/exposed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* How deep is searched, and how much of each file is read. */
enum { DEPTH_MOST = 24, READ_MOST = 64 << 10 };

struct search {
	const struct gk_tick *tick;
	void (*found)(void *arg, const char *path, const char *why);
	void *arg;
	char *text; /* READ_MOST + 1 bytes */
	size_t files;
	int result;
};

/* Whether a line of the text, which is no comment, sets a password: "password = x", 'secret' =>
 * 'x', "passwd: x". A variable, or a place holder such as <password>, is none. */
static bool sets_password(const char *text)
{
	static const char *const words[] = { "password", "passwd", "secret", "api_key", NULL };
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\n\r\"'");
		for (const char *const *word = words; *word; word++) {
			size_t n = strlen(*word);
			if (strncasecmp(line, *word, n) != 0)
				continue;
			const char *after = line + n;
			after += strspn(after, " \t\"'");
			if (*after != '=' && *after != ':')
				continue;
			after += strspn(after, "=:> \t\"'");
			if (*after && !strchr("\n\r,;$<#{", *after) &&
				strncmp(after, "pass:insta", 10) != 0)
				return true;
		}
	}
	return false;
}

static const char *why_by_name(const char *name)
{
	static const char *const names[] = { "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",
		".pgpass", ".my.cnf", ".netrc", ".htpasswd", "htpasswd", "*.keytab", "*.kdbx",
		"*.p12", "*.pfx", "shadow", "shadow-", ".env", "*.sql", "*.sql.gz", "*.sql.xz",
		"*.dump", NULL };
	for (const char *const *pattern = names; *pattern; pattern++)
		if (fnmatch(*pattern, name, 0) == 0)
			return "everyone may read it, and it has the name of a secret or a dump";
	return NULL;
}

static const char *why_by_text(struct search *s, int dir, const char *name, bool settings)
{
	static const char key[] = "PRIVATE KEY-----", begin[] = "-----BEGIN ";
	gk_autoclose int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, s->text, READ_MOST);
	if (n <= 0)
		return NULL;
	s->text[n] = '\0';
	if (memmem(s->text, (size_t)n, key, strlen(key)) &&
		memmem(s->text, (size_t)n, begin, strlen(begin)))
		return "everyone may read it, and it holds a private key";
	if (settings && !memchr(s->text, '\0', (size_t)n) && sets_password(s->text))
		return "everyone may read it, and it sets a password";
	return NULL;
}

static void examine(
	struct search *s, int dir, const char *name, const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || !(st->st_mode & 04))
		return;
	if (s->result == 0)
		s->result = gk_tick(s->tick, "examining this host", GK_UNIT_FILES, s->files++, 0);
	if (s->result == 0 && s->files > GK_EXPOSED_FILES_MOST)
		s->result = -E2BIG;
	const char *why = s->result ? NULL : why_by_name(name);
	if (!why && s->result == 0)
		why = why_by_text(s, dir, name, strncmp(path, "/etc/", 5) == 0);
	if (why)
		s->found(s->arg, path, why);
}

/* Closes fd. */
static void walk(struct search *s, int fd, const char *path, unsigned depth)
{
	DIR *d = fdopendir(fd);
	if (!d) {
		gk_close_fd(&fd);
		return;
	}
	struct stat st;
	for (struct dirent *e; s->result == 0 && (e = readdir(d));) {
		char below[PATH_MAX];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			snprintf(below, sizeof below, "%s/%s", path, e->d_name) >=
				(int)sizeof below)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			examine(s, dirfd(d), e->d_name, below, &st);
			continue;
		}
		int sub = !(st.st_mode & 01) || depth == DEPTH_MOST ?
			-1 :
			openat(dirfd(d), e->d_name,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			walk(s, sub, below, depth + 1);
	}
	closedir(d);
}

static bool is_system(const char *path)
{
	return strncmp(path, "/lib", 4) == 0 || strcmp(path, "/bin") == 0 ||
		strcmp(path, "/sbin") == 0 ||
		(strncmp(path, "/usr/", 5) == 0 && strncmp(path, "/usr/local", 10) != 0);
}

/* Of /usr what administrators put there by hand: the rest comes from packages, for everyone. */
static void search_secrets(struct search *s, const struct gk_host_item *item)
{
	const char *path = strcmp(item->path, "/usr") == 0 ? "/usr/local" : item->path;
	struct stat st;
	if (item->kind == GK_HOST_LINK || item->left_out || item->split || is_system(path))
		return;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		gk_close_fd(&fd);
	} else if (S_ISDIR(st.st_mode)) {
		walk(s, fd, path, 0);
	} else {
		examine(s, AT_FDCWD, path, path, &st);
		gk_close_fd(&fd);
	}
}

int gk_exposed_find(const struct gk_hostroot *host, const struct gk_tick *tick,
	void (*found)(void *arg, const char *path, const char *why), void *arg)
{
	gk_autofree char *text = malloc(READ_MOST + 1);
	struct search s = { .tick = tick, .found = found, .arg = arg, .text = text };
	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < host->n && s.result == 0; i++)
		search_secrets(&s, &host->items[i]);
	return s.result;
}
