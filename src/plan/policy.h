/* The policy: the rules of gocker.ini that apply to one identity, and where each came from. */
#ifndef GK_PLAN_POLICY_H
#define GK_PLAN_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/config.h"
#include "plan/identity.h"

#define GK_UNLIMITED UINT64_MAX

enum gk_root_mode { GK_ROOT_OVERLAY, GK_ROOT_READONLY };
enum gk_home_mode { GK_HOME_BIND, GK_HOME_TMPFS, GK_HOME_NONE };
enum gk_network_mode { GK_NETWORK_HOST, GK_NETWORK_NONE, GK_NETWORK_PRIVATE };
enum gk_private_network { GK_PRIVATE_PASTA, GK_PRIVATE_BRIDGE };
enum gk_profile {
	GK_PROFILE_NONE,
	GK_PROFILE_WORK,
	GK_PROFILE_WEB,
	GK_PROFILE_CTF,
	GK_PROFILE_IDE
};
enum gk_abstract_mode { GK_ABSTRACT_SESSION, GK_ABSTRACT_HOST };
enum gk_share_mode { GK_SHARE_LOGIN, GK_SHARE_USER };

/* Every key of gocker.ini, in the order in which it is printed. */
enum gk_key {
	GK_KEY_IMAGE_DIR, /* [gocker] only */
	GK_KEY_SESSIONS_MAX,
	GK_KEY_USERNS_BASE,
	GK_KEY_MIN_UID,
	GK_KEY_CONTAIN, /* all other sections from here on */
	GK_KEY_PROFILE,
	GK_KEY_IMAGE,
	GK_KEY_HOSTNAME,
	GK_KEY_SHELL,
	GK_KEY_PIDS_MAX,
	GK_KEY_USER_PIDS_MAX,
	GK_KEY_USER_SESSIONS_MAX,
	GK_KEY_GROUP_SESSIONS_MAX,
	GK_KEY_MEMORY_MAX,
	GK_KEY_MEMORY_HIGH,
	GK_KEY_MEMORY_LOW,
	GK_KEY_MEMORY_SWAP_MAX,
	GK_KEY_USER_MEMORY_MAX,
	GK_KEY_CPUS,
	GK_KEY_USER_CPUS,
	GK_KEY_CPU_WEIGHT,
	GK_KEY_IO_WEIGHT,
	GK_KEY_IO_MAX,
	GK_KEY_NOFILE,
	GK_KEY_ROOT,
	GK_KEY_ROOT_SIZE,
	GK_KEY_TMP_SIZE,
	GK_KEY_ROOT_INODES,
	GK_KEY_HOME,
	GK_KEY_HOME_QUOTA,
	GK_KEY_VOLUMES,
	GK_KEY_FILES,
	GK_KEY_DEVICES,
	GK_KEY_NETWORK,
	GK_KEY_PRIVATE_NETWORK,
	GK_KEY_NET_DENY,
	GK_KEY_NET_ALLOW,
	GK_KEY_NET_RATE,
	GK_KEY_PUBLISH,
	GK_KEY_TCP_CONNECT,
	GK_KEY_TCP_BIND,
	GK_KEY_ABSTRACT_SOCKETS,
	GK_KEY_AGENT,
	GK_KEY_ENV_PASS,
	GK_KEY_ENV_SET,
	GK_KEY_IMAGE_ENV,
	GK_KEY_UMASK,
	GK_KEY_IDLE_TIMEOUT,
	GK_KEY_MAX_DURATION,
	GK_KEY_SHARE,
	GK_KEY_LINGER,
	GK_KEY_CONTAINER_MAX_DURATION,
	GK_KEY_BANNER,
	GK_KEY_CONTACT,
	GK_KEY_COUNT
};

/* How many uids and gids a user namespace has, 0 up to nobody's; and how many of them can have a
 * range of host ids of their own at a time. */
