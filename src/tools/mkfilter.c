/* Build-time tool: prints the seccomp filters as C arrays of finished BPF.
 *
 * A filter looks a call's number up in a binary tree of ranges with the same answer. libseccomp has
 * a tree, too, but a leaf for each call: four times as many instructions, which the kernel checks,
 * runs for every number to know what it always allows, and compiles, three times a login. Calls
 * whose arguments decide end in a few instructions made by hand, because libseccomp compares 64
 * bits where the kernel looks at the low 32 (CVE-2019-10063, CVE-2023-28100). It tells the numbers
 * here, and nothing else. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include "tools/profile.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* asm-generic/ioctls.h; the same on x86_64 and aarch64. */
enum { IOCTL_TIOCSTI = 0x5412, IOCTL_TIOCLINUX = 0x541c, IOCTL_TIOCSETD = 0x5423 };

/* Every CLONE_NEW* that clone(2) knows (NEWTIME shares its bit with the exit signal there). */
#define CLONE_NAMESPACES 0x7e020000U

enum { FAMILY_UNIX = 1, FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16 };
/* linux/net.h, linux/in.h; headers before 5.6 lack the second. */
enum { SOCKET_TYPE_MASK = 0xf, PROTOCOL_MPTCP = 262 };
/* linux/socket.h, linux/smc.h, linux/tcp.h. */
enum { FAMILY_SMC = 43, PROTOCOL_SMC = 256, OPTION_TCP_ULP = 31, SEND_FASTOPEN = 0x20000000 };

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

/* ---- what each number is answered ---- */

/* Numbers from here on are not in any list: the last range. */
enum { NUMBERS = 1024 };

/* In place of an answer: the instructions of checks[i] give it. No action of seccomp(2) has these
 * values. */
#define CHECK(i) ((uint32_t)(i) + 1)

/* Offsets into struct seccomp_data of the halves of an argument, on little-endian machines. */
#define ARG_LOW(n)            ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#define ARG_HIGH(n)           (ARG_LOW(n) + 4)
#define RETURN(answer)        BPF_STMT(BPF_RET | BPF_K, answer)
#define ALLOW                 RETURN(SECCOMP_RET_ALLOW)
#define REFUSE                RETURN(SECCOMP_RET_ERRNO | EPERM)
#define PRETEND               RETURN(SECCOMP_RET_ERRNO | 0)
#define LOAD(offset)          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF_EQ(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define IF_SET(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(bits), yes, no)

/* Of the flags in argument n of a call that sends. */
#define NO_FASTOPEN(n) \
	{ \
		LOAD(ARG_LOW(n)), IF_SET(SEND_FASTOPEN, 0, 1), \
			RETURN(SECCOMP_RET_ERRNO | EOPNOTSUPP), ALLOW, \
	}

