/* What the parts of src/plan that make a plan share. */
#ifndef GK_PLAN_BUILD_H
#define GK_PLAN_BUILD_H

#include "plan/plan.h"

/* A plan under construction. */
struct gk_build {
	struct gk_arena *arena;
	const struct gk_request *request;
	const struct gk_identity *who;  /* as it is inside: the container's root for `gocker run` */
	const struct gk_policy *policy; /* with the request's overrides */
	const char *home;               /* inside, clean; "/" when there is none */
	const char *agent;              /* the agent's socket inside, or NULL */
	const char *banner;             /* placeholders replaced, lines ended; NULL: none */
	struct gk_entry *entries;
	size_t nentries, entries_cap;
	struct gk_mount *mounts;
	size_t nmounts, mounts_cap;
	struct gk_bind *binds;
	size_t nbinds, binds_cap;
	struct gk_err *err;
};

/* All return 0 or -errno with b->err. */

/* Adds an entry, after directories 0755 for those of its parents that have none yet. An entry
 * whose path is there already is not added again. */
int gk_build_entry(struct gk_build *b, enum gk_entry_kind kind, const char *path, mode_t mode,
	const char *content);

/* Refuses an account that can't stand in a passwd line: names with a colon or control character,
 * empty ones, and those that nss_files would read as something else. */
int gk_build_check_account(const struct gk_identity *who, struct gk_err *err);

/* passwd, group and nsswitch.conf: root, nobody, the user, and exactly his groups. */
int gk_build_accounts(struct gk_build *b);

/* Whether it is about a container that all of its user's logins share (share = user). */
bool gk_build_is_shared(const struct gk_build *b);

/* Whether the root is the host's own (image = host). */
bool gk_build_is_host(const struct gk_build *b);

/* Adds a mount, after those that are there. */
int gk_build_mount(struct gk_build *b, const struct gk_mount *mount);

/* With image = host: the entries and mounts that make the root of request->host. */
int gk_build_hostroot(struct gk_build *b);

/* The directory of the host that is bound into the root at path or above it, or NULL. */
const char *gk_build_host_dir(const struct gk_build *b, const char *path);

/* Decides b->home, and the agent's socket. */
int gk_build_places(struct gk_build *b);

/* The most bytes of a banner, placeholders replaced: a dozen lines. What is more is cut off at the
 * end of a line. */
enum { GK_BANNER_MAX = 1000 };

/* Decides b->banner: that of the policy for the user, with {user}, {image}, {pids_max} and {limits}
 * replaced. NULL where none is due (b->request->greet) or the policy wants none. */
int gk_build_banner(struct gk_build *b);

/* With network = private: the rules of its network. Refuses root in a container. */
int gk_build_network(struct gk_build *b, struct gk_plan *plan);

/* With network = private: the ports that are reached from outside. Refuses a user without a slice
 * of a range that is divided. */
int gk_build_publish(struct gk_build *b, struct gk_plan *plan);

/* The mounts and their trees and mount points, in order. */
int gk_build_mounts(struct gk_build *b);

#endif
