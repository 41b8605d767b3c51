/* The relay between the caller's terminal and the session's own pty, where gocker is not the
 * session leader (su, sudo, gocker run -t): raw mode, resize, hang-up, nothing lost. */
#ifndef GK_RUN_WATCH_RELAY_H
#define GK_RUN_WATCH_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>

#include "base/err.h"

/* One direction: what was read and not yet written. */
struct gk_flow {
	unsigned char *data; /* of relay.c; set when the relay is opened */
	size_t from, to;
	bool ended; /* nothing more will be read */
};

struct gk_relay {
	int outer;   /* the caller's terminal, an open file description of our own */
	int master;  /* of the inner pty; not owned */
	pid_t group; /* our process group; the supervisor's filter knows no getpgrp */
	bool raw;    /* the outer terminal is in raw mode by us */
	bool known;  /* before and ours are set */
	int guard;   /* a socket to the guard, -1 without one */
	pid_t guard_pid;
	struct termios before, ours;
	struct gk_flow in, out;
};

/* Gives the inner pty the modes and the size of the terminal behind fd. Before the payload starts,
 * which may set its own. Returns 0 or -errno. */
int gk_relay_seed(int fd, int master, struct gk_err *err);

/* Takes the outer terminal behind fd. relay->outer is -1 until then. A process of its own, the
 * guard, gives the terminal back should this one be killed. Call it before giving capabilities up.
 * Returns 0 or -errno. A process has one relay at most. */
int gk_relay_open(struct gk_relay *relay, int fd, int master, struct gk_err *err);

/* Puts the outer terminal into raw mode when this process is in its foreground. */
void gk_relay_resume(struct gk_relay *relay);

/* Gives the outer terminal back as it was found. */
void gk_relay_suspend(struct gk_relay *relay);

/* After SIGCONT: as resume, whatever was done to the terminal meanwhile, and its size. */
void gk_relay_continue(struct gk_relay *relay);

/* Hands the outer terminal's size on. */
void gk_relay_resize(struct gk_relay *relay);

/* Fills two pollfd entries and returns the ms after which it wants to be asked again, -1 for never.
 * gk_relay_move moves bytes after poll. It returns false when the outer terminal has hung up; what
 * comes from the session is dropped from then on. */
int gk_relay_poll(struct gk_relay *relay, struct pollfd fds[2]);
bool gk_relay_move(struct gk_relay *relay, const struct pollfd fds[2]);

/* After the session's last process is gone: writes out what the pty still holds (bounded in time),
 * and gives the terminal back. */
void gk_relay_close(struct gk_relay *relay);

/* The same where others may still hold the inner terminal and write to it for ever: writes out what
 * the command wrote last, at most what a pty holds, for five seconds at most. */
void gk_relay_finish(struct gk_relay *relay);

#endif
