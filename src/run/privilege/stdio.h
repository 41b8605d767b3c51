/* The caller's descriptors 0 to 2, in the hands of a process of the caller's own. */
#ifndef GK_RUN_PRIVILEGE_STDIO_H
#define GK_RUN_PRIVILEGE_STDIO_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "run/build/tty.h"

/* The last close of a descriptor can block for as long as its owner likes: a FUSE file is flushed
 * at each close (fuse(4), FUSE_FLUSH), a TCP socket lingers (socket(7), SO_LINGER). So no process
 * with uid 0 closes what a caller of the set-uid program handed over. A child that shares the
 * table of descriptors (CLONE_FILES) becomes the caller, sends 0-2 into a socket of its own,
 * empties the table, and takes them back into a private one. It stays in the caller's process
 * group for the session's length: it gives 0-2 to the payload, receives the signals that the
 * caller's own processes may send, and prints a refusal. */
struct gk_stdio {
	pid_t pid;         /* 0: none */
	int pidfd;         /* -1: none */
	int link;          /* from it: signals; its end of file: it was killed */
	int payload;       /* what the payload asks for 0-2 */
	bool taken;        /* 0-2 of this process are no longer the caller's */
	bool nobody;       /* stdin and stdout have lost what was at their other ends */
	struct gk_tty tty; /* what 0-2 are; its fd is an O_PATH one */

	int theirs[4]; /* ends of the child's own, which share our table at first */
};
#define GK_STDIO_INIT \
	{ \
		.pidfd = -1, .link = -1, .payload = -1, .tty = { .fd = -1 }, .theirs = { \
			-1, \
			-1, \
			-1, \
			-1 \
		} \
	}

/* Starts the child. Until gk_stdio_take has returned 0 this process must open and close nothing.
 * To be called with all signals blocked and the effective uid 0, the real uid still the caller's.
 * Returns 0 or -errno. */
int gk_stdio_start(struct gk_stdio *s, struct gk_err *err);

/* Waits, ten seconds at most, until nothing of the caller's is left in this process's table, and
 * puts /dev/null on 0-2. Refuses 0-2 that are directories or O_PATH. Returns 0 or -errno. Unless
 * s->taken is set then, this process must become the caller before it ends. */
int gk_stdio_take(struct gk_stdio *s, struct gk_err *err);

/* In the payload, without privileges: asks for 0-2 and puts them in place, but for those in the bit
 * mask `same`. Nobody else may hold `payload` any more. Returns 0 or -errno. */
int gk_stdio_receive(int payload, unsigned same, struct gk_err *err);

/* What a signal to the child carries (sigqueue(3)) that is for the command alone and not for its
 * process group; with it SIGTSTP and SIGCONT stop and continue the session. conf/slurm's plugin
 * sends such signals. */
enum { GK_STDIO_ALONE = 0x676f636b };

/* The next signal that was sent to the child, and whether it carries GK_STDIO_ALONE; 0: none, -1:
 * the child was killed. To be called when poll(2) reports something of s->link. */
int gk_stdio_signal(struct gk_stdio *s, bool *ret_alone);

/* Tells the child that the payload runs: it holds 0-2 no longer, and can print no refusal. */
void gk_stdio_release(struct gk_stdio *s);

/* Has a line printed on the caller's stderr, and the child end. Printing may block for as long as
 * the caller likes: gk_stdio_end, as the user, waits for it. */
void gk_stdio_refuse(struct gk_stdio *s, const char *msg);

/* Tells the child that the session is over. */
void gk_stdio_dismiss(struct gk_stdio *s);

/* Dismisses it and waits for its end, but for timeout_ms at most: stuck in a close it may take for
 * ever. What is left then is a process of the caller's, where the caller's processes are counted.
 */
void gk_stdio_end(struct gk_stdio *s, int timeout_ms);

#endif
