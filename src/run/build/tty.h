/* Step 8: the terminal. */
#ifndef GK_RUN_BUILD_TTY_H
#define GK_RUN_BUILD_TTY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "plan/request.h"

/* What fds 0-2 of the caller are. */
struct gk_tty {
	enum gk_tty_mode mode;
	int fd;        /* the first of fds 0-2 that is a terminal, -1 when none is */
	unsigned same; /* bit i: fd i is that same terminal */
};

/* Looks at fds 0-2. The session leader of a pty hands it over; any other terminal is relayed.
 * caller: the process whose terminal it may be, this one or its parent. */
void gk_tty_detect(struct gk_tty *ret, pid_t caller);

/* How many ptys there are, those included that nobody can open any more but that are held by a
 * descriptor, and how many there may be (pty(7), /proc/sys/kernel/pty); 0: not known. */
void gk_tty_count(uint64_t *ret_used, uint64_t *ret_most);

/* Refuses (-ENOSPC) a login on a pty of the host's where a sixteenth of all is left: a session can
 * hold the terminals of sessions that have ended, which count for nobody (they come by a socket,
 * and are found in no table while they are in one), and root is to get one. */
int gk_tty_check_left(const struct gk_tty *tty, struct gk_err *err);

/* In the payload, inside and still with CAP_SYS_ADMIN: starts a session, makes the terminal at path
 * (/dev/console, or a slave of the inner devpts) its controlling one and puts it over those of fds
 * 0-2 that `same` names. */
int gk_tty_take(const char *path, unsigned same, struct gk_err *err);

/* Opens a pty of the session's own devpts. Returns the master's fd or -errno; ret_path (at least 32
 * bytes) is the slave's path inside, given to uid and group, as the host has them. */
int gk_tty_open_inner(uid_t uid, gid_t group, char *ret_path, size_t size, struct gk_err *err);

#endif
