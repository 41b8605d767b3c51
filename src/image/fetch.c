#include "image/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/cleanup.h"
#include "base/path.h"

enum {
	CONNECT_TIMEOUT_S = 15,
	STALLED_BYTES_S = 1000, /* slower than this … */
	STALLED_S = 60,         /* … for so long, and the mirror counts as dead */
};
struct download {
	int fd;
	int failed; /* -errno of a write, or what the tick returned */
	uint64_t bytes, max_bytes;
	struct gk_hash *hash;
	const struct gk_tick *tick;
};

static size_t on_data(char *data, size_t one, size_t size, void *arg)
{
	struct download *d = arg;
	(void)one;
	d->bytes += size;
	if (d->bytes > d->max_bytes)
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

bool gk_fetch_allowed(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "file://", 7) == 0;
}

int gk_fetch_file(const char *url, uint64_t max_bytes, int fd, const struct gk_tick *tick,
	char ret_sha512[GK_SUM_MAX], struct gk_err *err)
{
	gk_autohash struct gk_hash *hash = gk_hash_new(512);
	struct download d = { .fd = fd, .max_bytes = max_bytes, .hash = hash, .tick = tick };
	if (!hash || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return gk_fail(err, -ENOMEM, "libcurl can't be set up");
	int r = download(url, &d, err);
	curl_global_cleanup();
	if (r < 0)
		return r;
	if (gk_hash_end(hash, ret_sha512) < 0)
		return gk_fail(err, -EIO, "no SHA-512 of %s", url);
	return lseek(fd, 0, SEEK_SET) < 0 ? gk_fail_errno(err, -errno, "%s", url) : 0;
}
