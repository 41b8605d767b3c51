/* The look-up of an account in a process of its own. NSS loads whatever modules nsswitch.conf
 * names, with the libraries that these need; none of it is to stay mapped, for a session's length,
 * in the supervisor and in init, nor to be copied by each of their forks. And the caller does
 * meanwhile what needs no name. */
#ifndef GK_RUN_PRIVILEGE_NSS_WORKER_H
#define GK_RUN_PRIVILEGE_NSS_WORKER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/identity.h"

/* How long NSS may take, all in all, while a directory does not answer: nothing counts these
 * processes of root's. Less than what the PAM door's daemon waits for its keeper. */
enum { GK_NSS_WORKER_TIMEOUT_MS = 40000 };

/* One that is under way. The child is killed when the caller dies. */
struct gk_nss_worker {
	pid_t pid; /* 0: none */
	int pidfd;
	int said;
	int64_t deadline_ms;
	struct gk_nss_answer *answer;
};
#define GK_NSS_WORKER_INIT ((struct gk_nss_worker){ .said = -1, .pidfd = -1 })

/* Starts the look-up by name, or with name NULL by uid (gk_identity_look_up). By uid, an account
 * that is not the only one with it is refused (gk_identity_check_sole); claimed is the name that
 * the caller gives, or NULL. For a process without threads. Returns 0, or -errno with err. */
int gk_nss_worker_start(struct gk_nss_worker *a, const char *name, uid_t uid, const char *claimed,
	struct gk_err *err);

/* Waits for what it found. Returns 0, or -errno with err; whatever happens to the child is an
 * error, -ETIMEDOUT where NSS takes too long. */
int gk_nss_worker_answer(const struct gk_nss_worker *a, struct gk_arena *arena,
	struct gk_identity *ret, struct gk_err *err);

/* Waits until it has asked for the groups again (gk_identity_confirm) and for accounts with the
 * same uid: before that, nothing may come of the answer. Returns 0, or -errno with err. */
int gk_nss_worker_confirm(const struct gk_nss_worker *a, struct gk_err *err);

/* Ends the child, and reaps it unless it is stuck in the kernel for more than a second. Fine
 * without one. */
void gk_nss_worker_end(struct gk_nss_worker *a);

#endif
