/* One message with at most one descriptor over a unix socket (unix(7), SCM_RIGHTS). */
#ifndef GK_BASE_FDPASS_H
#define GK_BASE_FDPASS_H

#include <stddef.h>

/* Sends size bytes and, when fd >= 0, that descriptor. Returns 0 or -errno. */
int gk_fd_send(int sock, const void *data, size_t size, int fd);

/* Receives one message. *ret_fd is the descriptor that came (O_CLOEXEC) or -1. Returns the number
 * of bytes, 0 at the end of the stream, or -errno; -EMSGSIZE for more than size bytes or one fd. */
int gk_fd_recv(int sock, void *data, size_t size, int *ret_fd);

/* Puts /dev/null on 0, 1 and 2: a copy of a pipe that is held would hide its end from its reader.
 * Returns 0 or -errno. */
int gk_fd_null_stdio(void);

/* Closes every descriptor above 2 but the n in keep, which may have -1 among them and is sorted.
 * Returns 0 or -errno. */
int gk_fd_keep_only(int *keep, size_t n);

#endif
