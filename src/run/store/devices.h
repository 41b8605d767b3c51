/* The devices of this host that a policy's devices name. */
#ifndef GK_RUN_STORE_DEVICES_H
#define GK_RUN_STORE_DEVICES_H

#include "base/arena.h"
#include "base/err.h"
#include "plan/request.h"

/* Finds the nodes that the patterns (glob(7), NULL-ended) name in this host's /dev, links followed,
 * and sets request->devices, each once, with the name that matched. What is missing or no device is
 * left out: a driver may not be loaded. At most GK_DEVICES_MAX + 1 are taken down, which the plan
 * refuses. Returns 0, or -errno with err. */
int gk_devices_find(const char *const *patterns, struct gk_request *request, struct gk_arena *arena,
	struct gk_err *err) __attribute__((warn_unused_result));

#endif
