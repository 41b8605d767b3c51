/* The seccomp filters of both architectures, run here instruction by instruction (seccomp(2),
 * bpf(4)), since the kernel of one machine can show its own alone. What the users' filter answers
 * to each number stands in tests/hostile/syscalls.*; tests/hostile/inside.sh asks this machine's
 * kernel the same. GOLDEN_UPDATE=1 writes those tables anew; look at the difference. */
#include "unit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/socket.h>

#include "tools/profile.h"

/* Each architecture's filters by the macro that chooses them, undone after. */
#pragma push_macro("__x86_64__")
#pragma push_macro("__aarch64__")
#undef __x86_64__
#undef __aarch64__
#define __x86_64__        1
#define filter_user       x86_64_user
#define filter_admin      x86_64_admin
#define filter_supervisor x86_64_supervisor
#define filter_unpacker   x86_64_unpacker
#define filter_tcp        x86_64_tcp
#define filter_forwarder  x86_64_forwarder
#include "filters.h"
#undef __x86_64__
#undef GK_HAVE_FILTERS
#undef filter_user
#undef filter_admin
#undef filter_supervisor
#undef filter_unpacker
#undef filter_tcp
#undef filter_forwarder
#define __aarch64__       1
#define filter_user       aarch64_user
#define filter_admin      aarch64_admin
#define filter_supervisor aarch64_supervisor
#define filter_unpacker   aarch64_unpacker
#define filter_tcp        aarch64_tcp
#define filter_forwarder  aarch64_forwarder
#include "filters.h"
#pragma pop_macro("__aarch64__")
#pragma pop_macro("__x86_64__")

enum { LAST = 700 };

struct filter {
	const struct sock_filter *code;
	size_t n;
};

static const struct machine {
	const char *name;
	uint32_t audit, scmp, foreign;
	struct filter user, admin, supervisor, unpacker, tcp, forwarder;
} machines[] = {
	{ "x86_64", AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, AUDIT_ARCH_I386,
		{ x86_64_user, COUNT(x86_64_user) }, { x86_64_admin, COUNT(x86_64_admin) },
		{ x86_64_supervisor, COUNT(x86_64_supervisor) },
		{ x86_64_unpacker, COUNT(x86_64_unpacker) }, { x86_64_tcp, COUNT(x86_64_tcp) },
		{ x86_64_forwarder, COUNT(x86_64_forwarder) } },
	{ "aarch64", AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64, AUDIT_ARCH_ARM,
		{ aarch64_user, COUNT(aarch64_user) }, { aarch64_admin, COUNT(aarch64_admin) },
		{ aarch64_supervisor, COUNT(aarch64_supervisor) },
		{ aarch64_unpacker, COUNT(aarch64_unpacker) }, { aarch64_tcp, COUNT(aarch64_tcp) },
		{ aarch64_forwarder, COUNT(aarch64_forwarder) } },
};

static bool jumps(const struct sock_filter *f, uint32_t a)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ: return a == f->k;
	case BPF_JGE: return a >= f->k;
	case BPF_JGT: return a > f->k;
	case BPF_JSET: return a & f->k;
	default: fail_msg("jump 0x%x", f->code); return false;
	}
}

static int steps; /* of evaluate, counted up */

/* The filter's answer. Instructions that these filters have no use for fail the test. */
static uint32_t evaluate(const struct filter *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;
	for (size_t at = 0; at < filter->n; at++) {
		const struct sock_filter *f = &filter->code[at];
		steps++;
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k % 4 == 0 && f->k + 4 <= sizeof *data);
			memcpy(&a, (const char *)data + f->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; break;
		case BPF_RET | BPF_K: return f->k;
		case BPF_JMP | BPF_JA: at += f->k; break;
		default:
			assert_int_equal(BPF_CLASS(f->code), BPF_JMP);
			at += jumps(f, a) ? f->jt : f->jf;
		}
	}
	fail_msg("the filter has no end");
	return 0;
}

static uint32_t ask(const struct machine *m, const struct filter *f, int nr, uint64_t a0,
	uint64_t a1, uint64_t a2)
{
	const struct seccomp_data data = { .nr = nr, .arch = m->audit, .args = { a0, a1, a2 } };
	return evaluate(f, &data);
}

