/* The sshd that runs: whether it has read its files as they are now, and what it forwards. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/doctor/doctor.h"
#include "cli/spawn.h"

#define SSHD_CONFIG "/etc/ssh/sshd_config"

/* ---- which process ---- */

static bool read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* "sshd: /usr/sbin/sshd -D -f FILE [listener] 0 of 10-100 startups": the title that a listening
 * sshd gives itself (OpenSSH 8.2 and later). Returns whether it is one with this configuration. */
static bool is_listener(char *title, const char *config)
{
	char *end = strstr(title, " [listener]"), *args = strstr(title, ": ");
	if (!args || !end || end < args)
		return false;
	*end = '\0';
	const char *file = NULL, *word;
	char *save;
	for (word = strtok_r(args + 2, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (strncmp(word, "-f", 2) == 0)
			file = word[2] ? word + 2 : strtok_r(NULL, " ", &save);
	return strcmp(file ? file : SSHD_CONFIG, config ? config : SSHD_CONFIG) == 0;
}

/* One in a container of this host is none of the host's. */
static bool is_in_our_pids(pid_t pid)
{
	char path[64];
	struct stat theirs, ours;
	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	return stat(path, &theirs) == 0 && stat("/proc/self/ns/pid", &ours) == 0 &&
		theirs.st_ino == ours.st_ino;
}

static pid_t find_pid(const char *config)
{
	DIR *dir = opendir("/proc");
	pid_t found = 0;
	for (const struct dirent *e; dir && !found && (e = readdir(dir));) {
		char title[1024];
		struct stat st;
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		/* Any user can call a process so. */
		if (pid <= 0 || fstatat(dirfd(dir), e->d_name, &st, 0) < 0 || st.st_uid != 0)
			continue;
		if (read_proc(pid, "cmdline", title, sizeof title) && is_listener(title, config) &&
			is_in_our_pids(pid))
			found = pid;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* ---- when it read its configuration ---- */

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The start of a process: field 22 of its stat, in ticks since boot (proc(5)). */
static bool started_at(pid_t pid, struct timespec *ret)
{
	char text[1024];
	if (!read_proc(pid, "stat", text, sizeof text))
		return false;
	const char *p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	struct timespec now, up;
	if (!p || clock_gettime(CLOCK_REALTIME, &now) < 0 || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return false;
	double ticks = (double)strtoull(p + 1, NULL, 10) / (double)sysconf(_SC_CLK_TCK);
	double at = (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
		((double)up.tv_sec + (double)up.tv_nsec / 1e9 - ticks);
	ret->tv_sec = (time_t)at;
	ret->tv_nsec = (long)((at - (double)ret->tv_sec) * 1e9);
	return true;
}

/* A reload (SIGHUP) executes sshd again in the same process, whose start stays; but the pid file is
 * removed and written anew. */
static bool read_at(pid_t pid, const char *pid_file, struct timespec *ret)
{
	FILE *f = pid_file && *pid_file == '/' ? fopen(pid_file, "re") : NULL;
	struct stat st;
	char line[32] = "";
	bool ours = f && fgets(line, sizeof line, f) && strtol(line, NULL, 10) == pid &&
		fstat(fileno(f), &st) == 0;
	if (f)
		fclose(f);
	if (ours)
		*ret = st.st_mtim;
	return ours || started_at(pid, ret);
}

/* The time of the last change of the inode, which a copy or a move with its old times has, too. */
static void compare(struct gk_listener *l, const struct timespec *read, const char *path)
{
	struct stat st;
	if (l->stale || stat(path, &st) < 0 || !is_later(&st.st_ctim, read))
		return;
	l->stale = true;
	snprintf(l->changed, sizeof l->changed, "%s", path);
}

/* A pattern of an Include line, which is below /etc/ssh unless it is absolute; a file that has been
 * taken away shows in its directory. */
static void compare_included(
	struct gk_listener *l, const struct timespec *read, const char *pattern)
{
	char path[PATH_MAX];
	glob_t found;
	snprintf(path, sizeof path, "%s%s", *pattern == '/' ? "" : "/etc/ssh/", pattern);
	if (glob(path, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			compare(l, read, found.gl_pathv[i]);
	globfree(&found);
	char *slash = strrchr(path, '/');
	if (slash && strpbrk(slash, "*?[")) {
		*slash = '\0';
		compare(l, read, path);
	}
}

void gk_listener_find(const char *config, const char *pid_file, struct gk_listener *ret)
{
	struct timespec read;
	const char *path = config ? config : SSHD_CONFIG;
	*ret = (struct gk_listener){ .pid = find_pid(config) };
	if (!ret->pid || !read_at(ret->pid, pid_file, &read))
		return;
	compare(ret, &read, path);
	FILE *f = fopen(path, "re");
	char line[1024];
	while (f && fgets(line, sizeof line, f)) {
		char *save, *word = strtok_r(line, " \t\n=", &save);
		if (!word || strcasecmp(word, "include") != 0)
			continue;
		while ((word = strtok_r(NULL, " \t\n\"", &save)))
			compare_included(ret, &read, word);
	}
	if (f)
		fclose(f);
}

/* ---- a forward, tried ---- */

#define HELLO "gocker-doctor-was-reached"

static int listen_on_loopback(struct sockaddr_in *ret)
{
	socklen_t len = sizeof *ret;
	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	gk_autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)ret, len) < 0 || listen(fd, 1) < 0 ||
		getsockname(fd, (struct sockaddr *)ret, &len) < 0)
		return -1;
	return gk_steal_fd(&fd);
}

/* Answers each connection, until it is killed. */
static pid_t answer(int fd)
{
	pid_t parent = getpid(), pid = fork();
	if (pid != 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	for (;;) {
		gk_autoclose int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c >= 0)
			(void)send(c, HELLO "\n", sizeof HELLO, MSG_NOSIGNAL);
	}
}

enum outcome { REACHED, PROHIBITED, NO_LOGIN };

/* Copies the client's last line of complaint to `said`. */
static enum outcome run_client(const char *const *argv, char *said, size_t size)
{
	struct gk_err err = GK_ERR_INIT;
	enum outcome result = NO_LOGIN;
	char line[512];
	pid_t pid;
	FILE *f = gk_spawn_stream(argv, &pid, &err);
	snprintf(said, size, "%.*s", (int)size - 1, f ? "the connection ended" : err.msg);
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\r\n")] = '\0';
		for (char *p = line; *p; p++)
			if (!isprint((unsigned char)*p))
				*p = '?';
		if (strcmp(line, HELLO) == 0)
			result = REACHED;
		else if (strstr(line, "administratively prohibited"))
			result = PROHIBITED;
		else if (*line)
			snprintf(said, size, "%s", line);
	}
	if (f) {
		fclose(f);
		(void)gk_spawn_wait(pid);
	}
	return result;
}

/* "0.0.0.0:22" and "[::]:22" stand for every address of the host. */
static void split(const char *address, char *host, size_t size, const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	*ret_port = colon ? colon + 1 : "22";
	snprintf(host, size, "%.*s", (int)(colon ? colon - address : 0), address);
	if (!*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "[::]") == 0)
		snprintf(host, size, "127.0.0.1");
	if (*host == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
}

void gk_listener_probe(struct gk_doctor *d, const char *address)
{
	static const char ssh[] = "/usr/bin/ssh";
	char host[64], target[64], said[640];
	const char *port;
	struct sockaddr_in here;
	gk_autoclose int fd = listen_on_loopback(&here);
	pid_t server = fd < 0 ? -1 : answer(fd);
	split(address, host, sizeof host, &port);
	snprintf(target, sizeof target, "127.0.0.1:%u", (unsigned)ntohs(here.sin_port));
	/* -i with a file that is not there would take the caller's own keys. */
	const char *key = gk_arena_printf(&d->arena, "IdentityFile=\"%s\"", d->identity);
	/* The client's complaints are read along with its output. */
	const char *argv[] = { "/bin/sh", "-c", "exec \"$@\" 2>&1", "sh", ssh, "-F", "/dev/null",
		"-o", key, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o",
		"BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
		"UserKnownHostsFile=/dev/null", "-o", "LogLevel=INFO", "-o", "ConnectTimeout=60",
		"-p", port, "-l", d->user, "-W", target, "--", host, NULL };
	enum outcome result = server < 0 ? NO_LOGIN : run_client(argv, said, sizeof said);
	if (server < 0)
		snprintf(said, sizeof said, "no socket on the loopback interface");
	if (server > 0) {
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	if (result == REACHED)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "sshd",
			"see the other findings about sshd; then reload it",
			"`ssh -W` as %s reached the host's network through the running sshd",
			d->user);
	else if (result == PROHIBITED)
		gk_found(d, GK_FOUND_OK | GK_TRIED, "sshd", NULL,
			"the running sshd refuses `ssh -W` to %s", d->user);
	else
		gk_found(d, GK_FOUND_WARN, "sshd",
			"name a private key with which the user can log in at this host",
			"`ssh -W` as %s could not be tried: %s", d->user, said);
}
