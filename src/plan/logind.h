/* What logind says about a user's processes: in its configuration (logind.conf(5)) and in the files
 * that it keeps below /run/systemd. */
#ifndef GK_PLAN_LOGIND_H
#define GK_PLAN_LOGIND_H

#include <stdbool.h>
#include <stddef.h>

/* KillUserProcesses=, KillOnlyUsers= and KillExcludeUsers=, for one user. */
struct gk_logind_conf {
	bool kill;
	bool any_only, only; /* KillOnlyUsers= names somebody; names the user */
	bool excluded;
};

/* Adds a file of the configuration; those that come later win, and lists grow. The text is changed:
 * lines that go on with a backslash are joined. What cannot be understood is passed over, as logind
 * does. */
void gk_logind_conf_add(struct gk_logind_conf *c, const char *user, char *text);

/* Whether logind ends what the user has left running at a logout (manager_shall_kill() of
 * systemd's). */
bool gk_logind_conf_kills(const struct gk_logind_conf *c);

/* The value of `KEY=value` in a file of /run/systemd/users or /run/systemd/sessions. Returns
 * whether it is there and fits. */
bool gk_logind_value(const char *text, const char *key, char *buf, size_t size);

#endif
