/* spout MIB: writes so many mebibytes of lines to its standard output, in pieces of 64 KiB. Static,
 * since it runs inside as well. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 64 };

int main(int argc, char **argv)
{
	static char buf[1 << 16];
	memset(buf, 'x', sizeof(buf));
	for (size_t i = LINE - 1; i < sizeof(buf); i += LINE)
		buf[i] = '\n';
	for (long left = (argc > 1 ? atol(argv[1]) : 1) << 20; left > 0;) {
		ssize_t n = write(1, buf, sizeof(buf));
		if (n <= 0)
			return 1;
		left -= n;
	}
	return 0;
}
