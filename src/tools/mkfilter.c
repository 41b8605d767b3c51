/* Build-time tool: prints the seccomp filters as C arrays of finished BPF.
 *
 * libseccomp does the system call lists (a binary tree per architecture); the calls whose
 * arguments decide are narrowed by a prologue made here by hand, because libseccomp compares 64
 * bits where the kernel looks at the low 32 (CVE-2019-10063, CVE-2023-28100). */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/profile.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* asm-generic/ioctls.h; the same on x86_64 and aarch64. */
enum { IOCTL_TIOCSTI = 0x5412, IOCTL_TIOCLINUX = 0x541c, IOCTL_TIOCSETD = 0x5423 };

/* Every CLONE_NEW* that clone(2) knows (NEWTIME shares its bit with the exit signal there). */
#define CLONE_NAMESPACES 0x7e020000U

enum { FAMILY_UNIX = 1, FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16 };

struct target {
	const char *macro;
	uint32_t audit_arch;
	uint32_t scmp_arch;
};

static const struct target targets[] = {
	{ "__x86_64__", AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64 },
	{ "__aarch64__", AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64 },
};

static void die(const char *what, int r) __attribute__((noreturn));
static void die(const char *what, int r)
{
	fprintf(stderr, "mkfilter: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void add_rules(scmp_filter_ctx ctx, uint32_t arch, uint32_t action, const char *const *names,
	size_t n, const char *const *except, size_t nexcept)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = 0;
		while (at < nexcept && strcmp(except[at], names[i]) != 0)
			at++;
		if (seccomp_syscall_resolve_name_arch(arch, names[i]) < 0 || at < nexcept)
			continue;
		/* A rule takes the build machine's number (a pseudo number where it has none)
		 * and is translated for the architecture of the filter. */
		int r = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name(names[i]), 0);
		if (r < 0)
			die(names[i], r);
	}
}

static scmp_filter_ctx new_context(const struct target *t, uint32_t otherwise)
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	if (!ctx)
		die("seccomp_init", -ENOMEM);
	int r = 0;
	if (seccomp_arch_native() != t->scmp_arch) {
		r = seccomp_arch_add(ctx, t->scmp_arch);
		if (r == 0)
			r = seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
	}
	/* libseccomp's default for a foreign architecture is to kill; an errno is kinder. */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		die("seccomp context", r);
	return ctx;
}

static scmp_filter_ctx user_profile(const struct target *t, bool admin)
{
	scmp_filter_ctx ctx = new_context(t, SCMP_ACT_ERRNO(ENOSYS));
	size_t extra = admin ? COUNT(added_for_admin) : 0;
	add_rules(ctx, t->scmp_arch, SCMP_ACT_ALLOW, allowed_for_users, COUNT(allowed_for_users),
		NULL, 0);
	add_rules(ctx, t->scmp_arch, SCMP_ACT_ALLOW, added_for_admin, extra, NULL, 0);
	add_rules(ctx, t->scmp_arch, SCMP_ACT_ERRNO(EPERM), refused_with_eperm,
		COUNT(refused_with_eperm), added_for_admin, extra);
	return ctx;
}

static scmp_filter_ctx supervisor_profile(const struct target *t)
{
	scmp_filter_ctx ctx = new_context(t, SCMP_ACT_ERRNO(EPERM));
	add_rules(ctx, t->scmp_arch, SCMP_ACT_ALLOW, allowed_for_supervisor,
		COUNT(allowed_for_supervisor), NULL, 0);
	return ctx;
}

/* Offsets into struct seccomp_data of the halves of an argument, on little-endian machines. */
#define ARG_LOW(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#define ARG_HIGH(n) (ARG_LOW(n) + 4)
#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define PRETEND BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0)
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF_EQ(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)

