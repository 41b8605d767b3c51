/* What passes connections on to a session's servers (run/watch/connections.h), between two
 * addresses of this machine's loopback: the test is both the client and the server. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/privilege/seccomp.h"
#include "run/watch/connections.h"

enum { OUTSIDE = 0x7f000002, PATIENCE_S = 120 }; /* 127.0.0.2 */

struct world {
	pid_t pid;                    /* who passes on */
	int listener;                 /* of the server, at 127.0.0.1; -1: none */
	struct sockaddr_in published; /* the same port at 127.0.0.2 */
};

static int make_socket(uint32_t address, in_port_t port, struct sockaddr_in *ret)
{
	socklen_t len = sizeof *ret;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*ret = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(address)
	};
	if (fd < 0 || bind(fd, (struct sockaddr *)ret, sizeof *ret) < 0 || listen(fd, 1024) < 0 ||
		getsockname(fd, (struct sockaddr *)ret, &len) < 0)
		fail_msg("socket: %s", strerror(errno));
	return fd;
}

static void pass_on(int listener) __attribute__((noreturn));
static void pass_on(int listener)
{
	static const struct gk_bridge_addresses none;
	struct gk_err err = GK_ERR_INIT;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	/* A sanitizer's own calls are not in it. */
#ifndef __SANITIZE_ADDRESS__
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || gk_seccomp_forwarder(&err) < 0)
		_exit(2);
#endif
	(void)err;
	gk_connections_pass(&listener, 1, &none);
}

static int set_up(void **state)
{
	static struct world w;
	const struct rlimit files = { 4096, 4096 };
	struct sockaddr_in own;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)signal(SIGPIPE, SIG_IGN);
	w.listener = make_socket(INADDR_LOOPBACK, 0, &own);
	int outside = make_socket(OUTSIDE, own.sin_port, &w.published);
	(void)fcntl(outside, F_SETFL, O_NONBLOCK);
	w.pid = fork();
	if (w.pid == 0) {
		(void)close(w.listener);
		pass_on(outside);
	}
	(void)close(outside);
	*state = &w;
	return w.pid < 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int status = 0;
	(void)kill(w->pid, SIGKILL);
	(void)waitpid(w->pid, &status, 0);
	if (w->listener >= 0)
		(void)close(w->listener);
	/* It was not the filter that ended it. */
	return !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
}

static void be_patient(int fd)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
}

static int call(const struct world *w)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	be_patient(fd);
	assert_int_equal(
		connect(fd, (const struct sockaddr *)&w->published, sizeof w->published), 0);
	return fd;
}

static int answer(const struct world *w)
{
	be_patient(w->listener);
	int fd = accept(w->listener, NULL, NULL);
	assert_true(fd >= 0);
	be_patient(fd);
	return fd;
}

