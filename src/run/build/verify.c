#include "run/build/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"

/* mountinfo writes space, tab, newline and backslash as \ooo (proc(5)). */
static void unescape(char *s)
{
	char *out = s;
	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static bool has_option(const char *options, const char *want)
{
	size_t len = strlen(want);
	for (const char *o = options; *o;) {
		size_t n = strcspn(o, ",");
		if (n == len && strncmp(o, want, len) == 0)
			return true;
		o += n + (o[n] == ',');
	}
	return false;
}

static const char *missing_flag(unsigned flags, const char *options)
{
	static const struct {
		unsigned flag;
		const char *option;
	} table[] = {
		{ GK_MF_RO, "ro" },
		{ GK_MF_LATE_RO, "ro" },
		{ GK_MF_NOSUID, "nosuid" },
		{ GK_MF_NODEV, "nodev" },
		{ GK_MF_NOEXEC, "noexec" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if ((flags & table[i].flag) && !has_option(options, table[i].option))
			return table[i].option;
	return NULL;
}

/* The type a mount of the plan must have, NULL where it is the host's. A tmpfs must be the one that
 * staging.c mounted and named: another would be the host's, which root_size does not bound. */
static const char *type_of(const struct gk_mount *m)
{
	switch (m->kind) {
	case GK_MOUNT_OVERLAY: return "overlay";
	case GK_MOUNT_PROC:
	case GK_MOUNT_BIND_RO: return "proc";
	case GK_MOUNT_DEVPTS:
	case GK_MOUNT_PTY: return "devpts";
	case GK_MOUNT_SCRATCH:
	case GK_MOUNT_SKELETON: return "tmpfs gocker";
	case GK_MOUNT_MASK_FILE:
	case GK_MOUNT_MASK_DIR: return "ramfs gocker";
	default: return NULL;
	}
}

/* "TYPE SOURCE OPTIONS" of mountinfo: the words of want, whole. */
static bool begins_with_words(const char *line, const char *want)
{
	size_t n = strlen(want);
	return strncmp(line, want, n) == 0 && (line[n] == ' ' || line[n] == '\0');
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/* A mount that the plan does not name: fine below a home, a volume or a directory of the host, with
 * its flags. */
static int check_extra(const struct gk_plan *plan, const bool *made, const char *target,
	const char *options, struct gk_err *err)
{
	for (size_t i = 0; i < plan->nmounts; i++) {
		const struct gk_mount *m = &plan->mounts[i];
		if ((m->kind == GK_MOUNT_BIND || m->kind == GK_MOUNT_HOST) && made[i] &&
			below(target, m->target) &&
			!missing_flag(m->flags & (GK_MF_RO | GK_MF_NOSUID | GK_MF_NODEV), options))
			return 0;
	}
	char shown[256];
	gk_escape(shown, sizeof shown, target);
	return gk_fail(err, -EPERM, "a mount at %s that was not planned; nothing was run", shown);
}

/* Checks one line; sets seen[i] for the mount of the plan that it is. */
static int check_line(
	char *line, const struct gk_plan *plan, const bool *made, bool *seen, struct gk_err *err)
{
	char *field[6] = { NULL }, *save = NULL;
	for (int i = 0; i < 6; i++)
		field[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
	char *rest = strtok_r(NULL, "\n", &save);
	/* Optional fields such as "shared:1" stand before " - "; a private mount has none. */
	if (!field[5] || !rest || strncmp(rest, "- ", 2) != 0)
		return gk_fail(err, -EPERM, "a mount inside is not private; nothing was run");
	char *type = rest + 2, *target = field[4], *options = field[5];
	unescape(target);
	for (size_t i = 0; i < plan->nmounts; i++) {
		const struct gk_mount *m = &plan->mounts[i];
		if (!made[i] || seen[i] || strcmp(m->target, target) != 0)
			continue;
		const char *want = type_of(m), *flag = missing_flag(m->flags, options);
		if (flag || (want && !begins_with_words(type, want)))
			return gk_fail(err, -EPERM, "the mount at %s lacks %s; nothing was run",
				m->target, flag ? flag : want);
		seen[i] = true;
		return 0;
	}
	return check_extra(plan, made, target, options, err);
}

static int check_top(struct gk_err *err)
{
	struct stat root, up;
	if (stat("/", &root) < 0 || stat("/..", &up) < 0)
		return gk_fail_errno(err, -errno, "cannot examine /");
	if (root.st_dev != up.st_dev || root.st_ino != up.st_ino)
		return gk_fail(err, -EPERM, "/.. leads out of the root; nothing was run");
	return 0;
}

int gk_verify_mounts(const struct gk_plan *plan, const bool *made, struct gk_err *err)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	gk_autofree bool *seen = calloc(plan->nmounts, sizeof *seen);
	if (!f || !seen) {
		int e = f ? -ENOMEM : -errno;
		if (f)
			fclose(f);
		return gk_fail_errno(err, e, "cannot read the mount table");
	}
	gk_autofree char *line = NULL;
	size_t room = 0;
	int r = check_top(err);
	while (r == 0 && getline(&line, &room, f) > 0)
		r = check_line(line, plan, made, seen, err);
	if (r == 0 && ferror(f))
		r = gk_fail_errno(err, -EIO, "cannot read the mount table");
	for (size_t i = 0; r == 0 && i < plan->nmounts; i++)
		if (made[i] && !seen[i])
			r = gk_fail(err, -EPERM, "the mount at %s is missing; nothing was run",
				plan->mounts[i].target);
	fclose(f);
	return r;
}