enum { GK_USERNS_IDS = 65536, GK_USERNS_RANGES = 1024 };

struct gk_volume {
	const char *source; /* on the host, absolute, {user} replaced */
	const char *target; /* inside, absolute, normalized, {user} replaced */
	bool readonly;
	bool file; /* of the key files: a regular file or a socket */
};

/* The TCP ports that a session may use. */
struct gk_port_range {
	uint16_t first, last;
};
struct gk_ports {
	bool limited;                       /* to those of the ranges; else every port is allowed */
	const struct gk_port_range *ranges; /* ascending, with gaps between them */
	size_t n;
};

/* The kernel keeps a Landlock rule for each port, and a login waits until it has them: more ports
 * than this are refused, except those from 1024 (GK_PORTS_FREE) to 65535 in tcp_bind, which need no
 * rule. */
#define GK_PORTS_MOST 4096
#define GK_PORTS_FREE 1024

/* Whether a list allows all ports that a user without capabilities can bind: then the kernel's own
 * check of ports below net.ipv4.ip_unprivileged_port_start does the rest. */
static inline bool gk_ports_all_free(const struct gk_ports *ports)
{
	const struct gk_port_range *last = ports->n ? &ports->ranges[ports->n - 1] : NULL;
	return ports->limited && last && last->first <= GK_PORTS_FREE && last->last == UINT16_MAX;
}

/* The most ports of one session that can be reached from outside (publish). */
#define GK_PUBLISH_MOST 256

/* What a session may read and write on one block device, a second. */
enum gk_io_kind { GK_IO_RBPS, GK_IO_WBPS, GK_IO_RIOPS, GK_IO_WIOPS, GK_IO_KINDS };
struct gk_io_limit {
	const char *target;         /* "home", "root" (where the image is), or the device's path */
	uint64_t most[GK_IO_KINDS]; /* bytes or operations; GK_UNLIMITED: no limit */
};

/* Which line of which section decided a key; line 0 and section GK_BUILT_IN for a default. With a
 * profile that line names the profile, whose value it is; else NULL. */
#define GK_BUILT_IN "built-in"
struct gk_origin {
	const char *section;
	unsigned line;
	const char *profile;
};

