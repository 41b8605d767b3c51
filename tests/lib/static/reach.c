/* Which addresses can be reached from where this runs.
 *   reach serve FILE PORT ADDRESS...        answers on TCP and UDP; writes its pid to FILE when it
 * does reach [-u] PORT ADDRESS[%INTERFACE]...  lines such as "tcp ADDRESS reached" and "udp ADDRESS
 *                                           shut", of UDP alone with -u; with an interface the
 *                                           socket names it, so that its route counts
 *   reach -p SOURCE PORT ADDRESS...         of TCP alone, from the port SOURCE
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* An answer that a socket with an interface gets by another one (an ICMP error on lo) is lost on
 * it. */
enum { PATIENCE_S = 60, PATIENCE_BY_S = 4, MOST = 64 };

static socklen_t make_address(const char *text, const char *port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *four = (void *)ret;
	struct sockaddr_in6 *six = (void *)ret;
	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)atoi(port));
		return sizeof *four;
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) {
		fprintf(stderr, "%s is no address\n", text);
		exit(2);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)atoi(port));
	return sizeof *six;
}

static int serve(const char *file, const char *port, char **addresses)
{
	struct pollfd p[MOST];
	int n = 0, one = 1;
	for (; *addresses && n + 2 <= MOST; addresses++)
		for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
			struct sockaddr_storage a;
			socklen_t len = make_address(*addresses, port, &a);
			int fd = socket(a.ss_family, type, 0);
			(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
			if (a.ss_family == AF_INET6)
				(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
			if (bind(fd, (struct sockaddr *)&a, len) < 0 ||
				(type == SOCK_STREAM && listen(fd, 64) < 0)) {
				perror(*addresses);
				return 1;
			}
			p[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
	int ready = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (ready < 0 || dprintf(ready, "%d\n", (int)getpid()) < 0)
		return 1;
	(void)close(ready);
	for (;;) {
		char buf[64];
		(void)poll(p, (nfds_t)n, -1);
		for (int i = 0; i < n; i++) {
			struct sockaddr_storage from;
			socklen_t len = sizeof from;
			if (!(p[i].revents & POLLIN))
				continue;
			if (i % 2) {
				ssize_t got = recvfrom(p[i].fd, buf, sizeof buf, MSG_DONTWAIT,
					(struct sockaddr *)&from, &len);
				if (got >= 0)
					(void)sendto(p[i].fd, "here", 4, 0,
						(struct sockaddr *)&from, len);
				continue;
			}
			int fd = accept(p[i].fd, NULL, NULL);
			if (fd >= 0) {
				(void)!write(fd, "here", 4);
				(void)close(fd);
			}
		}
	}
}

/* Sends one byte by a datagram that names the interface. */
static ssize_t send_by(int fd, int family, const char *interface)
{
	union {
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr aligned;
	} control = { 0 };
	const bool four = family == AF_INET;
	struct in_pktinfo in = { .ipi_ifindex = (int)if_nametoindex(interface) };
	struct in6_pktinfo in6 = { .ipi6_ifindex = if_nametoindex(interface) };
	const size_t size = four ? sizeof in : sizeof in6;
	struct iovec byte = { .iov_base = (char[]){ "x" }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = four ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = four ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), four ? (void *)&in : (void *)&in6, size);
	return sendmsg(fd, &msg, 0);
}

/* On a port of its own, whatever connections were there before. */
static int bind_to(int fd, int family, const char *source)
{
	const int one = 1;
	struct sockaddr_storage a;
	socklen_t len = make_address(family == AF_INET6 ? "::" : "0.0.0.0", source, &a);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	return bind(fd, (struct sockaddr *)&a, len);
}

static void try(int type, const char *port, const char *where, const char *source)
{
	char address[64], buf[8];
	struct sockaddr_storage a;
	const char *interface = strchr(where, '%');
	const struct timeval patience = { .tv_sec = interface ? PATIENCE_BY_S : PATIENCE_S };
	snprintf(address, sizeof address, "%.*s", (int)strcspn(where, "%"), where);
	socklen_t len = make_address(address, port, &a);
	int fd = socket(a.ss_family, type, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	int r = interface && type == SOCK_STREAM ?
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface + 1,
			(socklen_t)strlen(interface + 1)) :
		0;
	if (r == 0 && source)
		r = bind_to(fd, a.ss_family, source);
	if (r == 0)
		r = connect(fd, (struct sockaddr *)&a, len);
	if (r == 0 && type == SOCK_DGRAM)
		r = interface ? (int)send_by(fd, a.ss_family, interface + 1) :
				(int)send(fd, "x", 1, 0);
	if (r >= 0)
		r = (int)recv(fd, buf, sizeof buf, 0);
	const bool good = r == 4 && memcmp(buf, "here", 4) == 0;
	printf("%s %s %s\n", type == SOCK_STREAM ? "tcp" : "udp", where,
		good          ? "reached" :
			r < 0 ? "shut" :
				"ended");
	(void)close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argv[3], argv + 4);
	const bool datagrams = argc > 1 && strcmp(argv[1], "-u") == 0;
	const char *source = argc > 3 && strcmp(argv[1], "-p") == 0 ? argv[2] : NULL;
	const int at = datagrams ? 2 : source ? 3 : 1;
	const int first = datagrams ? SOCK_DGRAM : SOCK_STREAM;
	const int last = source ? SOCK_STREAM : SOCK_DGRAM;
	const char *port = argc > at ? argv[at] : NULL;
	for (int i = at + 1; port && i < argc; i++)
		for (int type = first; argv[i] && type <= last; type++)
			if (fork() == 0) {
				try(type, port, argv[i], source);
				return 0;
			}
	while (wait(NULL) > 0)
		;
	return 0;
}
