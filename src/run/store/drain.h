/* Whether this host takes new sessions: GK_STATEDIR/drain, which `gocker drain` writes and removes.
 * It lasts over a reboot unless it names the boot that it is for. */
#ifndef GK_RUN_STORE_DRAIN_H
#define GK_RUN_STORE_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define GK_DRAIN_PATH GK_STATEDIR "/drain"

/* The longest reason, in bytes, and the length of a boot's id. */
enum { GK_DRAIN_REASON_BYTES = 200, GK_BOOT_ID_BYTES = 37 };

struct gk_drain {
	bool on;                                /* no login gets a session */
	bool maint;                             /* and load balancers are to send nothing at all */
	int64_t since;                          /* seconds since the epoch; 0: unknown */
	char boot[GK_BOOT_ID_BYTES];            /* the boot that it ends with; "" : none */
	char reason[GK_DRAIN_REASON_BYTES + 1]; /* one line, "" when none was given */
};

/* Reads the state. A file that is there and can't be read means that the host is drained, for a
 * reason unknown. */
void gk_drain_read(struct gk_drain *ret);

/* Returns 0, or -EBUSY with the line that a user reads when the host takes no new sessions. */
int gk_drain_check(struct gk_err *err);

/* Reads the id of this boot (/proc/sys/kernel/random/boot_id). Returns 0 or -errno. */
int gk_boot_id(char ret[GK_BOOT_ID_BYTES]);

#endif
