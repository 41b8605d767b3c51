/* The plan: the full list of what the kernel will be asked to do for one session. Data, not code:
 * src/plan makes and prints it, src/run obeys it. */
#ifndef GK_PLAN_PLAN_H
#define GK_PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/identity.h"
#include "plan/policy.h"
#include "plan/request.h"

/* The two tmpfs of a session; everything writable in it but the home and volumes lives there. */
enum gk_scratch { GK_SCRATCH_ROOT, GK_SCRATCH_TMP, GK_SCRATCH_COUNT };

struct gk_tmpfs {
	uint64_t size_bytes;
	uint64_t inodes;
};

/* A subtree or a file of the host that is opened before the clone and attached inside. */
struct gk_bind {
	const char *source;
	bool as_user; /* opened with the user's fsuid and groups, owner checked: a home */
	bool socket;  /* must be a unix socket owned by the user: the agent's */
	bool file;    /* a regular file or a socket of any owner; left out when it is missing */
};

enum gk_mount_kind {
	GK_MOUNT_OVERLAY, /* the root: the image below, scratch:root/upper above */
	GK_MOUNT_PROC,
	GK_MOUNT_SCRATCH, /* directory `source` of scratch tmpfs `index`: "dev" 0755 root's; "tmp"
			     and "shm" 1777; "home" 0700 the user's */
	GK_MOUNT_DEVPTS,
	GK_MOUNT_BIND,      /* plan->binds[index] */
	GK_MOUNT_MASK_FILE, /* an unreadable empty file over a file */
	GK_MOUNT_MASK_DIR,  /* an empty read-only directory over a directory */
	GK_MOUNT_BIND_RO,   /* the target over itself, read-only */
	GK_MOUNT_PTY,       /* the payload's terminal, bound over an empty file */
	GK_MOUNT_STUB,      /* the entry stub of the PAM door, bound read-only over a file */
	GK_MOUNT_SKELETON,  /* the root with image = host: directory `source` of scratch tmpfs
			       `index`, which holds the entries */
	GK_MOUNT_HOST,      /* the host's directory `source`, with what is mounted below it */
	GK_MOUNT_EDIT,      /* the root when an image is edited: plan->binds[index], writable */
};

/* Where the entry stub of the PAM door reads what it is to do, a line each: shell=PATH, user=NAME,
 * home=PATH, agent=yes, pass=PATTERN (env_pass, and what the stack's modules set), umask=OCTAL,
 * env=NAME=VALUE (env_set), image=NAME=VALUE (what image_env takes of the image's), banner=LINE.
 * Root's, in a directory of root's. */
#define GK_STUB_ORDERS "/etc/gocker.entry"

/* In a container that logins share: the agent's socket of each, by the login's id. */
#define GK_AGENTS "/run/ssh-agents"

enum gk_mount_flag {
	GK_MF_RO = 1,
	GK_MF_NOSUID = 2,
	GK_MF_NODEV = 4,
	GK_MF_NOEXEC = 8,
	GK_MF_OPTIONAL = 16, /* skipped when the target does not exist (a mask) */
	GK_MF_LATE_RO = 32,  /* made read-only after everything below it is set up */
};

/* One mount, in the order in which they are made. */
struct gk_mount {
	enum gk_mount_kind kind;
	unsigned index;     /* scratch or tree number */
	const char *source; /* GK_MOUNT_SCRATCH, GK_MOUNT_SKELETON: directory in the scratch;
			       GK_MOUNT_HOST: on the host; otherwise unused */
	const char *target; /* absolute inside, no ".", "..", "//" or trailing slash */
	unsigned flags;     /* enum gk_mount_flag */
};

/* A file or directory that gocker itself puts into the overlay's upper layer before mounting. */
enum gk_entry_kind {
	GK_ENTRY_DIR,
	GK_ENTRY_FILE,    /* content */
	GK_ENTRY_COPY,    /* of the host's file `content`, symlinks followed as root, at most
			     GK_COPY_MAX bytes; empty when it is missing */
	GK_ENTRY_HOST,    /* the same, but no symlink is followed, and what is missing, is larger
			     than GK_HOST_COPY_MAX, or could not be read by everyone is left out */
	GK_ENTRY_RESOLV,  /* as GK_ENTRY_COPY, with the addresses where a network of the
			     session's own has its name servers in place of the host's */
	GK_ENTRY_SYMLINK, /* to `content` */
	GK_ENTRY_SHELL,   /* PAM door: the stub's name when the image lacks a file there */
};
#define GK_COPY_MAX ((size_t)64 << 10)

struct gk_entry {
	enum gk_entry_kind kind;
	const char *path; /* absolute inside */
	size_t len;       /* of path */
	mode_t mode;
	uid_t uid; /* as the host has them */
	gid_t gid;
	const char *content;
};

/* A device made in /dev: those that every session has, then those of the key devices. */
struct gk_node {
	const char *name; /* below /dev, perhaps in directories of it */
	unsigned major, minor;
	mode_t mode;
	bool by_policy; /* the rest is as the host's node has it; else a character device of root's
			 */
	bool block;
	uid_t uid;
	gid_t gid;
};

/* The filters that src/tools/profile.h describes. */
enum gk_filter {
	GK_FILTER_USER,  /* what a user's programs get */
	GK_FILTER_ADMIN, /* container root under `gocker run`: as USER, and chroot, chown and kin */
};

