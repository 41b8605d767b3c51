/* net serve FILE PORT: answers `net up` and `net down`; writes its pid to FILE when it does.
 * net up|down ADDRESS PORT MIB: sends or receives so many mebibytes over one TCP connection, and
 * prints MiB/s, timed from the request to the last byte's arrival. Static, since it runs inside as
 * well. IPv4. */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 16, REQUEST = 32 };
static char buf[PIECE];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_all(int fd, long left)
{
	while (left > 0) {
		ssize_t n = write(fd, buf, left < PIECE ? (size_t)left : PIECE);
		if (n <= 0)
			err(1, "write");
		left -= n;
	}
}

static void receive_all(int fd, long left)
{
	while (left > 0) {
		ssize_t n = read(fd, buf, left < PIECE ? (size_t)left : PIECE);
		if (n <= 0)
			err(1, "read");
		left -= n;
	}
}

static struct sockaddr_in address_of(const char *address, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		errx(2, "%s is no address", address);
	return a;
}

/* One connection: a request of one size, "up MIB" or "down MIB", then the bytes. */
static void answer(int fd)
{
	char request[REQUEST + 1] = "", way[8];
	long mib;
	receive_all(fd, REQUEST);
	memcpy(request, buf, REQUEST);
	if (sscanf(request, "%7s %ld", way, &mib) != 2)
		errx(1, "no request");
	if (strcmp(way, "down") == 0) {
		send_all(fd, mib << 20);
	} else {
		receive_all(fd, mib << 20);
		send_all(fd, 1);
	}
	_exit(0);
}

static int serve(const char *file, const char *port)
{
	const struct sockaddr_in any = address_of("0.0.0.0", port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (const void *)&any, sizeof any) < 0 || listen(fd, 8) < 0)
		err(1, "port %s", port);
	(void)signal(SIGCHLD, SIG_IGN);
	int ready = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (ready < 0 || dprintf(ready, "%d\n", (int)getpid()) < 0)
		err(1, "%s", file);
	for (;;) {
		int got = accept(fd, NULL, NULL);
		if (got >= 0 && fork() == 0)
			answer(got);
		if (got >= 0)
			(void)close(got);
	}
}

int main(int argc, char **argv)
{
	char request[REQUEST] = "";
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argv[3]);
	if (argc != 5)
		errx(2, "up|down ADDRESS PORT MIB");
	const long mib = atol(argv[4]);
	const struct sockaddr_in to = address_of(argv[2], argv[3]);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (const void *)&to, sizeof to) < 0)
		err(1, "%s", argv[2]);
	snprintf(request, sizeof request, "%s %ld", argv[1], mib);
	double start = now();
	memcpy(buf, request, sizeof request);
	send_all(fd, REQUEST);
	if (strcmp(argv[1], "up") == 0) {
		send_all(fd, mib << 20);
		receive_all(fd, 1);
	} else {
		receive_all(fd, mib << 20);
	}
	printf("%.0f\n", (double)mib / (now() - start));
	return 0;
}