static const char *name_of(uint32_t answer)
{
	switch (answer) {
	case SECCOMP_RET_ALLOW: return "allowed";
	case SECCOMP_RET_ERRNO | EPERM: return "EPERM";
	case SECCOMP_RET_ERRNO | ENOSYS: return "ENOSYS";
	default: fail_msg("answer 0x%x", answer); return NULL;
	}
}

/* uretprobe and uprobe: trampolines of the kernel's own on x86_64, that no filter sees. */
static bool left_out(const struct machine *m, int nr)
{
	return m->scmp == SCMP_ARCH_X86_64 && (nr == 335 || nr == 336);
}

/* Of what this libseccomp does not know the profile tells the name. */
static void write_name(FILE *f, const struct machine *m, int nr)
{
	char *name = seccomp_syscall_resolve_num_arch(m->scmp, nr);
	const char *shown = name ? name : "-";
	for (size_t i = 0; i < COUNT(new_calls); i++)
		if (new_calls[i].number == nr)
			shown = new_calls[i].name;
	fprintf(f, "%d %s %s\n", nr, shown, name_of(ask(m, &m->user, nr, 0, 0, 0)));
	free(name);
}

static void write_table(const struct machine *m, const char *path)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f,
		"# number, name, what the filter answers; written by GOLDEN_UPDATE=1 of tests/unit/test_seccomp.c\n");
	for (int nr = 0; nr <= LAST; nr++)
		if (!left_out(m, nr))
			write_name(f, m, nr);
	assert_int_equal(fclose(f), 0);
}

static void test_recorded_answers(void **state)
{
	(void)state;
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++) {
		char path[64], line[128], answer[16];
		int nr, lines = 0;
		snprintf(path, sizeof path, "tests/hostile/syscalls.%s", m->name);
		if (getenv("GOLDEN_UPDATE"))
			write_table(m, path);
		FILE *f = fopen(path, "re");
		assert_non_null(f);
		while (fgets(line, sizeof line, f)) {
			if (line[0] == '#')
				continue;
			assert_int_equal(sscanf(line, "%d %*s %15s", &nr, answer), 2);
			if (strcmp(name_of(ask(m, &m->user, nr, 0, 0, 0)), answer) != 0)
				fail_msg("%s %d is %s, recorded as %s", m->name, nr,
					name_of(ask(m, &m->user, nr, 0, 0, 0)), answer);
			lines++;
		}
		fclose(f);
		assert_in_range(lines, LAST - 1, LAST + 1);
	}
}

static void test_admin_adds_chroot_alone(void **state)
{
	(void)state;
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++)
		for (int nr = 0; nr <= LAST; nr++) {
			uint32_t user = ask(m, &m->user, nr, 0, 0, 0);
			if (nr == seccomp_syscall_resolve_name_arch(m->scmp, "chroot"))
				user = SECCOMP_RET_ALLOW;
			assert_int_equal(ask(m, &m->admin, nr, 0, 0, 0), user);
		}
}

