#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/elf.h"
#include "image/info.h"
#include "image/spawn.h"
#include "image/tools.h"
#include "image/tree.h"

enum { APPLETS_MAX = 64 << 10 };

static const struct {
	const char *path;
	mode_t mode;
} dirs[] = {
	{ "bin", 0755 },
	{ "sbin", 0755 },
	{ "usr", 0755 },
	{ "usr/bin", 0755 },
	{ "usr/sbin", 0755 },
	{ "etc", 0755 },
	{ "dev", 0755 },
	{ "proc", 0555 },
	{ "sys", 0555 },
	{ "run", 0755 },
	{ "home", 0755 },
	{ "root", 0700 },
	{ "mnt", 0755 },
	{ "tmp", 01777 },
	{ "var", 0755 },
	{ "var/tmp", 01777 },
};

static const struct {
	const char *path, *text;
} files[] = {
	{ "etc/passwd",
		"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
	{ "etc/group", "root:x:0:\nnogroup:x:65534:\n" },
	{ "etc/shells", "/bin/sh\n" },
	{ "etc/profile",
		"export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		"PS1='\\h:\\w\\$ '\n" },
};

static int write_file(int root_fd, const char *path, const char *text, struct gk_err *err)
{
	gk_autoclose int fd =
		openat(root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : gk_write_all(fd, text, strlen(text));
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot write /%s", path) : 0;
}

/* "BusyBox v1.35.0 (Debian …) multi-call binary." up to "multi-call". */
static void get_version(const char *busybox, char *ret, size_t size)
{
	static char text[APPLETS_MAX];
	const char *const argv[] = { busybox, NULL };
	snprintf(ret, size, "BusyBox");
	if (gk_spawn_read(argv, text, sizeof text, NULL) != 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	char *end = strstr(text, " multi-call");
	if (end)
		*end = '\0';
	/* It goes between double quotes. */
	if (strpbrk(text, "\"\\$`") == NULL && strncmp(text, "BusyBox", 7) == 0)
		snprintf(ret, size, "%.*s", (int)size - 1, text);
}

static int fill_etc(int root_fd, const char *busybox, struct gk_err *err)
{
	char version[128], release[512];
	get_version(busybox, version, sizeof version);
	snprintf(release, sizeof release,
		"NAME=\"BusyBox\"\nID=busybox\nPRETTY_NAME=\"%s, made by gocker from this host's "
		"busybox\"\nHOME_URL=\"https://busybox.net/\"\n",
		version);
	int r = write_file(root_fd, "etc/os-release", release, err);
	for (size_t i = 0; r == 0 && i < sizeof files / sizeof *files; i++)
		r = write_file(root_fd, files[i].path, files[i].text, err);
	return r;
}

static int copy_program(int root_fd, const char *busybox, struct gk_err *err)
{
	char loader[256];
	gk_autoclose int from = open(busybox, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return gk_fail_errno(err, -errno, "%s", busybox);
	int r = gk_elf_loader(from, loader, sizeof loader);
	if (r != 0)
		return gk_fail(err, -ENOEXEC, "%s is not a static busybox (package busybox-static)",
			busybox);
	gk_autoclose int to = openat(
		root_fd, "bin/busybox", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
	r = to < 0 ? -errno : gk_copy_data(from, to);
	if (r == 0 && fchmod(to, 0755) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot copy %s", busybox) : 0;
}

/* One line of --list-full: the path of an applet without its slash, such as usr/bin/env. */
static int link_applet(int root_fd, const char *line, struct gk_err *err)
{
	char path[PATH_MAX];
	if (!*line || gk_extract_path(line, path) < 0)
		return 0;
	char *slash = strrchr(path, '/');
	struct stat st;
	if (slash) {
		*slash = '\0';
		bool known = fstatat(root_fd, path, &st, 0) == 0;
		*slash = '/';
		if (!known)
			return 0;
	}
	if (symlinkat("/bin/busybox", root_fd, path) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, "cannot make /%s", path);
	return 0;
}

static int link_applets(int root_fd, const char *busybox, struct gk_err *err)
{
	static char text[APPLETS_MAX];
	const char *const argv[] = { busybox, "--list-full", NULL };
	int r = gk_spawn_read(argv, text, sizeof text, err);
	if (r != 0)
		return r < 0 ? r : gk_fail(err, -ENOEXEC, "%s --list-full failed", busybox);
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); r == 0 && line;
		line = strtok_r(NULL, "\n", &save))
		r = link_applet(root_fd, line, err);
	if (r == 0 && faccessat(root_fd, "bin/sh", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		r = symlinkat("/bin/busybox", root_fd, "bin/sh") < 0 ?
			gk_fail_errno(err, -errno, "cannot make /bin/sh") :
			0;
	return r;
}

int gk_image_busybox(const struct gk_store *store, const char *name, const char *busybox,
	const struct gk_making *making, struct gk_err *err)
{
	gk_autostaging struct gk_staging staging = GK_STAGING_INIT;
	gk_autoinfo struct json_object *info = gk_info_new("busybox", busybox, NULL);
	int r = gk_staging_begin(store, name, &staging, err);
	for (size_t i = 0; r == 0 && i < sizeof dirs / sizeof *dirs; i++)
		if (mkdirat(staging.root_fd, dirs[i].path, 0755) < 0 ||
			fchmodat(staging.root_fd, dirs[i].path, dirs[i].mode, 0) < 0)
			r = gk_fail_errno(err, -errno, "cannot make /%s", dirs[i].path);
	if (r == 0)
		r = copy_program(staging.root_fd, busybox, err);
	if (r == 0)
		r = link_applets(staging.root_fd, busybox, err);
	if (r == 0)
		r = fill_etc(staging.root_fd, busybox, err);
	if (r == 0 && making->with)
		r = gk_tools_add(&staging, info, making, true, err);
	return r < 0 ? r : gk_image_seal(&staging, info, making->tick, err);
}
