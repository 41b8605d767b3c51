#include "plan/build.h"

#include <errno.h>
#include <string.h>

#include "plan/env.h"
#include "plan/hostroot.h"
#include "plan/text.h"
#include "plan/value.h"

/* The agent's socket has a fixed place: its own on the host is below /tmp, which is another
 * directory inside. */
#define AGENT_SOCKET "/run/ssh-agent.sock"
#define STUB_PATH    GK_BINDIR "/gocker-shell"

/* Below these nothing of the host's may be attached, nor over what holds them. */
static const char *const reserved[] = { "/dev", "/proc", "/sys", "/etc", "/bin", "/sbin", "/lib",
	"/lib32", "/lib64", "/libx32", "/tmp", "/usr", "/var/run", "/var/lock", AGENT_SOCKET,
	GK_AGENTS, NULL };

static bool is_below(const char *path, const char *dir)
{
	return gk_path_within(path, dir) && strcmp(path, dir) != 0;
}

/* The reserved directory that a mount at path would cover or lie in, or NULL. What lies below
 * /usr/local is an administrator's business, and so is what of the host's /sys is seen. */
static const char *reserved_by(const char *path)
{
	if (is_below(path, "/sys"))
		return NULL;
	if (strcmp(path, "/") == 0)
		return "/";
	if (is_below(path, "/usr/local") && !gk_path_within(path, GK_BINDIR) &&
		!gk_path_within(GK_BINDIR, path))
		return NULL;
	for (const char *const *r = reserved; *r; r++)
		if (gk_path_within(path, *r) || gk_path_within(*r, path))
			return *r;
	return NULL;
}

static int no_memory(struct gk_build *b)
{
	(void)gk_fail_errno(b->err, -ENOMEM, "cannot make the plan");
	return -ENOMEM;
}

bool gk_build_is_host(const struct gk_build *b)
{
	return strcmp(b->policy->image, GK_IMAGE_HOST) == 0 && !b->request->override.edit_root;
}

static bool entry_exists(const struct gk_build *b, const char *path, size_t len)
{
	for (size_t i = 0; i < b->nentries; i++)
		if (b->entries[i].len == len && memcmp(b->entries[i].path, path, len) == 0)
			return true;
	return false;
}

static int push_entry(struct gk_build *b, const struct gk_entry *entry)
{
	size_t len = strlen(entry->path);
	if (entry_exists(b, entry->path, len))
		return 0;
	b->entries =
		gk_grow(b->arena, b->entries, b->nentries, &b->entries_cap, sizeof *b->entries);
	if (!b->entries)
		return no_memory(b);
	b->entries[b->nentries] = *entry;
	b->entries[b->nentries].len = len;
	/* Root's inside, whoever that is outside. */
	b->entries[b->nentries].uid = (uid_t)b->request->override.userns_base;
	b->entries[b->nentries++].gid = (gid_t)b->request->override.userns_base;
	return 0;
}

int gk_build_entry(struct gk_build *b, enum gk_entry_kind kind, const char *path, mode_t mode,
	const char *content)
{
	for (const char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		size_t len = (size_t)(s - path);
		if (entry_exists(b, path, len))
			continue;
		const char *parent = gk_arena_strndup(b->arena, path, len);
		if (!parent)
			return no_memory(b);
		int e = push_entry(b,
			&(struct gk_entry){ .kind = GK_ENTRY_DIR, .path = parent, .mode = 0755 });
		if (e < 0)
			return e;
	}
	return push_entry(b,
		&(struct gk_entry){ .kind = kind, .path = path, .mode = mode, .content = content });
}

int gk_build_mount(struct gk_build *b, const struct gk_mount *mount)
{
	b->mounts = gk_grow(b->arena, b->mounts, b->nmounts, &b->mounts_cap, sizeof *b->mounts);
	if (!b->mounts)
		return no_memory(b);
	b->mounts[b->nmounts++] = *mount;
	return 0;
}