static bool is_named(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* What is asked of calls younger than the libseccomp in use, with the number loaded. Two instructions a
 * call behind one that leads all older calls past them. */
static size_t newer_calls(bool for_users, struct sock_filter *code)
{
	size_t n = 1;
	for (size_t i = 0; for_users && i < COUNT(new_calls); i++) {
		const char *name = new_calls[i].name;
		uint32_t answer;
		if (is_named(allowed_for_users, COUNT(allowed_for_users), name))
			answer = SECCOMP_RET_ALLOW;
		else if (is_named(refused_with_eperm, COUNT(refused_with_eperm), name))
			answer = SECCOMP_RET_ERRNO | EPERM;
		else
			die(name, -EINVAL);
		code[n++] = (struct sock_filter)IF_EQ(new_calls[i].number, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
	}
	code[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
		(uint32_t)new_calls[0].number, 0, (uint8_t)(n - 1));
	return n;
}

/* Fills code; returns the number of instructions. A foreign architecture jumps over all of it. */
static size_t prologue(const struct target *t, bool for_users, struct sock_filter *code)
{
	const uint32_t arch = t->scmp_arch;
	const int nr_ioctl = seccomp_syscall_resolve_name_arch(arch, "ioctl");
	const int nr_clone = seccomp_syscall_resolve_name_arch(arch, "clone");
	const int nr_socket = seccomp_syscall_resolve_name_arch(arch, "socket");
	const int nr_pair = seccomp_syscall_resolve_name_arch(arch, "socketpair");
	const int nr_personality = seccomp_syscall_resolve_name_arch(arch, "personality");
	const int nr_setrlimit = seccomp_syscall_resolve_name_arch(arch, "setrlimit");
	const int nr_prlimit = seccomp_syscall_resolve_name_arch(arch, "prlimit64");
	const struct sock_filter body[] = {
		/* setrlimit and prlimit64 of RLIMIT_CORE: it stays at 1 (gk_forbid_core), since with 0 a core
		 * pattern with a pipe would be run. Programs that forbid their own core files (ssh-agent)
		 * end when they can't, so they are told that it was done; one that asks for the old value
		 * in the same call is refused, as nobody would fill it in. */
		IF_EQ(nr_setrlimit, 0, 2),
		LOAD(ARG_LOW(0)),
		IF_EQ(RLIMIT_CORE, 11, 44),
		IF_EQ(nr_prlimit, 0, 12),
		LOAD(ARG_LOW(1)),
		IF_EQ(RLIMIT_CORE, 0, 41),
		LOAD(ARG_LOW(2)),
		IF_EQ(0, 0, 2),
		LOAD(ARG_HIGH(2)),
		IF_EQ(0, 37, 0),
		LOAD(ARG_LOW(3)),
		IF_EQ(0, 0, 3),
		LOAD(ARG_HIGH(3)),
		IF_EQ(0, 0, 1),
		PRETEND,
		REFUSE,
		/* ioctl: nothing that types into a terminal or changes its line discipline */
		IF_EQ(nr_ioctl, 0, 5),
		LOAD(ARG_LOW(1)),
		IF_EQ(IOCTL_TIOCSTI, 2, 0),
		IF_EQ(IOCTL_TIOCLINUX, 1, 0),
		IF_EQ(IOCTL_TIOCSETD, 0, 26),
		REFUSE,
		/* clone: no new namespace */
		IF_EQ(nr_clone, 0, 3),
		LOAD(ARG_LOW(0)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NAMESPACES, 0, 22),
		REFUSE,
		/* socket: unix, inet, inet6, and of netlink the routing tables alone */
		IF_EQ(nr_socket, 0, 8),
		LOAD(ARG_LOW(0)),
		IF_EQ(FAMILY_UNIX, 18, 0),
		IF_EQ(FAMILY_INET, 17, 0),
		IF_EQ(FAMILY_INET6, 16, 0),
		IF_EQ(FAMILY_NETLINK, 0, 2),
		LOAD(ARG_LOW(2)),
		IF_EQ(0, 13, 0),
		REFUSE,
		/* socketpair: unix; the kernel makes sockets of any family before it finds that they
		 * have no pairs, and loads the family's module for it */
		IF_EQ(nr_pair, 0, 3),
		LOAD(ARG_LOW(0)),
		IF_EQ(FAMILY_UNIX, 9, 0),
		REFUSE,
		/* personality: what uname and 32-bit builds ask for, and asking itself */
		IF_EQ(nr_personality, 0, 7),
		LOAD(ARG_LOW(0)),
		IF_EQ(0, 5, 0),
		IF_EQ(8, 4, 0),
		IF_EQ(0x20000, 3, 0),
		IF_EQ(0x20008, 2, 0),
		IF_EQ(0xffffffff, 1, 0),
		REFUSE,
	};
	const size_t n = COUNT(body);
	const size_t newer = newer_calls(for_users, code + 3);
	if (newer + n + 1 > UINT8_MAX)
		die("prologue is too long for one jump", -E2BIG);
	code[0] = (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch));
	code[1] = (struct sock_filter)IF_EQ(t->audit_arch, 0, (uint8_t)(1 + newer + n));
	code[2] = (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr));
	memcpy(code + 3 + newer, body, sizeof body);
	/* Each "fine" jump must land just behind the body: checked rather than trusted. */
	for (size_t i = 0; i < n; i++) {
		const struct sock_filter *f = &body[i];
		if (BPF_CLASS(f->code) == BPF_JMP && (i + 1 + f->jt > n || i + 1 + f->jf > n))
			die("prologue jumps too far", -EINVAL);
	}
	return 3 + newer + n;
}

static size_t export_program(scmp_filter_ctx ctx, struct sock_filter *code, size_t room)
{
	int fd = memfd_create("bpf", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	if (r < 0)
		die("seccomp_export_bpf", r);
	ssize_t size = pread(fd, code, room * sizeof *code, 0);
	if (size <= 0 || (size_t)size == room * sizeof *code)
		die("reading the program", -EIO);
	close(fd);
	seccomp_release(ctx);
	return (size_t)size / sizeof *code;
}

static void print_filter(const char *name, const struct target *t, bool for_users, scmp_filter_ctx ctx)
{
	static struct sock_filter code[BPF_MAXINSNS];
	size_t n = prologue(t, for_users, code);
	n += export_program(ctx, code + n, COUNT(code) - n);
	printf("static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i < n; i++)
		printf("\t{ 0x%04x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt, code[i].jf,
			code[i].k);
	printf("};\n");
}

int main(void)
{
	printf("/* Made by mkfilter from src/tools/profile.h. */\n#include <linux/filter.h>\n");
	for (size_t i = 0; i < COUNT(targets); i++) {
		const struct target *t = &targets[i];
		printf("#if defined(%s)\n", t->macro);
		print_filter("filter_user", t, true, user_profile(t, false));
		print_filter("filter_admin", t, true, user_profile(t, true));
		print_filter("filter_supervisor", t, false, supervisor_profile(t));
		printf("#define GK_HAVE_FILTERS 1\n#endif\n");
	}
	printf("#ifndef GK_HAVE_FILTERS\n#error \"no seccomp profile for this architecture\"\n#endif\n");
	return ferror(stdout) || fflush(stdout) != 0;
}
