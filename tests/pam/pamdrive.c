/*
 * pamdrive: a PAM application whose every step is told on its command line, for the tests of the
 * PAM door.
 *
 *     pamdrive SERVICE USER STEP [ARG]...
 *
 * open, close        pam_open_session, pam_close_session; prints the step and its result
 * acct               pam_acct_mgmt
 * restart            pam_end and pam_start
 * end                pam_end, and nothing more with PAM
 * second             a second handle of the same process opens
 * forkclose          a fork closes the session
 * detach             a fork goes on, and the process that was the application until then ends
 * state              what a daemon cares about in itself: fds, namespaces, root, cgroup, ...
 * user CMD           a fork becomes the user as daemons do (initgroups and all) and runs sh -c CMD
 * raw CMD            user CMD by clone(2), of which no fork handler knows
 * clone CMD          root CMD by clone(2)
 * raise CMD          raw CMD, but it takes CAP_SETUID out of its permitted set first
 * try CMD            user CMD, if the last open succeeded: what a real application does
 * root CMD           a fork runs sh -c CMD as root
 * reaper, ignore     SIGCHLD: a handler that reaps every child (as atd's); ignored
 * thread             starts a second thread
 * atd                takes real uid 1, as atd does
 * wait               prints its pid and waits for a line on stdin
 */
#include <dirent.h>
#include <err.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include <linux/capability.h>

static const char *service, *user;
static int opened = -1;

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
	(void)data;
	for (int i = 0; i < n; i++)
		printf("said: %s\n", msg[i]->msg);
	*resp = calloc((size_t)n, sizeof **resp);
	return *resp ? PAM_SUCCESS : PAM_BUF_ERR;
}

static pam_handle_t *start(void)
{
	const struct pam_conv conv = { converse, NULL };
	pam_handle_t *pamh = NULL;
	if (pam_start(service, user, &conv, &pamh) != PAM_SUCCESS)
		errx(2, "pam_start");
	(void)pam_set_item(pamh, PAM_TTY, "none");
	return pamh;
}

static void link_of(const char *path)
{
	char target[512];
	ssize_t n = readlink(path, target, sizeof target - 1);
	printf("%s %.*s\n", path, n < 0 ? 0 : (int)n, target);
}

static void lines_of(const char *path, const char *const *keys)
{
	char line[512];
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		for (const char *const *key = keys; *key; key++)
			if (strncmp(line, *key, strlen(*key)) == 0)
				printf("%s", line);
	if (f)
		fclose(f);
}

static void state(void)
{
	static const char *const ns[] = { "mnt", "uts", "ipc", "pid", "pid_for_children", "cgroup",
		"net", "user", NULL };
	static const char *const status[] = { "Cap", "NoNewPrivs", "Seccomp:", "SigBlk", "SigIgn",
		"SigCgt", "Uid", "Gid", "Groups", "Umask", "Threads", NULL };
	static const char *const all[] = { "", NULL };
	char path[64];
	struct stat st;
	closelog(); /* the C library's connection to the log is its own business */
	DIR *d = opendir("/proc/self/fd");
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof path, "/proc/self/fd/%.16s", e->d_name);
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			link_of(path);
	}
	if (d)
		closedir(d);
	for (const char *const *n = ns; *n; n++) {
		snprintf(path, sizeof path, "/proc/self/ns/%s", *n);
		link_of(path);
	}
	link_of("/proc/self/cwd");
	if (stat("/", &st) == 0)
		printf("root %lu %lu\n", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
	lines_of("/proc/self/status", status);
	lines_of("/proc/self/cgroup", all);
	lines_of("/proc/self/limits", all);
}

enum { AS_ROOT, AS_USER, AS_USER_BY_CLONE, AS_ROOT_BY_CLONE, AS_USER_RAISED };

static int raise_setuid(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	data[0].effective |= 1U << CAP_SETUID;
	return (int)syscall(SYS_capset, &head, data);
}

static void run(const char *command, int how)
{
	bool as_user = how == AS_USER || how == AS_USER_BY_CLONE || how == AS_USER_RAISED;
	struct passwd *pw = getpwnam(user);
	fflush(stdout);
	pid_t pid = how == AS_ROOT || how == AS_USER ?
		fork() :
		(pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status = 0;
	if (pid < 0) {
		printf("fork: failed\n");
		return;
	}
	if (pid == 0) {
		if (how == AS_USER_RAISED && raise_setuid() < 0)
			_exit(97);
		if (as_user &&
			(!pw || initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
				setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0))
			_exit(99);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(98);
	}
	if (waitpid(pid, &status, 0) == pid)
		printf("run: %d\n",
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void reap_all(int sig)
{
	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void fork_close(pam_handle_t *pamh)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		printf("forkclose: %d\n", pam_close_session(pamh, 0));
		fflush(stdout);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[16];
	if (argc < 3)
		errx(2, "usage: pamdrive SERVICE USER STEP...");
	service = argv[1];
	user = argv[2];
	pam_handle_t *pamh = start(), *second = NULL;
	for (int i = 3; i < argc; i++)
		if (strcmp(argv[i], "second") == 0)
			second = start();
	for (int i = 3; i < argc; i++) {
		const char *s = argv[i], *arg = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(s, "open") == 0)
			printf("open: %d\n", opened = pam_open_session(pamh, 0));
		else if (strcmp(s, "close") == 0)
			printf("close: %d\n", pam_close_session(pamh, 0));
		else if (strcmp(s, "acct") == 0)
			printf("acct: %d\n", pam_acct_mgmt(pamh, 0));
		else if (strcmp(s, "restart") == 0)
			pam_end(pamh, 0), pamh = start();
		else if (strcmp(s, "end") == 0)
			pam_end(pamh, 0), pamh = NULL;
		else if (strcmp(s, "second") == 0)
			printf("second: %d\n", pam_open_session(second, 0));
		else if (strcmp(s, "forkclose") == 0)
			fork_close(pamh);
		else if (strcmp(s, "detach") == 0 && fork() > 0)
			_exit(0);
		else if (strcmp(s, "detach") == 0)
			;
		else if (strcmp(s, "state") == 0)
			state();
		else if (strcmp(s, "user") == 0)
			run(arg, AS_USER), i++;
		else if (strcmp(s, "raw") == 0)
			run(arg, AS_USER_BY_CLONE), i++;
		else if (strcmp(s, "try") == 0 && i++ && opened == PAM_SUCCESS)
			run(arg, AS_USER);
		else if (strcmp(s, "try") == 0)
			;
		else if (strcmp(s, "root") == 0)
			run(arg, AS_ROOT), i++;
		else if (strcmp(s, "clone") == 0)
			run(arg, AS_ROOT_BY_CLONE), i++;
		else if (strcmp(s, "raise") == 0)
			run(arg, AS_USER_RAISED), i++;
		else if (strcmp(s, "reaper") == 0)
			signal(SIGCHLD, reap_all);
		else if (strcmp(s, "ignore") == 0)
			signal(SIGCHLD, SIG_IGN);
		else if (strcmp(s, "thread") == 0)
			pthread_create(&thread, NULL, sleeper, NULL);
		else if (strcmp(s, "atd") == 0)
			printf("atd: %d\n", setresuid(1, 0, 0));
		else if (strcmp(s, "wait") == 0)
			printf("pid: %d\n", (int)getpid()), fflush(stdout),
				(void)!fgets(line, sizeof line, stdin);
		else
			errx(2, "%s?", s);
		fflush(stdout);
	}
	if (pamh)
		pam_end(pamh, 0);
	return 0;
}
