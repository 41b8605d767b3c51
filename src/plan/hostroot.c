#include "plan/hostroot.h"

#include <errno.h>
#include <string.h>

#include "plan/build.h"
#include "plan/text.h"

/* ---- the allow-lists ---- */

/* Made from conf/host.allow. tests/system/host-allow.sh has every line read as the administrator's
 * are. */
static const struct {
	const char *pattern;
	unsigned line;
} built_in[] = {
#include "host-rules.h"
};

/* Where the parts of a root may come from. /usr and the directories of programs and libraries
 * beside it are in it without being listed. Whatever else users are to see is a volume. */
static const char *const origins[] = { "/etc/", "/opt/", "/var/lib/", "/var/cache/", "/nix/",
	"/gnu/", NULL };

/* Beginnings of paths that no list lets in, and no directory that holds one. Permissions keep most
 * of these from users on the host as well: this is for the list with a slip in it. */
static const char *const never[] = { "/etc/shadow", "/etc/gshadow", "/etc/sudo", "/etc/security/",
	"/etc/ssh/ssh_host_", "/etc/ssh/sshd_config", "/etc/ssl/private", "/etc/letsencrypt",
	"/etc/krb5.keytab", "/etc/cron", "/etc/pam.d", "/etc/gocker", "/var/lib/gocker",
	"/var/lib/private", "/var/lib/mysql", "/var/lib/postgresql", NULL };

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

bool gk_host_never(const char *path, bool directory)
{
	size_t n = strlen(path);
	for (const char *const *secret = never; *secret; secret++)
		if (begins(path, *secret) ||
			(directory && begins(*secret, path) && (*secret)[n] == '/'))
			return true;
	return false;
}

/* A component of wildcards alone would let in everything beside it, now and later. */
static bool is_too_wide(const char *pattern)
{
	for (const char *p = pattern; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		size_t n = strcspn(p, "/"), literal = 0;
		for (size_t i = 0; i < n; i++)
			literal += gk_is_alnum(p[i]);
		if (n && literal == 0)
			return true;
	}
	return false;
}

static const char *why_not(const char *pattern, bool leave_out)
{
	const char *const *origin = origins;
	while (*origin && !begins(pattern, *origin))
		origin++;
	if (leave_out && begins(pattern, "/usr/"))
		return NULL;
	if (!*origin && strcmp(pattern, "/opt") != 0)
		return "is not below /etc, /opt, /var/lib or /var/cache; "
		       "make it a volume in gocker.ini";
	if (leave_out)
		return NULL;
	if (is_too_wide(pattern))
		return "has a part of wildcards alone; name what is to be seen";
	if (!pattern[strcspn(pattern, "*?[")] && gk_host_never(pattern, false))
		return "is never shown to users; take the line out";
	return NULL;
}

static int push_rule(struct gk_host_rules *rules, const struct gk_host_rule *rule,
	struct gk_arena *arena, struct gk_err *err)
{
	rules->list = gk_grow(arena, rules->list, rules->n, &rules->cap, sizeof *rules->list);
	if (!rules->list)
		return gk_fail_errno(err, -ENOMEM, "the allow-list");
	rules->list[rules->n++] = *rule;
	return 0;
}

static int add_rule(struct gk_host_rules *rules, char *s, const char *path, unsigned line,
	struct gk_arena *arena, struct gk_err *err)
{
	const char *why = NULL;
	bool leave_out = *s == '!';
	s += leave_out;
	s += strspn(s, " \t");
	const char *pattern = gk_path_clean(arena, s, &why);
	if (pattern)
		why = why_not(pattern, leave_out);
	if (why) {
		const char *shown = gk_shown(arena, s, strlen(s));
		return gk_fail(err, -EINVAL, "%s:%u: %s %s", path, line, shown ? shown : "", why);
	}
	if (rules->n == GK_HOST_RULES_MOST)
		return gk_fail(err, -EINVAL, "%s:%u: there are more than %d lines", path, line,
			GK_HOST_RULES_MOST);
	if (!pattern)
		return gk_fail_errno(err, -ENOMEM, "%s", path);
	return push_rule(rules,
		&(struct gk_host_rule){ .pattern = pattern, .leave_out = leave_out, .line = line },
		arena, err);
}

static int add_built_in(struct gk_host_rules *rules, struct gk_arena *arena, struct gk_err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof built_in / sizeof *built_in; i++)
		r = push_rule(rules,
			&(struct gk_host_rule){ .pattern = built_in[i].pattern,
				.optional = true,
				.line = built_in[i].line },
			arena, err);
	return r;
}