/* Whatever is not named is refused, numbers from the future and negative ones too. */
static void test_supervisor_is_narrow(void **state)
{
	(void)state;
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++) {
		static const char *const never[] = { "execve", "execveat", "clone", "clone3",
			"fork", "vfork", "mount", "setns", "unshare", "ptrace", "setuid",
			"setresuid", "capset", "bpf", "open_tree", "chmod" };
		int allowed = 0;
		for (int nr = 0; nr <= LAST; nr++)
			allowed += ask(m, &m->supervisor, nr, 0, 0, 0) == SECCOMP_RET_ALLOW;
		assert_in_range(allowed, 30, 70);
		for (size_t i = 0; i < COUNT(never); i++) {
			int nr = seccomp_syscall_resolve_name_arch(m->scmp, never[i]);
			if (nr >= 0)
				assert_int_equal(ask(m, &m->supervisor, nr, 0, 0, 0),
					SECCOMP_RET_ERRNO | EPERM);
		}
		assert_int_equal(ask(m, &m->user, -1, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
		assert_int_equal(ask(m, &m->user, 0x3fffffff, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	}
}

/* What unpacks archives: files by descriptor and memory; no other process, no network, no code. */
static void test_unpacker_is_narrow(void **state)
{
	(void)state;
	static const char *const never[] = { "execve", "execveat", "clone", "clone3", "fork",
		"vfork", "kill", "tkill", "ptrace", "socket", "connect", "sendmsg", "ioctl",
		"mount", "chroot", "setns", "unshare", "mknodat", "prctl", "seccomp", "setuid",
		"setresuid", "capset", "bpf", "open_by_handle_at", "pidfd_open", "pidfd_getfd",
		"shmget", "process_vm_writev", "memfd_create", "io_uring_setup", "setxattr",
		"fsetxattr", "personality" };
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++) {
		int allowed = 0;
		for (int nr = 0; nr <= LAST; nr++)
			allowed += ask(m, &m->unpacker, nr, 0, 0, 0) == SECCOMP_RET_ALLOW;
		assert_in_range(allowed, 30, 50);
		for (size_t i = 0; i < COUNT(never); i++) {
			int nr = seccomp_syscall_resolve_name_arch(m->scmp, never[i]);
			if (nr >= 0)
				assert_int_equal(ask(m, &m->unpacker, nr, 0, 0, 0),
					SECCOMP_RET_ERRNO | EPERM);
		}
		static const char *const memory[] = { "mmap", "mprotect" };
		for (size_t i = 0; i < COUNT(memory); i++) {
			int nr = seccomp_syscall_resolve_name_arch(m->scmp, memory[i]);
			assert_int_equal(ask(m, &m->unpacker, nr, 0, 0, 3), SECCOMP_RET_ALLOW);
			for (uint64_t prot = 4; prot < 8; prot++)
				assert_int_equal(ask(m, &m->unpacker, nr, 0, 0, prot | 1ULL << 32),
					SECCOMP_RET_ERRNO | EPERM);
			/* Users' programs may. */
			assert_int_equal(ask(m, &m->user, nr, 0, 0, 5), SECCOMP_RET_ALLOW);
		}
	}
}

/* What passes connections on: TCP and pipes; no file, no memory, no other process. */
static void test_forwarder_is_narrow(void **state)
{
	(void)state;
	static const char *const never[] = { "execve", "clone", "clone3", "fork", "kill", "ptrace",
		"open", "openat", "openat2", "read", "sendmsg", "recvmsg", "ioctl", "mmap",
		"mprotect", "mount", "setns", "unshare", "prctl", "bind", "listen", "setuid",
		"capset", "bpf", "pidfd_getfd", "io_uring_setup" };
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++) {
		const int nr = seccomp_syscall_resolve_name_arch(m->scmp, "socket");
		int allowed = 0;
		for (int each = 0; each <= LAST; each++)
			allowed += ask(m, &m->forwarder, each, AF_INET, SOCK_STREAM, 0) ==
				SECCOMP_RET_ALLOW;
		assert_in_range(allowed, 10, 15);
		for (size_t i = 0; i < COUNT(never); i++) {
			int other = seccomp_syscall_resolve_name_arch(m->scmp, never[i]);
			if (other >= 0)
				assert_int_equal(ask(m, &m->forwarder, other, 0, 0, 0),
					SECCOMP_RET_ERRNO | EPERM);
		}
		for (int family = 0; family < 46; family++)
			for (int type = 0; type <= SOCK_PACKET; type++)
				for (int protocol = 0; protocol < 300; protocol++) {
					bool tcp = (family == AF_INET || family == AF_INET6) &&
						type == SOCK_STREAM && protocol == 0;
					assert_int_equal(ask(m, &m->forwarder, nr, (uint64_t)family,
								 (uint64_t)type | SOCK_NONBLOCK,
								 (uint64_t)protocol),
						tcp ? SECCOMP_RET_ALLOW :
						      SECCOMP_RET_ERRNO | EPERM);
				}
	}
}

static void test_foreign_architectures(void **state)
{
	(void)state;
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++)
		for (int nr = 0; nr <= LAST; nr++) {
			struct seccomp_data data = { .nr = nr, .arch = m->foreign };
			assert_int_equal(evaluate(&m->user, &data), SECCOMP_RET_ERRNO | ENOSYS);
			assert_int_equal(
				evaluate(&m->supervisor, &data), SECCOMP_RET_ERRNO | ENOSYS);
			assert_int_equal(evaluate(&m->unpacker, &data), SECCOMP_RET_ERRNO | ENOSYS);
			assert_int_equal(
				evaluate(&m->forwarder, &data), SECCOMP_RET_ERRNO | ENOSYS);
			/* x32 has the architecture of x86_64 and a bit of its own in the number */
			data.arch = m->audit;
			data.nr = nr | 0x40000000;
			assert_int_not_equal(evaluate(&m->user, &data), SECCOMP_RET_ALLOW);
			assert_int_not_equal(evaluate(&m->supervisor, &data), SECCOMP_RET_ALLOW);
		}
}

