/* x11-client DISPLAY COOKIE: asks a display over TCP to be let in, with a cookie of 32 hex digits,
 * and prints the reason of its refusal (X Window System Protocol, "Connection Setup"). */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const unsigned char start[] =
	"l\0\13\0\0\0\22\0\20\0\0\0MIT-MAGIC-COOKIE-1\0"; /* and one NUL more */

int main(int argc, char **argv)
{
	const char *number = argc == 3 ? strchr(argv[1], ':') : NULL;
	unsigned char request[sizeof start + 16], answer[8 + 256];
	if (!number || strlen(argv[2]) != 32)
		return 2;
	memcpy(request, start, sizeof start);
	for (size_t i = 0; i < 16; i++) {
		unsigned byte;
		if (sscanf(argv[2] + 2 * i, "%2x", &byte) != 1)
			return 2;
		request[sizeof start + i] = (unsigned char)byte;
	}
	struct sockaddr_in display = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)(6000 + strtol(number + 1, NULL, 10))) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&display, sizeof display) < 0 ||
		write(fd, request, sizeof request) != sizeof request)
		return 1;
	size_t n = 0;
	for (ssize_t got; n < sizeof answer && (got = read(fd, answer + n, sizeof answer - n)) > 0;)
		n += (size_t)got;
	if (n < 8 || answer[0] != 0 || n < 8U + answer[1])
		return 1;
	printf("%.*s\n", answer[1], (char *)answer + 8);
	return 0;
}
