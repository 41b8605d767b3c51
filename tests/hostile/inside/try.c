/* try WHAT [ARG...]: one attempt from inside of a container; prints "done" (status 0) or the name
 * of the error (status 1). What is tried is in the table at the end. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static long number(const char *s)
{
	return s ? strtol(s, NULL, 0) : 0;
}

static long try_unshare(char **a)
{
	return unshare((int)number(a[0]));
}
static long try_socket(char **a)
{
	return socket((int)number(a[0]), (int)number(a[1]), (int)number(a[2]));
}
static long try_socketpair(char **a)
{
	int pair[2];
	return socketpair((int)number(a[0]), SOCK_STREAM, 0, pair);
}

/* clone with flags that also have bits above the 32 that the kernel reads */
static long try_clone(char **a)
{
	unsigned long flags = strtoul(a[0], NULL, 0) | SIGCHLD;
	long r = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (r == 0)
		_exit(0);
	return r;
}

static long try_clone3(char **a)
{
	struct clone_args args = { .flags = (uint64_t)number(a[0]), .exit_signal = SIGCHLD };
	long r = syscall(SYS_clone3, &args, sizeof args);
	if (r == 0)
		_exit(0);
	return r;
}

static long try_setns(char **a)
{
	int fd = open(a[0], O_RDONLY);
	return fd < 0 ? fd : setns(fd, 0);
}

static long try_mount(char **a)
{
	(void)a;
	return mount("x", "/tmp", "tmpfs", 0, NULL);
}
static long try_umount(char **a)
{
	return umount2(a[0], MNT_DETACH);
}
static long try_fsopen(char **a)
{
	return syscall(SYS_fsopen, a[0], 0);
}
static long try_open_tree(char **a)
{
	return syscall(SYS_open_tree, AT_FDCWD, a[0], 1);
}
static long try_pivot(char **a)
{
	(void)a;
	return syscall(SYS_pivot_root, ".", ".");
}
static long try_chroot(char **a)
{
	return chroot(a[0]);
}
static long try_keyctl(char **a)
{
	return syscall(SYS_keyctl, number(a[0]), number(a[1]), 0, 0, 0);
}
static long try_add_key(char **a)
{
	(void)a;
	return syscall(SYS_add_key, "user", "gkt", "x", 1, KEY_SPEC_USER_KEYRING);
}
/* a key into the session keyring: NAME TEXT */
static long try_put(char **a)
{
	return syscall(SYS_add_key, "user", a[0], a[1], strlen(a[1]), KEY_SPEC_SESSION_KEYRING);
}

/* holding NAME TEXT CMD...: executes CMD with a session keyring of its own that has this key */
static long try_holding(char **a)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 || try_put(a) < 0)
		return -1;
	return execvp(a[2], a + 2);
}

/* a key by its name, from the session keyring: what is in it */
static long try_key(char **a)
{
	char text[64] = "";
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", a[0], 0);
	if (key < 0 || syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text - 1, 0) < 0)
		return -1;
	puts(text);
	return 0;
}
static long try_mknod(char **a)
{
	return mknod(a[0], S_IFCHR | 0666, makedev((unsigned)number(a[1]), (unsigned)number(a[2])));
}
static long try_ptrace(char **a)
{
	return ptrace(PTRACE_ATTACH, (pid_t)number(a[0]), 0, 0);
}
static long try_kill(char **a)
{
	return kill((pid_t)number(a[0]), (int)number(a[1]));
}
static long try_open(char **a)
{
	return open(a[0], (int)number(a[1]) | O_NOCTTY | O_NONBLOCK);
}

static long try_readmem(char **a)
{
	char buf[8];
	struct iovec here = { buf, sizeof buf }, there = { (void *)0x10000, sizeof buf };
	return process_vm_readv((pid_t)number(a[0]), &here, 1, &there, 1, 0);
}

