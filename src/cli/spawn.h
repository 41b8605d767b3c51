/* Programs of the host that the administrator's commands ask. */
#ifndef GK_CLI_SPAWN_H
#define GK_CLI_SPAWN_H

#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

/* Starts argv[0] (an absolute path) with a clean environment, stdin from /dev/null and its stdout
 * in the stream returned; stderr is dropped. NULL with err when that failed. */
FILE *gk_spawn_stream(const char *const *argv, pid_t *ret_pid, struct gk_err *err);

/* Runs argv[0] to its end with stdout dropped and stderr kept. Returns its exit status. */
int gk_spawn_run(const char *const *argv);

/* The same with stderr dropped as well. */
int gk_spawn_quietly(const char *const *argv);

/* Waits for it. Returns the exit status, 128 + N for a death by signal N. */
int gk_spawn_wait(pid_t pid);

/* The first of these paths that can be run, or NULL. The list ends with NULL. */
const char *gk_spawn_find(const char *const *paths);

#endif
