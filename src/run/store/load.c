#include "run/store/load.h"

#include "base/cleanup.h"
#include "base/ini.h"
#include "base/path.h"

int gk_load_config(
	const char *path, struct gk_arena *arena, struct gk_config *ret, struct gk_err *err)
{
	gk_autoclose int fd = gk_open_trusted(path, err);
	if (fd < 0)
		return fd;
	char *text;
	size_t size;
	int r = gk_read_all(fd, GK_CONFIG_MAX_BYTES, arena, &text, &size, err);
	if (r < 0) {
		gk_err_context(err, "%s", path);
		return r;
	}
	return gk_config_parse(text, size, path, gk_ini_read, arena, ret, NULL, err);
}
