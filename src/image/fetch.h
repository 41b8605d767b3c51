/* Fetching Alpine's minirootfs: pinned versions, https or file, nothing unverified. */
#ifndef GK_IMAGE_FETCH_H
#define GK_IMAGE_FETCH_H

#include "base/err.h"
#include "image/hash.h"
#include "image/tick.h"

#define GK_ALPINE_MIRROR "https://dl-cdn.alpinelinux.org/alpine"
enum { GK_URL_MAX = 1024 };

/* One release whose sum this build vouches for. */
struct gk_pin {
	const char *version, *arch;
	const char *sha512;
};

/* The pins in the order in which they are tried; a NULL version ends them. */
extern const struct gk_pin gk_pins[];

/* Until when a release of Alpine gets security fixes (YYYY-MM-DD), by the name that it has in its
 * os-release, "Alpine Linux v3.20"; NULL where this build does not know. */
const char *gk_alpine_supported_until(const char *os);

struct gk_fetch_options {
	const char *mirror;  /* laid out as Alpine's own are; NULL: GK_ALPINE_MIRROR */
	const char *version; /* NULL: the newest pin that the mirror has */
	const char *arch;    /* NULL: this machine's */
};

/* Fetches a pinned minirootfs into an unlinked file below dir_fd and verifies it. Where no version
 * was asked for, a mirror that lacks the newest pin is asked for the next. On success *ret_fd is
 * the file, at its start, *ret_pin what it is and ret_url (GK_URL_MAX bytes) where it came from.
 * Returns 0, or -errno: -EHOSTUNREACH no mirror could be reached or none has it; -EBADMSG wrong
 * sum; -EINVAL bad mirror, or no such pin; -EINTR, -ENOSPC and so on. */
int gk_fetch_alpine(const struct gk_fetch_options *options, int dir_fd, const struct gk_tick *tick,
	int *ret_fd, const struct gk_pin **ret_pin, char *ret_url, struct gk_err *err);

#endif
