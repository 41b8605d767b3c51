#include "run/store/hostroot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"
#include "plan/text.h"

/* How many names of one directory are looked at. */
enum { NAMES_MOST = 16384 };

struct names {
	char **list;
	size_t n, cap;
};

struct survey {
	struct gk_arena *arena;
	struct gk_err *err;
	struct gk_host_rules rules;
	struct gk_host_item *items;
	size_t n, cap;
	struct listing {
		struct listing *next;
		const char *dir;
		struct names names;
	} * listings;              /* what was read is kept: most patterns are in /etc */
	struct gk_host_rule *rule; /* at hand; NULL for what is always in */
	struct {
		int fd;
		const char *path; /* of something in it */
		size_t len;
	} parent; /* the directory of what was looked at last: most is in /etc */
};

static int no_memory(const struct survey *s)
{
	return gk_fail_errno(s->err, -ENOMEM, "image = host");
}

static int read_lists(struct survey *s)
{
	int r = gk_host_rules_add(&s->rules, NULL, 0, NULL, s->arena, s->err);
	if (r < 0)
		return r;
	/* The common case costs one call. Where it is there, the way to it is looked at. */
	if (access(GK_HOST_ALLOW_PATH, F_OK) < 0 && errno == ENOENT)
		return 0;
	gk_autoclose int fd = gk_open_trusted(GK_HOST_ALLOW_PATH, s->err);
	if (fd < 0)
		return fd;
	char *text;
	size_t size;
	r = gk_read_all(fd, GK_HOST_LIST_MAX, s->arena, &text, &size, s->err);
	if (r < 0) {
		gk_err_context(s->err, "%s", GK_HOST_ALLOW_PATH);
		return r;
	}
	return gk_host_rules_add(&s->rules, text, size, GK_HOST_ALLOW_PATH, s->arena, s->err);
}

static bool kept_out(const struct survey *s, const char *path)
{
	for (size_t i = 0; i < s->rules.n; i++)
		if (s->rules.list[i].leave_out &&
			fnmatch(s->rules.list[i].pattern, path, FNM_PATHNAME | FNM_NOESCAPE) == 0)
			return true;
	return false;
}

static const char *why_left_out(const struct survey *s, const char *path, const struct stat *st)
{
	if (gk_host_never(path, S_ISDIR(st->st_mode)))
		return "never shown to users";
	if (kept_out(s, path))
		return "a line of " GK_HOST_ALLOW_PATH " keeps it out";
	if (st->st_uid != 0)
		return "it does not belong to root";
	if (S_ISLNK(st->st_mode))
		return NULL;
	if (st->st_mode & 022)
		return "others can write it";
	if (S_ISDIR(st->st_mode))
		return st->st_mode & 01 ? NULL : "not everyone may enter it";
	if (!S_ISREG(st->st_mode))
		return "it is neither a file nor a directory";
	if (!(st->st_mode & 04))
		return "not everyone may read it";
	return (size_t)st->st_size > GK_HOST_COPY_MAX ? "it is too large to be copied" : NULL;
}

/* Whether a line of the administrator's names it. */
static bool is_own(const struct survey *s)
{
	return s->rule && !s->rule->optional;
}

static bool taken_before(struct survey *s, const char *path)
{
	size_t len = strlen(path);
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].len == len && memcmp(s->items[i].path, path, len) == 0) {
			s->items[i].listed = s->items[i].listed || is_own(s);
			return true;
		}
	return false;
}

