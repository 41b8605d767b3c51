/* The keeper: the host's side of one login through the PAM door. */
#ifndef GK_PAM_KEEPER_H
#define GK_PAM_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "link.h"
#include "plan/plan.h"
#include "run/build/login.h"
#include "run/privilege/nss-worker.h"
#include "run/privilege/cleanse.h"
#include "run/build/session.h"
#include "run/watch/notice.h"

/* One login, passed down from main. */
struct gk_keeper {
	struct gk_login login; /* caller.parent is the daemon that opens the session */
	int link;              /* to the module, -1 once the caller is inside */
	struct gk_link_message question;
	enum gk_link_mode mode; /* how what acts for the user comes inside */

	struct gk_nss_worker apart; /* who the user is, asked for */
	struct gk_identity nobody;  /* whose a trial's place is */

	struct gk_session session;
	int log_socket;        /* /dev/log of the container, until the relay has it */
	pid_t log_pid;         /* the relay; 0: none */
	int log_pidfd;         /* of the relay */
	int log_link;          /* its end ends the relay */
	int signals;           /* signalfd: the module asks for the end, or an administrator */
	char before[1024];     /* cgroup.procs of the caller before the stack was run through */
	char origin[1024];     /* with GK_LINK_WHOLE: and before it went into the session's; "": it
				  stays where it is */
	bool in_scope;         /* origin is a scope that logind has made for this login */
	int ptys;              /* O_PATH: /dev/pts of the container */
	int64_t ptys_found_ms; /* when own_pty was filled; 0: never */
	bool own_pty[GK_TERMINALS_MAX]; /* with share = user: which of them are this login's */
	int outer_tty;                  /* write-only, of a daemon that brings one; -1 */
	struct gk_terminal outer_words, words[GK_TERMINALS_MAX]; /* what was said on each */
	struct gk_pending_notice owed;  /* and what some did not take yet */
	struct gk_pending_notice first; /* what the first one is to say that is opened */
	bool recorded;                  /* utmp and wtmp have the login */
};

/* keeper-stack.c: whether the session part of the service's stack, read as libpam reads it, surely
 * comes to a `pam_gocker.so` line after the one with `outer`, and fails where that one fails.
 * Returns 0 or -errno: a login must not be let go on to where nothing contains it. */
int gk_keeper_check_stack(struct gk_keeper *k, struct gk_err *err);

/* keeper-caller.c: a login that `gocker enable` or `gocker doctor` tries: by a stack of gocker's
 * own, which is in no directory of PAM's, or by the real stack of a service. */
bool gk_keeper_is_trial(const struct gk_keeper *k);

/* Of these the one by gocker's own stack. */
bool gk_keeper_has_own_stack(const struct gk_keeper *k);

/* keeper-caller.c: sets k->mode by the program that opens the session. Returns 0, or -errno where
 * it is none that is known, or named by the administrator. */
int gk_keeper_check_caller(struct gk_keeper *k, struct gk_err *err);

/* keeper-refused.c: kills the user's processes below the caller that are on the host. */
void gk_keeper_end_loose(const struct gk_keeper *k);

/* After a login that was refused, or that ended before it was inside: does that for a while, until
 * the caller is gone. sshd has some seconds first, to say why. */
void gk_keeper_end_refused(struct gk_keeper *k);

/* keeper-shared.c: whether the login is in a container that all of its user's logins share. */
bool gk_keeper_is_shared(const struct gk_keeper *k);

/* The container's init, as a pidfd, and its cgroup, whoever has made them. */
int gk_keeper_init(const struct gk_keeper *k);
const struct gk_cgroup *gk_keeper_cgroup(const struct gk_keeper *k);

/* Whether a shared container has a place for what acts for the user: sshd says nothing to the
 * client when its user side cannot fork (the others' children need no more than to be moved inside,
 * which no limit refuses). Returns 0, or -EAGAIN with the limit's name. */
int gk_keeper_check_room(const struct gk_keeper *k, struct gk_err *err);

/* Finds out which terminals of a shared container are this login's (k->own_pty). */
void gk_keeper_find_ptys(struct gk_keeper *k);

/* keeper-build.c: the container from the plan, with the stub and the log socket; with GK_LINK_WHOLE
 * the caller in its cgroup. Returns 0 or -errno with everything undone. */
int gk_keeper_build(struct gk_keeper *k, struct gk_err *err);

/* Takes the caller out of the session's cgroup, if it is in it, and ends the container. Returns 0,
 * or -errno when something is left (it is logged). */
int gk_keeper_undo(struct gk_keeper *k);

/* What `/` and the PID namespace are inside, to be known again by the module. */
int gk_keeper_root_of(
	pid_t init, struct gk_link_root *ret, uint64_t *ret_pid_ns, struct gk_err *err);

/* A detached mount of the container's /dev/pts. Returns its fd or -errno. */
int gk_keeper_clone_ptys(struct gk_keeper *k, struct gk_err *err);

/* keeper-terms.c: finds the session's terminals, while the keeper has its powers, and takes the
 * group that may write to them. Returns 0 or -errno. */
int gk_keeper_open_terminals(struct gk_keeper *k, struct gk_err *err);
void gk_keeper_close_terminals(struct gk_keeper *k);

/* Says a line on each terminal of the session. Whoever refuses messages (mesg(1)) gets none. */
void gk_keeper_say(struct gk_keeper *k, const char *text);

/* Says this once there is a terminal: it is tried until then. */
void gk_keeper_say_first(struct gk_keeper *k, const char *text);

/* Says what is due of k->owed where it was turned away, and of k->first. */
void gk_keeper_say_again(struct gk_keeper *k);

/* Whether the caller has brought a terminal of the host's, which outlives the session: su, runuser
 * and sudo do, and login does, whose terminal is hung up on as its shell ends; sshd does not. */
bool gk_keeper_has_outer(const struct gk_keeper *k);

/* Says a last line on that terminal; tries for a tenth of a second. */
void gk_keeper_say_last(struct gk_keeper *k, const char *text);

/* How long nobody has used any terminal of the session, in ms; -1 while it has none. */
int64_t gk_keeper_idle_ms(struct gk_keeper *k);

/* keeper-log.c: the container's /dev/log, a socket that gets its name inside. Nothing of it is seen
 * outside. Returns 0 or -errno. */
int gk_keeper_open_log(struct gk_keeper *k, struct gk_err *err);

/* Starts the relay to the host's log, while the keeper has its powers and before anything of the
 * user's runs. Returns 0 or -errno. */
int gk_keeper_start_log(struct gk_keeper *k, struct gk_err *err);

/* Lets the relay hand on what waits, and ends it; waits a fifth of a second at most. Fine without
 * one. */
void gk_keeper_end_log(struct gk_keeper *k);

/* Before the caller goes in: a keeper that can't be asked keeps nobody. Returns 0 or -errno. */
int gk_keeper_open_signals(struct gk_keeper *k, struct gk_err *err);

/* keeper-watch.c: waits until the caller is gone or asks for the end.
 * What is left inside then gets a hang-up, TERM after a second, and is let be until it is gone,
 * three seconds at most. */
void gk_keeper_watch(struct gk_keeper *k);

/* keeper-records.c: whether this login is one that who(1) shows. */
bool gk_keeper_is_recorded(const struct gk_keeper *k);

/* utmp, wtmp and lastlog of the host, as its administrator expects them. Files
 * that are not there are not made. Failures are none of the login's. */
void gk_keeper_record_login(struct gk_keeper *k);
void gk_keeper_record_logout(struct gk_keeper *k);

#endif