/* The kernel checks, runs for each number, and compiles three of them a login: a tree of ranges is
 * short, and few steps deep. */
static void test_short(void **state)
{
	(void)state;
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++) {
		const struct filter all[] = { m->user, m->admin, m->supervisor, m->unpacker,
			m->forwarder };
		for (size_t i = 0; i < COUNT(all); i++) {
			assert_in_range(all[i].n, 40, 180);
			for (int nr = 0; nr <= LAST; nr++) {
				steps = 0;
				(void)ask(m, &all[i], nr, 0, 0, 0);
				assert_in_range(steps, 4, 20);
			}
		}
	}
}

/* The kernel looks at the low 32 bits of these arguments: so does the filter. */
static void test_arguments(void **state)
{
	(void)state;
	static const uint64_t high[] = { 0, 1ULL << 32, 1ULL << 63, 0xffffffff00000000 };
	static const struct {
		const char *call;
		int arg;
		uint64_t value;
		bool allowed;
	} cases[] = {
		{ "ioctl", 1, 0x5412, false },
		{ "ioctl", 1, 0x541c, false },
		{ "ioctl", 1, 0x5423, false },
		{ "ioctl", 1, 0x5401, true },
		{ "ioctl", 1, 0x5413, true },
		{ "clone", 0, 0x10000000, false },
		{ "clone", 0, 0x00020000, false },
		{ "clone", 0, 0x02000000, false },
		{ "clone", 0, 0x04000000, false },
		{ "clone", 0, 0x08000000, false },
		{ "clone", 0, 0x20000000, false },
		{ "clone", 0, 0x40000000, false },
		{ "clone", 0, 0x003d0f00, true },
		{ "clone", 0, 0x11, true },
		{ "socket", 0, 1, true },
		{ "socket", 0, 2, true },
		{ "socket", 0, 10, true },
		{ "socket", 0, 16, true },
		{ "socket", 0, 0, false },
		{ "socket", 0, 3, false },
		{ "socket", 0, 17, false },
		{ "socket", 0, 38, false },
		{ "socket", 0, 40, false },
		{ "socket", 0, 44, false },
		{ "socketpair", 0, 1, true },
		{ "socketpair", 0, 2, false },
		{ "socketpair", 0, 38, false },
		{ "personality", 0, 0, true },
		{ "personality", 0, 8, true },
		{ "personality", 0, 0xffffffff, true },
		{ "personality", 0, 0x0040000, true }, /* ADDR_NO_RANDOMIZE */
		{ "personality", 0, 0x0060008, true },
		{ "personality", 0, 0x0100000, false }, /* MMAP_PAGE_ZERO */
		{ "personality", 0, 0x0140000, false },
		{ "personality", 0, 0x0400000, false },
	};
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++)
		for (size_t i = 0; i < COUNT(cases); i++)
			for (size_t h = 0; h < COUNT(high); h++) {
				int nr = seccomp_syscall_resolve_name_arch(m->scmp, cases[i].call);
				uint64_t v = cases[i].value | high[h];
				uint32_t got = cases[i].arg ? ask(m, &m->user, nr, 0, v, 0) :
							      ask(m, &m->user, nr, v, 0, 0);
				assert_int_equal(got,
					cases[i].allowed ? SECCOMP_RET_ALLOW :
							   SECCOMP_RET_ERRNO | EPERM);
			}
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++) {
		int nr = seccomp_syscall_resolve_name_arch(m->scmp, "socket");
		for (uint64_t protocol = 1; protocol < 64;
			protocol++) /* of netlink, routing alone */
			assert_int_equal(
				ask(m, &m->user, nr, 16, 3, protocol), SECCOMP_RET_ERRNO | EPERM);
	}
}

/* Of the host's network, TCP, UDP, MPTCP and ping; everything else is a module that is loaded for
 * who asks. */