int gk_host_rules_add(struct gk_host_rules *rules, const char *text, size_t size, const char *path,
	struct gk_arena *arena, struct gk_err *err)
{
	if (!path)
		return add_built_in(rules, arena, err);
	const char *end = text + size;
	for (unsigned line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = newline ? (size_t)(newline - text) : (size_t)(end - text);
		char *s = gk_arena_strndup(arena, text, n);
		if (!s)
			return gk_fail_errno(err, -ENOMEM, "%s", path);
		text += n + (newline != NULL);
		if (strlen(s) != n || !gk_is_utf8(s, n))
			return gk_fail(
				err, -EINVAL, "%s:%u: has a byte that is not text", path, line);
		s += strspn(s, " \t");
		n = strlen(s);
		while (n && (gk_is_blank(s[n - 1]) || s[n - 1] == '\r'))
			s[--n] = '\0';
		int r = *s && *s != '#' ? add_rule(rules, s, path, line, arena, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the root ---- */

/* What a system has besides, empty. */
static int add_skeleton(struct gk_build *b)
{
	static const struct {
		const char *path;
		mode_t mode;
	} dirs[] = { { "/home", 0755 }, { "/mnt", 0755 }, { "/root", 0700 }, { "/srv", 0755 },
		{ "/sys", 0555 }, { "/run/lock", 01777 }, { "/var/cache", 0755 },
		{ "/var/lib", 0755 }, { "/var/log", 0755 }, { "/var/mail", 0755 },
		{ "/var/spool", 0755 }, { "/var/tmp", 01777 } };
	static const char *const links[][2] = { { "/etc/mtab", "../proc/self/mounts" },
		{ "/var/run", "/run" }, { "/var/lock", "/run/lock" } };
	int e = 0;
	for (size_t i = 0; e == 0 && i < sizeof dirs / sizeof *dirs; i++)
		e = gk_build_entry(b, GK_ENTRY_DIR, dirs[i].path, dirs[i].mode, NULL);
	for (size_t i = 0; e == 0 && i < sizeof links / sizeof *links; i++)
		e = gk_build_entry(b, GK_ENTRY_SYMLINK, links[i][0], 0777, links[i][1]);
	return e;
}

static bool is_bound(const struct gk_host_item *item)
{
	return item->kind == GK_HOST_DIR && !item->left_out && !item->split;
}

const struct gk_host_item *gk_host_dir_around(const struct gk_hostroot *host, const char *path)
{
	size_t len = strlen(path);
	for (size_t i = 0; i < host->n; i++) {
		const struct gk_host_item *item = &host->items[i];
		if (len > item->len && path[item->len] == '/' && is_bound(item) &&
			memcmp(path, item->path, item->len) == 0)
			return item;
	}
	return NULL;
}

const char *gk_build_host_dir(const struct gk_build *b, const char *path)
{
	const struct gk_hostroot *host = b->request->host;
	if (!gk_build_is_host(b) || !host)
		return NULL;
	for (size_t i = 0; i < host->n; i++)
		if (is_bound(&host->items[i]) && gk_path_within(path, host->items[i].path))
			return host->items[i].path;
	return NULL;
}

static int add_item(struct gk_build *b, const struct gk_host_item *item)
{
	switch (item->kind) {
	case GK_HOST_LINK: return gk_build_entry(b, GK_ENTRY_SYMLINK, item->path, 0777, item->link);
	case GK_HOST_FILE:
		return gk_build_entry(
			b, GK_ENTRY_HOST, item->path, item->runs ? 0755 : 0644, item->path);
	default: break;
	}
	int e = gk_build_entry(b, GK_ENTRY_DIR, item->path, 0755, NULL);
	if (e < 0 || item->split)
		return e;
	/* A package that goes between the look and the login takes its directory along. */
	bool always = strcmp(item->path, "/usr") == 0;
	return gk_build_mount(b,
		&(struct gk_mount){ .kind = GK_MOUNT_HOST,
			.source = item->path,
			.target = item->path,
			.flags = GK_MF_RO | GK_MF_NOSUID | GK_MF_NODEV |
				(always ? 0 : GK_MF_OPTIONAL) });
}

int gk_build_hostroot(struct gk_build *b)
{
	const struct gk_hostroot *host = b->request->host;
	if (!host)
		return gk_fail(
			b->err, -EINVAL, "image = host: it is not known what is on the host");
	int e = add_skeleton(b);
	for (size_t i = 0; e == 0 && i < host->n; i++)
		if (!host->items[i].left_out)
			e = add_item(b, &host->items[i]);
	return e;
}