/* "shocker": a file by its handle, wherever it is mounted (open_by_handle_at(2)). */
static long try_handle(char **a)
{
	union {
		struct file_handle head;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, at = open("/", O_RDONLY | O_DIRECTORY);
	if (name_to_handle_at(AT_FDCWD, a[0], &h.head, &mount_id, 0) < 0 && errno != EOPNOTSUPP)
		return -1;
	return open_by_handle_at(at, &h.head, O_RDONLY);
}

/* Huge pages by each of the three calls; where there are none the kernel says ENOMEM. */
static long try_huge(char **a)
{
	const size_t size = 2 << 20;
	if (strcmp(a[0], "mmap") == 0)
		return mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED ?
			-1 :
			0;
	if (strcmp(a[0], "shmget") == 0)
		return shmget(IPC_PRIVATE, size, IPC_CREAT | SHM_HUGETLB | 0600);
	return memfd_create("gkt", MFD_HUGETLB);
}

/* Any ioctl, with a bit above the 32 that the kernel looks at when ARG2 is given. */
static long try_ioctl(char **a)
{
	unsigned long request = strtoul(a[0], NULL, 0);
	char arg[64] = { 0 };
	if (a[1])
		request |= 1UL << number(a[1]);
	return syscall(SYS_ioctl, 0, request, arg);
}

/* A listening socket in PATH, as a careless service of the user would have one; it stays. */
static long try_listen(char **a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s", a[0]);
	unlink(a[0]);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, 5) < 0)
		return -1;
	puts("listening");
	fflush(stdout);
	for (;;)
		pause();
}

static socklen_t name_abstract(const char *name, struct sockaddr_un *addr)
{
	size_t len = strnlen(name, sizeof addr->sun_path - 1);
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(addr->sun_path + 1, name, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

/* Connects to the abstract socket NAME; with "datagram" sends to it without a connection. */
static long try_abstract(char **a)
{
	struct sockaddr_un addr;
	socklen_t len = name_abstract(a[0], &addr);
	if (a[1])
		return sendto(
			socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&addr, len);
	return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&addr, len);
}

/* Listens on the abstract socket NAME. */
static long try_listen_abstract(char **a)
{
	struct sockaddr_un addr;
	socklen_t len = name_abstract(a[0], &addr);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 5) < 0)
		return -1;
	puts("listening");
	fflush(stdout);
	for (;;)
		pause();
}

/* linux/tcp.h, linux/in.h */
enum { OPTION_FASTOPEN_CONNECT = 30, OPTION_ULP = 31, PROTOCOL_MPTCP = 262 };

/* Connects to PORT of the loopback interface: with "mptcp" by that protocol, with "fastopen" by
 * sending without a connection (tcp(7)), by "msg" and "mmsg" with the other two calls that send,
 * with "deferred" by a connection that the first byte makes. */
static long try_tcp(char **a)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)number(a[0])) };
	const char *how = a[1] ? a[1] : "";
	const int on = 1;
	char byte = 'x';
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &addr,
				     .msg_namelen = sizeof addr,
				     .msg_iov = &part,
				     .msg_iovlen = 1 } };
	int fd = socket(AF_INET, SOCK_STREAM, strcmp(how, "mptcp") == 0 ? PROTOCOL_MPTCP : 0);
	if (fd < 0)
		return -1;
	if (strcmp(how, "fastopen") == 0)
		return sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&addr, sizeof addr);
	if (strcmp(how, "msg") == 0)
		return sendmsg(fd, &m.msg_hdr, MSG_FASTOPEN);
	if (strcmp(how, "mmsg") == 0)
		return sendmmsg(fd, &m, 1, MSG_FASTOPEN);
	if (strcmp(how, "deferred") == 0 &&
		setsockopt(fd, IPPROTO_TCP, OPTION_FASTOPEN_CONNECT, &on, sizeof on) < 0)
		return -1;
	return connect(fd, (struct sockaddr *)&addr, sizeof addr);
}

/* Binds PORT, and with "mptcp" that protocol's. */
static long try_bind(char **a)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)number(a[0])) };
	int fd = socket(AF_INET, SOCK_STREAM, a[1] ? PROTOCOL_MPTCP : 0);
	return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&addr, sizeof addr);
}

/* Landlock itself, with no port allowed (no rule), and then `tcp PORT HOW`. */
static long try_landlock_alone(char **a)
{
	struct {
		uint64_t fs, net;
	} rules = { .net = 3 };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
	if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -1;
	return try_tcp(a);
}

static long try_ulp(char **a)
{
	return setsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_TCP, OPTION_ULP, a[0],
		(socklen_t)strlen(a[0]));
}

static long try_io_uring(char **a)
{
	char params[120] = { 0 };
	(void)a;
	return syscall(SYS_io_uring_setup, 1, params);
}

/* A descriptor out of the process that listens at PATH, found without its number; or a signal to
 * it. */
static long try_steal(char **a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), pidfd = -1;
	socklen_t len = sizeof pidfd;
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s", a[0]);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0)
		return -1;
	return a[1] ? syscall(SYS_pidfd_send_signal, pidfd, (int)number(a[1]), NULL, 0) :
		      syscall(SYS_pidfd_getfd, pidfd, 0, 0);
}