struct gk_policy {
	const char *image_dir;
	uint64_t sessions_max;   /* over all users; 0: no limit */
	uint64_t userns_base;    /* the first host id of the ranges for user namespaces */
	uint64_t min_uid;        /* the PAM door exempts the uids below it */
	bool contain;            /* the PAM door only */
	enum gk_profile profile; /* its values are in the other members already */
	const char *image;
	const char *hostname; /* {user} replaced; {id} still in it */
	const char *shell;
	uint64_t pids_max;          /* tasks of the user, GK_UNLIMITED never */
	uint64_t user_pids_max;     /* tasks or GK_UNLIMITED */
	uint64_t user_sessions_max; /* 0: no limit */
	uint64_t group_sessions_max; /* of all users whose policy has it from the same [group:…]; 0:
					no limit */
	gid_t group_sessions_gid;    /* that group's */
	uint64_t memory_max;         /* bytes or GK_UNLIMITED */
	uint64_t memory_high;        /* bytes or GK_UNLIMITED */
	uint64_t memory_low; /* of all sessions of the user: bytes or GK_UNLIMITED, which is none */
	uint64_t memory_swap_max; /* bytes or GK_UNLIMITED */
	uint64_t user_memory_max; /* bytes or GK_UNLIMITED */
	bool user_memory_follows; /* from memory_max: no line says user_memory_max */
	uint32_t cpus_milli;      /* thousandths of a CPU; 0: no limit */
	uint32_t user_cpus_milli; /* the same, of all sessions of the user */
	uint64_t cpu_weight;      /* of all sessions of the user; GK_UNLIMITED: the kernel's */
	uint64_t io_weight;       /* the same */
	const struct gk_io_limit *io_max;
	size_t nio_max;
	uint64_t nofile; /* of each process, soft and hard; GK_UNLIMITED: the caller's */
	enum gk_root_mode root;
	uint64_t root_size, tmp_size; /* bytes */
	uint64_t root_inodes;
	enum gk_home_mode home;
	uint64_t home_quota; /* bytes or GK_UNLIMITED; for doctor: the file system keeps it */
	const struct gk_volume *volumes;
	size_t nvolumes;
	const struct gk_volume *files;
	size_t nfiles;
	const char *const *devices; /* absolute paths below /dev, as in glob(7); NULL-ended */
	enum gk_network_mode network;
	enum gk_private_network private_network;        /* what makes one that is private */
	const char *const *net_deny, *const *net_allow; /* as gk_list_nets reads them; NULL-ended */
	uint64_t net_rate;          /* bytes a second, each way; GK_UNLIMITED: no limit */
	const char *const *publish; /* as gk_list_publish reads it; NULL-ended */
	struct gk_ports tcp_connect, tcp_bind;
	enum gk_abstract_mode abstract_sockets;
	bool agent;                   /* the ssh agent's socket, or its name, is handed on */
	const char *const *env_pass;  /* names, a trailing * allowed; NULL-ended */
	const char *const *env_set;   /* NAME=value; NULL-ended */
	const char *const *image_env; /* names that are taken from the image; as env_pass */
	mode_t umask;                 /* (mode_t)-1: the caller's own is kept */
	uint64_t idle_timeout_s;      /* seconds; 0: none */
	uint64_t max_duration_s; /* seconds; 0: none; of a container of one login the lower of the
				    two keys */
	enum gk_share_mode share;
	uint64_t linger_s; /* seconds after the last login; 0: none; GK_UNLIMITED: forever */
	uint64_t container_max_duration_s; /* seconds; 0: none */
	const char *banner;  /* "default", "none", the path of a file, or the text itself */
	const char *contact; /* whom to ask about a limit, a line; "none" */
	bool named;          /* a [user:…] section names this identity (uid 0 needs one) */
	struct gk_origin origin[GK_KEY_COUNT];
};

/* Where a value is from, in the words of a notice: "[group:students]" or "the default". Returns
 * text. */
const char *gk_origin_words(const struct gk_origin *origin, char *text, size_t size);

/* The name of a key as gocker.ini writes it. */
const char *gk_key_name(enum gk_key key);

/* Works out the policy for one identity: [default], then the [group:…] sections that name one of
 * its groups in file order, then [user:…]. The last of them that names a profile gets its values,
 * before its own lines. Allocates from arena. Returns 0 or -errno with err.
 * ret_policy is untouched on failure. */
int gk_policy_for(const struct gk_config *config, const struct gk_identity *who,
	struct gk_arena *arena, struct gk_policy *ret_policy, struct gk_err *err);

/* The first setting in the policy that only cgroup v2 can keep, or GK_KEY_COUNT. */
enum gk_key gk_policy_needs_v2(const struct gk_policy *policy);

/* Whether it has a setting that a scope of logind's, with at most so many tasks, cannot keep:
 * user_memory_max (but for one that no line set), a user_pids_max that all such scopes of a user
 * together could exceed, and what pam_systemd(8) has no words for. */
bool gk_policy_needs_leaf(const struct gk_policy *policy, uint64_t tasks);

/* Whether one setting, its value valid, is such a one. */
bool gk_setting_needs_v2(const struct gk_setting *setting, struct gk_arena *arena);

/* Whether one setting, its value valid, is a limit that only Landlock can keep. */
bool gk_setting_needs_landlock(const struct gk_setting *setting, struct gk_arena *arena);

/* A number that tells whether two policies make the same container for the logins that share it
 * (share = user). Limits of each login alone, such as idle_timeout, have no effect on it. */
uint64_t gk_policy_container_digest(const struct gk_policy *policy, struct gk_arena *arena);

#endif