static int push_bind_as(struct gk_build *b, enum gk_mount_kind kind, const struct gk_bind *tree,
	const char *target, unsigned flags)
{
	b->binds = gk_grow(b->arena, b->binds, b->nbinds, &b->binds_cap, sizeof *b->binds);
	if (!b->binds)
		return no_memory(b);
	b->binds[b->nbinds] = *tree;
	return gk_build_mount(b,
		&(struct gk_mount){ .kind = kind,
			.index = (unsigned)b->nbinds++,
			.target = target,
			.flags = flags });
}

static int push_bind(
	struct gk_build *b, const struct gk_bind *tree, const char *target, unsigned flags)
{
	return push_bind_as(b, GK_MOUNT_BIND, tree, target, flags);
}

/* The path of a home. A component "." is where servers of files put their chroot
 * (/srv/jail/./home/x), and means nothing to others: it is left out. Returns NULL with *ret_why. */
static const char *clean_home(struct gk_arena *arena, const char *home, const char **ret_why)
{
	struct gk_buf buf = { .arena = arena };
	for (const char *s = home; *s;) {
		size_t slashes = strspn(s, "/"), len = slashes + strcspn(s + slashes, "/");
		if (slashes == 0 || len != slashes + 1 || s[slashes] != '.')
			gk_buf_add(&buf, s, len);
		s += len;
	}
	const char *text = gk_buf_text(&buf);
	*ret_why = "does not fit into memory";
	return text ? gk_path_clean(arena, text, ret_why) : NULL;
}

static int place_home(struct gk_build *b)
{
	const char *why = NULL, *home = b->who->home ? b->who->home : "";
	b->home = "/";
	if (b->policy->home == GK_HOME_NONE)
		return 0;
	const char *clean = clean_home(b->arena, home, &why);
	if (!clean)
		return gk_fail(b->err, -EINVAL,
			"the home directory of the account %s; set home = none for it in gocker.ini",
			*home ? why : "is not set");
	const char *by = reserved_by(clean);
	/* A tmpfs at the same path would be as wrong. */
	if (by)
		return gk_fail(b->err, -EINVAL,
			"the home directory %s would cover %s, which the container needs; set "
			"home = none for this account in gocker.ini",
			clean, by);
	b->home = clean;
	return 0;
}

/* Where sshd (/tmp/ssh-RANDOM/agent.PID, since 10.1 HOME/.ssh/agent/NAME) and dropbear
 * (/tmp/dropbear-RANDOM/auth-NAME) put a forwarded agent. The variable is the user's to choose
 * wherever sshd takes his environment (PermitUserEnvironment): any other socket of his, such as the
 * bus of his systemd manager, is a way to run programs on the host. */
static bool is_forwarded_agent(const struct gk_build *b, const char *path)
{
	static const char *const places[][2] = { { "/tmp/ssh-", "/agent." },
		{ "/tmp/dropbear-", "/auth-" } };
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		size_t n = strlen(places[i][0]);
		const char *slash =
			strncmp(path, places[i][0], n) == 0 ? strchr(path + n, '/') : NULL;
		if (slash && strncmp(slash, places[i][1], strlen(places[i][1])) == 0)
			return !strchr(slash + 1, '/');
	}
	const char *why, *home = b->who->home ? clean_home(b->arena, b->who->home, &why) : NULL;
	const char *dir = home ? gk_arena_printf(b->arena, "%s/.ssh/agent/", home) : NULL;
	return dir && strncmp(path, dir, strlen(dir)) == 0 && !strchr(path + strlen(dir), '/');
}

int gk_build_places(struct gk_build *b)
{
	int e = place_home(b);
	if (e < 0)
		return e;
	const char *why, *socket = b->request->agent_socket;
	if (!socket || b->request->door != GK_DOOR_SHELL || !b->policy->agent)
		return 0;
	/* The caller names it: what is no forwarded agent's path is not brought in. */
	if (!gk_path_clean(b->arena, socket, &why) || !is_forwarded_agent(b, socket))
		return 0;
	b->agent = gk_build_is_shared(b) ?
		gk_arena_printf(b->arena, GK_AGENTS "/%s",
			b->request->session_id ? b->request->session_id : "ID") :
		AGENT_SOCKET;
	return b->agent ? 0 : no_memory(b);
}