static void test_protocols(void **state)
{
	(void)state;
	enum { STREAM = 1, DGRAM = 2, RAW = 3, SEQPACKET = 5, DCCP = 6, FLAGS = 02004000 };
	static const uint64_t allowed[] = { 0, 1, 6, 17, 58, 262 };
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++) {
		const int nr = seccomp_syscall_resolve_name_arch(m->scmp, "socket");
		for (uint64_t family = 2; family <= 10; family += 8)
			for (uint64_t protocol = 0; protocol <= 300; protocol++) {
				size_t at = 0;
				while (at < COUNT(allowed) && allowed[at] != protocol)
					at++;
				const uint32_t want = at < COUNT(allowed) ?
					SECCOMP_RET_ALLOW :
					SECCOMP_RET_ERRNO | EPERM;
				for (uint64_t type = STREAM; type <= RAW; type++) {
					assert_int_equal(
						ask(m, &m->user, nr, family, type, protocol), want);
					assert_int_equal(ask(m, &m->user, nr, family, type | FLAGS,
								 protocol | 1ULL << 32),
						want);
				}
				for (uint64_t type = SEQPACKET; type <= DCCP; type++)
					assert_int_equal(ask(m, &m->user, nr, family, type | FLAGS,
								 protocol),
						SECCOMP_RET_ERRNO | EPERM);
			}
	}
}

/* The filter beside Landlock refuses the ways to TCP that Landlock does not see, and nothing else.
 */
static void test_ways_past_landlock(void **state)
{
	(void)state;
	static const struct {
		const char *call;
		uint64_t args[4];
		int error; /* 0: allowed */
	} cases[] = {
		{ "socket", { 2, 1, 0 }, 0 },
		{ "socket", { 2, 1, 6 }, 0 },
		{ "socket", { 10, 1, 6 }, 0 },
		{ "socket", { 2, 2, 17 }, 0 },
		{ "socket", { 1, 1, 262 }, 0 },
		{ "socket", { 17, 3, 0 }, 0 },
		{ "socket", { 2, 1, 262 }, EPROTONOSUPPORT },
		{ "socket", { 10, 1 | 02004000, 262 }, EPROTONOSUPPORT },
		{ "socket", { 2, 1, 256 }, EPROTONOSUPPORT },
		{ "socket", { 43, 1, 0 }, EPROTONOSUPPORT },
		{ "socket", { 43, 1, 1 }, EPROTONOSUPPORT },
		{ "setsockopt", { 3, 6, 31 }, ENOENT },
		{ "setsockopt", { 3, 6, 30 }, 0 },
		{ "setsockopt", { 3, 1, 31 }, 0 },
		{ "sendto", { 3, 0, 1, 0x20000000 }, EOPNOTSUPP },
		{ "sendto", { 3, 0, 1, 0x20004000 }, EOPNOTSUPP },
		{ "sendto", { 3, 0, 1, 0x4000 }, 0 },
		{ "sendmsg", { 3, 0, 0x20000000 }, EOPNOTSUPP },
		{ "sendmsg", { 3, 0, 0x4000, 0x20000000 }, 0 },
		{ "sendmmsg", { 3, 0, 1, 0x20000000 }, EOPNOTSUPP },
		{ "sendmmsg", { 3, 0, 0x20000000, 0 }, 0 },
		{ "io_uring_setup", { 0 }, ENOSYS },
		{ "io_uring_enter", { 0 }, ENOSYS },
		{ "io_uring_register", { 0 }, ENOSYS },
		{ "execve", { 0 }, 0 },
		{ "setresuid", { 0 }, 0 },
		{ "connect", { 0 }, 0 },
	};
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct seccomp_data data = { .arch = m->audit,
				.nr = seccomp_syscall_resolve_name_arch(m->scmp, cases[i].call) };
			const uint32_t want = cases[i].error ?
				SECCOMP_RET_ERRNO | (uint32_t)cases[i].error :
				SECCOMP_RET_ALLOW;
			for (uint64_t high = 0; high <= 1ULL << 32; high += 1ULL << 32) {
				for (size_t k = 0; k < 4; k++)
					data.args[k] = cases[i].args[k] | high;
				if (evaluate(&m->tcp, &data) != want)
					fail_msg("%s: row %zu", m->name, i);
			}
		}
		struct seccomp_data other = { .arch = m->foreign, .nr = 1 };
		assert_int_equal(evaluate(&m->tcp, &other), SECCOMP_RET_ERRNO | ENOSYS);
		other = (struct seccomp_data){ .arch = m->audit, .nr = 0x40000001 };
		assert_int_equal(evaluate(&m->tcp, &other), SECCOMP_RET_ERRNO | ENOSYS);
	}
}

