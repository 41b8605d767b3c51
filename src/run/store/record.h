/* Places and records: /run/gocker/u/<uid>/<n> is the n-th slot of a user. A session holds its
 * slot by a lock on the file and keeps its record in it; the kernel gives the slot back when the
 * last holder dies, however it dies, and the next login that takes the slot sweeps what the
 * record names. The file of one of the lowest 64 stays, empty; that of another goes with its
 * session. */
#ifndef GK_RUN_STORE_RECORD_H
#define GK_RUN_STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "run/cgroup/cgroup.h"

enum { GK_RECORD_MAX_BYTES = 4096 };

/* A slot taken; fd -1 when not. Closing the fd gives the slot back. */
struct gk_slot {
	int fd;       /* the user's slot, locked; the record */
	int host_fd;  /* the slot among all sessions of the host when sessions_max is set, or -1 */
	int group_fd; /* the same among those of group_sessions_max */
	uid_t uid;
	unsigned n;
};
#define GK_SLOT_INIT ((struct gk_slot){ .fd = -1, .host_fd = -1, .group_fd = -1 })

/* Opens /run/gocker (making it, 0700 root, checked at each use). Returns an fd or -errno. */
int gk_run_dir(struct gk_err *err);

/* Takes a slot for uid, within the policy's user_sessions_max, group_sessions_max and sessions_max.
 * Returns 0, -EDQUOT with a line for the user when a limit is reached, or -errno. */
int gk_slot_take(
	uid_t uid, const struct gk_policy *policy, struct gk_slot *ret, struct gk_err *err);

/* Takes a number below most that no living session has, until the last copy of the fd that is
 * returned is closed. Returns it, -EDQUOT when all are taken, or -errno. */
int gk_slot_take_range(unsigned most, unsigned *ret_n, struct gk_err *err);

/* Opens the directory of a user's slots (0700 root), making it. Returns the fd or -errno. */
int gk_slot_dir(uid_t uid, struct gk_err *err);

/* Takes slot n of a user, whose directory dir is, and sweeps it. make: also where its file is
 * missing. Returns 0, -EAGAIN when it is held, -ENOENT, -EBUSY when what its session left cannot be
 * ended, or -errno. */
int gk_slot_take_this(uid_t uid, int dir, unsigned n, bool make, struct gk_slot *ret);

/* Whether slot n is held, by another process than this one. */
bool gk_slot_is_held(int dir, unsigned n);

/* Replaces the record. fmt gives lines of key=value. */
int gk_record_write(const struct gk_slot *slot, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Empties the record and gives the slot back: the session is over and nothing is left of it. */
void gk_slot_release(struct gk_slot *slot);

/* One record as found. */
struct gk_record {
	uid_t uid;
	unsigned slot;
	bool alive; /* the lock is held */
	char text[GK_RECORD_MAX_BYTES];
};

/* The value of key in a record's text, copied into buf; returns buf, or NULL when there is none. */
const char *gk_record_get(const char *text, const char *key, char *buf, size_t size);

/* Reads the record of slot n of a user; false where there is none. */
bool gk_record_read(uid_t uid, int dir, unsigned n, struct gk_record *ret);

/* Whether a session of this id lives among the slots of a user, whose directory dir is. */
bool gk_record_lives(uid_t uid, int dir, const char *id);

/* Calls fn for each record that is not empty, of one uid or of all ((uid_t)-1), living and stale,
 * until fn returns non-zero, which is then returned. */
int gk_record_each(uid_t uid, int (*fn)(const struct gk_record *record, void *arg), void *arg,
	struct gk_err *err);

/* Sweeps every stale record (of one uid or of all): kills what lives in its cgroup, removes it and
 * empties or removes the record. What a living session holds is never touched: its lock is taken
 * first. Returns the number swept or -errno. */
int gk_sweep(uid_t uid, struct gk_err *err);

#endif