/* Opens ptys until no more can be had; prints how many. */
static long try_ptys(char **a)
{
	long n = 0;
	(void)a;
	while (n < 5000 && open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0)
		n++;
	printf("%ld\n", n);
	return 0;
}

/* The classical way out: a directory held open outside of the new root. */
static long try_chroot_escape(char **a)
{
	int out = open(".", O_RDONLY | O_DIRECTORY);
	mkdir("/tmp/jail", 0755);
	if (out < 0 || chroot("/tmp/jail") < 0 || fchdir(out) < 0)
		return -1;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return -1;
	if (chroot(".") < 0)
		return -1;
	return access(a[0], F_OK);
}

/* How many datagrams of one byte a socket takes in so many seconds. */
static long try_flood(char **a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timespec now, end;
	int sock = socket(AF_UNIX, SOCK_DGRAM, 0);
	long taken = 0;
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s", a[0]);
	if (sock < 0 || connect(sock, (const struct sockaddr *)&addr, sizeof addr) < 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += number(a[1]);
	do {
		taken += send(sock, "x", 1, MSG_DONTWAIT) == 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (
		now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	printf("%ld\n", taken);
	exit(0);
}

/* Sends a file to a datagram socket, says how that went, and stays. */
static long try_hand(char **a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	static char line[] = "<86>x";
	struct iovec iov = { line, sizeof line - 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof control.buf };
	int sock = socket(AF_UNIX, SOCK_DGRAM, 0), fd = open(a[1], O_RDWR);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s", a[0]);
	if (sock < 0 || fd < 0 || connect(sock, (const struct sockaddr *)&addr, sizeof addr) < 0)
		return -1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	puts(sendmsg(sock, &msg, 0) < 0 ? strerrorname_np(errno) : "sent");
	fflush(stdout);
	for (;;)
		pause();
}

/* Has so many descriptors under way that nobody takes, says so, and stays. */
static long try_fly(char **a)
{
	enum { EACH = 250 };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(EACH * sizeof(int))];
	} control = { 0 };
	static char line[] = "x";
	struct iovec iov = { line, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof control.buf };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct rlimit files;
	int fd[EACH], pair[2];
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	for (int i = 0; i < EACH; i++)
		fd[i] = 0;
	memcpy(CMSG_DATA(c), fd, sizeof fd);
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	for (long n = 0; n < number(a[0]); n += EACH)
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0 || sendmsg(pair[0], &msg, 0) < 0)
			return -1;
	puts("flying");
	fflush(stdout);
	for (;;)
		pause();
}

static const struct attempt {
	const char *name;
	long (*fn)(char **args);
} attempts[] = {
	{ "unshare", try_unshare },
	{ "socket", try_socket },
	{ "socketpair", try_socketpair },
	{ "clone", try_clone },
	{ "clone3", try_clone3 },
	{ "setns", try_setns },
	{ "mount", try_mount },
	{ "umount", try_umount },
	{ "fsopen", try_fsopen },
	{ "open_tree", try_open_tree },
	{ "pivot_root", try_pivot },
	{ "chroot", try_chroot },
	{ "keyctl", try_keyctl },
	{ "add_key", try_add_key },
	{ "holding", try_holding },
	{ "put", try_put },
	{ "key", try_key },
	{ "mknod", try_mknod },
	{ "ptrace", try_ptrace },
	{ "kill", try_kill },
	{ "open", try_open },
	{ "handle", try_handle },
	{ "huge", try_huge },
	{ "readmem", try_readmem },
	{ "ioctl", try_ioctl },
	{ "listen", try_listen },
	{ "abstract", try_abstract },
	{ "listen-abstract", try_listen_abstract },
	{ "tcp", try_tcp },
	{ "bind", try_bind },
	{ "landlock-alone", try_landlock_alone },
	{ "ulp", try_ulp },
	{ "io-uring", try_io_uring },
	{ "steal", try_steal },
	{ "ptys", try_ptys },
	{ "chroot-escape", try_chroot_escape },
	{ "flood", try_flood },
	{ "hand", try_hand },
	{ "fly", try_fly },
};

int main(int argc, char **argv)
{
	static char *none[16];
	for (int i = 2; i < argc && i < 16; i++)
		none[i - 2] = argv[i];
	for (size_t i = 0; argc > 1 && i < sizeof attempts / sizeof *attempts; i++) {
		if (strcmp(attempts[i].name, argv[1]) != 0)
			continue;
		errno = 0;
		long r = attempts[i].fn(none);
		if (attempts[i].fn != try_ptys)
			puts(r >= 0 ? "done" : strerrorname_np(errno));
		return r < 0;
	}
	fprintf(stderr, "try: no such attempt\n");
	return 2;
}