/* Huge pages, by each of the calls that give them. */
static void test_huge_pages(void **state)
{
	(void)state;
	static const struct {
		const char *call;
		int arg;
		uint64_t huge, with, without;
	} cases[] = {
		{ "mmap", 3, 0x40000, 0x22, 0x22 }, /* MAP_HUGETLB; MAP_PRIVATE | MAP_ANONYMOUS */
		{ "memfd_create", 1, 4, 1, 3 }, /* MFD_HUGETLB; MFD_CLOEXEC, MFD_ALLOW_SEALING */
		{ "shmget", 2, 04000, 01600, 01600 }, /* SHM_HUGETLB; IPC_CREAT | 0600 */
	};
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++)
		for (size_t i = 0; i < COUNT(cases); i++)
			for (int high = 0; high < 2; high++) {
				struct seccomp_data data = { .arch = m->audit,
					.nr = seccomp_syscall_resolve_name_arch(
						m->scmp, cases[i].call) };
				const uint64_t more = high ? 1ULL << 32 : 0;
				data.args[cases[i].arg] = cases[i].without | more;
				assert_int_equal(evaluate(&m->user, &data), SECCOMP_RET_ALLOW);
				data.args[cases[i].arg] = cases[i].with | cases[i].huge | more;
				assert_int_equal(
					evaluate(&m->user, &data), SECCOMP_RET_ERRNO | EPERM);
				assert_int_equal(
					evaluate(&m->admin, &data), SECCOMP_RET_ERRNO | EPERM);
			}
}

/* Nobody lowers RLIMIT_CORE, which stays at 1; asking for it, and other limits, are the kernel's.
 */
static void test_core_limit(void **state)
{
	(void)state;
	enum { CPU = 0, CORE = 4, NOFILE = 7 };
	static const uint64_t pointers[] = { 0x1000, 1ULL << 32, 0x7fff00001000 };
	const uint32_t pretended = SECCOMP_RET_ERRNO | 0, refused = SECCOMP_RET_ERRNO | EPERM;
	for (const struct machine *m = machines; m < machines + COUNT(machines); m++)
		for (size_t i = 0; i < COUNT(pointers); i++) {
			const uint64_t p = pointers[i], high = 1ULL << 32;
			const int set = seccomp_syscall_resolve_name_arch(m->scmp, "setrlimit");
			struct seccomp_data both = { .arch = m->audit,
				.args = { 0, CORE, p, p },
				.nr = seccomp_syscall_resolve_name_arch(m->scmp, "prlimit64") };
			assert_int_equal(ask(m, &m->user, set, CORE, p, 0), pretended);
			assert_int_equal(ask(m, &m->user, set, CORE | high, p, 0), pretended);
			assert_int_equal(ask(m, &m->user, set, NOFILE, p, 0), SECCOMP_RET_ALLOW);
			assert_int_equal(ask(m, &m->user, both.nr, 0, CORE, p), pretended);
			assert_int_equal(ask(m, &m->user, both.nr, 0, CORE | high, p), pretended);
			assert_int_equal(ask(m, &m->user, both.nr, 0, CORE, 0), SECCOMP_RET_ALLOW);
			assert_int_equal(ask(m, &m->user, both.nr, 0, CPU, p), SECCOMP_RET_ALLOW);
			assert_int_equal(evaluate(&m->user, &both), refused);
			both.args[2] = 0;
			assert_int_equal(evaluate(&m->user, &both), SECCOMP_RET_ALLOW);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_answers),
		cmocka_unit_test(test_admin_adds_chroot_alone),
		cmocka_unit_test(test_supervisor_is_narrow),
		cmocka_unit_test(test_unpacker_is_narrow),
		cmocka_unit_test(test_forwarder_is_narrow),
		cmocka_unit_test(test_foreign_architectures),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_ways_past_landlock),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_core_limit),
	};
	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
