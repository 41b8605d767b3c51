#include "filter.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/* COMPAT: the other architecture whose programs this kernel runs, and its number of ioctl. */
#if defined __x86_64__
#define ARCH         AUDIT_ARCH_X86_64
#define COMPAT       AUDIT_ARCH_I386
#define COMPAT_IOCTL 54
#elif defined __aarch64__
#define ARCH         AUDIT_ARCH_AARCH64
#define COMPAT       AUDIT_ARCH_ARM
#define COMPAT_IOCTL 54
#elif defined __riscv && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined __i386__
#define ARCH AUDIT_ARCH_I386
#elif defined __arm__
#define ARCH AUDIT_ARCH_ARM
#else
#define ARCH 0 /* no call at all: every process is of another one */
#endif
#ifndef COMPAT
#define COMPAT       ARCH
#define COMPAT_IOCTL SYS_ioctl
#endif

/* x32 has a number of its own for ioctl (syscall_64.tbl of the kernel). */
#define X32_BIT   0x40000000U
#define X32_IOCTL 514

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define IF_EQ(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define RETURN(answer)        BPF_STMT(BPF_RET | BPF_K, answer)

static int load(struct sock_filter *code, size_t n)
{
	struct sock_fprog filter = { (unsigned short)n, code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0 ? -errno : 0;
}

int gk_filter_execute_nothing(void)
{
	struct sock_filter code[] = {
		LOAD(arch),
		IF_EQ(ARCH, 0, 5),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 3, 0),
		IF_EQ(SYS_execve, 2, 0),
		IF_EQ(SYS_execveat, 1, 0),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	return load(code, sizeof code / sizeof *code);
}

int gk_filter_type_nothing(void)
{
	struct sock_filter code[] = {
		LOAD(arch),
		IF_EQ(ARCH, 0, 4),
		LOAD(nr),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~X32_BIT),
		IF_EQ(SYS_ioctl, 6, 0),
		IF_EQ(X32_IOCTL, 5, 8),
		/* programs of the other architecture */
		IF_EQ(COMPAT, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		LOAD(nr),
		IF_EQ(COMPAT_IOCTL, 1, 0),
		RETURN(SECCOMP_RET_ALLOW),
		/* The kernel looks at the low half alone; all of these machines are little-endian.
		 */
		LOAD(args[1]),
		IF_EQ(TIOCSTI, 2, 0),
		IF_EQ(TIOCLINUX, 1, 0),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
	};
	return load(code, sizeof code / sizeof *code);
}
