#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "plan/text.h"

int gk_report_format(const char *name, const char *word, bool *ret_json)
{
	*ret_json = strcmp(word, "json") == 0;
	if (*ret_json || strcmp(word, "text") == 0)
		return 0;
	return gk_cli_usage(name, "--format is text or json");
}

/* Opens a draft, which need not be root's. O_NONBLOCK: a FIFO must not hold us up. */
static int open_draft(const char *path, struct gk_err *err)
{
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return gk_fail_errno(err, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return gk_fail(err, -EINVAL, "%s is not a regular file", path);
	return gk_steal_fd(&fd);
}

int gk_report_config(const char *path, struct gk_arena *arena, struct gk_config *ret,
	struct gk_faults *faults, struct gk_err *err)
{
	const char *name = path ? path : GK_CONFIG_PATH;
	gk_autoclose int fd = path ? open_draft(path, err) : gk_open_trusted(name, err);
	if (fd < 0)
		return fd;
	char *text = NULL;
	size_t size = 0;
	int r = gk_read_all(fd, GK_CONFIG_MAX_BYTES, arena, &text, &size, err);
	if (r < 0) {
		gk_err_context(err, "%s", name);
		return r;
	}
	return gk_config_parse(text, size, name, gk_ini_read, arena, ret, faults, err);
}

json_object *gk_report_string(const char *s, struct gk_arena *arena)
{
	if (!s)
		return NULL;
	size_t n = strlen(s);
	return json_object_new_string(gk_is_utf8(s, n) ? s : gk_shown(arena, s, n));
}

int gk_report_print(json_object *object)
{
	int failed = gk_json_print(object,
			     JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
				     JSON_C_TO_STRING_NOSLASHESCAPE) < 0 ||
		fflush(stdout) != 0;
	json_object_put(object);
	return failed;
}
