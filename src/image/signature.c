#include "image/signature.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "image/outside.h"
#include "run/build/userns.h"

#define PLACE    GK_OUTSIDE_PLACE
#define STATUS   "[GNUPG:] "
#define KEY_FILE "key.gpg"

enum { MAX_BYTES = 512 << 20 };

static const char *say_checking(void *arg, const char *text)
{
	(void)arg;
	(void)text;
	return "checking the signature";
}

/* What follows one of gpgv's status lines (GnuPG's doc/DETAILS); NULL without such a line. */
static const char *find_status(const char *text, const char *keyword)
{
	size_t n = strlen(keyword);
	for (const char *at = text; (at = strstr(at, STATUS)); at++) {
		const char *word = at + sizeof STATUS - 1;
		if ((at == text || at[-1] == '\n') && strncmp(word, keyword, n) == 0 &&
			word[n] == ' ')
			return word + n + 1;
	}
	return NULL;
}

/* GOODSIG is not said of a key that has expired or was revoked. The last word of VALIDSIG is the
 * fingerprint of the primary key. */
static bool read_signer(const char *text, char ret[GK_SIGNER_MAX])
{
	const char *valid = find_status(text, "VALIDSIG");
	if (!find_status(text, "GOODSIG") || !valid)
		return false;
	size_t len = strcspn(valid, "\n"), at = len;
	while (at > 0 && valid[at - 1] != ' ')
		at--;
	int n = snprintf(ret, GK_SIGNER_MAX, "%.*s", (int)(len - at), valid + at);
	return n > 0 && n < GK_SIGNER_MAX && ret[strspn(ret, "0123456789ABCDEF")] == '\0';
}

static const char *reason_of(const char *text)
{
	return find_status(text, "NO_PUBKEY") ?
		"it is signed by a key that this host does not have" :
		find_status(text, "BADSIG")    ? "the signature is of something else" :
		find_status(text, "EXPKEYSIG") ? "the key that signed it has expired" :
		find_status(text, "REVKEYSIG") ? "the key that signed it was revoked" :
						 "no signature that gpgv can check";
}

static int run(struct gk_outside *o, int dir_fd, char ret_signer[GK_SIGNER_MAX], struct gk_err *err)
{
	int status = 0;
	const char *const argv[] = { "gpgv", "--status-fd", "1", "--keyring", PLACE "/" KEY_FILE,
		PLACE "/" GK_SIGNATURE_FILE, PLACE "/" GK_SIGNED_FILE, NULL };
	gk_autofree char *text = calloc(1, GK_OUTSIDE_TEXT_MAX + 1);
	if (!text)
		return gk_fail_errno(err, -ENOMEM, "cannot start gpgv");
	o->argv = argv;
	int r = gk_outside_run(o, dir_fd, text, &status, err);
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !read_signer(text, ret_signer))
		return gk_fail(err, -EBADMSG, "%s: %s: not used", o->label, reason_of(text));
	return 0;
}

int gk_signature_check(const char *keyring, int dir_fd, const char *label, uint64_t userns_base,
	const struct gk_tick *tick, char ret_signer[GK_SIGNER_MAX], struct gk_err *err)
{
	uint64_t uid = 0;
	struct gk_outside o = { .program = "/usr/bin/gpgv",
		.label = label,
		.max_bytes = MAX_BYTES,
		.what = say_checking,
		.tick = tick };
	if (access(o.program, X_OK) < 0)
		return gk_fail(err, -ENOPKG,
			"gpgv not found; it checks signatures: install the package gpgv");
	gk_autoclose int key = gk_open_trusted(keyring, err);
	if (key < 0)
		return key;
	gk_autoclose int ids = gk_userns_take(userns_base, &uid, err);
	if (ids < 0)
		return ids;
	o.uid = (uid_t)uid;
	int r = gk_outside_give(key, keyring, dir_fd, KEY_FILE, o.uid, err);
	return r < 0 ? r : run(&o, dir_fd, ret_signer, err);
}
