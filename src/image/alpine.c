#include "image/alpine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "image/tree.h"

/* Newest first for each architecture. The sums are those that Alpine publishes beside the files. */
const struct gk_pin gk_pins[] = {
	{ "3.24.2", "x86_64",
		"bb1cbdc0395826774d8843736624c8ddc225a76de7d70e04444f5390c54986e1"
		"4b2fa3ad0ca367dfa36dddfc8ebe1d2b4cbcf5cc9993e85badaf96104518f1fc" },
	{ "3.20.3", "x86_64",
		"9d5405f61f8a6ebc02461ba75346fbf1a63a4eab8510a0158dd321cee0c4dafe"
		"28c2a3d2cb7c3d75e2a8130dae0c3c92382f5b6adeea309eafc97621c5bf6400" },
	{ "3.24.2", "aarch64",
		"c717aa68d67a354c7f46488eacb459c7a80951bcd7ea255f04a574aba1a6c514"
		"4f2117866e674f27fc92df0f05dd7685c1e6824b88ddd41994803d6fb025395c" },
	{ NULL, NULL, NULL },
};

/* Until when a series gets fixes, as alpinelinux.org/releases says. */
static const struct {
	const char *series, *until;
} support[] = {
	{ "3.18", "2025-05-09" },
	{ "3.19", "2025-11-01" },
	{ "3.20", "2026-04-01" },
	{ "3.21", "2026-11-01" },
	{ "3.22", "2027-05-01" },
	{ "3.23", "2027-11-01" },
};

static const char *supported_until(const char *os)
{
	static const char before[] = "Alpine Linux v";
	if (strncmp(os, before, sizeof before - 1) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof support / sizeof *support; i++)
		if (strcmp(os + sizeof before - 1, support[i].series) == 0)
			return support[i].until;
	return NULL;
}

const char *gk_alpine_ended(const char *os)
{
	char today[16] = "";
	struct tm tm;
	time_t now = time(NULL);
	const char *until = supported_until(os);
	return until && gmtime_r(&now, &tm) && strftime(today, sizeof today, "%Y-%m-%d", &tm) &&
			strcmp(today, until) >= 0 ?
		until :
		NULL;
}

/* No minirootfs is larger: a mirror can't fill the disk before its sum is found wrong. */
#define ARCHIVE_MAX_BYTES ((uint64_t)256 << 20)
enum { LISTING_MAX_BYTES = 256 << 10, SIGNATURE_MAX_BYTES = 64 << 10 };
#define DIR_NAME "signed"

struct fetching {
	const struct gk_alpine_options *options;
	const char *mirror, *arch;
	int dir_fd;
	const struct gk_tick *tick;
	int *ret_fd;
	struct gk_alpine *ret;
	struct gk_err *err;
};

/* ---- versions, and the mirror's list of them ---- */

static bool parse_version(const char *s, unsigned ret[3])
{
	for (int i = 0; i < 3; i++) {
		char *end;
		if (*s < '0' || *s > '9')
			return false;
		unsigned long n = strtoul(s, &end, 10);
		if (n > 9999 || end - s > 4 || *end != (i < 2 ? '.' : '\0'))
			return false;
		ret[i] = (unsigned)n;
		s = end + 1;
	}
	return true;
}

