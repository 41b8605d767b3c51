/* The container that a user's logins share (share = user): found, or its slot taken to make it.
 *
 * In /run/gocker/u/<uid>, besides the slots of the user's sessions:
 *
 * - lock: flock(2), held while a login looks for the container or has it made, and while its
 *   holder decides to end it. Not the directory itself, whose lock is the cgroup's and is needed
 *   while a container is made.
 * - 65536 and up: slots of containers, one record each, held by the holder's lock. One that ends
 *   keeps its own until nothing is left of it, while a login makes the next one.
 * - gate65536 and up: a FIFO beside each. The holder reads it, and each login in the container
 *   holds it open for writing: the kernel counts them, however a login ends. It is there for as
 *   long as the container can be joined.
 */
#ifndef GK_RUN_STORE_CONTAINER_H
#define GK_RUN_STORE_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "plan/policy.h"
#include "run/cgroup/cgroup.h"
#include "run/store/record.h"

struct gk_container {
	char id[GK_ID_BYTES];
	uint64_t digest; /* of the policy that it was made with (gk_policy_container_digest) */
	/* The limits that it was made with, and the section that set the first. */
	uint64_t pids_max, memory_max;
	char pids_section[128];
	char unpublished[256]; /* ports that it could not have; "-": none */
	uint64_t linger_s;     /* how long it stays after its last login; GK_UNLIMITED: for ever */
	pid_t init;
	int init_pidfd; /* verified to be of that cgroup */
	struct gk_cgroup cgroup;
	int gate; /* counts this process among the logins; closed with its last copy */
};
#define GK_CONTAINER_INIT \
	((struct gk_container){ .init_pidfd = -1, .cgroup = GK_CGROUP_INIT, .gate = -1 })

/* Locks the containers of a user; what the caller's user can stop or freeze must not hold it. Waits
 * for timeout_ms at most. Returns the fd, whose last copy unlocks them, -ETIMEDOUT or -errno. */
int gk_container_lock(uid_t uid, int timeout_ms, struct gk_err *err);

/* The network namespace of this process, as a record names it; 0 when it can't be told. */
uint64_t gk_container_network(void);

/* Under the lock: finds the container that can be joined, and joins its logins. It is one that was
 * made for this user name, since another account with the same uid has another policy, and from the
 * network namespace that this process is in: a service that is kept off a network is not to reach
 * it through its user's container. Returns 1; or 0 with a slot taken for a new one; -ESRCH when
 * there may be one, which is ending or could not be examined; or -errno. */
int gk_container_find(uid_t uid, const char *user, struct gk_container *ret,
	struct gk_slot *ret_slot, struct gk_err *err);

/* Puts the limits that the container was made with into a policy, whose text names them. The
 * container is to be kept for as long as that. */
void gk_container_limits(const struct gk_container *c, struct gk_policy *policy);

/* Whether no other login is in it. For what its user is told alone: others come and go meanwhile,
 * and this login is counted no more by the others that ask. */
bool gk_container_is_last(const struct gk_container *c);

/* Closes all of it: the login has left. */
void gk_container_close(struct gk_container *c);

/* The holder's side of the gate. */
struct gk_gate {
	const struct gk_slot *slot;
	int fd;       /* to be polled for POLLIN; -1 once it is shut */
	int own;      /* an end for writing, while no login has one */
	bool entered; /* a login has come through it */
};
#define GK_GATE_INIT ((struct gk_gate){ .fd = -1, .own = -1 })

/* Makes the gate of the container in this slot, which can be joined from then on. Returns 0 or
 * -errno. */
int gk_gate_open(const struct gk_slot *slot, struct gk_gate *ret, struct gk_err *err);

/* Whether a login is in the container. To be called when poll(2) reports something of the gate;
 * only under the lock is its answer true for longer than a moment. */
bool gk_gate_is_used(struct gk_gate *gate);

/* Removes the gate: nobody can join any more. */
void gk_gate_shut(struct gk_gate *gate);

#endif