static void expect(int fd, const char *text)
{
	char buf[64] = "";
	assert_int_equal(recv(fd, buf, strlen(text), MSG_WAITALL), strlen(text));
	assert_string_equal(buf, text);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void expect_end(int fd)
{
	char byte;
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static void expect_reset(int fd)
{
	char byte;
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

/* Each side can end what it sends, and goes on reading. */
static void test_half_closed(void **state)
{
	const struct world *w = *state;
	for (int first = 0; first < 2; first++) {
		int ends[2] = { call(w) };
		ends[1] = answer(w);
		say(ends[first], "question");
		assert_int_equal(shutdown(ends[first], SHUT_WR), 0);
		expect(ends[!first], "question");
		expect_end(ends[!first]);
		say(ends[!first], "answer");
		(void)close(ends[!first]);
		expect(ends[first], "answer");
		expect_end(ends[first]);
		(void)close(ends[first]);
	}
}

static void test_server_speaks_first(void **state)
{
	const struct world *w = *state;
	int client = call(w), server = answer(w);
	say(server, "SSH-2.0");
	expect(client, "SSH-2.0");
	(void)close(server);
	expect_end(client);
	(void)close(client);
}

/* Numbers whose order and value are checked; both ways at a time, with each side reading late. */
enum { MANY = 4 << 20 };
static void send_many(int fd, unsigned seed)
{
	for (unsigned i = 0; i < MANY / sizeof i;) {
		unsigned block[4096];
		for (unsigned j = 0; j < COUNT(block); j++)
			block[j] = seed + i++;
		if (send(fd, block, sizeof block, 0) != (ssize_t)sizeof block)
			_exit(1);
	}
	(void)shutdown(fd, SHUT_WR);
	_exit(0);
}

static void receive_many(int fd, unsigned seed)
{
	unsigned got;
	for (unsigned i = 0; i < MANY / sizeof i; i++) {
		assert_int_equal(recv(fd, &got, sizeof got, MSG_WAITALL), sizeof got);
		if (got != seed + i)
			fail_msg("number %u is %u", i, got - seed);
	}
	expect_end(fd);
}

static void test_much_both_ways(void **state)
{
	const struct world *w = *state;
	int ends[2] = { call(w) }, status;
	ends[1] = answer(w);
	pid_t senders[2];
	for (int i = 0; i < 2; i++) {
		senders[i] = fork();
		if (senders[i] == 0)
			send_many(ends[i], i ? 77 : 0);
	}
	receive_many(ends[0], 77);
	receive_many(ends[1], 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(senders[i], &status, 0), senders[i]);
		assert_int_equal(status, 0);
		(void)close(ends[i]);
	}
}

static void test_resets_are_passed_on(void **state)
{
	const struct world *w = *state;
	const struct linger at_once = { .l_onoff = 1 };
	for (int first = 0; first < 2; first++) {
		int ends[2] = { call(w) };
		ends[1] = answer(w);
		assert_int_equal(
			setsockopt(ends[first], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
			0);
		(void)close(ends[first]);
		expect_reset(ends[!first]);
		(void)close(ends[!first]);
	}
}

/* How much of a processor it has used, in ticks (proc_pid_stat(5)). */
static unsigned long used(pid_t pid)
{
	char path[64];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(
		fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			&system),
		2);
	fclose(f);
	return user + system;
}

/* More than it takes: the others wait, and cost nothing, until one that it has ends. */
static void test_most_connections(void **state)
{
	enum { MORE = 8, QUIET_MS = 1500 };
	const struct world *w = *state;
	static int clients[GK_CONNECTIONS_MOST + MORE], servers[GK_CONNECTIONS_MOST + MORE];
	struct pollfd p = { .fd = w->listener, .events = POLLIN };
	for (size_t i = 0; i < COUNT(clients); i++)
		clients[i] = call(w);
	for (size_t i = 0; i < GK_CONNECTIONS_MOST; i++)
		servers[i] = answer(w);
	unsigned long before = used(w->pid);
	assert_int_equal(poll(&p, 1, QUIET_MS), 0);
	assert_in_range(used(w->pid) - before, 0, (unsigned long)sysconf(_SC_CLK_TCK) / 2);
	for (size_t i = 0; i < MORE; i++) {
		(void)close(clients[i]);
		expect_end(servers[i]);
		(void)close(servers[i]);
		servers[GK_CONNECTIONS_MOST + i] = answer(w);
	}
	for (size_t i = MORE; i < COUNT(clients); i++) {
		(void)close(clients[i]);
		expect_end(servers[i]);
		(void)close(servers[i]);
	}
	int client = call(w), server = answer(w);
	say(client, "after");
	expect(server, "after");
	(void)close(client);
	(void)close(server);
}

static void test_no_server(void **state)
{
	struct world *w = *state;
	(void)close(w->listener);
	w->listener = -1;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(client >= 0);
	be_patient(client);
	/* The reset may be there before the connection is. */
	if (connect(client, (const struct sockaddr *)&w->published, sizeof w->published) < 0)
		assert_int_equal(errno, ECONNRESET);
	else
		expect_reset(client);
	(void)close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_server_speaks_first),
		cmocka_unit_test(test_much_both_ways),
		cmocka_unit_test(test_resets_are_passed_on),
		cmocka_unit_test(test_most_connections),
		cmocka_unit_test(test_no_server),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
