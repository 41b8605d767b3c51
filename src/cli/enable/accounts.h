/* The login shells of accounts: who is contained, and what the shell was before. */
#ifndef GK_CLI_ENABLE_ACCOUNTS_H
#define GK_CLI_ENABLE_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/config.h"
#include "plan/identity.h"

#define GK_SHELL_PATH GK_BINDIR "/gocker-shell"

/* Whether containing this account would leave nobody uncontained who can become root by sudo: it is
 * uid 0, or the last such member of sudo, admin or wheel. config: whom the PAM door spares, NULL if
 * it can't be read. Returns 1 with err, or 0. */
int gk_account_is_last_admin(const struct gk_identity *who, const struct gk_config *config,
	struct gk_arena *arena, struct gk_err *err);

/* Refuses an account whose uid another one has, as a login by its shell is refused
 * (gk_identity_check_sole); here every account that NSS lists is looked at. Returns 0, or -errno
 * with err. */
int gk_account_check_sole(const struct gk_identity *who, struct gk_err *err);

/* Whether a line of /etc/shells names the shell; and adding it. */
int gk_shells_has(const char *shell, struct gk_err *err);
int gk_shells_add(const char *shell, struct gk_err *err);

/* The shell that an account had before, in GK_STATEDIR/accounts/NAME. recall: -ENOENT for none. */
int gk_account_remember(const char *user, const char *shell, struct gk_err *err);
int gk_account_recall(
	const char *user, struct gk_arena *arena, const char **ret_shell, struct gk_err *err);
int gk_account_forget(const char *user, struct gk_err *err);

/* Changes the shell in /etc/passwd through usermod(8). -ENOENT: the account is not in that file. */
int gk_account_set_shell(const char *user, const char *shell, struct gk_err *err);

/* gocker-shell as it must be: root's, set-uid, written by nobody else, no nosuid below it. */
int gk_shell_program_check(struct gk_err *err);

#endif