static int mount_home(struct gk_build *b)
{
	if (b->policy->home == GK_HOME_NONE)
		return 0;
	int e = gk_build_entry(b, GK_ENTRY_DIR, b->home, 0755, NULL);
	if (e < 0)
		return e;
	unsigned flags = GK_MF_NOSUID | GK_MF_NODEV;
	if (b->policy->home == GK_HOME_BIND)
		return push_bind(
			b, &(struct gk_bind){ .source = b->home, .as_user = true }, b->home, flags);
	return gk_build_mount(b,
		&(struct gk_mount){ .kind = GK_MOUNT_SCRATCH,
			.index = GK_SCRATCH_TMP,
			.source = "home",
			.target = b->home,
			.flags = flags });
}

/* The volumes, then the files. */
static const struct gk_volume *attached(const struct gk_policy *policy, size_t i)
{
	return i < policy->nvolumes ? &policy->volumes[i] : &policy->files[i - policy->nvolumes];
}

/* Refuses what would cover, or lie in, what is mounted there already: a mount point in a directory
 * that the user writes to could be swapped under gocker's hands. */
static int check_attached(struct gk_build *b, size_t n)
{
	const struct gk_volume *v = attached(b->policy, n);
	const char *by = reserved_by(v->target);
	/* Root in a container could write to the kernel there: its files ask for uid 0 alone. */
	if (gk_path_within(v->source, "/sys") && !v->readonly)
		return gk_fail(b->err, -EINVAL,
			"the %s %s is of /sys: append :ro to it in gocker.ini",
			v->file ? "file" : "volume", v->source);
	if (!by && b->policy->home != GK_HOME_NONE &&
		(gk_path_within(v->target, b->home) || gk_path_within(b->home, v->target)))
		by = b->home;
	for (size_t i = 0; !by && i < n; i++) {
		const char *other = attached(b->policy, i)->target;
		if (gk_path_within(v->target, other) || gk_path_within(other, v->target))
			by = other;
	}
	/* No mount point can be made in a directory of the host's. */
	if (!by)
		by = gk_build_host_dir(b, v->target);
	/* A directory is no mount point for a file. */
	if (!by && v->file && entry_exists(b, v->target, strlen(v->target)))
		by = v->target;
	if (!by)
		return 0;
	return gk_fail(b->err, -EINVAL,
		"the %s %s lies in or covers %s; give it another target in gocker.ini, such as "
		"/mnt/%s",
		v->file ? "file" : "volume", v->target, by, strrchr(v->target, '/') + 1);
}

static int mount_volumes(struct gk_build *b)
{
	for (size_t i = 0; i < b->policy->nvolumes + b->policy->nfiles; i++) {
		const struct gk_volume *v = attached(b->policy, i);
		/* A service that is down takes its socket along, and must not lock users out. */
		unsigned flags = GK_MF_NOSUID | GK_MF_NODEV | (v->readonly ? GK_MF_RO : 0) |
			(v->file ? GK_MF_OPTIONAL : 0);
		int e = check_attached(b, i);
		if (e == 0)
			e = v->file ? gk_build_entry(b, GK_ENTRY_FILE, v->target, 0644, "") :
				      gk_build_entry(b, GK_ENTRY_DIR, v->target, 0755, NULL);
		if (e == 0)
			e = push_bind(b, &(struct gk_bind){ .source = v->source, .file = v->file },
				v->target, flags);
		if (e < 0)
			return e;
	}
	return 0;
}

/* In a container that logins share each has a socket of its own, in a directory that only root can
 * write to. The login that joins puts it there (run/build/agent.c). */
static int mount_agents(struct gk_build *b)
{
	int e = gk_build_entry(b, GK_ENTRY_DIR, GK_AGENTS, 0755, NULL);
	if (e < 0)
		return e;
	return gk_build_mount(b,
		&(struct gk_mount){ .kind = GK_MOUNT_SCRATCH,
			.index = GK_SCRATCH_ROOT,
			.source = "agents",
			.target = GK_AGENTS,
			.flags = GK_MF_NOSUID | GK_MF_NODEV | GK_MF_NOEXEC });
}

