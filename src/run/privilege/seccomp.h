/* The seccomp filters, made at build time (src/tools): loading one is a single system call. */
#ifndef GK_RUN_PRIVILEGE_SECCOMP_H
#define GK_RUN_PRIVILEGE_SECCOMP_H

#include "base/err.h"
#include "plan/plan.h"

/* Loads the filter of a payload. Needs no_new_privs or CAP_SYS_ADMIN. Returns 0 or -errno. */
int gk_seccomp_payload(enum gk_filter filter, struct gk_err *err);

/* Loads the filter that refuses the ways to a TCP connection which Landlock does not see:
 * MSG_FASTOPEN of send(2), MPTCP and SMC sockets, TCP_ULP of setsockopt(2), and io_uring, which
 * could do all of that. Needs no_new_privs or CAP_SYS_ADMIN. Returns 0 or -errno. */
int gk_seccomp_tcp(struct gk_err *err);

/* Loads the supervisor's own filter. */
int gk_seccomp_supervisor(struct gk_err *err);

/* Loads the filter of the process that passes connections on to a session's servers: TCP sockets
 * and pipes, and nothing else. */
int gk_seccomp_forwarder(struct gk_err *err);

/* Loads the filter of the process that unpacks archives: files below its root, memory, and nothing
 * else. */
int gk_seccomp_unpacker(struct gk_err *err);

#endif
