#include "image/info.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"

enum { INFO_MAX = 4 << 20, OS_RELEASE_MAX = 8192 };

void gk_info_put(struct json_object **info)
{
	(void)json_object_put(*info);
	*info = NULL;
}

void gk_info_set(struct json_object *info, const char *key, const char *value)
{
	if (info && value)
		(void)json_object_object_add(info, key, json_object_new_string(value));
}

const char *gk_info_get(struct json_object *info, const char *key)
{
	struct json_object *value = NULL;
	if (!info || !json_object_object_get_ex(info, key, &value))
		return "";
	const char *s = json_object_get_string(value);
	return s ? s : "";
}

void gk_info_set_made(struct json_object *info)
{
	char when[32] = "";
	struct tm tm;
	time_t now = time(NULL);
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	gk_info_set(info, "made", when);
}

struct json_object *gk_info_new(const char *kind, const char *origin, const char *sum)
{
	struct json_object *info = json_object_new_object();
	gk_info_set(info, "from", kind);
	gk_info_set(info, "origin", origin);
	gk_info_set(info, "sum", sum);
	return info;
}

static void set_number(struct json_object *info, const char *key, uint64_t n)
{
	(void)json_object_object_add(info, key, json_object_new_int64((int64_t)n));
}

static const struct {
	const char *key;
	size_t at;
} harmless_keys[] = {
	{ "absolute_names", offsetof(struct gk_extract_stats, absolute) },
	{ "devices_left_out", offsetof(struct gk_extract_stats, special) },
	{ "setid_bits_cleared", offsetof(struct gk_extract_stats, setid) },
	{ "xattrs_dropped", offsetof(struct gk_extract_stats, xattrs) },
};
enum { NHARMLESS = sizeof harmless_keys / sizeof *harmless_keys };

void gk_info_set_stats(struct json_object *info, const struct gk_extract_stats *stats)
{
	struct json_object *harmless = json_object_new_object();
	if (!info || !harmless)
		return;
	for (int i = 0; i < NHARMLESS; i++) {
		uint64_t n;
		memcpy(&n, (const char *)stats + harmless_keys[i].at, sizeof n);
		set_number(harmless, harmless_keys[i].key, n);
	}
	(void)json_object_object_add(info, "made_harmless", harmless);
	set_number(info, "entries", stats->entries);
	set_number(info, "size_bytes", stats->size_bytes);
}

uint64_t gk_info_number(struct json_object *info, const char *key)
{
	struct json_object *value = NULL;
	if (!info || !json_object_object_get_ex(info, key, &value))
		return 0;
	int64_t n = json_object_get_int64(value);
	return n < 0 ? 0 : (uint64_t)n;
}

void gk_info_get_stats(struct json_object *info, struct gk_extract_stats *ret)
{
	struct json_object *harmless = NULL;
	memset(ret, 0, sizeof *ret);
	ret->entries = gk_info_number(info, "entries");
	ret->size_bytes = gk_info_number(info, "size_bytes");
	if (!json_object_object_get_ex(info, "made_harmless", &harmless))
		return;
	for (int i = 0; i < NHARMLESS; i++) {
		uint64_t n = gk_info_number(harmless, harmless_keys[i].key);
		memcpy((char *)ret + harmless_keys[i].at, &n, sizeof n);
	}
}

/* The value of PRETTY_NAME in os-release(5), quotes taken off, printable ASCII and UTF-8 only. */
static void pretty_name(char *text, char *ret, size_t size)
{
	char *save = NULL;
	ret[0] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "PRETTY_NAME=", 12) != 0)
			continue;
		char *value = line + 12;
		size_t len = strlen(value);
		if (len >= 2 && (value[0] == '"' || value[0] == '\'') &&
			value[len - 1] == value[0]) {
			value[len - 1] = '\0';
			value++;
		}
		for (char *p = value; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				*p = '?';
		snprintf(ret, size, "%s", value);
	}
}

void gk_info_set_os(struct json_object *info, int root_fd)
{
	char text[OS_RELEASE_MAX + 1], name[128];
	gk_autoclose int fd = gk_sys_openat2(root_fd, "etc/os-release", O_RDONLY | O_NONBLOCK,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	ssize_t n = read(fd, text, OS_RELEASE_MAX);
	if (n <= 0)
		return;
	text[n] = '\0';
	pretty_name(text, name, sizeof name);
	gk_info_set(info, "os", name);
}

int gk_info_write(struct json_object *info, int version_fd, struct gk_err *err)
{
	const char *text = info ?
		json_object_to_json_string_ext(
			info, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE) :
		NULL;
	if (!text)
		return gk_fail_errno(err, -ENOMEM, "cannot write info.json");
	if (strlen(text) >= INFO_MAX)
		return gk_fail(err, -EFBIG, "cannot write info.json: too many files to remember");
	gk_autoclose int fd = openat(version_fd, "info.json.new",
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : gk_write_all(fd, text, strlen(text));
	if (r == 0)
		r = gk_write_all(fd, "\n", 1);
	if (r == 0 &&
		(fsync(fd) < 0 ||
			renameat(version_fd, "info.json.new", version_fd, "info.json") < 0))
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot write info.json") : 0;
}

struct json_object *gk_info_read(int version_fd, struct gk_err *err)
{
	struct gk_arena arena = { 0 };
	struct json_object *info = NULL;
	char *text = NULL;
	size_t size = 0;
	gk_autoclose int fd = openat(version_fd, "info.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? gk_fail_errno(err, -errno, "info.json") :
			 gk_read_all(fd, INFO_MAX, &arena, &text, &size, err);
	if (r == 0) {
		info = json_tokener_parse(text);
		if (!info || !json_object_is_type(info, json_type_object)) {
			gk_info_put(&info);
			(void)gk_fail(err, -EBADMSG, "info.json is damaged");
		}
	}
	gk_arena_free(&arena);
	return info;
}