/* Of calls that are allowed: which arguments are not. */
static const struct check {
	const char *name;
	struct sock_filter code[20];
	size_t n;
} checks[] = {
	/* setrlimit and prlimit64 of RLIMIT_CORE: it stays at 1 (gk_forbid_core), since with 0 a
	 * core pattern with a pipe would be run. Programs that forbid their own core files
	 * (ssh-agent) end when they can't, so they are told that it was done; one that asks for the
	 * old value in the same call is refused, as nobody would fill it in. */
	{ "setrlimit",
		{
			LOAD(ARG_LOW(0)),
			IF_EQ(RLIMIT_CORE, 0, 1),
			PRETEND,
			ALLOW,
		},
		4 },
	{ "prlimit64",
		{
			LOAD(ARG_LOW(1)),
			IF_EQ(RLIMIT_CORE, 0, 10),
			LOAD(ARG_LOW(2)),
			IF_EQ(0, 0, 2),
			LOAD(ARG_HIGH(2)),
			IF_EQ(0, 6, 0),
			LOAD(ARG_LOW(3)),
			IF_EQ(0, 0, 3),
			LOAD(ARG_HIGH(3)),
			IF_EQ(0, 0, 1),
			PRETEND,
			REFUSE,
			ALLOW,
		},
		13 },
	/* nothing that types into a terminal or changes its line discipline */
	{ "ioctl",
		{
			LOAD(ARG_LOW(1)),
			IF_EQ(IOCTL_TIOCSTI, 2, 0),
			IF_EQ(IOCTL_TIOCLINUX, 1, 0),
			IF_EQ(IOCTL_TIOCSETD, 0, 1),
			REFUSE,
			ALLOW,
		},
		6 },
	/* no new namespace */
	{ "clone",
		{
			LOAD(ARG_LOW(0)),
			IF_SET(CLONE_NAMESPACES, 0, 1),
			REFUSE,
			ALLOW,
		},
		4 },
	/* Unix, of netlink the routing tables alone, and of inet and inet6 the types and protocols
	 * that a login has a use for: the kernel loads the modules of others (DCCP, SCTP, SMC,
	 * L2TP) for whoever asks. */
	{ "socket",
		{
			LOAD(ARG_LOW(0)),
			IF_EQ(FAMILY_UNIX, 16, 0),
			IF_EQ(FAMILY_INET, 4, 0),
			IF_EQ(FAMILY_INET6, 3, 0),
			IF_EQ(FAMILY_NETLINK, 0, 12),
			LOAD(ARG_LOW(2)),
			IF_EQ(0, 11, 10),
			/* inet, inet6 */
			LOAD(ARG_LOW(1)),
			BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE_MASK),
			BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SOCK_RAW, 7, 0),
			LOAD(ARG_LOW(2)),
			IF_EQ(0, 6, 0),
			IF_EQ(IPPROTO_ICMP, 5, 0),
			IF_EQ(IPPROTO_TCP, 4, 0),
			IF_EQ(IPPROTO_UDP, 3, 0),
			IF_EQ(IPPROTO_ICMPV6, 2, 0),
			IF_EQ(PROTOCOL_MPTCP, 1, 0),
			REFUSE,
			ALLOW,
		},
		19 },
	/* unix; the kernel makes sockets of any family before it finds that they have no pairs, and
	 * loads the family's module for it */
	{ "socketpair",
		{
			LOAD(ARG_LOW(0)),
			IF_EQ(FAMILY_UNIX, 1, 0),
			REFUSE,
			ALLOW,
		},
		4 },
	/* what uname and 32-bit builds ask for, and asking itself */
	{ "personality",
		{
			LOAD(ARG_LOW(0)),
			IF_EQ(0xffffffff, 3, 0),
			BPF_STMT(BPF_ALU | BPF_AND | BPF_K,
				~(uint32_t)(PER_LINUX32 | UNAME26 | ADDR_NO_RANDOMIZE)),
			IF_EQ(0, 1, 0),
			REFUSE,
			ALLOW,
		},
		8 },
	/* Huge pages are the host's, set aside for others, and no memory limit of a cgroup counts
	 * them (cgroups(7), hugetlb). */
	{ "mmap",
		{
			LOAD(ARG_LOW(3)),
			IF_SET(MAP_HUGETLB, 0, 1),
			REFUSE,
			ALLOW,
		},
		4 },
	{ "memfd_create",
		{
			LOAD(ARG_LOW(1)),
			IF_SET(MFD_HUGETLB, 0, 1),
			REFUSE,
			ALLOW,
		},
		4 },
	{ "shmget",
		{
			LOAD(ARG_LOW(2)),
			IF_SET(SHM_HUGETLB, 0, 1),
			REFUSE,
			ALLOW,
		},
		4 },
	/* These are the unpacker's alone, which has no other. No memory that holds code: no
	 * library of the archive's either. */
	{ "mmap",
		{
			LOAD(ARG_LOW(2)),
			IF_SET(PROT_EXEC, 0, 1),
			REFUSE,
			ALLOW,
		},
		4 },
	{ "mprotect",
		{
			LOAD(ARG_LOW(2)),
			IF_SET(PROT_EXEC, 0, 1),
			REFUSE,
			ALLOW,
		},
		4 },
	/* And these the filter's that goes with tcp_connect and tcp_bind. Landlock looks at bind(2)
	 * and connect(2) of sockets whose protocol is TCP: not at MPTCP and SMC, which fall back to
	 * TCP (security/landlock/errata/abi-4.h), and not at a connection that sending makes. The
	 * answers are those of a kernel that is built without. */
	{ "socket",
		{
			LOAD(ARG_LOW(0)),
			IF_EQ(FAMILY_SMC, 5, 0),
			IF_EQ(FAMILY_INET, 1, 0),
			IF_EQ(FAMILY_INET6, 0, 4),
			LOAD(ARG_LOW(2)),
			IF_EQ(PROTOCOL_SMC, 1, 0),
			IF_EQ(PROTOCOL_MPTCP, 0, 1),
			RETURN(SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
			ALLOW,
		},
		9 },
	{ "setsockopt",
		{
			LOAD(ARG_LOW(1)),
			IF_EQ(IPPROTO_TCP, 0, 3),
			LOAD(ARG_LOW(2)),
			IF_EQ(OPTION_TCP_ULP, 0, 1),
			RETURN(SECCOMP_RET_ERRNO | ENOENT),
			ALLOW,
		},
		6 },
	{ "sendto", NO_FASTOPEN(3), 4 },
	{ "sendmsg", NO_FASTOPEN(2), 4 },
	{ "sendmmsg", NO_FASTOPEN(3), 4 },
	/* The forwarder's alone: TCP over IPv4 and IPv6. */
	{ "socket",
		{
			LOAD(ARG_LOW(0)),
			IF_EQ(FAMILY_INET, 1, 0),
			IF_EQ(FAMILY_INET6, 0, 5),
			LOAD(ARG_LOW(1)),
			BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE_MASK),
			IF_EQ(SOCK_STREAM, 0, 2),
			LOAD(ARG_LOW(2)),
			IF_EQ(0, 1, 0),
			REFUSE,
			ALLOW,
		},
		10 },
};

