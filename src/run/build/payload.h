/* Step 9: the process that becomes the user's program. */
#ifndef GK_RUN_BUILD_PAYLOAD_H
#define GK_RUN_BUILD_PAYLOAD_H

#include "run/build/init.h"

/* Terminal, privileges, limits, filter, then a byte from gate_fd (-1: at once), execve. Returns
 * only when that failed: the exit code (125, 126 or 127) with err. pty_path is the slave's path
 * inside, or NULL. */
int gk_payload_exec(const struct gk_init *init, const char *pty_path, int report_fd, int gate_fd,
	struct gk_err *err);

#endif
