/* What a session with a network of its own has received and sent. */
#ifndef GK_RUN_WATCH_TRAFFIC_H
#define GK_RUN_WATCH_TRAFFIC_H

#include <stdint.h>
#include <sys/types.h>

/* Bytes, by the counters of all interfaces but the loopback's; UINT64_MAX where there is none other
 * (network = none), or nothing can be read. */
struct gk_traffic {
	uint64_t in, out;
};

/* Opens the counters of the network namespace of a process (proc_pid_net(5)). They can be read when
 * it has ended, as long as the namespace has its interfaces. Returns the fd or -errno. */
int gk_traffic_open(pid_t pid);

/* Reads them; unknown for an fd below 0. */
void gk_traffic_read(int fd, struct gk_traffic *ret);

#endif
