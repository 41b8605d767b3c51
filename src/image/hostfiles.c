#include "image/hostfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/spawn.h"

enum { MAX_DEPTH = 8, MAX_FILES = 65536 };

/* Programs that lie elsewhere than in a PATH, or are more than one file. A path that ends in a
 * slash is a directory. The first path that exists is the program; without one the host lacks it.
 */
static const struct {
	const char *name;
	const char *const *paths;
} known[] = {
	{ "sftp-server",
		(const char *const[]){ "/usr/lib/openssh/sftp-server",
			"/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server",
			"/usr/libexec/sftp-server", NULL } },
	{ "git",
		(const char *const[]){ "/usr/bin/git", "/usr/bin/git-upload-pack",
			"/usr/bin/git-receive-pack", "/usr/bin/git-upload-archive",
			"/usr/lib/git-core/", "/usr/libexec/git-core/",
			"/usr/share/git-core/templates/", NULL } },
};

/* What a program reads besides itself and its libraries, by the last part of the path that it leads
 * to (fnmatch(3)); that part stands for an "@" in the paths (glob(7)). */
static const struct {
	const char *program;
	const char *const *paths;
} libraries[] = {
	{ "python3*",
		(const char *const[]){ "/usr/lib/@/", "/usr/lib64/@/",
			"/usr/lib/python3/dist-packages/", "/usr/local/lib/@/dist-packages/",
			NULL } },
	{ "perl*",
		(const char *const[]){ "/usr/lib/*-linux-gnu*/perl-base/",
			"/usr/lib/*-linux-gnu*/perl/", "/usr/lib/*-linux-gnu*/perl5/",
			"/usr/share/perl/", "/usr/lib64/perl5/", "/usr/share/perl5/", NULL } },
	{ "vim*", (const char *const[]){ "/usr/share/vim/", "/etc/vim/", "/etc/vimrc", NULL } },
	{ "file",
		(const char *const[]){
			"/usr/lib/file/", "/usr/share/misc/magic*", "/etc/magic", NULL } },
};

static const char *const directories[] = { "/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin",
	"/usr/sbin", "/sbin" };

void gk_host_files_free(struct gk_host_files *files)
{
	free(files->list);
	gk_arena_free(&files->names);
	*files = (struct gk_host_files){ 0 };
}

static int add(struct gk_host_files *files, const char *path, bool is_main)
{
	struct gk_host_file *grown = reallocarray(files->list, files->n + 1, sizeof *grown);
	if (!grown || files->n >= MAX_FILES)
		return grown ? (files->list = grown, -E2BIG) : -ENOMEM;
	files->list = grown;
	const char *copy = gk_arena_strdup(&files->names, path);
	if (!copy)
		return -ENOMEM;
	grown[files->n++] = (struct gk_host_file){ .path = copy, .main = is_main };
	return 0;
}

static int add_below(struct gk_host_files *files, const char *dir, unsigned depth)
{
	DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	int r = depth > MAX_DEPTH ? -ELOOP : 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		char path[PATH_MAX];
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		int n = snprintf(path, sizeof path, "%s%s%s", dir,
			dir[strlen(dir) - 1] == '/' ? "" : "/", e->d_name);
		if (n < 0 || n >= (int)sizeof path || lstat(path, &st) < 0)
			r = -ENAMETOOLONG;
		else if (S_ISDIR(st.st_mode))
			r = add_below(files, path, depth + 1);
		else
			r = add(files, path, false);
	}
	(void)closedir(d);
	return r;
}

static bool has(const struct gk_host_files *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->list[i].path, path) == 0)
			return true;
	return false;
}

/* Symlinks between the files, and a helper's to directories or to nothing, stay symlinks; others
 * are copied as what they lead to. */
static bool stays_link(const struct gk_host_files *files, const struct gk_host_file *file)
{
	char real[PATH_MAX];
	struct stat st;
	if (realpath(file->path, real) && stat(real, &st) == 0 && !S_ISDIR(st.st_mode))
		return has(files, real);
	return !file->main;
}

static int find_links(struct gk_host_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		char target[PATH_MAX];
		ssize_t n = readlink(files->list[i].path, target, sizeof target - 1);
		if (n <= 0 || !stays_link(files, &files->list[i]))
			continue;
		target[n] = '\0';
		const char *copy = gk_arena_strdup(&files->names, target);
		if (!copy)
			return -ENOMEM;
		files->list[i].target = copy;
	}
	return 0;
}

/* The files, and what is below the directories, that a pattern of glob(7) names. */
static int add_matching(struct gk_host_files *files, const char *pattern)
{
	glob_t found;
	struct stat st;
	int r = glob(pattern, 0, NULL, &found);
	if (r != 0)
		return r == GLOB_NOMATCH ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		if (stat(found.gl_pathv[i], &st) == 0)
			r = S_ISDIR(st.st_mode) ? add_below(files, found.gl_pathv[i], 0) :
						  add(files, found.gl_pathv[i], false);
	globfree(&found);
	return r;
}

