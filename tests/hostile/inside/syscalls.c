/* syscalls [FIRST LAST]: walks system call numbers and prints, for each, what the filters in force
 * do with it: "NUMBER allowed", or the name of the error. Nothing is executed: a filter of our own
 * on top hands every call that carries a mark in its sixth argument to a listener, which answers
 * with an error of its own; a filter below that refuses comes first (seccomp(2): the action of
 * least value wins, and ERRNO is less than USER_NOTIF). Arguments are zero but for the mark.
 *
 * syscalls arch: what the kernel answers to x32 and 32-bit calls (int 0x80), and to a 32-bit
 * program. A kernel without 32-bit emulation (CONFIG_IA32_EMULATION, ia32_emulation=) has no gate
 * for int 0x80, which is then a general protection fault ("SIGSEGV"), and execve(2) does not know
 * the program's format (ENOEXEC). */
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARK = 0x676b6d72, ANSWER = ENOTNAM, LAST = 700 };

static int listen_for_marked(void)
{
	struct sock_filter code[] = {
		BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args[5])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(
		SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void walk(long first, long last)
{
	for (long nr = first; nr <= last; nr++) {
#if defined(__x86_64__)
		/* uretprobe and uprobe: the kernel's own trampolines; no filter sees them, and
		 * any other caller is killed by SIGILL */
		if (nr == 335 || nr == 336)
			continue;
#endif
		long r = syscall(nr, 0L, 0L, 0L, 0L, 0L, (long)MARK);
		printf("%ld %s\n", nr,
			r == 0                  ? "executed" :
				errno == ANSWER ? "allowed" :
						  strerrorname_np(errno));
	}
	fflush(stdout);
	_exit(0);
}

static int answer(int listener, pid_t walker)
{
	for (;;) {
		struct seccomp_notif request;
		struct seccomp_notif_resp reply = { .error = -ANSWER };
		struct pollfd p = { .fd = listener, .events = POLLIN };
		memset(&request, 0, sizeof request);
		if (poll(&p, 1, 100) == 0) {
			if (waitpid(walker, NULL, WNOHANG) != 0)
				return 0;
			continue;
		}
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
			continue;
		reply.id = request.id;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
	}
}

static void show(const char *what, long r)
{
	printf("%s %s\n", what, r > 0 ? "works" : r == 0 ? "zero" : strerrorname_np((int)-r));
	fflush(stdout);
}

#if defined(__x86_64__)
static sigjmp_buf no_gate;

static void trapped(int sig)
{
	siglongjmp(no_gate, sig);
}

/* Makes a 32-bit call. Returns 0 and the kernel's answer in r, or -1 where the instruction is a
 * fault. */
static int int80(int nr, long *r)
{
	struct sigaction action = { .sa_handler = trapped };
	int result;

	sigaction(SIGSEGV, &action, NULL);
	if (sigsetjmp(no_gate, 1) != 0)
		return -1;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(nr), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	*r = result;
	return 0;
}

/* A 32-bit program that makes one call: exit(42). Answered with an error it goes on to hlt, which
 * kills it. */
static void program32(void)
{
	static const struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
		unsigned char code[16];
	} program = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
				    ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_entry = 0x10000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
			.e_phoff = sizeof(Elf32_Ehdr),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1 },
		.segment = { .p_type = PT_LOAD,
			.p_vaddr = 0x10000,
			.p_filesz = sizeof program,
			.p_memsz = sizeof program,
			.p_flags = PF_R | PF_X,
			.p_align = 0x1000 },
		.code = { 0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80, 0xf4 },
	};
	int status = 0, fd = memfd_create("i386", MFD_CLOEXEC);

	if (fd < 0 || write(fd, &program, sizeof program) != sizeof program) {
		perror("syscalls: no 32-bit program");
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		char name[] = "i386";
		fexecve(fd, (char *[]){ name, NULL }, (char *[]){ NULL });
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 42)
		puts("i386-program works");
	else if (WIFEXITED(status))
		printf("i386-program %s\n", strerrorname_np(WEXITSTATUS(status)));
	else
		puts("i386-program refused");
}
#endif

static int architectures(void)
{
#if defined(__x86_64__)
	static const struct {
		const char *name;
		long nr;
	} x32[] = { { "x32-getpid", 39 }, { "x32-socket", 41 }, { "x32-execve", 520 } };
	for (size_t i = 0; i < sizeof x32 / sizeof *x32; i++) {
		long r = syscall(0x40000000L | x32[i].nr, 0L, 0L, 0L, 0L, 0L, 0L);
		show(x32[i].name, r < 0 ? -errno : r);
	}
	static const struct {
		const char *name;
		int nr;
	} i386[] = { { "i386-getpid", 20 }, { "i386-ioctl", 54 }, { "i386-mount", 21 },
		{ "i386-unshare", 310 }, { "i386-socketcall", 102 } };
	for (size_t i = 0; i < sizeof i386 / sizeof *i386; i++) {
		long r = 0;
		if (int80(i386[i].nr, &r) == 0)
			show(i386[i].name, r);
		else
			printf("%s SIGSEGV\n", i386[i].name);
	}
	program32();
#endif
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "arch") == 0)
		return architectures();
	long first = argc == 3 ? atol(argv[1]) : 0, last = argc == 3 ? atol(argv[2]) : LAST;
	int listener = listen_for_marked();
	if (listener < 0) {
		perror("syscalls: no listener");
		return 2;
	}
	pid_t walker = fork();
	if (walker == 0)
		walk(first, last);
	return answer(listener, walker);
}
