/* The sessions of this host as the administrator's commands see them: records and counters. */
#ifndef GK_CLI_SESSIONS_SESSIONS_H
#define GK_CLI_SESSIONS_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "run/cgroup/cgroup.h"
#include "run/watch/traffic.h"

/* One session. Strings are as the record has them: escaped, fit for a terminal; "-" is unknown. */
struct gk_seen {
	uid_t uid;
	unsigned place;
	bool alive; /* a process holds its record */
	bool frozen;
	const char *record;  /* the whole text */
	const char *version; /* of the image, NAME@STAMP */
	const char *id, *user, *door, *image, *tty, *from, *command, *section;
	const char *published, *unpublished; /* ports: 127.0.0.1:8000-8099 ... */
	int64_t started;                     /* seconds since the epoch */
	int64_t started_ms; /* of that second; 0 in a record of an earlier release */
	int64_t age_s;
	int64_t idle_s; /* -1: no terminal to tell */
	pid_t init, supervisor;
	/* share = user: a container is a session without a command, and each login in it is one
	 * with the container's init and cgroup. */
	bool is_container;
	const char *container; /* the id of a login's container, "-" for none */
	bool behind;           /* gocker.ini would make that container in another way now */
	int64_t since;     /* ms: when its container was made; when it was opened, for any other */
	pid_t payload;     /* a login's command; 0: it came through the PAM door */
	uint64_t pids_max; /* UINT64_MAX: unknown, here and below */
	uint64_t memory_max;
	uint64_t userns;           /* the host's id of 0 inside; 0 without a user namespace */
	uint64_t caps;             /* what a command in it may keep; 0 for users */
	struct gk_usage usage;     /* tasks without gocker's own, as pids_max counts them */
	struct gk_traffic traffic; /* of a network of its own */
	double cpu_percent;        /* for `top`, filled there */
};

struct gk_seen_list {
	struct gk_seen *list;
	size_t n;
};

/* Which sessions are meant; NULL members match everything. */
struct gk_seen_filter {
	const char *user, *door, *image;
	bool stale; /* those as well that a crash left */
	bool whole; /* of a shared container not its logins as well, which go with it */
};

/* Reads all records that match, the oldest session first, with their counters. Allocates from
 * arena. Returns 0 or -errno. */
int gk_seen_read(const struct gk_seen_filter *filter, struct gk_arena *arena,
	struct gk_seen_list *ret, struct gk_err *err);

/* Finds one living session by its id, by a beginning of it that fits no other, or by its user's
 * name where that user has no other. A word that is both a beginning of an id and a user is
 * refused. Returns 0, -ENOENT, -ENOTUNIQ for more than one, or -errno. */
int gk_seen_find(const char *id, struct gk_arena *arena, struct gk_seen *ret, struct gk_err *err);

/* Finds the living sessions that a word means: one by its id, or all of a user. Returns as above.
 */
int gk_seen_find_all(
	const char *word, struct gk_arena *arena, struct gk_seen_list *ret, struct gk_err *err);

/* Where --user names nobody: no account, and no session in the list. Returns 0, or 1 after a line
 * on stderr. user may be NULL. */
int gk_seen_check_user(const char *command, const char *user, const struct gk_seen_list *all);

/* What gk_escape wrote, for people: a backslash, which is \x5c there, as itself (DOM\anna). What a
 * terminal would obey stays escaped. In place; returns its argument. */
char *gk_readable(char *escaped);

/* The same of a string of a session, which stays as it is. "?" when memory is exhausted. */
const char *gk_seen_readable(struct gk_arena *arena, const char *escaped);

/* A session of no one, with every field that gk_seen_json has. */
struct gk_seen gk_seen_example(void);

/* Opens the session's cgroup and, when ret_pidfd is not NULL, its init by a pidfd that was verified
 * to be in that cgroup after it was opened. Returns 0 or -errno. */
int gk_seen_open(
	const struct gk_seen *seen, struct gk_cgroup *ret_cg, int *ret_pidfd, struct gk_err *err);

/* A pidfd of the process that watches a session, verified by the lock of its record. Returns it or
 * -errno. */
int gk_seen_supervisor(const struct gk_seen *seen, struct gk_err *err);

/* As gk_seen_open, but with a pidfd of the process whose end is the session's: init; of a login in
 * a shared container its supervisor, or its keeper where it came through the PAM door. */
int gk_seen_open_end(
	const struct gk_seen *seen, struct gk_cgroup *ret_cg, int *ret_pidfd, struct gk_err *err);

/* Sends a signal to each process of a session but init, or KILL to all. Of a login in a shared
 * container TERM and KILL end all that is below its command or daemon, by steps or at once; any
 * other signal goes to its command, or is taken as TERM where it came through the PAM door. cg and
 * pidfd are those of gk_seen_open_end. Returns a number from 0 or -errno. */
int gk_seen_signal(const struct gk_seen *seen, const struct gk_cgroup *cg, int pidfd, int sig);

/* Prints everything about a session, a line for each thing and each process (inspect.c). */
void gk_inspect_print(FILE *f, const struct gk_seen *seen, struct gk_arena *arena);

struct json_object;
/* A session as JSON; the caller owns it. */
struct json_object *gk_seen_json(const struct gk_seen *seen);

#endif
