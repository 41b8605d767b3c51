#include "plan/plan.h"

#include <linux/capability.h>
#include <sched.h>

#include "plan/keys.h"
#include "plan/text.h"

/* A string in quotes, with everything that could break a line or a terminal as \xNN. */
static void put(FILE *out, const char *s)
{
	if (!s) {
		fputs("-", out);
		return;
	}
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '\n')
			fputs("\\n", out);
		else if (*s == '\t')
			fputs("\\t", out);
		else if (gk_is_control(*s) || (unsigned char)*s >= 0x80)
			fprintf(out, "\\x%02x", (unsigned)(unsigned char)*s);
		else {
			if (*s == '"' || *s == '\\')
				fputc('\\', out);
			fputc(*s, out);
		}
	}
	fputc('"', out);
}

struct bit {
	uint64_t bit;
	const char *name;
};

/* The names of the bits that are set, separated by commas; "none" for none. */
static void put_bits(FILE *out, uint64_t bits, const struct bit *names, size_t n)
{
	const char *comma = "";
	for (size_t i = 0; i < n; i++) {
		if (!(bits & names[i].bit))
			continue;
		fprintf(out, "%s%s", comma, names[i].name);
		comma = ",";
		bits &= ~names[i].bit;
	}
	if (bits)
		fprintf(out, "%s%#llx", comma, (unsigned long long)bits);
	else if (!*comma)
		fputs("none", out);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void print_limits(const struct gk_policy *p, const struct gk_plan *plan, FILE *out)
{
	const struct {
		const char *name;
		uint64_t value;
	} limits[] = { { "leaf_pids_max", plan->leaf_pids_max },
		{ "user_pids_max", p->user_pids_max }, { "memory_max", p->memory_max },
		{ "memory_swap_max", p->memory_swap_max },
		{ "user_memory_max", p->user_memory_max }, { "cpus_milli", p->cpus_milli },
		{ "sessions_max", p->sessions_max }, { "user_sessions_max", p->user_sessions_max },
		{ "idle_timeout_s", p->idle_timeout_s }, { "max_duration_s", p->max_duration_s } };
	for (size_t i = 0; i < COUNT(limits); i++) {
		/* The first is never without a limit; of the rest, some say so by 0. */
		if (limits[i].value == GK_UNLIMITED || (i > 4 && limits[i].value == 0))
			fprintf(out, "limit %s none\n", limits[i].name);
		else
			fprintf(out, "limit %s %llu\n", limits[i].name,
				(unsigned long long)limits[i].value);
	}
}

static void print_entries(const struct gk_plan *plan, FILE *out)
{
	static const char *const kinds[] = { [GK_ENTRY_DIR] = "dir", [GK_ENTRY_FILE] = "file",
		[GK_ENTRY_COPY] = "copy", [GK_ENTRY_SYMLINK] = "symlink",
		[GK_ENTRY_SHELL] = "shell" };
	for (size_t i = 0; i < plan->nentries; i++) {
		const struct gk_entry *e = &plan->entries[i];
		fprintf(out, "entry %s %04o %u:%u ", kinds[e->kind], (unsigned)e->mode,
			(unsigned)e->uid, (unsigned)e->gid);
		put(out, e->path);
		if (e->content) {
			fputc(' ', out);
			put(out, e->content);
		}
		fputc('\n', out);
	}
	for (size_t i = 0; i < plan->nnodes; i++)
		fprintf(out, "node %s %u:%u %04o\n", plan->nodes[i].name, plan->nodes[i].major,
			plan->nodes[i].minor, (unsigned)plan->nodes[i].mode);
}

static void print_mount(const struct gk_plan *plan, const struct gk_mount *m, FILE *out)
{
	static const char *const kinds[] = { [GK_MOUNT_OVERLAY] = "overlay",
		[GK_MOUNT_PROC] = "proc", [GK_MOUNT_SCRATCH] = "scratch",
		[GK_MOUNT_DEVPTS] = "devpts", [GK_MOUNT_TREE] = "tree",
		[GK_MOUNT_MASK_FILE] = "mask_file", [GK_MOUNT_MASK_DIR] = "mask_dir",
		[GK_MOUNT_BIND_RO] = "bind_ro", [GK_MOUNT_PTY] = "pty", [GK_MOUNT_STUB] = "stub",
		[GK_MOUNT_EDIT] = "edit" };
	static const char *const scratch[] = { [GK_SCRATCH_ROOT] = "root",
		[GK_SCRATCH_TMP] = "tmp" };
	static const struct bit flags[] = { { GK_MF_RO, "ro" }, { GK_MF_NOSUID, "nosuid" },
		{ GK_MF_NODEV, "nodev" }, { GK_MF_NOEXEC, "noexec" },
		{ GK_MF_OPTIONAL, "optional" }, { GK_MF_LATE_RO, "late_ro" } };
	fprintf(out, "mount %s ", kinds[m->kind]);
	put(out, m->target);
	fputc(' ', out);
	put_bits(out, m->flags, flags, COUNT(flags));
	if (m->kind == GK_MOUNT_SCRATCH) {
		fprintf(out, " from %s:", scratch[m->index]);
		put(out, m->source);
	}
	if (m->kind == GK_MOUNT_TREE || m->kind == GK_MOUNT_EDIT) {
		const struct gk_tree *tree = &plan->trees[m->index];
		fprintf(out, " from host%s%s:", tree->as_user ? " as_user" : "",
			tree->socket ? " socket" : "");
		put(out, tree->source);
	}
	fputc('\n', out);
}

static void print_root(const struct gk_plan *plan, FILE *out)
{
	static const char *const names[] = { [GK_SCRATCH_ROOT] = "root", [GK_SCRATCH_TMP] = "tmp" };
	fputs("image ", out);
	put(out, plan->image_path);
	fputc('\n', out);
	for (size_t i = 0; i < GK_SCRATCH_COUNT; i++)
		fprintf(out, "tmpfs %s size %llu inodes %llu\n", names[i],
			(unsigned long long)plan->scratch[i].size_bytes,
			(unsigned long long)plan->scratch[i].inodes);
	print_entries(plan, out);
	for (size_t i = 0; i < plan->nmounts; i++)
		print_mount(plan, &plan->mounts[i], out);
}

static void print_credentials(const struct gk_credentials *cred, FILE *out)
{
	static const struct bit caps[] = { { 1u << CAP_CHOWN, "chown" },
		{ 1u << CAP_DAC_OVERRIDE, "dac_override" }, { 1u << CAP_FOWNER, "fowner" },
		{ 1u << CAP_FSETID, "fsetid" }, { 1u << CAP_KILL, "kill" },
		{ 1u << CAP_SETGID, "setgid" }, { 1u << CAP_SETUID, "setuid" },
		{ 1u << CAP_SETPCAP, "setpcap" },
		{ 1u << CAP_NET_BIND_SERVICE, "net_bind_service" },
		{ 1u << CAP_SYS_CHROOT, "sys_chroot" } };
	fprintf(out, "uid %u\ngid %u\ngroups", (unsigned)cred->uid, (unsigned)cred->gid);
	for (size_t i = 0; i < cred->ngroups; i++)
		fprintf(out, " %u", (unsigned)cred->groups[i]);
	fputs("\ncapabilities ", out);
	put_bits(out, cred->caps, caps, COUNT(caps));
	fprintf(out, "\nno_new_privs %s\nfilter %s\n", cred->no_new_privs ? "yes" : "no",
		cred->filter == GK_FILTER_USER ? "user" : "admin");
}

static void print_payload(const struct gk_plan *plan, FILE *out)
{
	static const char *const ttys[] = { [GK_TTY_NONE] = "none", [GK_TTY_TAKEOVER] = "takeover",
		[GK_TTY_RELAY] = "relay" };
	fprintf(out, "tty %s\n", ttys[plan->tty]);
	print_credentials(&plan->cred, out);
	if (plan->umask == (mode_t)-1)
		fputs("umask inherit\n", out);
	else
		fprintf(out, "umask %04o\n", (unsigned)plan->umask);
	fputs("cwd ", out);
	put(out, plan->cwd);
	fputs(" else ", out);
	put(out, plan->cwd_else);
	fputs("\nexec ", out);
	put(out, plan->exec_path);
	fputc('\n', out);
	for (const char *const *arg = plan->argv; *arg; arg++) {
		fputs("arg ", out);
		put(out, *arg);
		fputc('\n', out);
	}
	for (const char *const *var = plan->env; *var; var++) {
		fputs("env ", out);
		put(out, *var);
		fputc('\n', out);
	}
}

void gk_plan_print(const struct gk_plan *plan, FILE *out)
{
	static const char *const doors[] = { [GK_DOOR_SHELL] = "shell", [GK_DOOR_PAM] = "pam",
		[GK_DOOR_RUN] = "run" };
	static const struct bit spaces[] = { { CLONE_NEWNS, "mount" }, { CLONE_NEWPID, "pid" },
		{ CLONE_NEWUTS, "uts" }, { CLONE_NEWIPC, "ipc" }, { CLONE_NEWCGROUP, "cgroup" },
		{ CLONE_NEWNET, "net" }, { CLONE_NEWUSER, "user" } };
	fprintf(out, "door %s\nsession ", doors[plan->door]);
	put(out, plan->session_id);
	fputs("\nuser ", out);
	put(out, plan->who->name);
	fputs("\nhostname ", out);
	put(out, plan->hostname);
	fputs("\nnamespaces ", out);
	put_bits(out, plan->namespaces, spaces, COUNT(spaces));
	fputc('\n', out);
	if (plan->uidmap_base)
		fprintf(out, "uidmap %llu\n", (unsigned long long)plan->uidmap_base);
	print_limits(plan->policy, plan, out);
	print_root(plan, out);
	print_payload(plan, out);
}