static int open_parent(struct survey *s, const char *path, size_t len)
{
	if (s->parent.fd >= 0 && s->parent.len == len && memcmp(s->parent.path, path, len) == 0)
		return 0;
	const char *parent = len ? gk_arena_strndup(s->arena, path, len) : "/";
	if (!parent)
		return no_memory(s);
	gk_close_fd(&s->parent.fd);
	int fd = gk_sys_openat2(AT_FDCWD, parent, O_PATH | O_DIRECTORY,
		RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fd;
	s->parent.fd = fd;
	s->parent.path = path;
	s->parent.len = len;
	return 0;
}

/* The last component may be a link, none before it. path lives as long as the survey. */
static int look(struct survey *s, const char *path, struct stat *st)
{
	const char *slash = strrchr(path, '/');
	int r = open_parent(s, path, (size_t)(slash - path));
	if (r < 0)
		return r;
	return fstatat(s->parent.fd, slash + 1, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* *ret stays NULL where the link was replaced at this moment. */
static int read_link(struct survey *s, const char *path, const char **ret)
{
	char link[PATH_MAX];
	ssize_t n = readlink(path, link, sizeof link - 1);
	if (n <= 0)
		return 0;
	*ret = gk_arena_strndup(s->arena, link, (size_t)n);
	return *ret ? 0 : no_memory(s);
}

static int add(struct survey *s, const char *path, const struct stat *st, const char *why)
{
	struct gk_host_item item = { .kind = S_ISDIR(st->st_mode) ? GK_HOST_DIR :
			S_ISLNK(st->st_mode)                      ? GK_HOST_LINK :
								    GK_HOST_FILE,
		.path = gk_arena_strdup(s->arena, path),
		.len = strlen(path),
		.left_out = why,
		.listed = is_own(s),
		.runs = S_ISREG(st->st_mode) && (st->st_mode & 01) };
	if (item.kind == GK_HOST_LINK) {
		int r = read_link(s, path, &item.link);
		if (r < 0 || !item.link)
			return r;
	}
	if (s->n == GK_HOST_ITEMS_MOST)
		return gk_fail(s->err, -E2BIG,
			"image = host: the allow-lists match more than %d files and directories; "
			"name fewer in " GK_HOST_ALLOW_PATH,
			GK_HOST_ITEMS_MOST);
	s->items = gk_grow(s->arena, s->items, s->n, &s->cap, sizeof *s->items);
	if (!s->items || !item.path)
		return no_memory(s);
	s->items[s->n++] = item;
	return 0;
}

static int take(struct survey *s, const char *path)
{
	struct stat st;
	int r = look(s, path, &st);
	if (s->rule && (r == 0 || r == -ELOOP))
		s->rule->matched = true;
	if (r == -ENOENT || r == -ENOTDIR || taken_before(s, path))
		return 0;
	if (r == -ELOOP) {
		st = (struct stat){ .st_mode = S_IFREG };
		return add(s, path, &st, "it is reached through a symbolic link");
	}
	if (r < 0)
		return gk_fail_errno(s->err, r, "image = host: %s", path);
	return add(s, path, &st, why_left_out(s, path, &st));
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct survey *s, struct names *names, char *name)
{
	names->list = gk_grow(s->arena, names->list, names->n, &names->cap, sizeof *names->list);
	if (!names->list || !name)
		return no_memory(s);
	names->list[names->n++] = name;
	return 0;
}

/* Reads a directory of the host, or takes what was read of it before. One that is not there has no
 * names. */
static int read_names(struct survey *s, const char *dir, const struct names **ret)
{
	struct listing *l = s->listings;
	while (l && strcmp(l->dir, dir) != 0)
		l = l->next;
	if (l) {
		*ret = &l->names;
		return 0;
	}
	l = gk_arena_alloc(s->arena, sizeof *l);
	if (!l)
		return no_memory(s);
	*l = (struct listing){ .next = s->listings, .dir = gk_arena_strdup(s->arena, dir) };
	DIR *d = opendir(dir);
	int r = l->dir ? 0 : no_memory(s);
	for (struct dirent *e; r == 0 && d && (e = readdir(d)) && l->names.n < NAMES_MOST;)
		if (e->d_name[0] != '.')
			r = add_name(s, &l->names, gk_arena_strdup(s->arena, e->d_name));
	if (d)
		closedir(d);
	s->listings = l;
	*ret = &l->names;
	return r;
}

/* The names in a directory of the host that a part of a pattern matches, in order; NULL: all. */
static int list_names(struct survey *s, const char *dir, const char *part, struct names *ret)
{
	static const struct names none;
	const struct names *all = &none;
	size_t literal = part ? strcspn(part, "*?[") : 0;
	int r = read_names(s, dir, &all);
	*ret = (struct names){ 0 };
	for (size_t i = 0; r == 0 && i < all->n; i++)
		if (!part ||
			(strncmp(part, all->list[i], literal) == 0 &&
				fnmatch(part, all->list[i], FNM_PERIOD | FNM_NOESCAPE) == 0))
			r = add_name(s, ret, all->list[i]);
	if (r == 0 && ret->n)
		qsort(ret->list, ret->n, sizeof *ret->list, compare);
	return r;
}

/* One step for each component with a wildcard: "/etc/php/" "*" "/cli". */
static int expand(struct survey *s, const char *pattern)
{
	size_t wild = strcspn(pattern, "*?[");
	if (!pattern[wild])
		return take(s, pattern);
	size_t from = wild;
	while (pattern[from - 1] != '/')
		from--;
	size_t len = strcspn(pattern + from, "/");
	const char *rest = pattern + from + len;
	const char *dir = gk_arena_strndup(s->arena, pattern, from > 1 ? from - 1 : 1);
	const char *part = gk_arena_strndup(s->arena, pattern + from, len);
	struct names names;
	int r = dir && part ? list_names(s, dir, part, &names) : no_memory(s);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		/* A name with a wildcard of its own is none that a package has. */
		const char *path = names.list[i][strcspn(names.list[i], "*?[")] ?
			NULL :
			gk_arena_printf(s->arena, "%s/%s%s", dir, names.list[i], rest);
		if (path)
			r = expand(s, path);
	}
	return r;
}

static struct gk_host_item *find_item(struct survey *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->items[i].path, path) == 0)
			return &s->items[i];
	return NULL;
}

