/* tiocsti plain|high|linux: tries to put a character into the terminal's input, as a program would
 * that wants its caller to run something. Prints "done" (status 0) or the error's name (status 1).
 * high sets a bit above the 32 that the kernel looks at; linux is the console's way of pasting. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "plain";
	unsigned long request = TIOCSTI;
	char c[] = { ' ' };

	if (strcmp(how, "high") == 0)
		request |= 1UL << 32;
	if (strcmp(how, "linux") == 0) {
		request = 0x541C; /* TIOCLINUX, subcode 2: set the selection */
		c[0] = 2;
	}
	int r = (int)syscall(SYS_ioctl, 0, request, c);
	puts(r == 0 ? "done" : strerrorname_np(errno));
	return r == 0 ? 0 : 1;
}
