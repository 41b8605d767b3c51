/* The module's part of one login: starting the keeper, talking with it, going in and coming back.
 * It parses nothing and knows no policy. */
#ifndef GK_PAM_DOOR_H
#define GK_PAM_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "join.h"
#include "link.h"
#include "powers.h"
#include "view.h"

enum gk_pam_state {
	GK_PAM_STARTED = 1, /* the keeper waits; the caller is where it was */
	GK_PAM_FREE,        /* this user is not contained */
	GK_PAM_FAILED,      /* `outer` failed: the last line of the stack must not try again */
	GK_PAM_INSIDE,      /* the session is open: what the caller forks, or with GK_LINK_WHOLE
			       the caller itself, is in the container */
	GK_PAM_BACK,        /* it is as it was before; the container still lives */
};

enum { GK_PAM_HIDDEN_MOST = 8 };

/* One login. It lives in a page of its own that a fork finds empty (madvise(2), MADV_WIPEONFORK):
 * the user's side of a daemon can neither close nor end what its parent opened. */
struct gk_pam_door {
	uint32_t magic; /* GK_PAM_MAGIC, in the process that opened it only */
	enum gk_pam_state state;
	int link;   /* to the keeper, -1 once inside: nobody forked later may hold it */
	int keeper; /* pidfd */
	enum gk_link_mode mode;
	struct gk_powers powers; /* of the caller, before the guard */
	struct gk_view view;     /* not with GK_LINK_WHOLE */
	struct gk_host_ns host;  /* with it, and the following */
	char origin[1024];       /* a file of the cgroup where the caller came from; "": it stays */
	char cwd[1024];
	int32_t umask;                    /* the caller's own, while it has the session's; -1 */
	char user[256];                   /* whom it was opened for */
	char *hidden[GK_PAM_HIDDEN_MOST]; /* variables taken out of the handle while it is open */
};
#define GK_PAM_MAGIC 0x676b6472U

/* What went wrong: a line for the user, the rest for the log. */
struct gk_pam_failure {
	char user[512];
	char log[600];
};

/* A page for a login, or NULL. */
struct gk_pam_door *gk_door_new(void);

/* Whether this process is the one that opened it (and not a fork of it). */
bool gk_door_is_ours(const struct gk_pam_door *door);

/* Starts a keeper and sends it the question (GK_LINK_OPEN or GK_LINK_ASK); *answer is its answer:
 * GK_LINK_LIMITS or GK_LINK_FREE. Returns 0, or -errno with why; no keeper is left then. SIGCHLD
 * must be blocked. */
int gk_door_start(struct gk_pam_door *door, const struct gk_link_message *question,
	struct gk_link_message *answer, struct gk_pam_failure *why);

/* Has the container built (names: of variables, each with a newline at its end) and opens it to the
 * caller: with GK_LINK_DROP and GK_LINK_NARROW the caller stays on the host, guarded (powers.h),
 * and what it forks goes inside (children.h). Returns 0, or -errno with why: then the caller is as
 * it was and the container is gone. */
int gk_door_enter(struct gk_pam_door *door, const char *names, struct gk_pam_failure *why);

/* Makes the caller what it was before: guard, namespaces, directory, umask and cgroup. Does not
 * need the keeper. Returns 0 or -errno. */
int gk_door_come_back(struct gk_pam_door *door);

/* Ends the keeper and with it the container, and waits for it. Returns 0, or -ETIMEDOUT when it had
 * to be killed. */
int gk_door_end(struct gk_pam_door *door);

/* Frees the page. Touches no keeper and no namespace. Of a session that is still open the
 * descriptors stay: the fork handlers close them in the children. */
void gk_door_free(struct gk_pam_door *door);

#endif
