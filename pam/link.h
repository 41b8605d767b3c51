/* What module and keeper tell each other: one fixed-size message at a time over a SOCK_SEQPACKET
 * pair. Both are built from one source and installed together; a message of another size is
 * refused. */
#ifndef GK_PAM_LINK_H
#define GK_PAM_LINK_H

#include <stdint.h>

/* How what acts for the user comes inside; the keeper decides, by the program that opens the
 * session (keeper-caller.c). */
enum gk_link_mode {
	/* Each fork of the program enters the container as the user. */
	GK_LINK_DROP = 1,
	/* Each fork enters as root with next to no capability, and becomes the user by itself. */
	GK_LINK_NARROW,
	/* The program itself enters: for those that an administrator has named. */
	GK_LINK_WHOLE,
};

enum gk_link_kind {
	/* the module */
	GK_LINK_OPEN = 1, /* who logs in: user, service, tty, rhost, and the program that the
			     administrator has named for the line: mode (0: none) and text */
	GK_LINK_ASK,      /* is this user contained? */
	GK_LINK_CHECK, /* could a session open now? As GK_LINK_OPEN; answered by LIMITS or FREE */
	GK_LINK_ENTER, /* build the container; names of the variables that the other modules of the
			  stack have set */
	GK_LINK_COUNTED, /* with GK_LINK_WHOLE: the caller is in its cgroup */
	GK_LINK_ENTERED, /* the session is open; the link closes after it */
	/* the keeper */
	GK_LINK_KEEPER, /* with a pidfd of the keeper's; the first message */
	GK_LINK_LIMITS, /* contained: mode, tasks_max and memory_max */
	GK_LINK_FREE,   /* contain = no: the login is none of our business */
	GK_LINK_LEAF,   /* with the file by which a process enters the session's cgroup. With
			   GK_LINK_WHOLE it comes before READY and is answered, else after PTYS */
	GK_LINK_READY,  /* with a pidfd of init's: namespaces, root, pid_ns, uid, umask, nofile,
			   origin; whether the keeper writes records, and whether LEAF and RULES
			   follow */
	GK_LINK_PTYS,   /* with a detached mount of the container's /dev/pts; not with GK_LINK_WHOLE
			 */
	GK_LINK_RULES,  /* with a Landlock ruleset, which a process inside is bound to */
	GK_LINK_REFUSED, /* text is the line for the user; everything is undone. mode, where the
			    program is known (else 0) */
};

/* How a mount is known again: stat(2) and statx(2), STATX_MNT_ID. */
struct gk_link_root {
	uint64_t dev_major, dev_minor, ino, mount_id;
};

struct gk_link_message {
	int32_t kind;
	int32_t outer;   /* GK_LINK_OPEN: asked by the line with `outer`; another has to enter */
	int32_t mode;    /* enum gk_link_mode */
	int32_t records; /* the keeper writes utmp, wtmp and lastlog: the caller must not */
	int32_t leaf;    /* LEAF follows */
	int32_t rules;   /* RULES follows */
	int32_t tcp;     /* what Landlock does not see of TCP is closed, too */
	uint32_t uid;
	uint64_t pid_ns;     /* inode of the container's PID namespace */
	uint64_t tasks_max;  /* 0: none is to be handed on */
	uint64_t memory_max; /* bytes; 0: none */
	uint64_t nofile;     /* READY: of each process inside; 0: none */
	uint64_t namespaces; /* CLONE_NEW* bits for setns(2) */
	struct gk_link_root root;
	int32_t umask; /* of all that the caller starts; -1: its own */
	char user[256], service[64], tty[64], rhost[256];
	char text[512];
	char names[1024];  /* each ends with a newline */
	char origin[1024]; /* GK_LINK_WHOLE: the cgroup file by which the caller goes back, or "" */
};

_Static_assert(sizeof(struct gk_link_message) <= 4096, "gk_fd_send takes no more");

/* How long the module waits for an answer, and for a keeper to end. The keeper's own bounds (15 s
 * for a home, 30 s for the root) are shorter, so that it is the one to say why. */
enum { GK_LINK_TIMEOUT_MS = 50000, GK_LINK_END_MS = 10000 };

#endif
