/* The program that says which devices a session can open, run by a small machine for the few
 * instructions that it has, and the finding of the nodes that a policy names. */
#include "unit.h"

#include <stddef.h>

#include "run/cgroup/devices.h"
#include "run/store/devices.h"

/* What the kernel would do with it. Returns the answer, or -1 for what the verifier would refuse.
 */
static int run_program(const struct bpf_insn *code, size_t n, unsigned kind, unsigned access,
	unsigned major, unsigned minor)
{
	uint64_t reg[16] = { 0 };
	for (size_t at = 0, steps = 0; at < n && steps < n; at++, steps++) {
		const struct bpf_insn *i = &code[at];
		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			reg[i->dst_reg] = i->off == 0 ? (access << 16 | kind) :
				i->off == 4           ? major :
							minor;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			reg[i->dst_reg] = (uint32_t)reg[i->dst_reg] & (uint32_t)i->imm;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K: reg[i->dst_reg] = (uint64_t)i->imm; break;
		case BPF_JMP | BPF_JNE | BPF_K:
			if (reg[i->dst_reg] != (uint64_t)i->imm)
				at += (size_t)i->off;
			break;
		case BPF_JMP | BPF_EXIT: return (int)reg[BPF_REG_0];
		default: return -1;
		}
	}
	return -1;
}

static const struct gk_node named[] = {
	{ .name = "null", .major = 1, .minor = 3 },
	{ .name = "loop0", .major = 7, .minor = 0, .by_policy = true, .block = true },
	{ .name = "dri/renderD128", .major = 226, .minor = 128, .by_policy = true },
};

static void test_only_what_is_named_and_terminals_open(void **state)
{
	(void)state;
	static const struct {
		unsigned kind, major, minor;
		int answer;
	} rows[] = {
		{ BPF_DEVCG_DEV_CHAR, 1, 3, 1 },     /* null */
		{ BPF_DEVCG_DEV_BLOCK, 7, 0, 1 },    /* loop0 */
		{ BPF_DEVCG_DEV_CHAR, 226, 128, 1 }, /* renderD128 */
		{ BPF_DEVCG_DEV_CHAR, 5, 2, 1 },     /* ptmx */
		{ BPF_DEVCG_DEV_CHAR, 136, 4711, 1 },
		{ BPF_DEVCG_DEV_CHAR, 143, 0, 1 },
		{ BPF_DEVCG_DEV_CHAR, 0, 0, 1 }, /* a whiteout */
		{ BPF_DEVCG_DEV_CHAR, 1, 1, 0 }, /* mem */
		{ BPF_DEVCG_DEV_CHAR, 7, 0, 0 }, /* the number of loop0 as another kind */
		{ BPF_DEVCG_DEV_BLOCK, 226, 128, 0 },
		{ BPF_DEVCG_DEV_BLOCK, 1, 3, 0 },
		{ BPF_DEVCG_DEV_BLOCK, 7, 1, 0 },
		{ BPF_DEVCG_DEV_BLOCK, 136, 0, 0 },
		{ BPF_DEVCG_DEV_CHAR, 226, 129, 0 },
		{ BPF_DEVCG_DEV_CHAR, 5, 1, 0 },
		{ BPF_DEVCG_DEV_CHAR, 144, 0, 0 },
		{ BPF_DEVCG_DEV_CHAR, 0, 1, 0 },
	};
	struct bpf_insn code[GK_DEVICE_PROGRAM_MAX];
	size_t n = gk_device_program(named, COUNT(named), code);
	assert_true(n > 0);
	for (size_t i = 0; i < COUNT(rows); i++)
		for (unsigned access = 1; access < 8; access++)
			if (run_program(code, n, rows[i].kind, access, rows[i].major,
				    rows[i].minor) != rows[i].answer)
				fail_msg("kind %u %u:%u access %u is not %d", rows[i].kind,
					rows[i].major, rows[i].minor, access, rows[i].answer);
}

static void test_the_most_nodes_fit_and_more_give_no_program(void **state)
{
	(void)state;
	struct gk_node many[GK_DEVICE_PROGRAM_MAX] = { 0 };
	struct bpf_insn code[GK_DEVICE_PROGRAM_MAX];
	for (unsigned i = 0; i < COUNT(many); i++)
		many[i] = (struct gk_node){ .major = 200, .minor = i };
	size_t n = gk_device_program(many, GK_DEVICES_MAX + 6, code);
	assert_true(n > 0 && n <= GK_DEVICE_PROGRAM_MAX);
	assert_int_equal(run_program(code, n, BPF_DEVCG_DEV_CHAR, 1, 200, GK_DEVICES_MAX + 5), 1);
	assert_int_equal(run_program(code, n, BPF_DEVCG_DEV_CHAR, 1, 200, GK_DEVICES_MAX + 6), 0);
	assert_int_equal(gk_device_program(many, COUNT(many), code), 0);
}

static void test_nodes_are_found_once_and_the_rest_is_left_out(void **state)
{
	(void)state;
	ARENA arena = { 0 };
	struct gk_err err = GK_ERR_INIT;
	struct gk_request request = { 0 };
	static const char *const patterns[] = { "/dev/nul[l]", "/dev/null", "/dev/zero", "/dev",
		"/dev/there-is-no-such-device", NULL };
	assert_int_equal(gk_devices_find(patterns, &request, &arena, &err), 0);
	assert_int_equal(request.ndevices, 2);
	assert_string_equal(request.devices[0].name, "null");
	assert_true(request.devices[0].major == 1 && request.devices[0].minor == 3);
	assert_true(request.devices[0].by_policy && !request.devices[0].block);
	assert_string_equal(request.devices[1].name, "zero");
	assert_int_equal(gk_devices_find(NULL, &request, &arena, &err), 0);
	assert_int_equal(request.ndevices, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_named_and_terminals_open),
		cmocka_unit_test(test_the_most_nodes_fit_and_more_give_no_program),
		cmocka_unit_test(test_nodes_are_found_once_and_the_rest_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
