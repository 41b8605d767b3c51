/* A session from the host's side: made step by step, started, supervised, and taken down. */
#ifndef GK_RUN_BUILD_SESSION_H
#define GK_RUN_BUILD_SESSION_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "plan/plan.h"
#include "run/privilege/nss-worker.h"
#include "run/cgroup/cgroup.h"
#include "run/privilege/cleanse.h"
#include "run/build/enter.h"
#include "run/build/init.h"
#include "run/build/network.h"
#include "run/store/container.h"
#include "run/store/record.h"
#include "run/store/bind.h"
#include "run/build/tty.h"
#include "run/watch/traffic.h"

/* Trees of one plan: the home, the agent's socket, the volumes and the files. */
enum { GK_BINDS_MOST = 130 };

struct gk_session {
	const struct gk_plan *plan;
	const struct gk_caller *caller;
	struct gk_tty tty;
	unsigned image_flags;        /* GK_IMAGE_ANY_PARENT, for root's own command line */
	int stub;                    /* mount fd of the entry stub, from the keeper; -1 otherwise */
	struct gk_nss_worker *apart; /* a look-up that is still to be confirmed, or NULL */
	struct gk_stdio *stdio;      /* who has the caller's descriptors 0-2; NULL: this process */
	int devlog; /* socket that becomes /dev/log, from the keeper; -1 otherwise */

	struct gk_slot slot;
	struct gk_cgroup cgroup; /* one that is `foreign` may be set before gk_session_open */
	int image_fd, image_lock;
	char image_path[PATH_MAX];
	struct gk_network network;
	int counters;              /* of a network of its own, or -1 */
	struct gk_traffic traffic; /* what they said at the end */
	int userns;                /* the user namespace, -1 without one */
	struct gk_bind_asked asked[GK_BINDS_MOST];
	int binds[GK_BINDS_MOST]; /* init's */
	int pty_tree;

	pid_t init; /* 0: none; its number is used for waiting only, the pidfd for all else */
	int init_pidfd;
	int link;        /* the supervisor's end of the socket pair */
	int signals;     /* signalfd of who supervises, -1 before */
	bool told_to_go; /* init has the word to start the payload already */
	int master;      /* of the inner pty, when one is relayed */
	struct timespec opened;

	/* A login in a container that its user's logins share (gk_join_open): init is the
	 * container's, and there is neither link nor init_pidfd nor cgroup of its own. */
	bool joined;
	struct gk_container container;
	struct gk_enter enter;

	bool shared;     /* it is such a container, made by its holder */
	char extra[160]; /* more lines for the record */
	char from[128];  /* where the login came from, once looked for */
};

/* The PAM service of a login that gocker itself tries (`gocker enable`, `gocker doctor`). */
#define GK_TRIAL_SERVICE "gocker-trial"

/* Makes the plan that of a trial: its place and cgroup are owner's, whom it makes an account that
 * nobody has, so that it counts against no limit of the user's and shows among none of his
 * sessions' places. */
void gk_session_as_trial(struct gk_plan *plan, struct gk_policy *policy, struct gk_identity *owner);

/* Sets every fd to -1. */
void gk_session_init(
	struct gk_session *s, const struct gk_plan *plan, const struct gk_caller *caller);

/* A new session id: 12 hex digits from getrandom(2). buf has GK_ID_BYTES. Returns 0 or -errno. */
int gk_session_new_id(char *buf);

/* Steps 4 to 8: place, image, cgroup, trees, clone, root. When it returns 0 the container stands
 * and its init waits, or starts the payload where a supervisor stands ready (gk_supervise_prepare)
 * and no terminal is to be relayed. On failure everything is undone. */
int gk_session_open(struct gk_session *s, struct gk_err *err);

/* Starts the payload and waits until its execve succeeded. Returns 0, or the exit code (125, 126,
 * 127) with err. */
int gk_session_start(struct gk_session *s, struct gk_err *err);

/* Writes the record of the session: who, what, when, and where its cgroup is. */
int gk_session_record(struct gk_session *s, struct gk_err *err);

/* Where the login came from, escaped for a log line: the client's address as sshd tells it in
 * SSH_CONNECTION, "-" where there is none, or where a user may have said so. Looked for once. */
const char *gk_session_from(struct gk_session *s);

/* What has gone through the session's own network; unknown in the host's. */
void gk_session_traffic(const struct gk_session *s, struct gk_traffic *ret);

/* Logs the end of it. status is a word for how. */
void gk_session_log_close(const struct gk_session *s, const char *status, int64_t duration_ms,
	const struct gk_usage *usage);

/* Ends it: kills what lives, waits until nothing does, removes the cgroup, frees the place. Can be
 * called at any stage. Returns 0, or -errno when something is left (it is logged too). */
int gk_session_close(struct gk_session *s);

#endif