static int mount_agent(struct gk_build *b)
{
	if (b->request->container)
		return mount_agents(b);
	if (!b->agent)
		return 0;
	int e = gk_build_entry(b, GK_ENTRY_FILE, b->agent, 0600, "");
	if (e < 0)
		return e;
	return push_bind(b, &(struct gk_bind){ .source = b->request->agent_socket, .socket = true },
		b->agent, GK_MF_NOSUID | GK_MF_NODEV | GK_MF_OPTIONAL);
}

/* The root and what every session has below it, in order. */
static int mount_base(struct gk_build *b)
{
	const unsigned safe = GK_MF_NOSUID | GK_MF_NODEV;
	const char *edit_root = b->request->override.edit_root;
	const unsigned root = safe | (b->policy->root == GK_ROOT_READONLY ? GK_MF_LATE_RO : 0);
	const struct gk_mount base[] = {
		gk_build_is_host(b) ? (struct gk_mount){ GK_MOUNT_SKELETON, GK_SCRATCH_ROOT,
					      "upper", "/", root } :
				      (struct gk_mount){ GK_MOUNT_OVERLAY, 0, NULL, "/", root },
		{ GK_MOUNT_PROC, 0, NULL, "/proc", safe | GK_MF_NOEXEC },
		{ GK_MOUNT_SCRATCH, GK_SCRATCH_ROOT, "dev", "/dev",
			GK_MF_NOSUID | GK_MF_NOEXEC | GK_MF_LATE_RO },
		{ GK_MOUNT_DEVPTS, 0, NULL, "/dev/pts", GK_MF_NOSUID | GK_MF_NOEXEC },
		{ GK_MOUNT_SCRATCH, GK_SCRATCH_TMP, "shm", "/dev/shm", safe },
		{ GK_MOUNT_SCRATCH, GK_SCRATCH_TMP, "tmp", "/tmp", safe },
	};
	for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
		int e = i == 0 && edit_root ?
			push_bind_as(b, GK_MOUNT_EDIT, &(struct gk_bind){ .source = edit_root },
				"/", safe) :
			gk_build_mount(b, &base[i]);
		if (e == 0 && i == 0 && gk_build_is_host(b))
			e = gk_build_hostroot(b);
		if (e < 0)
			return e;
	}
	/* Of what gocker puts over an image, an editor needs only the way to find hosts. */
	if (!edit_root || b->policy->network != GK_NETWORK_HOST)
		return 0;
	return gk_build_mount(b,
		&(struct gk_mount){ .kind = GK_MOUNT_SCRATCH,
			.index = GK_SCRATCH_ROOT,
			.source = "upper/etc/resolv.conf",
			.target = "/etc/resolv.conf",
			.flags = safe | GK_MF_NOEXEC | GK_MF_RO | GK_MF_OPTIONAL });
}

/* /proc as a window on the host: what tells of it is hidden, what would change it is read-only.
 * Kernels differ in which of these they have. */
static int mount_masks(struct gk_build *b)
{
	static const char *const files[] = { "kcore", "keys", "key-users", "kmsg", "kallsyms",
		"kpagecgroup", "kpagecount", "kpageflags", "latency_stats", "locks", "sched_debug",
		"timer_list", "timer_stats", "vmallocinfo", NULL };
	static const char *const dirs[] = { "acpi", "asound", "scsi", NULL };
	static const char *const readonly[] = { "bus", "dynamic_debug", "fs", "irq", "sys",
		"sysrq-trigger", NULL };
	const struct {
		const char *const *names;
		enum gk_mount_kind kind;
	} sets[] = { { files, GK_MOUNT_MASK_FILE }, { dirs, GK_MOUNT_MASK_DIR },
		{ readonly, GK_MOUNT_BIND_RO } };
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		for (const char *const *name = sets[i].names; *name; name++) {
			struct gk_mount mount = { .kind = sets[i].kind,
				.flags = GK_MF_RO | GK_MF_NOSUID | GK_MF_NODEV | GK_MF_NOEXEC |
					GK_MF_OPTIONAL };
			mount.target = gk_arena_printf(b->arena, "/proc/%s", *name);
			int e = mount.target ? gk_build_mount(b, &mount) : no_memory(b);
			if (e < 0)
				return e;
		}
	}
	return 0;
}

