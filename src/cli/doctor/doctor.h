/* The checks of `gocker doctor`. Each looks, changes nothing, and says what it found. */
#ifndef GK_CLI_DOCTOR_DOCTOR_H
#define GK_CLI_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "plan/config.h"
#include "plan/identity.h"
#include "plan/policy.h"

/* BAD: a user gets out, nobody gets in, or the host may be lost. WARN: worth a look. GK_TRIED is
 * added to a level where the thing itself was tried (a login, a connection, a verified image) and
 * not only files, passwd or the kernel read about it. An OK that is only read prints as "read". */
enum gk_level { GK_FOUND_OK, GK_FOUND_WARN, GK_FOUND_BAD, GK_TRIED = 8 };

struct gk_finding {
	enum gk_level level; /* without GK_TRIED */
	bool tried;
	const char *item, *what;
	const char *fix; /* what to do, NULL for an ok */
	const char *id;  /* of the fix that `--fix` makes (fix.h), or NULL */
	bool reload;     /* which is nothing but a reload of sshd */
};

struct gk_doctor {
	struct gk_arena arena;
	const char *sshd_config; /* NULL: sshd's own default */
	const char *identity;   /* a private key of user's, to try the running sshd with, or NULL */
	const char *user;       /* NULL: the host only */
	struct gk_identity who; /* of user, when user is not NULL */
	struct gk_config config;
	struct gk_policy policy; /* of user */
	bool have_config, have_policy;
	bool shell_door, pam_door; /* in use on this host */
	bool forced;               /* sshd runs gocker-shell as user's ForceCommand */
	const char *pid_file;      /* of sshd, once it was asked */
	const char *key_files;     /* AuthorizedKeysFile of user, once sshd was asked */
	struct gk_finding *list;
	size_t n, cap;
};

/* Adds a finding; fix is kept as it is. level may have GK_TRIED added. */
void gk_found(struct gk_doctor *d, unsigned level, const char *item, const char *fix,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Says of the last finding that this fix (fix.h) mends it. */
void gk_found_fixable(struct gk_doctor *d, const char *id);

/* Reads the configuration and the account of `user` (NULL: none), and which doors are in use.
 * d->sshd_config and d->identity are the caller's. Returns 0 or -errno for the account. */
int gk_doctor_open(struct gk_doctor *d, const char *user, struct gk_err *err);

/* Prints what still bypasses the doors, a line each, and how to close it; nothing where nothing
 * does. Returns how many there are. */
size_t gk_doctor_print_open(struct gk_doctor *d);

/* Print the findings on stdout: as text, findings with the same fix together and a line that sums
 * up, within the width of the terminal; or as JSON. quiet leaves out what is ok. Return the exit
 * status for the printing. */
int gk_findings_text(const struct gk_doctor *d, bool quiet);
int gk_findings_json(struct gk_doctor *d, bool quiet);

/* The images that the configuration names, or the one of the user. */
void gk_doctor_images(struct gk_doctor *d);

/* The kernel, cgroups, files of gocker, configuration, and then images. */
void gk_doctor_host(struct gk_doctor *d);

/* The bridge of private_network = bridge, where it is wanted, and what of the host's own firewall
 * would drop what it forwards for sessions. */
void gk_doctor_bridge(struct gk_doctor *d);

/* The host's terminals. */
void gk_doctor_terminals(struct gk_doctor *d);

/* What may lead past the doors: PAM stacks, sshd, cron, at, the user manager, mail, lockout. */
void gk_doctor_doors(struct gk_doctor *d);

/* sshd's effective configuration, for d->user when there is one. Sets d->forced. */
void gk_doctor_sshd(struct gk_doctor *d);

/* An sshd that runs on this host, and what its configuration was when it read it. */
struct gk_listener {
	pid_t pid;         /* 0: none runs with this configuration */
	bool stale;        /* a file of its configuration changed after it was read */
	char changed[256]; /* that file */
};

/* Finds the listening sshd whose configuration file is `config` (NULL: sshd's default), by its
 * process title, and compares the time at which it last read its configuration (when it wrote
 * pid_file, which it does at start and at each reload; without one when it started) with the
 * change times of the file and of what that includes. */
void gk_listener_find(const char *config, const char *pid_file, struct gk_listener *ret);

/* Tries a forward through the running sshd, as `ssh -W` does, to a socket of doctor's own: logs in
 * as d->user with the key d->identity at address ("127.0.0.1:22", as `sshd -T` prints it). */
void gk_listener_probe(struct gk_doctor *d, const char *address);

/* One user: account, home, jobs on the host, and a trial login. */
void gk_doctor_user(struct gk_doctor *d);

/* A trial login through the shell door, and what is reached from inside of it. Returns 0, or -errno
 * with err where the login fails. */
int gk_doctor_try_session(struct gk_doctor *d, struct gk_err *err);

/* The home and the files in it that the host obeys, looked at as the user and for as long as a
 * login waits. */
void gk_doctor_home(struct gk_doctor *d);

#endif
