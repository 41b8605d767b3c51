/* What stands at the path of a program that was brought in from the host: it starts the real one
 * under the host's loader with the host's libraries, which lie beside it in GK_TOOLS_DIR. Hard
 * links of one file: which program is meant is told by the path it was started by.
 *
 * Runs in images with any C library or none, so it brings none: no call, no start-up code. */
#include <stddef.h>
#include <sys/syscall.h>

#include "image/launch/launch.h"

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall launch\n");
static long call(long n, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall"
			 : "+a"(n)
			 : "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return n;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl launch\n");
static long call(long n, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c, x3 __asm__("x3") = d;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
#else
#error "gocker-launch knows x86_64 and aarch64"
#endif

enum { AT_CWD = -100, PATH_BYTES = 4096, CANNOT_RUN = 126 };

static void fail(const char *text, long size) __attribute__((noreturn));
static void fail(const char *text, long size)
{
	(void)call(SYS_write, 2, (long)text, size, 0);
	for (;;)
		(void)call(SYS_exit, CANNOT_RUN, 0, 0, 0);
}
#define FAIL(text) fail((text), (long)sizeof(text) - 1)

/* Called with the stack as the kernel made it: argc, argv, NULL, environment, NULL (elf(5)). */
void launch(long *stack) __attribute__((noreturn, used));
void launch(long *stack)
{
	static const char root[] = GK_TOOLS_DIR "/root";
	char program[sizeof root + PATH_BYTES];
	long argc = stack[0];
	const char **argv = (const char **)(stack + 1);
	for (unsigned i = 0; i < sizeof root - 1; i++)
		program[i] = root[i];
	long n = call(SYS_readlinkat, AT_CWD, (long)"/proc/self/exe",
		(long)(program + sizeof root - 1), PATH_BYTES);
	if (n <= 0 || n >= PATH_BYTES)
		FAIL("gocker: a program of the host's needs /proc to start\n");
	program[(long)sizeof root - 1 + n] = '\0';
	const char **args = __builtin_alloca((size_t)(argc + 8) * sizeof *args);
	const char **out = args;
	*out++ = GK_TOOLS_DIR "/ld.so";
	*out++ = "--library-path";
	*out++ = GK_TOOLS_DIR "/lib";
	*out++ = "--argv0";
	*out++ = argc > 0 ? argv[0] : program;
	*out++ = program;
	for (long i = 1; i < argc; i++)
		*out++ = argv[i];
	*out = NULL;
	(void)call(SYS_execve, (long)args[0], (long)args, (long)(argv + argc + 1), 0);
	FAIL("gocker: " GK_TOOLS_DIR "/ld.so cannot be run\n");
}
