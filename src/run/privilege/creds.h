/* Step 9: dropping every privilege, and proving it. */
#ifndef GK_RUN_PRIVILEGE_CREDS_H
#define GK_RUN_PRIVILEGE_CREDS_H

#include <stdint.h>

#include "base/err.h"
#include "plan/plan.h"

/* Narrows the bounding set to caps (bits): once, before the clone, for supervisor, init and payload
 * alike. What a process has already stays with it until it drops that (capabilities(7)); what it
 * execs from now on can't have more. Returns 0 or -errno. */
int gk_creds_bound(uint64_t caps, struct gk_err *err);

/* Drops to the plan's ids: groups, gid, uid, all capability sets; then proves it by
 * trying to regain what must be gone and by reading back. The parent-death signal is lost on the
 * way (prctl(2)). Returns 0 or -errno; on failure the process must not go on. */
int gk_creds_drop(const struct gk_credentials *cred, struct gk_err *err);

/* In a child that asks a file system in the user's hands: becomes that user altogether, which also
 * drops the capabilities. FUSE asks for all three ids (the file system's alone are denied), and
 * must never be asked with privilege. Proves nothing, so that nothing of the user's may run after
 * it. Returns 0 or -errno. */
int gk_creds_become(const struct gk_credentials *cred);

/* Makes all permitted capabilities effective again, after a change of the effective uid took that
 * away. Returns 0 or -errno. */
int gk_creds_raise(void);

/* Raises the limit of open files as far as it goes, the hard one too. For a process that is about
 * to become the user and sends descriptors then: once those that are under way in sockets, sent by
 * whichever process of the user's, are more than this limit of the sender's, none is sent any more
 * (unix(7), ETOOMANYREFS), and any session of the user's could keep the user's next login out. */
void gk_creds_raise_files(void);

/* Keeps uid 0 but only the capabilities in caps (bits), and sets no_new_privs: for the supervisor
 * (0) and init (CAP_KILL). They exec nothing; the bounding set is as gk_creds_bound left it. */
int gk_creds_reduce(uint64_t caps, struct gk_err *err);

#endif
