/*
 * syslog-sink SOCKET FILE PIDFILE: a log daemon for the tests. Listens on SOCKET (datagrams, as
 * syslog(3) sends them) and appends each message to FILE as one line, its priority first, bytes
 * below 32 and above 126 as \xNN so that a test sees what was really sent. Goes to the background
 * once the socket is bound: when the command returns, syslog(3) works.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 65536

static void write_line(int fd, const unsigned char *msg, size_t n)
{
	static char line[4 * MESSAGE_MAX + 1];
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (msg[i] >= 32 && msg[i] < 127)
			line[used++] = (char)msg[i];
		else
			used += (size_t)sprintf(line + used, "\\x%02x", msg[i]);
	}
	line[used++] = '\n';
	if (write(fd, line, used) < 0)
		warn("syslog-sink");
}

int main(int argc, char **argv)
{
	static unsigned char msg[MESSAGE_MAX];
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (argc != 4)
		errx(2, "usage: syslog-sink SOCKET FILE PIDFILE");
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int out = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	unlink(argv[1]);
	if (sock < 0 || out < 0 || bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		chmod(argv[1], 0666) < 0)
		err(1, "syslog-sink: %s", argv[1]);
	if (daemon(0, 0) < 0)
		err(1, "syslog-sink: daemon");
	FILE *pid_file = fopen(argv[3], "we");
	if (pid_file) {
		fprintf(pid_file, "%d\n", getpid());
		fclose(pid_file);
	}
	for (;;) {
		ssize_t n = recv(sock, msg, sizeof(msg), 0);

		if (n > 0)
			write_line(out, msg, (size_t)n);
	}
}