/* What the entry stub is to do stands in a file that only root can write: key=value, a line each.
 */
static int add_stub_orders(struct gk_build *b)
{
	struct gk_buf buf = { .arena = b->arena };
	gk_buf_printf(&buf, "shell=%s\nuser=%s\nhome=%s\nagent=%s\n", b->policy->shell,
		b->who->name, b->home, b->policy->agent ? "yes" : "no");
	if (b->policy->umask != (mode_t)-1)
		gk_buf_printf(&buf, "umask=%04o\n", (unsigned)b->policy->umask);
	for (const char *const *e = b->policy->env_pass; e && *e; e++)
		gk_buf_printf(&buf, "pass=%s\n", *e);
	for (const char *const *e = b->request->env; e && *e; e++)
		if (gk_value_env_name_ok(*e, strlen(*e)))
			gk_buf_printf(&buf, "pass=%s\n", *e);
	for (const char *const *e = b->policy->env_set; e && *e; e++)
		gk_buf_printf(&buf, "env=%s\n", *e);
	for (const char *const *e = b->request->image_env; e && *e; e++)
		if (gk_env_from_image(b->policy, *e))
			gk_buf_printf(&buf, "image=%s\n", *e);
	for (const char *line = b->banner; line && *line; line = strchr(line, '\n') + 1)
		gk_buf_printf(&buf, "banner=%.*s\n", (int)strcspn(line, "\n"), line);
	const char *text = gk_buf_text(&buf);
	return text ? gk_build_entry(b, GK_ENTRY_FILE, GK_STUB_ORDERS, 0644, text) : no_memory(b);
}

/* The entry stub stands at the path of gocker-shell inside, and in for a passwd shell that the
 * image lacks. */
static int mount_stub(struct gk_build *b)
{
	if (b->request->door != GK_DOOR_PAM)
		return 0;
	const char *why, *shell = b->who->shell && *b->who->shell ? b->who->shell : "/bin/sh";
	int e = gk_build_host_dir(b, STUB_PATH) ?
		0 :
		gk_build_entry(b, GK_ENTRY_FILE, STUB_PATH, 0755, "");
	if (e == 0)
		e = add_stub_orders(b);
	if (e < 0)
		return e;
	shell = gk_path_clean(b->arena, shell, &why);
	if (!shell)
		return gk_fail(b->err, -EINVAL, "the passwd shell of the account %s", why);
	/* Its parents may be symlinks in the image: src/run finds them there, none is made here. */
	if (strcmp(shell, STUB_PATH) != 0)
		e = push_entry(b,
			&(struct gk_entry){ .kind = GK_ENTRY_SHELL,
				.path = shell,
				.mode = 0755,
				.content = STUB_PATH });
	if (e < 0)
		return e;
	return gk_build_mount(b,
		&(struct gk_mount){ .kind = GK_MOUNT_STUB,
			.target = STUB_PATH,
			/* A host whose users come in by the other door may not have it. */
			.flags = GK_MF_RO | GK_MF_NOSUID | GK_MF_NODEV |
				(b->request->container ? GK_MF_OPTIONAL : 0) });
}

int gk_build_mounts(struct gk_build *b)
{
	int (*const steps[])(struct gk_build *) = { mount_base, mount_masks, mount_home,
		mount_volumes, mount_agent, mount_stub };
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int e = steps[i](b);
		if (e < 0)
			return e;
	}
	if (b->request->tty != GK_TTY_TAKEOVER)
		return 0;
	return gk_build_mount(b,
		&(struct gk_mount){ .kind = GK_MOUNT_PTY,
			.target = "/dev/console",
			.flags = GK_MF_NOSUID | GK_MF_NOEXEC });
}
