/* Capabilities and securebits of the calling process: the guard on a daemon whose session is open,
 * and what its children keep (capabilities(7)). */
#ifndef GK_PAM_POWERS_H
#define GK_PAM_POWERS_H

#include <stdbool.h>
#include <stdint.h>

/* The powers of a process at one moment. */
struct gk_powers {
	uint64_t effective, permitted, inheritable;
	int32_t securebits;
	bool ambient_setuid; /* CAP_SETUID was in the ambient set */
};

/* Reads the caller's own. Returns 0 or -errno. */
int gk_powers_read(struct gk_powers *ret);

/* Makes the effective set the permitted one. Returns 0 or -errno. */
int gk_powers_raise(void);

/* Guards the caller: it can no longer change to another uid, whether by fork(2), vfork(2), clone(2)
 * or in place, and what it executes has no capability. That is CAP_SETUID out of the effective set,
 * SECBIT_NOROOT, and SECBIT_NO_SETUID_FIXUP so that no change between its own ids raises the
 * capability again. Nothing is locked: a program that raises capabilities by itself undoes it.
 * *saved are the powers before it. Returns 0, or -errno with nothing changed. */
int gk_powers_guard(struct gk_powers *saved);

/* The part of the guard that still lets the caller become the user in place: what it executes as
 * root has no capability (SECBIT_NOROOT). Returns 0, or -errno with nothing changed. */
int gk_powers_guard_exec(struct gk_powers *saved);

/* Gives back what a guard took. Returns 0 or -errno. */
int gk_powers_restore(const struct gk_powers *saved);

/* For good: keeps of its capabilities those in `keep` (bits) and in the bounding set those in
 * `bounding`; uid 0 is no reason to have any (SECBIT_NOROOT, locked). Returns 0 or -errno; on
 * failure the process must end. */
int gk_powers_narrow(uint64_t keep, uint64_t bounding);

#endif
