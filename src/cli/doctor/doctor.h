/* The checks of `gocker doctor`. Each looks, changes nothing, and says what it found. */
#ifndef GK_CLI_DOCTOR_DOCTOR_H
#define GK_CLI_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "plan/config.h"
#include "plan/identity.h"
#include "plan/policy.h"

/* BAD: a user gets out, nobody gets in, or the host may be lost. WARN: worth a look. */
enum gk_level { GK_FOUND_OK, GK_FOUND_WARN, GK_FOUND_BAD };

struct gk_finding {
	enum gk_level level;
	const char *item, *what;
	const char *fix; /* what to do, NULL for an ok */
};

struct gk_doctor {
	struct gk_arena arena;
	const char *sshd_config; /* NULL: sshd's own default */
	const char *user;        /* NULL: the host only */
	struct gk_identity who;  /* of user, when user is not NULL */
	struct gk_config config;
	struct gk_policy policy; /* of user */
	bool have_config, have_policy;
	bool shell_door, pam_door; /* in use on this host */
	bool forced;               /* sshd runs gocker-shell as user's ForceCommand */
	struct gk_finding *list;
	size_t n, cap;
};

/* Adds a finding; fix is kept as it is. */
void gk_found(struct gk_doctor *d, enum gk_level level, const char *item, const char *fix,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The kernel, cgroups, files of gocker, configuration, images. */
void gk_doctor_host(struct gk_doctor *d);

/* What may lead past the doors: PAM stacks, sshd, cron, at, the user manager, mail, lockout. */
void gk_doctor_doors(struct gk_doctor *d);

/* sshd's effective configuration, for d->user when there is one. Sets d->forced. */
void gk_doctor_sshd(struct gk_doctor *d);

/* One user: account, home, jobs on the host, and a trial login. */
void gk_doctor_user(struct gk_doctor *d);

/* The home and the files in it that the host obeys, looked at as the user and for as long as a
 * login waits. */
void gk_doctor_home(struct gk_doctor *d);

#endif
