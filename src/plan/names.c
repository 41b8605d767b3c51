#include "plan/names.h"

#include <linux/capability.h>
#include <sched.h>
#include <string.h>

const char *gk_door_name(enum gk_door door)
{
	static const char *const names[] = {
		[GK_DOOR_SHELL] = "shell", [GK_DOOR_PAM] = "pam", [GK_DOOR_RUN] = "run"
	};
	return names[door];
}

const char *gk_tty_name(enum gk_tty_mode tty)
{
	static const char *const names[] = {
		[GK_TTY_NONE] = "none", [GK_TTY_TAKEOVER] = "takeover", [GK_TTY_RELAY] = "relay"
	};
	return names[tty];
}

const char *gk_entry_name(enum gk_entry_kind kind)
{
	static const char *const names[] = { [GK_ENTRY_DIR] = "dir",
		[GK_ENTRY_FILE] = "file",
		[GK_ENTRY_COPY] = "copy",
		[GK_ENTRY_HOST] = "host",
		[GK_ENTRY_RESOLV] = "resolv",
		[GK_ENTRY_SYMLINK] = "symlink",
		[GK_ENTRY_SHELL] = "shell" };
	return names[kind];
}

const char *gk_mount_name(enum gk_mount_kind kind)
{
	static const char *const names[] = { [GK_MOUNT_OVERLAY] = "overlay",
		[GK_MOUNT_PROC] = "proc",
		[GK_MOUNT_SCRATCH] = "scratch",
		[GK_MOUNT_DEVPTS] = "devpts",
		[GK_MOUNT_BIND] = "tree",
		[GK_MOUNT_MASK_FILE] = "mask_file",
		[GK_MOUNT_MASK_DIR] = "mask_dir",
		[GK_MOUNT_BIND_RO] = "bind_ro",
		[GK_MOUNT_PTY] = "pty",
		[GK_MOUNT_STUB] = "stub",
		[GK_MOUNT_SKELETON] = "skeleton",
		[GK_MOUNT_HOST] = "host",
		[GK_MOUNT_EDIT] = "edit" };
	return names[kind];
}

const char *gk_scratch_name(enum gk_scratch scratch)
{
	return scratch == GK_SCRATCH_ROOT ? "root" : "tmp";
}

const char *gk_filter_name(enum gk_filter filter)
{
	return filter == GK_FILTER_USER ? "user" : "admin";
}

struct bit {
	uint64_t bit;
	const char *name;
};

static const struct bit namespaces[] = { { CLONE_NEWNS, "mount" }, { CLONE_NEWPID, "pid" },
	{ CLONE_NEWUTS, "uts" }, { CLONE_NEWIPC, "ipc" }, { CLONE_NEWCGROUP, "cgroup" },
	{ CLONE_NEWNET, "net" }, { CLONE_NEWUSER, "user" }, { 0, NULL } };
static const struct bit mount_flags[] = { { GK_MF_RO, "ro" }, { GK_MF_NOSUID, "nosuid" },
	{ GK_MF_NODEV, "nodev" }, { GK_MF_NOEXEC, "noexec" }, { GK_MF_OPTIONAL, "optional" },
	{ GK_MF_LATE_RO, "late_ro" }, { 0, NULL } };
static const struct bit caps[] = { { 1u << CAP_CHOWN, "chown" },
	{ 1u << CAP_DAC_OVERRIDE, "dac_override" }, { 1u << CAP_FOWNER, "fowner" },
	{ 1u << CAP_FSETID, "fsetid" }, { 1u << CAP_KILL, "kill" }, { 1u << CAP_SETGID, "setgid" },
	{ 1u << CAP_SETUID, "setuid" }, { 1u << CAP_SETPCAP, "setpcap" },
	{ 1u << CAP_NET_BIND_SERVICE, "net_bind_service" }, { 1u << CAP_SYS_CHROOT, "sys_chroot" },
	{ 0, NULL } };
static const struct bit scopes[] = { { GK_SCOPE_ABSTRACT_SOCKETS, "abstract_unix_sockets" },
	{ GK_SCOPE_SIGNALS, "signals" }, { 0, NULL } };

const char *gk_bits_next(enum gk_bits what, uint64_t *bits)
{
	static const struct bit *const tables[] = { [GK_BITS_NAMESPACES] = namespaces,
		[GK_BITS_MOUNT] = mount_flags,
		[GK_BITS_CAPS] = caps,
		[GK_BITS_SCOPE] = scopes };
	for (const struct bit *b = tables[what]; b->bit; b++) {
		if (!(*bits & b->bit))
			continue;
		*bits &= ~b->bit;
		return b->name;
	}
	return NULL;
}

void gk_plan_limits(const struct gk_plan *plan, struct gk_limit ret[GK_LIMITS])
{
	const struct gk_policy *p = plan->policy;
	const struct gk_limit limits[] = { { "leaf_pids_max", plan->leaf_pids_max,
						   GK_KEY_PIDS_MAX },
		{ "terminals_max", plan->terminals_max, GK_KEY_PIDS_MAX },
		{ "user_pids_max", p->user_pids_max, GK_KEY_USER_PIDS_MAX },
		{ "memory_max", p->memory_max, GK_KEY_MEMORY_MAX },
		{ "memory_high", p->memory_high, GK_KEY_MEMORY_HIGH },
		{ "memory_low", p->memory_low, GK_KEY_MEMORY_LOW },
		{ "memory_swap_max", p->memory_swap_max, GK_KEY_MEMORY_SWAP_MAX },
		{ "user_memory_max", p->user_memory_max, GK_KEY_USER_MEMORY_MAX },
		{ "cpu_weight", p->cpu_weight, GK_KEY_CPU_WEIGHT },
		{ "io_weight", p->io_weight, GK_KEY_IO_WEIGHT },
		{ "net_rate", p->net_rate, GK_KEY_NET_RATE },
		{ "nofile", p->nofile, GK_KEY_NOFILE },
		{ "cpus_milli", p->cpus_milli, GK_KEY_CPUS },
		{ "user_cpus_milli", p->user_cpus_milli, GK_KEY_USER_CPUS },
		{ "sessions_max", p->sessions_max, GK_KEY_SESSIONS_MAX },
		{ "user_sessions_max", p->user_sessions_max, GK_KEY_USER_SESSIONS_MAX },
		{ "group_sessions_max", p->group_sessions_max, GK_KEY_GROUP_SESSIONS_MAX },
		{ "idle_timeout_s", p->idle_timeout_s, GK_KEY_IDLE_TIMEOUT },
		{ "max_duration_s", p->max_duration_s, GK_KEY_MAX_DURATION } };
	_Static_assert(sizeof limits / sizeof *limits == GK_LIMITS, "limits");
	memcpy(ret, limits, sizeof limits);
	/* In the policy some say "none" by 0; of the first twelve 0 is a limit. */
	for (size_t i = 12; i < GK_LIMITS; i++)
		if (ret[i].value == 0)
			ret[i].value = GK_UNLIMITED;
}
