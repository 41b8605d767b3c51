/* Step 1: nothing that the caller left behind may steer a privileged process. */
#ifndef GK_RUN_PRIVILEGE_CLEANSE_H
#define GK_RUN_PRIVILEGE_CLEANSE_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "run/privilege/stdio.h"

/* What was the caller's and goes back to the payload, or tells how it called. */
struct gk_caller {
	const char *const *env; /* the caller's environment, copied; ours is fresh */
	sigset_t mask;
	mode_t umask;
	struct rlimit limits[RLIM_NLIMITS];
	struct rlimit raised[RLIM_NLIMITS]; /* what gk_cleanse made of them */
	int sched_policy;                   /* SCHED_*, sched(7) */
	int ioprio;                         /* ioprio_set(2); -1: not known */
	cpu_set_t cpus;                     /* sched_setaffinity(2) */
	bool has_cpus;                      /* and it is known */
	int nice;                           /* -20 to 19 */
	int oom_score_adj;                  /* -1000 to 1000, proc(5) */
	char *title;       /* the memory of argv, which ps shows; init writes its own name there */
	size_t title_size; /* bytes; 0: left as it is */
	int parent_pidfd;  /* the caller's parent, -1 when it is outside this PID namespace */
	pid_t parent;
};

/* The most that is taken over of an environment, in variables and in bytes; SSH_ORIGINAL_COMMAND is
 * taken beyond them. */
enum { GK_ENV_MAX_VARS = 4096, GK_ENV_MAX_BYTES = 1 << 20 };

/* Opens fds 0-2 where they are closed, closes all others, takes the environment out, saves and
 * raises resource limits, resets signals, timers, umask, scheduling, dumpability and cwd, and
 * takes a pidfd of the parent. Where the caller is not to be trusted, its descriptors go to `stdio`
 * (else NULL), and this process closes none of them. Call it first of all. Returns 0 or -errno. */
int gk_cleanse(
	struct gk_arena *arena, struct gk_stdio *stdio, struct gk_caller *ret, struct gk_err *err);

/* Remembers where argv lies, for init to take as its title. */
void gk_caller_title(struct gk_caller *caller, int argc, char **argv);

/* Shows name, instead of the caller's command line, as what this process is (ps). caller may be
 * NULL. */
void gk_take_title(const struct gk_caller *caller, const char *name);

/* Refuses fds 0-2 that are directories or O_PATH: a payload could walk the host through them. */
int gk_cleanse_stdio(struct gk_err *err);

/* No core file, and no handler of the host's started by a crash: a core pattern with a pipe is run
 * by the kernel whatever RLIMIT_CORE says, but for the value 1, which it takes for a handler that
 * crashed itself (fs/coredump.c). A hard limit of 0 that this process may not raise stays. Returns
 * 0 or -errno. */
int gk_forbid_core(void);

/* Gives the caller's resource limits back to this process, but for that of core files, which stays
 * as gk_forbid_core made it, and with at most nofile (0: any number) descriptors. Returns 0 or
 * -errno. */
int gk_restore_limits(const struct gk_caller *caller, rlim_t nofile);

/* Gives this process what the caller had of less than the ordinary share: a positive nice value or
 * oom_score_adj, SCHED_BATCH or SCHED_IDLE, a best-effort or idle I/O class, the CPUs. To be called
 * as root. Returns 0 or -errno. */
int gk_restore_scheduling(const struct gk_caller *caller, struct gk_err *err);

#endif
