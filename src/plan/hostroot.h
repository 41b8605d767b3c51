/* The root of `image = host`: which parts of the host a session sees. Data in, data out: src/run
 * finds out what is there (run/store/hostroot.c), this room decides what becomes of it. */
#ifndef GK_PLAN_HOSTROOT_H
#define GK_PLAN_HOSTROOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* The reserved name of the image. */
#define GK_IMAGE_HOST "host"

/* The most lines in the allow-lists together, the most parts of the host in one root, and the
 * largest list. */
enum { GK_HOST_RULES_MOST = 512, GK_HOST_ITEMS_MOST = 512 };
#define GK_HOST_LIST_MAX ((size_t)64 << 10)

/* The largest file of the host that is copied into a root, in bytes. */
#define GK_HOST_COPY_MAX ((size_t)1 << 20)

/* One line of an allow-list. */
struct gk_host_rule {
	const char *pattern; /* absolute; "*", "?" and "[...]" match within one component */
	bool leave_out;      /* "!": what it matches stays out, whichever other line lets it in */
	bool optional;       /* from the list that comes with gocker */
	bool matched;        /* something on the host is what it means */
	unsigned line;
};
struct gk_host_rules {
	struct gk_host_rule *list;
	size_t n, cap;
};

enum gk_host_kind {
	GK_HOST_DIR,  /* bound, read-only, with what is mounted below it */
	GK_HOST_FILE, /* copied at login: a package manager replaces files by rename */
	GK_HOST_LINK, /* made again; it leads where it leads inside */
};

/* One part of the host. */
struct gk_host_item {
	enum gk_host_kind kind;
	const char *path;
	size_t len;           /* of path */
	const char *link;     /* GK_HOST_LINK: what it says */
	const char *left_out; /* why it is not in the root; NULL: it is */
	bool listed;          /* a line of the administrator's own list matches it */
	bool split; /* GK_HOST_DIR: not bound, since a line keeps out something in it; what
		       else is in it are items of their own */
	bool runs;  /* GK_HOST_FILE: everyone may execute it */
};
struct gk_hostroot {
	const struct gk_host_item *items; /* none lies in a directory that is bound */
	size_t n;
	const struct gk_host_rule *rules; /* the lines of both lists */
	size_t nrules;
};

/* Reads an allow-list of size bytes and adds its lines to rules. path is used in messages, NULL
 * means the list that comes with gocker (conf/host.allow, compiled in), whose text is not needed.
 * Returns 0, or -EINVAL with "PATH:LINE: reason; hint" for a line that is no absolute path, that
 * lies where no part of the root can be, or that names what is never let in; or -ENOMEM. */
int gk_host_rules_add(struct gk_host_rules *rules, const char *text, size_t size, const char *path,
	struct gk_arena *arena, struct gk_err *err);

/* Whether path is a secret of the host's, or a directory that holds one: no list lets it in. */
bool gk_host_never(const char *path, bool directory);

/* The directory of host that is bound and that path lies in, or NULL. Path itself does not count.
 */
const struct gk_host_item *gk_host_dir_around(const struct gk_hostroot *host, const char *path);

#endif
