#include "base/ini.h"

#include <errno.h>
#include <iniparser/iniparser.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"

/* iniparser prints its complaints on stderr unless it is given somewhere else to put them. */
static int hush(const char *fmt, ...)
{
	(void)fmt;
	return 0;
}

/* A stream over a new memfd; *ret_fd is owned by the stream. */
static FILE *open_scratch(int *ret_fd)
{
	gk_autoclose int fd = memfd_create("gocker.ini", MFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	FILE *stream = fdopen(fd, "w");
	if (stream)
		*ret_fd = gk_steal_fd(&fd);
	return stream;
}

static int write_lines(FILE *stream, const struct gk_ini_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fprintf(stream, "[%u]\n%s\n", lines[i].line, lines[i].text) < 0)
			return -EIO;
	return fflush(stream) == 0 ? 0 : -errno;
}

static int take_values(
	const dictionary *dict, struct gk_ini_line *lines, size_t n, struct gk_arena *arena)
{
	for (size_t i = 0; i < n; i++) {
		char name[128];
		int len = snprintf(name, sizeof name, "%u:%s", lines[i].line, lines[i].key);
		if (len < 0 || (size_t)len >= sizeof name)
			return -ENAMETOOLONG;
		const char *value = iniparser_getstring(dict, name, NULL);
		lines[i].value = gk_arena_strdup(arena, value);
		if (value && !lines[i].value)
			return -ENOMEM;
	}
	return 0;
}

int gk_ini_read(struct gk_ini_line *lines, size_t n, struct gk_arena *arena, struct gk_err *err)
{
	int fd = -1;
	FILE *stream = open_scratch(&fd);
	if (!stream)
		return gk_fail_errno(err, -errno, "cannot make memory for the configuration");
	int r = write_lines(stream, lines, n);
	if (r < 0) {
		fclose(stream);
		return gk_fail_errno(err, r, "cannot copy the configuration");
	}
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	iniparser_set_error_callback(hush);
	dictionary *dict = iniparser_load(path);
	iniparser_set_error_callback(NULL);
	fclose(stream);
	if (!dict)
		return gk_fail(err, -EINVAL, "the configuration can't be read (is /proc mounted?)");
	r = take_values(dict, lines, n, arena);
	iniparser_freedict(dict);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot keep the configuration");
	return 0;
}
