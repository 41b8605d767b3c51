/* The cgroup of a session: BASE/u<uid>/<session id>, with limits at each level. */
#ifndef GK_RUN_CGROUP_CGROUP_H
#define GK_RUN_CGROUP_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "plan/plan.h"

/* Room for a session id (12 hex digits) and a NUL. */
enum { GK_ID_BYTES = 13 };

/* What connects a session's network with the host's (run/build/network.c): PID 1 of a PID namespace
 * that is not the session's, and the uid of the rest, which nobody else has; 0: nothing. */
struct gk_cgroup_network {
	pid_t pid;
	uid_t uid;
};

/* An open session cgroup. All fds are O_CLOEXEC; -1 when not open. */
struct gk_cgroup {
	bool v1;      /* pids alone, on a hierarchy of its own */
	bool foreign; /* someone else's (a scope of systemd's): never killed or removed by us */
	int base_fd;  /* BASE */
	int user_fd;  /* BASE/u<uid> */
	int leaf_fd;  /* BASE/u<uid>/<id> */
	uid_t uid;
	char id[GK_ID_BYTES];
	struct gk_cgroup_network network; /* processes in the leaf that are not the session's */
	uint64_t user_hits_before;        /* of the user's limit, by sessions before this one */
};
#define GK_CGROUP_INIT ((struct gk_cgroup){ .base_fd = -1, .user_fd = -1, .leaf_fd = -1 })

/* Counters of a session, UINT64_MAX where the kernel does not tell. */
struct gk_usage {
	uint64_t pids_now, pids_peak;
	uint64_t pids_hits;      /* tasks that the session's own limit refused */
	uint64_t user_pids_hits; /* tasks that the limit of all the user's sessions refused: since
				    this one began, to any of them (Linux 6.11 and later), else to
				    this one */
	uint64_t memory_now, memory_peak, oom_kills;
	uint64_t memory_high_hits; /* how often it was slowed down at memory_high */
	uint64_t memory_low_hits;  /* how often memory_low could not be kept */
	uint64_t cpu_usec;
	uint64_t cpu_throttled;      /* tenths of a second in which it had used up cpus */
	uint64_t user_cpu_throttled; /* and all of the user's sessions user_cpus */
	uint64_t io_stalled_usec;    /* in which it waited for disks, for io_max too */
};

/* The counters of a closing line of the log: NAME=VALUE and blanks between, -1 for what is not
 * known. */
void gk_usage_words(const struct gk_usage *u, char *text, size_t size);

/* Makes the leaf of a plan with all its limits, and what is missing above it. On a host that keeps
 * pids on cgroup v1, any other limit in the policy is refused (-EOPNOTSUPP). Undone on failure. */
int gk_cgroup_make(const struct gk_plan *plan, struct gk_cgroup *ret, struct gk_err *err);

/* Opens gocker's own cgroup, that of all sessions, and makes it where it is missing. Returns the fd
 * or -errno. */
int gk_cgroup_open_base(struct gk_err *err);

/* Opens an existing leaf, for sweeping and for the administrator's commands. -ENOENT: gone. */
int gk_cgroup_find(uid_t uid, const char *id, struct gk_cgroup *ret, struct gk_err *err);

/* Moves the calling process, which has one thread, into the leaf. On v1 that is a thread that moves
 * itself
 * (`tasks`): any other way takes a lock whose readers are every fork and exit of the host, and
 * waits 6 to 12 ms for an RCU grace period (cgroup_procs_write_start, since Linux 5.5). */
int gk_cgroup_join(const struct gk_cgroup *cg);

/* Opens the file by which a process with one thread enters the leaf: it writes "0" to it, and on v1
 * waits for nobody (gk_cgroup_join). Both versions check the credentials of the opener. Returns the
 * fd (O_CLOEXEC) or -errno. */
int gk_cgroup_open_tasks(const struct gk_cgroup *cg);

/* Whether a process is in the leaf: 1, 0, or -errno where that could not be read. */
int gk_cgroup_has(const struct gk_cgroup *cg, pid_t pid);

/* The path of the cgroup.procs file of the cgroup in which a process is: of the hierarchy that
 * limits pids. Returns 0, or -errno (-ENAMETOOLONG when it does not fit). */
int gk_cgroup_procs_of(pid_t pid, char *buf, size_t size);

/* Takes the cgroup v2 in which a process is as its leaf, for a session whose limits systemd has
 * set: `foreign`. -EPERM unless its limits are those that the plan asks for. */
int gk_cgroup_adopt(
	const struct gk_plan *plan, pid_t pid, struct gk_cgroup *ret, struct gk_err *err);

/* Kills every process in the leaf: cgroup.kill on v2; on v1, and before Linux 5.14, by pidfds whose
 * membership is read again after opening (a number may have been reused). Returns 0 or -errno. */
int gk_cgroup_kill(const struct gk_cgroup *cg);

/* Waits until the leaf is empty and removes it, and the user's directory when that was the last.
 * timeout_ms bounds the wait; -EBUSY after it. */
int gk_cgroup_remove(struct gk_cgroup *cg, int timeout_ms);

/* Freezes or thaws every process of the leaf (v2 only, else -EOPNOTSUPP). */
int gk_cgroup_freeze(const struct gk_cgroup *cg, bool freeze);

/* Whether the leaf was frozen with gk_cgroup_freeze. */
bool gk_cgroup_is_frozen(const struct gk_cgroup *cg);

/* Opens a process by its number and verifies afterwards that it is a member of the leaf: the number
 * may have been reused, a pidfd can't be. Returns a pidfd (O_CLOEXEC), or -ESRCH or -errno. */
int gk_cgroup_pidfd(const struct gk_cgroup *cg, pid_t pid);

/* Sends a signal once to every process of the leaf that is in init's PID namespace, but not to
 * init, by such pidfds (what a daemon keeps outside, sshd's monitor, is none of it). Returns how
 * many got it, or -errno. */
int gk_cgroup_signal(const struct gk_cgroup *cg, int sig, pid_t init);

/* Whether a process is in init's PID namespace. */
bool gk_cgroup_is_inside(pid_t pid, pid_t init);

/* Whether a process of the leaf besides init is in a PID namespace below the caller's: one of the
 * session's own (what its network needs is none of it). Zombies are not counted. Needs no power
 * over them. */
bool gk_cgroup_has_inner(const struct gk_cgroup *cg, pid_t init);

/* How many such processes there are. */
int gk_cgroup_count_inner(const struct gk_cgroup *cg, pid_t init);

/* Opens by its path a leaf that is someone else's, as a record names it. -ENOENT: gone. */
int gk_cgroup_find_foreign(const char *path, struct gk_cgroup *ret, struct gk_err *err);

/* Reads the counters. Whose limit refused a task is told by Linux 6.11 and later on v2. Before
 * that, and on v1, the session's events count both: they are the user's limit's where the session
 * never had as many tasks as its own limit allows (pids.peak), else its own's. */
void gk_cgroup_usage(const struct gk_cgroup *cg, struct gk_usage *ret);

/* How often the limit of all the user's sessions has refused a task, where the kernel counts that
 * by itself (pids.events.local); 0 where it does not. */
uint64_t gk_cgroup_user_hits(const struct gk_cgroup *cg);

/* Closes the fds. */
void gk_cgroup_close(struct gk_cgroup *cg);

/* Whether this host has the pids controller on cgroup v1 (then only pids limits work).
 * Returns 1, 0, or -ENOENT with err when no pids controller is mounted at all. */
int gk_cgroup_is_v1(struct gk_err *err);

#endif