/* Where a session with network = private finds name servers: what goes there is sent to the host's
 * first one of that kind. The addresses are of the ranges for documentation, which nobody has. */
#define GK_PRIVATE_DNS4 "192.0.2.53"
#define GK_PRIVATE_DNS6 "2001:db8:53::53"

/* The group of every terminal inside, of devpts and in the group file. */
enum { GK_TTY_GID = 5 };

/* What Landlock keeps to the session, where the kernel can (Linux 6.12). The values are the
 * kernel's (linux/landlock.h, LANDLOCK_SCOPE_*). */
enum gk_scope {
	GK_SCOPE_ABSTRACT_SOCKETS = 1, /* connect(2) to others' abstract unix sockets */
	GK_SCOPE_SIGNALS = 2,
};

/* TCP ports of a session's own network that are reached at an address of the host. */
struct gk_publish {
	const char *address; /* as inet_ntop(3) writes it */
	uint16_t first, last;
};

/* The most terminals that any session can make. */
enum { GK_TERMINALS_MAX = 128 };

struct gk_credentials {
	uid_t uid; /* this and the groups as they are inside */
	gid_t gid;
	const gid_t *groups; /* supplementary, the primary among them */
	size_t ngroups;
	uint64_t caps; /* capability bits kept in all sets and the bounding set; 0 for users */
	bool no_new_privs;
	unsigned scope; /* enum gk_scope */
	enum gk_filter filter;
};

/* The most devices of the host that the key devices may name for one session. */
enum { GK_DEVICES_MAX = 64 };

/* What becomes of packets to a network, at the exit of a session's own. */
struct gk_net_rule {
	int family;           /* AF_INET, AF_INET6; AF_UNSPEC: to anywhere */
	unsigned bits;        /* how many of the address count */
	uint16_t first, last; /* ports of TCP and UDP; last 0: all that is sent */
	bool accept;          /* else rejected */
	unsigned char address[16];
};

struct gk_plan {
	enum gk_door door;
	const char *session_id;
	const struct gk_identity *who;
	const struct gk_policy *policy;

	const char *hostname;
	uint64_t namespaces; /* CLONE_NEW* bits, all in one clone */

	const struct gk_publish *publish; /* with network = private */
	size_t npublish;
	const char *network_rules; /* a private network by pasta: for nft(8) in it; else NULL */
	const struct gk_net_rule *net_rules; /* one on the bridge: in this order; else NULL */
	size_t nnet_rules;

	const char *image_path; /* NULL: the root is made of the host (image = host) */
	uint64_t leaf_pids_max; /* pids_max + what init, sshd and a network need */
	unsigned terminals_max; /* of the session's devpts (max=), at most GK_TERMINALS_MAX */
	struct gk_tmpfs scratch[GK_SCRATCH_COUNT];
	const struct gk_entry *entries; /* in the order made; parents before children */
	size_t nentries;
	const struct gk_node *nodes;
	size_t nnodes;
	const struct gk_bind *binds;
	size_t nbinds;
	const struct gk_mount *mounts;
	size_t nmounts;
	uint64_t userns_base; /* with CLONE_NEWUSER: the host's id of 0 inside; else 0 */

	enum gk_tty_mode tty;
	struct gk_credentials cred;
	uint64_t nofile;         /* the most of RLIMIT_NOFILE; 0: as the caller has it */
	mode_t umask;            /* (mode_t)-1: the caller's own */
	const char *cwd;         /* inside */
	const char *cwd_else;    /* when cwd can't be entered: "/", or cwd where it was asked for */
	const char *exec_path;   /* absolute: the program; without a slash: searched in PATH */
	const char *const *argv; /* NULL-ended */
	const char *const *env;  /* NULL-ended */
	const char *banner;      /* lines for the user's terminal before the command; NULL: none */
};

/* Makes the plan. Pure: no system call, no global. Everything is allocated from arena; who,
 * policy and request must outlive the plan. Returns 0 or -errno with err:
 * -EINVAL for a home or volume whose target would cover a directory gocker itself needs. */
int gk_plan_make(const struct gk_request *request, const struct gk_identity *who,
	const struct gk_policy *policy, struct gk_arena *arena, struct gk_plan *ret_plan,
	struct gk_err *err);

/* Makes the plan of the container that a user's logins share (share = user), without a payload: as
 * gk_plan_make, but of request only the session id, which is the container's, and the host's root
 * are used. Its policy has container_max_duration as max_duration and no idle_timeout. */
int gk_plan_make_container(const struct gk_request *request, const struct gk_identity *who,
	const struct gk_policy *policy, struct gk_arena *arena, struct gk_plan *ret_plan,
	struct gk_err *err);

/* Makes the host's resolv.conf that of a session with a network of its own: GK_PRIVATE_DNS4 and
 * GK_PRIVATE_DNS6 in place of the addresses of name servers of that kind. Writes at most size - 1
 * bytes, whole lines, and a NUL. Returns how many. */
enum { GK_RESOLV_MAX = 8192 };
size_t gk_network_resolv(const char *text, char *ret, size_t size);

/* Prints the plan as stable text, one item a line, strings escaped. */
void gk_plan_print(const struct gk_plan *plan, FILE *out);

#endif
