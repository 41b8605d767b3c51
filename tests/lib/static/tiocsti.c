/* tiocsti plain|high|linux|i386|x32: tries to put a character into the terminal's input, as a
 * program would that wants its caller to run something. Prints "done" (status 0) or the error's
 * name (status 1). high sets a bit above the 32 that the kernel looks at; linux is the console's
 * way of pasting; i386 and x32 make the call as a program of those would (ENOSYS where this machine
 * has none). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

enum { I386_IOCTL = 54, X32_IOCTL = 0x40000000 | 514 };

static long call_i386(unsigned long request, char c)
{
#ifdef __x86_64__
	/* Where a pointer of 32 bits reaches. */
	char *low = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r = I386_IOCTL;
	if (low == MAP_FAILED)
		return -ENOMEM;
	*low = c;
	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(0L), "c"(request), "d"(low)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
#else
	(void)request;
	(void)c;
	return -ENOSYS;
#endif
}

static long call(const char *how)
{
	unsigned long request = TIOCSTI;
	char c[] = { ' ' };

	if (strcmp(how, "i386") == 0)
		return call_i386(request, c[0]);
	if (strcmp(how, "high") == 0)
		request |= 1UL << 32;
	if (strcmp(how, "linux") == 0) {
		request = TIOCLINUX;
		c[0] = 2; /* set the selection */
	}
	long number = strcmp(how, "x32") == 0 ? (long)X32_IOCTL : (long)SYS_ioctl;
	return syscall(number, 0, request, c) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	long r = call(argc > 1 ? argv[1] : "plain");
	puts(r == 0 ? "done" : strerrorname_np((int)-r));
	return r == 0 ? 0 : 1;
}