/* The number of a call on an architecture, negative where it has none. */
static int number_of(const struct target *t, const char *name)
{
	for (size_t i = 0; i < COUNT(new_calls); i++)
		if (strcmp(new_calls[i].name, name) == 0)
			return new_calls[i].number;
	return seccomp_syscall_resolve_name_arch(t->scmp_arch, name);
}

static void answer_all(const struct target *t, uint32_t *answers, uint32_t answer,
	const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int number = number_of(t, names[i]);
		if (number >= NUMBERS)
			die(names[i], -ERANGE);
		if (number >= 0)
			answers[number] = answer;
	}
}

/* Where those of a payload, of the unpacker, of the TCP filter and of the forwarder end. */
enum {
	FORWARDER_END = COUNT(checks),
	TCP_END = FORWARDER_END - 1,
	UNPACKER_END = TCP_END - 5,
	CHECKS = UNPACKER_END - 2
};

/* checks[first] up to checks[end - 1]. */
static void narrow(const struct target *t, uint32_t *answers, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		int number = number_of(t, checks[i].name);
		if (number >= 0 && answers[number] == SECCOMP_RET_ALLOW)
			answers[number] = CHECK(i);
	}
}

static void user_answers(const struct target *t, bool admin, uint32_t *answers)
{
	for (size_t i = 0; i <= NUMBERS; i++)
		answers[i] = SECCOMP_RET_ERRNO | ENOSYS;
	answer_all(t, answers, SECCOMP_RET_ERRNO | EPERM, refused_with_eperm,
		COUNT(refused_with_eperm));
	answer_all(t, answers, SECCOMP_RET_ALLOW, allowed_for_users, COUNT(allowed_for_users));
	if (admin)
		answer_all(t, answers, SECCOMP_RET_ALLOW, added_for_admin, COUNT(added_for_admin));
	narrow(t, answers, 0, CHECKS);
}

/* One of gocker's own processes: EPERM but for the names, with the checks from first to end. */
static void own_answers(const struct target *t, uint32_t *answers, const char *const *names,
	size_t n, size_t first, size_t end)
{
	for (size_t i = 0; i <= NUMBERS; i++)
		answers[i] = SECCOMP_RET_ERRNO | EPERM;
	answer_all(t, answers, SECCOMP_RET_ALLOW, names, n);
	narrow(t, answers, first, end);
}

static void supervisor_answers(const struct target *t, uint32_t *answers)
{
	own_answers(t, answers, allowed_for_supervisor, COUNT(allowed_for_supervisor), 0, CHECKS);
}

static void unpacker_answers(const struct target *t, uint32_t *answers)
{
	own_answers(t, answers, allowed_for_unpacker, COUNT(allowed_for_unpacker), CHECKS,
		UNPACKER_END);
}

static void forwarder_answers(const struct target *t, uint32_t *answers)
{
	own_answers(t, answers, allowed_for_forwarder, COUNT(allowed_for_forwarder), TCP_END,
		FORWARDER_END);
}

/* Above another filter or none (behind the PAM door): all is allowed that is no way round Landlock.
 * Numbers beyond NUMBERS are x32's. */
static void tcp_answers(const struct target *t, uint32_t *answers)
{
	static const char *const io_uring[] = { "io_uring_setup", "io_uring_enter",
		"io_uring_register" };
	for (size_t i = 0; i < NUMBERS; i++)
		answers[i] = SECCOMP_RET_ALLOW;
	answers[NUMBERS] = SECCOMP_RET_ERRNO | ENOSYS;
	answer_all(t, answers, SECCOMP_RET_ERRNO | ENOSYS, io_uring, COUNT(io_uring));
	narrow(t, answers, UNPACKER_END, TCP_END);
}

/* ---- the program ---- */

/* The numbers from `first` up to the next range's. */
struct range {
	uint32_t first, answer;
};