/* Instead of a directory, each thing in it. A mount over the one that is kept out would not last:
 * the kernel takes it away when the host renames another file there (since Linux 3.18). */
static int split(struct survey *s, struct gk_host_item *dir)
{
	struct names names;
	int r = list_names(s, dir->path, NULL, &names);
	const char *path = dir->path;
	dir->split = true;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *below = gk_arena_printf(s->arena, "%s/%s", path, names.list[i]);
		r = below ? take(s, below) : no_memory(s);
	}
	return r;
}

/* Splits the directories on the way to what a line with "!" keeps out, so that none of them is
 * bound with it. at is the way so far, which has no wildcard, and rest what follows it. */
static int keep_out(
	struct survey *s, struct gk_host_rule *rule, const char *at, const char *rest, bool wild)
{
	struct gk_host_item *item = find_item(s, at);
	struct names names;
	int r = 0;
	if (!*rest && item)
		rule->matched = true;
	if (!*rest || (item && item->left_out) || (item && item->kind == GK_HOST_FILE))
		return 0;
	/* Where a wildcard found the link, what it leads to is found by its own name. */
	if (item && item->kind == GK_HOST_LINK)
		return wild ? 0 :
			      gk_fail(s->err, -ELOOP,
				      GK_HOST_ALLOW_PATH ":%u: %s is a symbolic link; name what it "
							 "leads to",
				      rule->line, at);
	if (item && !item->split)
		r = split(s, item);
	rest += strspn(rest, "/");
	size_t len = strcspn(rest, "/");
	const char *part = gk_arena_strndup(s->arena, rest, len);
	if (r < 0 || !part)
		return r < 0 ? r : no_memory(s);
	if (!part[strcspn(part, "*?[")]) {
		const char *next = gk_arena_printf(s->arena, "%s/%s", at, part);
		return next ? keep_out(s, rule, next, rest + len, wild) : no_memory(s);
	}
	r = list_names(s, *at ? at : "/", part, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *next = gk_arena_printf(s->arena, "%s/%s", at, names.list[i]);
		r = next ? keep_out(s, rule, next, rest + len, true) : no_memory(s);
	}
	return r;
}

