/* What an image has in the place of the dynamic loader: the kernel starts it for a program of the
 * host's that a script inside names as its interpreter (#!/proc/self/exe). It opens the host's file
 * for reading, which its owner may, and changes its mode. No C library: the program's headers are
 * another's. */
#include <asm/unistd.h>

static long call(long number, long a, long b, long c)
{
#if defined(__x86_64__)
	long r;
	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
			 x2 __asm__("x2") = c;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#endif
}

void _start(void);
void _start(void)
{
	long fd = call(__NR_openat, -100, (long)"/proc/self/exe", 0);
	long r = call(__NR_fchmod, fd, 06777, 0);
	const char *said = fd < 0 ? "no file\n" :
		r == 0            ? "changed\n" :
		r == -30          ? "EROFS  \n" :
				    "EPERM? \n";
	call(__NR_write, 1, (long)said, 8);
	call(__NR_exit_group, 0, 0, 0);
}