int gk_alpine_compare(const char *a, const char *b)
{
	unsigned x[3] = { 0 }, y[3] = { 0 };
	(void)parse_version(a, x);
	(void)parse_version(b, y);
	for (int i = 0; i < 3; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* The value of "  KEY: VALUE" in a line, without quotes. */
static bool read_value(const char *line, size_t len, const char *key, char *ret, size_t size)
{
	size_t before = strspn(line, " "), n = strlen(key);
	const char *value = line + before + n + 2;
	if (before == 0 || before + n + 2 > len || strncmp(line + before, key, n) != 0 ||
		strncmp(line + before + n, ": ", 2) != 0)
		return false;
	size_t left = len - before - n - 2;
	while (left &&
		(value[left - 1] == ' ' || value[left - 1] == '\r' || value[left - 1] == '"'))
		left--;
	if (left && *value == '"')
		value++, left--;
	int r = snprintf(ret, size, "%.*s", (int)left, value);
	return r >= 0 && (size_t)r < size;
}

/* It is a list: each item begins with a "-" in the first column, and its keys are indented. */
bool gk_alpine_listed(const char *text, const char *arch, char *ret)
{
	char version[GK_ALPINE_VERSION_MAX] = "", flavor[64] = "", of[64] = "";
	for (const char *line = text;; line += *line == '\n') {
		size_t len = strcspn(line, "\n");
		if (*line == '-' || *line == '\0') {
			unsigned numbers[3];
			if (strcmp(flavor, "alpine-minirootfs") == 0 && strcmp(of, arch) == 0 &&
				parse_version(version, numbers)) {
				memcpy(ret, version, sizeof version);
				return true;
			}
			version[0] = flavor[0] = of[0] = '\0';
		}
		if (*line == '\0')
			return false;
		(void)read_value(line, len, "version", version, sizeof version);
		(void)read_value(line, len, "flavor", flavor, sizeof flavor);
		(void)read_value(line, len, "arch", of, sizeof of);
		line += len;
	}
}

/* ---- files of the mirror ---- */

static int make_url(const struct fetching *f, const char *version, const char *more, char *url)
{
	size_t len = strlen(f->mirror);
	while (len > 0 && f->mirror[len - 1] == '/')
		len--;
	int series = (int)(strrchr(version, '.') - version);
	int n = snprintf(url, GK_URL_MAX, "%.*s/v%.*s/releases/%s/alpine-minirootfs-%s-%s.tar.gz%s",
		(int)len, f->mirror, series, version, f->arch, version, f->arch, more);
	if (n < 0 || n >= GK_URL_MAX)
		return gk_fail(f->err, -EINVAL, "the mirror's URL is too long");
	return 0;
}

/* A new file. Not O_TMPFILE, which several file systems lack. */
static int make_file(const struct fetching *f, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? gk_fail_errno(f->err, -errno, "cannot make a file for the download") : fd;
}

/* One that has no name any more. */
static int make_unnamed(const struct fetching *f)
{
	gk_autoclose int fd = make_file(f, f->dir_fd, "download");
	if (fd >= 0 && unlinkat(f->dir_fd, "download", 0) < 0)
		return gk_fail_errno(f->err, -errno, "cannot make a file for the download");
	return fd < 0 ? fd : gk_steal_fd(&fd);
}

/* Which release the mirror itself says is its newest. -ENOENT where it does not say. */
static int read_listing(const struct fetching *f, char *ret)
{
	char url[GK_URL_MAX], sum[GK_SUM_MAX], *text = NULL;
	struct gk_arena arena = { 0 };
	size_t size = 0, len = strlen(f->mirror);
	while (len > 0 && f->mirror[len - 1] == '/')
		len--;
	int n = snprintf(url, sizeof url, "%.*s/latest-stable/releases/%s/latest-releases.yaml",
		(int)len, f->mirror, f->arch);
	if (n < 0 || n >= (int)sizeof url)
		return gk_fail(f->err, -EINVAL, "the mirror's URL is too long");
	gk_autoclose int fd = make_unnamed(f);
	if (fd < 0)
		return fd;
	int r = gk_fetch_file(url, LISTING_MAX_BYTES, fd, f->tick, sum, f->err);
	if (r < 0)
		return r;
	r = gk_read_all(fd, LISTING_MAX_BYTES, &arena, &text, &size, f->err);
	if (r == 0 && !gk_alpine_listed(text, f->arch, ret))
		r = -ENOENT;
	gk_arena_free(&arena);
	return r;
}

/* ---- with what vouches for it ---- */

static int take(const struct fetching *f, int fd, const char *version)
{
	snprintf(f->ret->version, sizeof f->ret->version, "%s", version);
	*f->ret_fd = fd;
	return 0;
}

static int fetch_pinned(const struct fetching *f, const struct gk_pin *pin)
{
	struct gk_alpine *a = f->ret;
	int r = make_url(f, pin->version, "", a->url);
	gk_autoclose int fd = r < 0 ? r : make_unnamed(f);
	if (fd < 0)
		return fd;
	r = gk_fetch_file(a->url, ARCHIVE_MAX_BYTES, fd, f->tick, a->sha512, f->err);
	if (r < 0)
		return r;
	if (strcmp(a->sha512, pin->sha512) != 0)
		return gk_fail(f->err, -EBADMSG,
			"%s has the wrong SHA-512 (%.16s…, not %.16s…): not used", a->url,
			a->sha512, pin->sha512);
	return take(f, gk_steal_fd(&fd), pin->version);
}

static int fetch_signed_into(const struct fetching *f, const char *version, int dir)
{
	char url[GK_URL_MAX], sum[GK_SUM_MAX];
	struct gk_alpine *a = f->ret;
	gk_autoclose int fd = make_file(f, dir, GK_SIGNED_FILE);
	gk_autoclose int signature = fd < 0 ? fd : make_file(f, dir, GK_SIGNATURE_FILE);
	if (signature < 0)
		return signature;
	int r = make_url(f, version, ".asc", url);
	if (r == 0)
		r = gk_fetch_file(url, SIGNATURE_MAX_BYTES, signature, f->tick, sum, f->err);
	if (r == 0)
		r = make_url(f, version, "", a->url);
	if (r == 0)
		r = gk_fetch_file(a->url, ARCHIVE_MAX_BYTES, fd, f->tick, a->sha512, f->err);
	if (r == 0)
		r = gk_signature_check(f->options->keyring, dir, a->url, f->options->userns_base,
			f->tick, a->signer, f->err);
	return r < 0 ? r : take(f, gk_steal_fd(&fd), version);
}

/* -ENOENT where the mirror has no such release, or no signature of it. */
static int fetch_signed(const struct fetching *f, const char *version)
{
	if (mkdirat(f->dir_fd, DIR_NAME, 0700) < 0)
		return gk_fail_errno(f->err, -errno, "cannot make a file for the download");
	gk_autoclose int dir =
		openat(f->dir_fd, DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = dir < 0 ? gk_fail_errno(f->err, -errno, "cannot make a file for the download") :
			  fetch_signed_into(f, version, dir);
	int removed = gk_tree_remove(f->dir_fd, DIR_NAME, NULL, r < 0 ? NULL : f->err);
	return r < 0 ? r : removed;
}

static const struct gk_pin *find_pin(const struct fetching *f, const char *version)
{
	for (const struct gk_pin *pin = gk_pins; pin->version; pin++)
		if (strcmp(pin->arch, f->arch) == 0 && strcmp(pin->version, version) == 0)
			return pin;
	return NULL;
}

static int fetch_asked(const struct fetching *f)
{
	const char *version = f->options->version;
	const struct gk_pin *pin = find_pin(f, version);
	unsigned numbers[3];
	int r;
	if (pin)
		r = fetch_pinned(f, pin);
	else if (f->options->keyring && parse_version(version, numbers))
		r = fetch_signed(f, version);
	else
		return gk_fail(f->err, -EINVAL, "no sum is known for Alpine %s on %s, and %s",
			version, f->arch,
			f->options->keyring ? "it is not a release" :
					      "there is no key for its signature (" GK_ALPINE_KEY
					      ")");
	return r == -ENOENT ? -EHOSTUNREACH : r;
}

/* What the mirror offers besides the pins. -ENOENT: go on with those. */
static int fetch_offered(const struct fetching *f, const char *version)
{
	struct gk_err why = GK_ERR_INIT;
	struct fetching own = *f;
	own.err = &why;
	int r = f->options->keyring ? fetch_signed(&own, version) : -ENOENT;
	if (r == -ENOENT)
		snprintf(f->ret->newer, sizeof f->ret->newer, "%s", version);
	else if (r < 0)
		*f->err = why;
	return r;
}

static int fetch_newest(const struct fetching *f)
{
	char offered[GK_ALPINE_VERSION_MAX] = "";
	struct gk_err why = GK_ERR_INIT, first = GK_ERR_INIT;
	struct fetching own = *f;
	bool tried = false;
	own.err = &why;
	int r = read_listing(&own, offered);
	for (const struct gk_pin *pin = gk_pins; pin->version && (r == 0 || r == -ENOENT); pin++) {
		if (strcmp(pin->arch, f->arch) != 0)
			continue;
		tried = true;
		gk_err_clear(&why);
		r = -ENOENT;
		if (offered[0] && gk_alpine_compare(offered, pin->version) > 0)
			r = fetch_offered(&own, offered);
		if (offered[0] && gk_alpine_compare(offered, pin->version) >= 0)
			offered[0] = '\0';
		if (r == -ENOENT)
			r = fetch_pinned(&own, pin);
		if (r == 0)
			return 0;
		if (r == -ENOENT) /* the first one missing is told, if all are */
			(void)gk_fail(&first, r, "%s", why.msg);
	}
	if (!tried && offered[0]) { /* a machine without pins */
		gk_err_clear(&why);
		r = fetch_offered(&own, offered);
		tried = r != -ENOENT;
	}
	if (r == 0)
		return 0;
	if (!tried && r == -ENOENT)
		return gk_fail(f->err, -EINVAL,
			"no sum is known for an Alpine on %s, and no signature by a key in " GK_ALPINE_KEY
			" either",
			f->arch);
	*f->err = r == -ENOENT ? first : why;
	return r == -ENOENT ? -EHOSTUNREACH : r;
}

int gk_alpine_fetch(const struct gk_alpine_options *options, int dir_fd, const struct gk_tick *tick,
	int *ret_fd, struct gk_alpine *ret, struct gk_err *err)
{
	struct utsname host;
	struct gk_alpine got = { 0 };
	const struct fetching f = {
		.options = options,
		.mirror = options->mirror ? options->mirror : GK_ALPINE_MIRROR,
		.arch = options->arch     ? options->arch :
			uname(&host) == 0 ? host.machine :
					    "",
		.dir_fd = dir_fd,
		.tick = tick,
		.ret_fd = ret_fd,
		.ret = &got,
		.err = err,
	};
	if (!gk_fetch_allowed(f.mirror))
		return gk_fail(err, -EINVAL, "%s: a mirror is an https or file URL", f.mirror);
	int r = options->version ? fetch_asked(&f) : fetch_newest(&f);
	if (r == 0)
		*ret = got;
	return r;
}
