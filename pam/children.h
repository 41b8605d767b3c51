/* How what the daemon forks comes inside, while the daemon itself stays on the host: by fork
 * handlers (pthread_atfork(3)). They run in fork(3) alone. Whatever is started by vfork(2),
 * posix_spawn(3), system(3) or clone(2) stays on the host, under the guard (powers.h).
 *
 * There is one session for each process. The module is never unloaded (-z nodelete), because
 * dlclose(3) would take the handlers away and leave the daemon's children on the host. */
#ifndef GK_PAM_CHILDREN_H
#define GK_PAM_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link.h"

/* What a child needs to go inside. */
struct gk_children {
	enum gk_link_mode mode; /* GK_LINK_DROP or GK_LINK_NARROW */
	uint64_t namespaces;    /* CLONE_NEW* bits for setns(2) */
	struct gk_link_root root;
	ino_t pid_ns;    /* inode of the container's PID namespace */
	int32_t umask;   /* -1: the daemon's */
	uint64_t nofile; /* the most descriptors; 0: the daemon's */
	int init;        /* pidfd of the container's init */
	int own_pid_ns;
	int leaf;      /* the file by which a process enters the session's cgroup; -1 */
	int rules;     /* the Landlock ruleset of the session; -1 */
	bool tcp;      /* and the filter that goes with it (gk_landlock_enter) */
	int others[4]; /* descriptors of the door, which keeps them; a child closes them; -1 */
	uid_t uid;     /* of the user */
	gid_t gid;     /* with GK_LINK_DROP: what the child becomes, and the following */
	gid_t *groups; /* malloc'ed */
	size_t ngroups;
};

/* From here on, while no session is open, what the application forks (by_application says whether
 * the fork is its, not a module's) ends with status 254: it goes on although the session was
 * refused, or although the stack has ended before the last line. With GK_LINK_DROP (sshd, which
 * goes on to say why) it lives, but it and all below it execute nothing, and what they print by
 * stdio(3) goes to stderr. Returns 0 or -errno. */
int gk_children_expect(enum gk_link_mode mode, bool (*by_application)(void *owner), void *owner);

/* Ends that, if it is the owner's. Fine when it is not. */
void gk_children_expect_no_more(const void *owner);

/* From here on each fork of the calling process goes inside, or ends with status 254. On success
 * the handlers own the descriptors, but for `others`, and the groups. Returns 0 or -errno. */
int gk_children_arm(const struct gk_children *how);

/* Ends that, and closes what was owned. Fine when not armed. */
void gk_children_disarm(void);

/* With GK_LINK_WHOLE the caller is inside itself, and so is what it forks; of these descriptors,
 * which lead out, that keeps none (an execve closes them anyway). n: at most GK_CHILDREN_HIDE, 0:
 * none any more. Returns 0 or -errno. */
enum { GK_CHILDREN_HIDE = 8 };
int gk_children_hide(const int *fds, size_t n);

/* Whether this process is armed, or was forked by one that was: it can open no other session. */
bool gk_children_busy(void);

#endif