/* A jump whose end is not yet there: to the instructions that give the answer. */
struct pending {
	size_t at;
	bool yes;
	uint32_t answer;
};

struct program {
	struct sock_filter code[BPF_MAXINSNS];
	struct pending pending[2 * NUMBERS];
	size_t n, npending;
};

static void append(struct program *p, const struct sock_filter *code, size_t n)
{
	if (n > COUNT(p->code) - p->n)
		die("the filter is too long", -E2BIG);
	memcpy(p->code + p->n, code, n * sizeof *code);
	p->n += n;
}

static void set_jump(struct program *p, size_t at, bool yes, size_t to)
{
	size_t distance = to - at - 1;
	if (distance > UINT8_MAX)
		die("a jump is too far", -ERANGE);
	*(yes ? &p->code[at].jt : &p->code[at].jf) = (uint8_t)distance;
}

static void branch(struct program *p, size_t at, bool yes, const struct range *ranges, size_t n);

/* A comparison that halves the ranges, and the halves behind it. */
static void tree(struct program *p, const struct range *ranges, size_t n)
{
	size_t half = n / 2, at = p->n;
	const struct sock_filter compare =
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ranges[half].first, 0, 0);
	append(p, &compare, 1);
	branch(p, at, false, ranges, half);
	branch(p, at, true, ranges + half, n - half);
}

static void branch(struct program *p, size_t at, bool yes, const struct range *ranges, size_t n)
{
	if (n == 1) {
		p->pending[p->npending++] = (struct pending){ at, yes, ranges->answer };
		return;
	}
	set_jump(p, at, yes, p->n);
	tree(p, ranges, n);
}

/* Each answer once, behind the tree, and the jumps to it. */
static void append_answers(struct program *p)
{
	for (size_t i = 0; i < p->npending; i++) {
		const uint32_t answer = p->pending[i].answer;
		const struct sock_filter plain = RETURN(answer);
		size_t to = p->n, seen = 0;
		while (p->pending[seen].answer != answer)
			seen++;
		if (seen < i)
			continue;
		if (answer - 1 < COUNT(checks))
			append(p, checks[answer - 1].code, checks[answer - 1].n);
		else
			append(p, &plain, 1);
		for (size_t j = i; j < p->npending; j++)
			if (p->pending[j].answer == answer)
				set_jump(p, p->pending[j].at, p->pending[j].yes, to);
	}
}

static void make_program(const struct target *t, const uint32_t *answers, struct program *p)
{
	static struct range ranges[NUMBERS + 1];
	const struct sock_filter start[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		IF_EQ(t->audit_arch, 1, 0),
		/* A foreign architecture. */
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		LOAD(offsetof(struct seccomp_data, nr)),
	};
	size_t n = 0;
	for (uint32_t number = 0; number <= NUMBERS; number++)
		if (number == 0 || answers[number] != answers[number - 1])
			ranges[n++] = (struct range){ number, answers[number] };
	if (n < 2)
		die("no list", -EINVAL);
	p->n = p->npending = 0;
	append(p, start, COUNT(start));
	tree(p, ranges, n);
	append_answers(p);
}

static void print_filter(const char *name, const struct target *t, const uint32_t *answers)
{
	static struct program p;
	make_program(t, answers, &p);
	printf("static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i < p.n; i++)
		printf("\t{ 0x%04x, %u, %u, 0x%08x },\n", p.code[i].code, p.code[i].jt,
			p.code[i].jf, p.code[i].k);
	printf("};\n");
}

int main(void)
{
	static uint32_t answers[NUMBERS + 1];
	printf("/* Made by mkfilter from src/tools/profile.h. */\n#include <linux/filter.h>\n");
	for (size_t i = 0; i < COUNT(targets); i++) {
		const struct target *t = &targets[i];
		printf("#if defined(%s)\n", t->macro);
		user_answers(t, false, answers);
		print_filter("filter_user", t, answers);
		user_answers(t, true, answers);
		print_filter("filter_admin", t, answers);
		supervisor_answers(t, answers);
		print_filter("filter_supervisor", t, answers);
		unpacker_answers(t, answers);
		print_filter("filter_unpacker", t, answers);
		tcp_answers(t, answers);
		print_filter("filter_tcp", t, answers);
		forwarder_answers(t, answers);
		print_filter("filter_forwarder", t, answers);
		printf("#define GK_HAVE_FILTERS 1\n#endif\n");
	}
	printf("#ifndef GK_HAVE_FILTERS\n#error \"no seccomp profile for this architecture\"\n#endif\n");
	return ferror(stdout) || fflush(stdout) != 0;
}
