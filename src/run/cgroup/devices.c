#include "run/cgroup/devices.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { ANY = INT_MAX }; /* no minor number: those have 20 bits */

struct rule {
	bool block;
	unsigned major, minor;
};

/* Terminals (admin-guide/devices.txt: 136 to 143 are those of devpts), the node by which one is
 * made, the whiteout of an overlay, which the kernel makes in the name of who removes a file, and
 * /dev/net/tun, which pasta opens (network = private); sessions have no node of it. */
static const struct rule always[] = { { false, 5, 2 }, { false, 136, ANY }, { false, 137, ANY },
	{ false, 138, ANY }, { false, 139, ANY }, { false, 140, ANY }, { false, 141, ANY },
	{ false, 142, ANY }, { false, 143, ANY }, { false, 0, 0 }, { false, 10, 200 } };

enum { TYPE = BPF_REG_2, MAJOR = BPF_REG_3, MINOR = BPF_REG_4 };

static struct bpf_insn load(unsigned reg, size_t offset)
{
	return (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,
		.dst_reg = reg & 0xfu,
		.src_reg = BPF_REG_1,
		.off = (int16_t)offset };
}

static struct bpf_insn skip_unless(unsigned reg, unsigned value, int16_t insns)
{
	return (struct bpf_insn){ .code = BPF_JMP | BPF_JNE | BPF_K,
		.dst_reg = reg & 0xfu,
		.off = insns,
		.imm = (int32_t)value };
}

static size_t answer(struct bpf_insn *code, int yes)
{
	code[0] = (struct bpf_insn){
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = yes
	};
	code[1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	return 2;
}

/* Answers yes for the device of a rule, else goes on behind it. */
static size_t allow(struct bpf_insn *code, struct rule rule)
{
	size_t n = 0, all = rule.minor == ANY ? 4 : 5;
	code[n] = skip_unless(TYPE, rule.block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR,
		(int16_t)(all - n - 1));
	n++;
	code[n] = skip_unless(MAJOR, rule.major, (int16_t)(all - n - 1));
	n++;
	if (rule.minor != ANY) {
		code[n] = skip_unless(MINOR, rule.minor, (int16_t)(all - n - 1));
		n++;
	}
	return n + answer(code + n, 1);
}

size_t gk_device_program(
	const struct gk_node *nodes, size_t n, struct bpf_insn code[GK_DEVICE_PROGRAM_MAX])
{
	enum { MOST = 5, FIXED = sizeof always / sizeof *always };
	size_t at = 0;
	if ((n + FIXED) * MOST + 6 > GK_DEVICE_PROGRAM_MAX)
		return 0;
	/* The kind is in the lower half of the word, the access in the upper one: the mode of the
	 * node says who reads and writes. */
	code[at++] = load(TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	code[at++] = (struct bpf_insn){
		.code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = TYPE, .imm = 0xffff
	};
	code[at++] = load(MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	code[at++] = load(MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = 0; i < FIXED; i++)
		at += allow(code + at, always[i]);
	for (size_t i = 0; i < n; i++)
		at += allow(
			code + at, (struct rule){ nodes[i].block, nodes[i].major, nodes[i].minor });
	return at + answer(code + at, 0);
}

static int bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof *attr);
	return r < 0 ? -errno : (int)r;
}

int gk_device_filter(int cgroup_fd, const struct gk_plan *plan, struct gk_err *err)
{
	struct bpf_insn code[GK_DEVICE_PROGRAM_MAX];
	union bpf_attr attr;
	size_t n = gk_device_program(plan->nodes, plan->nnodes, code);
	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uint64_t)(uintptr_t) "";
	gk_autoclose int program = n ? bpf(BPF_PROG_LOAD, &attr) : -E2BIG;
	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	int r = program < 0 ? program : bpf(BPF_PROG_ATTACH, &attr);
	return r < 0 ? gk_fail_errno(err, r,
			       "devices cannot be enforced: this kernel takes no device filter for "
			       "a cgroup (BPF)") :
		       0;
}
