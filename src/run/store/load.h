/* Step 3: the configuration file, opened once by fd and trusted only as root left it. */
#ifndef GK_RUN_STORE_LOAD_H
#define GK_RUN_STORE_LOAD_H

#include "base/arena.h"
#include "base/err.h"
#include "plan/config.h"

/* Reads and parses the configuration at path (GK_CONFIG_PATH in every set-uid program).
 * Returns 0 or -errno; a file with any fault yields nothing. */
int gk_load_config(
	const char *path, struct gk_arena *arena, struct gk_config *ret, struct gk_err *err);

#endif