static int add_known(struct gk_host_files *files, const char *const *paths)
{
	int r = 0;
	for (; r == 0 && *paths; paths++) {
		if ((*paths)[strlen(*paths) - 1] == '/')
			r = files->n ? add_below(files, *paths, 0) : 0;
		else if (access(*paths, F_OK) == 0)
			r = add(files, *paths, files->n == 0);
	}
	return r;
}

/* What the program that has been found reads. */
static int add_libraries(struct gk_host_files *files)
{
	char real[PATH_MAX], path[PATH_MAX];
	const size_t first = files->n;
	int r = 0;
	if (!files->n || !realpath(files->list[0].path, real))
		return 0;
	const char *base = strrchr(real, '/') + 1;
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		if (fnmatch(libraries[i].program, base, 0) != 0)
			continue;
		for (const char *const *p = libraries[i].paths; r == 0 && *p; p++) {
			size_t before = strcspn(*p, "@");
			const char *after = *p + before;
			int n = snprintf(path, sizeof path, "%.*s%s%s", (int)before, *p,
				*after ? base : "", *after ? after + 1 : "");
			r = n < (int)sizeof path ? add_matching(files, path) : -ENAMETOOLONG;
		}
	}
	for (size_t i = first; i < files->n; i++)
		files->list[i].library = true;
	return r;
}

static int add_named(struct gk_host_files *files, const char *name)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		int n = snprintf(path, sizeof path, "%s/%s", directories[i], name);
		if (n > 0 && n < (int)sizeof path && access(path, X_OK) == 0)
			return add(files, path, true);
	}
	return 0;
}

int gk_host_files_of(const char *program, struct gk_host_files *ret, struct gk_err *err)
{
	gk_autohostfiles struct gk_host_files files = { 0 };
	int r = 0;
	bool found = false;
	for (size_t i = 0; !found && i < sizeof known / sizeof *known; i++) {
		found = strcmp(known[i].name, program) == 0;
		if (found)
			r = add_known(&files, known[i].paths);
	}
	if (!found && program[0] == '/')
		r = access(program, F_OK) == 0 ? add(&files, program, true) : 0;
	else if (!found && program[0] && !strchr(program, '/'))
		r = add_named(&files, program);
	if (r == 0)
		r = add_libraries(&files);
	if (r == 0)
		r = find_links(&files);
	if (r < 0)
		return gk_fail_errno(err, r, "%s", program);
	if (files.n == 0)
		return gk_fail(err, -ENOENT, "this host has no program %s", program);
	*ret = files;
	files = (struct gk_host_files){ 0 };
	return 0;
}

int gk_host_files_for_terminals(struct gk_host_files *ret, struct gk_err *err)
{
	static const char *const terminfo[] = { "/lib/terminfo/", "/usr/lib/terminfo/",
		"/usr/share/terminfo/" };
	static const char *const locales[] = { "/usr/lib/locale/C.utf8/",
		"/usr/lib/locale/C.UTF-8/" };
	gk_autohostfiles struct gk_host_files files = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && files.n == 0 && i < sizeof terminfo / sizeof *terminfo; i++)
		r = add_matching(&files, terminfo[i]);
	for (size_t i = 0; r == 0 && i < sizeof locales / sizeof *locales; i++)
		r = add_matching(&files, locales[i]);
	if (r == 0)
		r = find_links(&files);
	if (r < 0)
		return gk_fail_errno(err, r, "the host's terminals and locale");
	*ret = files;
	files = (struct gk_host_files){ 0 };
	return 0;
}

/* Debian before the merge of /bin into /usr/bin lists files under the other name. */
static bool dpkg_package(const char *path, char *ret, size_t size)
{
	const char *const argv[] = { "/usr/bin/dpkg-query", "-S", path, NULL };
	if (gk_spawn_read(argv, ret, size, NULL) != 0)
		return strncmp(path, "/usr/", 5) == 0 && dpkg_package(path + 4, ret, size);
	ret[strcspn(ret, ":\n")] = '\0';
	return ret[0] != '\0';
}

bool gk_host_version(const char *path, char *ret, size_t size)
{
	char package[256];
	const char *const rpm[] = { "/usr/bin/rpm", "-qf", path, NULL };
	const char *const dpkg[] = { "/usr/bin/dpkg-query", "-W", "-f", "${Package} ${Version}\n",
		package, NULL };
	bool ok = false;
	if (access(dpkg[0], X_OK) == 0)
		ok = dpkg_package(path, package, sizeof package) &&
			gk_spawn_read(dpkg, ret, size, NULL) == 0;
	else if (access(rpm[0], X_OK) == 0)
		ok = gk_spawn_read(rpm, ret, size, NULL) == 0;
	ret[strcspn(ret, "\n")] = '\0';
	return ok && ret[0];
}
