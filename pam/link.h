/* What module and keeper tell each other: one fixed-size message at a time over a SOCK_SEQPACKET
 * pair. Both are built from one source and installed together; a message of another size is
 * refused. */
#ifndef GK_PAM_LINK_H
#define GK_PAM_LINK_H

#include <stdint.h>

enum gk_link_kind {
	/* the module */
	GK_LINK_OPEN = 1, /* who logs in: user, service, tty, rhost */
	GK_LINK_ASK,      /* is this user contained? */
	GK_LINK_ENTER,    /* build the container, take the caller into its cgroup; names of the
			     variables    that the other modules of the stack have set */
	GK_LINK_COUNTED,  /* the caller is in its cgroup */
	GK_LINK_ENTERED,  /* the caller is inside; the link closes after it */
	/* the keeper */
	GK_LINK_KEEPER,  /* with a pidfd of the keeper's; the first message */
	GK_LINK_LIMITS,  /* contained: tasks_max and memory_max */
	GK_LINK_FREE,    /* contain = no: the login is none of our business */
	GK_LINK_LEAF,    /* on cgroup v1: with the file by which the caller goes into its cgroup */
	GK_LINK_READY,   /* with a pidfd of init's: namespaces, root, origin, umask */
	GK_LINK_REFUSED, /* text is the line for the user; everything is undone */
};

/* How a mount is known again: stat(2) and statx(2), STATX_MNT_ID. */
struct gk_link_root {
	uint64_t dev_major, dev_minor, ino, mount_id;
};

struct gk_link_message {
	int32_t kind;
	int32_t outer;      /* GK_LINK_OPEN: asked by the line with `outer`; another has to enter */
	uint64_t tasks_max; /* 0: none is to be handed on */
	uint64_t memory_max; /* bytes; 0: none */
	uint64_t namespaces; /* CLONE_NEW* bits for setns(2) */
	struct gk_link_root root;
	int32_t umask; /* of all that the caller starts; -1: its own */
	char user[256], service[64], tty[64], rhost[256];
	char text[512];
	char names[1024];  /* each ends with a newline */
	char origin[1024]; /* the file of a cgroup through which the caller goes back; "": it stays
			    */
};

_Static_assert(sizeof(struct gk_link_message) <= 4096, "gk_fd_send takes no more");

/* How long the module waits for an answer, and for a keeper to end. The keeper's own bounds (15 s
 * for a home, 30 s for the root) are shorter, so that it is the one to say why. */
enum { GK_LINK_TIMEOUT_MS = 50000, GK_LINK_END_MS = 10000 };

#endif
