/* The files and directories of a cgroup file system: what the rooms of run/ that deal with cgroups
 * have in common. Descriptors only; nothing follows a symlink. */
#ifndef GK_RUN_CGROUP_CGFILE_H
#define GK_RUN_CGROUP_CGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define GK_CGROUP_ROOT "/sys/fs/cgroup"
#define GK_CGROUP_V1   GK_CGROUP_ROOT "/pids"

/* Writes a value whole, as cgroup files take it. Returns 0 or -errno. */
int gk_cgfile_write(int dirfd, const char *name, const char *value);

/* Reads at most size - 1 bytes and terminates them. Returns their number or -errno. */
ssize_t gk_cgfile_read(int dirfd, const char *name, char *buf, size_t size);

/* Opens a directory (O_CLOEXEC). Returns the fd or -errno. */
int gk_cgfile_dir(int dirfd, const char *name);

/* Fills buf with the directory of the cgroup in which a process is (cgroups(7), /proc/PID/cgroup).
 * Returns 0, -EXDEV when it is outside of what this cgroup namespace shows, or -errno. */
int gk_cgfile_dir_of(bool v1, pid_t pid, char *buf, size_t size);

#endif
