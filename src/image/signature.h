/* Checking an OpenPGP signature. */
#ifndef GK_IMAGE_SIGNATURE_H
#define GK_IMAGE_SIGNATURE_H

#include <stdint.h>

#include "base/err.h"
#include "image/tick.h"

enum { GK_SIGNER_MAX = 65 }; /* a fingerprint, of version 4 or 5, and NUL */
#define GK_SIGNED_FILE    "archive"
#define GK_SIGNATURE_FILE "archive.asc"

/* Checks that GK_SIGNATURE_FILE in dir_fd, a directory of its own, is a detached signature of
 * GK_SIGNED_FILE by a key of keyring: a file of binary keys that root alone can write. gpgv does
 * the work, as a uid that no account has (outside.h), with userns_base as gk_userns_take has it;
 * the directory is that uid's afterwards. ret_signer is the fingerprint of the key. label is for
 * messages. Returns 0, or -errno: -EBADMSG no good signature, -ENOENT the keyring is not there,
 * -ENOPKG no gpgv. */
int gk_signature_check(const char *keyring, int dir_fd, const char *label, uint64_t userns_base,
	const struct gk_tick *tick, char ret_signer[GK_SIGNER_MAX], struct gk_err *err);

#endif
