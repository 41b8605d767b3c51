#include "image/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/cleanup.h"
#include "base/path.h"

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

const char *gk_alpine_supported_until(const char *os)
{
	static const char before[] = "Alpine Linux v";
	if (strncmp(os, before, sizeof before - 1) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof support / sizeof *support; i++)
		if (strcmp(os + sizeof before - 1, support[i].series) == 0)
			return support[i].until;
	return NULL;
}

enum {
	CONNECT_TIMEOUT_S = 15,
	STALLED_BYTES_S = 1000, /* slower than this … */
	STALLED_S = 60,         /* … for so long, and the mirror counts as dead */
};
/* No minirootfs is larger: a mirror can't fill the disk before its sum is found wrong. */
#define FETCH_MAX_BYTES ((curl_off_t)256 << 20)

struct download {
	int fd;
	int failed; /* -errno of a write, or what the tick returned */
	uint64_t bytes;
	struct gk_hash *hash;
	const struct gk_tick *tick;
};

static size_t on_data(char *data, size_t one, size_t size, void *arg)
{
	struct download *d = arg;
	(void)one;
	d->bytes += size;
	if (d->bytes > (uint64_t)FETCH_MAX_BYTES)
		d->failed = -EFBIG;
	else
		d->failed = gk_write_all(d->fd, data, size);
	if (d->failed < 0)
		return 0;
	gk_hash_add(d->hash, data, size);
	return size;
}

static int on_progress(
	void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up)
{
	struct download *d = arg;
	(void)up_total;
	(void)up;
	int r = gk_tick(d->tick, "fetching", GK_UNIT_BYTES, (uint64_t)now, (uint64_t)total);
	if (r < 0)
		d->failed = r;
	return r < 0;
}

static bool set_options(CURL *curl, const char *url, struct download *d, char *text)
{
	/* Protocols are given as text since 7.85; the older way is gone from newer headers. */
	return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,file") == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https") == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_USERAGENT, "gocker/" GK_VERSION) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S) ==
		CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALLED_BYTES_S) ==
		CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALLED_S) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, d) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, d) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
}

/* 0; -ENOENT: the mirror answers but lacks the file; -EHOSTUNREACH: no mirror there. */
static int download(const char *url, struct download *d, struct gk_err *err)
{
	char text[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	if (!curl || !set_options(curl, url, d, text)) {
		curl_easy_cleanup(curl);
		return gk_fail(err, -ENOMEM, "libcurl can't be set up");
	}
	CURLcode code = curl_easy_perform(curl);
	long status = 0;
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (code == CURLE_OK)
		return 0;
	if (d->failed < 0)
		return gk_fail_errno(err, d->failed, "%s", url);
	bool missing = code == CURLE_FILE_COULDNT_READ_FILE ||
		(code == CURLE_HTTP_RETURNED_ERROR && (status == 404 || status == 410));
	if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
		return gk_fail(err, -EINVAL, "%s: a mirror is an https or file URL", url);
	return gk_fail(err, missing ? -ENOENT : -EHOSTUNREACH, "%s: %s", url,
		text[0] ? text : curl_easy_strerror(code));
}

static int make_url(const char *mirror, const struct gk_pin *pin, char *url, struct gk_err *err)
{
	size_t len = strlen(mirror);
	while (len > 0 && mirror[len - 1] == '/')
		len--;
	int series = (int)(strrchr(pin->version, '.') - pin->version);
	int n = snprintf(url, GK_URL_MAX, "%.*s/v%.*s/releases/%s/alpine-minirootfs-%s-%s.tar.gz",
		(int)len, mirror, series, pin->version, pin->arch, pin->version, pin->arch);
	if (n < 0 || n >= GK_URL_MAX)
		return gk_fail(err, -EINVAL, "the mirror's URL is too long");
	return 0;
}

static int fetch_pin(const struct gk_pin *pin, const char *url, int dir_fd,
	const struct gk_tick *tick, int *ret_fd, struct gk_err *err)
{
	char sum[GK_SUM_MAX];
	gk_autohash struct gk_hash *hash = gk_hash_new(512);
	/* Not O_TMPFILE, which several file systems lack. */
	gk_autoclose int fd = openat(
		dir_fd, "download", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (!hash || fd < 0 || unlinkat(dir_fd, "download", 0) < 0)
		return gk_fail_errno(err, hash ? -errno : -ENOMEM, "no place for a download");
	struct download d = { .fd = fd, .hash = hash, .tick = tick };
	int r = download(url, &d, err);
	if (r < 0)
		return r;
	if (gk_hash_end(hash, sum) < 0)
		return gk_fail(err, -EIO, "no SHA-512 of %s", url);
	if (strcmp(sum, pin->sha512) != 0)
		return gk_fail(err, -EBADMSG,
			"%s has the wrong SHA-512 (%.16s…, not %.16s…): not used", url, sum,
			pin->sha512);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return gk_fail_errno(err, -errno, "%s", url);
	*ret_fd = gk_steal_fd(&fd);
	return 0;
}

int gk_fetch_alpine(const struct gk_fetch_options *options, int dir_fd, const struct gk_tick *tick,
	int *ret_fd, const struct gk_pin **ret_pin, char *ret_url, struct gk_err *err)
{
	struct utsname host;
	const char *mirror = options->mirror ? options->mirror : GK_ALPINE_MIRROR;
	const char *arch = options->arch;
	if (!arch)
		arch = uname(&host) == 0 ? host.machine : "";
	if (strncasecmp(mirror, "https://", 8) != 0 && strncasecmp(mirror, "file://", 7) != 0)
		return gk_fail(err, -EINVAL, "%s: a mirror is an https or file URL", mirror);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return gk_fail(err, -ENOMEM, "libcurl can't be set up");
	int r = -ENOENT;
	bool tried = false;
	for (const struct gk_pin *pin = gk_pins; pin->version && r == -ENOENT; pin++) {
		char url[GK_URL_MAX];
		struct gk_err here = GK_ERR_INIT;
		if (strcmp(pin->arch, arch) != 0 ||
			(options->version && strcmp(pin->version, options->version) != 0))
			continue;
		tried = true;
		r = make_url(mirror, pin, url, &here);
		if (r == 0)
			r = fetch_pin(pin, url, dir_fd, tick, ret_fd, &here);
		if (r == 0) {
			*ret_pin = pin;
			memcpy(ret_url, url, sizeof url);
			gk_err_clear(err);
		} else if (r == -ENOENT) { /* the first one missing is told, if all are */
			(void)gk_fail(err, -EHOSTUNREACH, "%s", here.msg);
		} else {
			*err = here;
		}
	}
	curl_global_cleanup();
	if (!tried)
		return gk_fail(err, -EINVAL, "no sum is known for Alpine %s on %s",
			options->version ? options->version : "minirootfs", arch);
	return r == -ENOENT ? -EHOSTUNREACH : r;
}
