/* Alpine's minirootfs: which release a mirror offers, and what vouches for it: a sum that this
 * build knows, or a signature by Alpine's key where this host has that. */
#ifndef GK_IMAGE_ALPINE_H
#define GK_IMAGE_ALPINE_H

#include "base/err.h"
#include "image/fetch.h"
#include "image/signature.h"
#include "image/tick.h"

#define GK_ALPINE_MIRROR "https://dl-cdn.alpinelinux.org/alpine"
#define GK_ALPINE_KEY    GK_SYSCONFDIR "/gocker.d/alpine.gpg"

enum { GK_ALPINE_VERSION_MAX = 16 };

/* One release whose sum this build vouches for. */
struct gk_pin {
	const char *version, *arch;
	const char *sha512;
};

/* The pins in the order in which they are tried; a NULL version ends them. */
extern const struct gk_pin gk_pins[];

/* Since when a release of Alpine gets no security fixes (YYYY-MM-DD), by the name that it has in
 * its os-release, "Alpine Linux v3.20"; NULL where it still gets some, or this build does not know.
 */
const char *gk_alpine_ended(const char *os);

/* The minirootfs of arch that a latest-releases.yaml lists: copies its version to ret
 * (GK_ALPINE_VERSION_MAX bytes). false where it lists none with a version of three numbers. */
bool gk_alpine_listed(const char *text, const char *arch, char *ret);

/* Compares two versions of three numbers: less than, equal to or greater than 0. */
int gk_alpine_compare(const char *a, const char *b);

struct gk_alpine_options {
	const char *mirror;   /* laid out as Alpine's own are; NULL: GK_ALPINE_MIRROR */
	const char *version;  /* NULL: the newest that the mirror has and something vouches for */
	const char *arch;     /* NULL: this machine's */
	const char *keyring;  /* as gk_signature_check takes it; NULL: only pins vouch */
	uint64_t userns_base; /* with keyring: run/build/userns.h */
};

struct gk_alpine {
	char version[GK_ALPINE_VERSION_MAX];
	char url[GK_URL_MAX];
	char sha512[GK_SUM_MAX];
	char signer[GK_SIGNER_MAX]; /* by whose key it is signed; "": it has the pinned sum */
	char newer[GK_ALPINE_VERSION_MAX]; /* offered, too, but nothing vouches for it; or "" */
};

/* Fetches a minirootfs below dir_fd and verifies it. Where no version was asked for, the mirror's
 * own latest-releases.yaml says what it has besides the pinned ones, which are tried from the
 * newest on. On success *ret_fd is the file, at its start, which has no name any more. That it is
 * of the release whose name it has is for the caller to see: a signature does not say so. Returns
 * 0, or -errno: -EHOSTUNREACH no mirror could be reached or none has it; -EBADMSG wrong sum or bad
 * signature; -EINVAL bad mirror, or nothing would vouch for that release; -EINTR, -ENOSPC and so
 * on.
 */
int gk_alpine_fetch(const struct gk_alpine_options *options, int dir_fd, const struct gk_tick *tick,
	int *ret_fd, struct gk_alpine *ret, struct gk_err *err);

#endif