/* What lies in a directory that is bound is there already, whatever was found out about it. */
static void drop_covered(struct survey *s)
{
	size_t n = 0;
	const struct gk_hostroot all = { .items = s->items, .n = s->n };
	bool *covered = gk_arena_array(s->arena, s->n, sizeof *covered);
	for (size_t i = 0; covered && i < s->n; i++)
		covered[i] = gk_host_dir_around(&all, s->items[i].path) != NULL;
	for (size_t i = 0; covered && i < s->n; i++)
		if (!covered[i])
			s->items[n++] = s->items[i];
	s->n = covered ? n : s->n;
}

/* /usr; and beside it, where a host has them, links into it or directories of their own. */
static int take_system(struct survey *s)
{
	static const char *const dirs[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
		NULL };
	int r = take(s, "/usr");
	if (r < 0)
		return r;
	if (s->n != 1 || s->items[0].kind != GK_HOST_DIR || s->items[0].left_out)
		return gk_fail(s->err, -EPERM, "image = host: /usr cannot be used: %s",
			s->n == 1 && s->items[0].left_out ? s->items[0].left_out :
							    "it is not a directory");
	for (const char *const *dir = dirs; r == 0 && *dir; dir++)
		r = take(s, *dir);
	return r;
}

int gk_hostroot_survey(struct gk_arena *arena, struct gk_hostroot *ret, struct gk_err *err)
{
	struct survey s = { .arena = arena, .err = err, .parent.fd = -1 };
	int r = read_lists(&s);
	if (r == 0)
		r = take_system(&s);
	for (size_t i = 0; r == 0 && i < s.rules.n; i++) {
		s.rule = &s.rules.list[i];
		if (!s.rules.list[i].leave_out)
			r = expand(&s, s.rules.list[i].pattern);
	}
	s.rule = NULL;
	for (size_t i = 0; r == 0 && i < s.rules.n; i++)
		if (s.rules.list[i].leave_out)
			r = keep_out(&s, &s.rules.list[i], "", s.rules.list[i].pattern, false);
	gk_close_fd(&s.parent.fd);
	if (r == 0)
		drop_covered(&s);
	if (r == 0)
		*ret = (struct gk_hostroot){ s.items, s.n, s.rules.list, s.rules.n };
	return r;
}

void gk_hostroot_early(
	const struct gk_config *config, struct gk_request *request, struct gk_arena *arena)
{
	struct gk_err later = GK_ERR_INIT;
	bool wanted = false;
	for (size_t i = 0; !wanted && i < config->nsections; i++)
		for (size_t k = 0; !wanted && k < config->sections[i].nsettings; k++) {
			const struct gk_setting *set = &config->sections[i].settings[k];
			wanted = set->key == GK_KEY_IMAGE && strcmp(set->value, GK_IMAGE_HOST) == 0;
		}
	struct gk_hostroot *host = wanted ? gk_arena_alloc(arena, sizeof *host) : NULL;
	if (host && gk_hostroot_survey(arena, host, &later) == 0)
		request->host = host;
}

int gk_hostroot_for(const struct gk_policy *policy, struct gk_request *request,
	struct gk_arena *arena, struct gk_err *err)
{
	const char *image = request->override.image ? request->override.image : policy->image;
	bool is_host = strcmp(image, GK_IMAGE_HOST) == 0 && !request->override.edit_root;
	if (!is_host)
		request->host = NULL;
	if (!is_host || request->host)
		return 0;
	struct gk_hostroot *host = gk_arena_alloc(arena, sizeof *host);
	if (!host)
		return gk_fail_errno(err, -ENOMEM, "image = host");
	int r = gk_hostroot_survey(arena, host, err);
	if (r == 0)
		request->host = host;
	return r;
}
