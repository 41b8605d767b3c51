#include "image/outside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <grp.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/layout.h"
#include "plan/plan.h"
#include "run/build/userns.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"

enum { LOOK_MS = 200, GIVEN_MAX = 1 << 20 };
#define PLACE GK_OUTSIDE_PLACE

int gk_outside_give(
	int from_fd, const char *path, int dir_fd, const char *name, uid_t uid, struct gk_err *err)
{
	struct gk_arena arena = { 0 };
	char *text = NULL;
	size_t size = 0;
	int r = gk_read_all(from_fd, GIVEN_MAX, &arena, &text, &size, NULL);
	gk_autoclose int to =
		r < 0 ? -1 : openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (r == 0 && (to < 0 || fchown(to, uid, (gid_t)uid) < 0))
		r = -errno;
	if (r == 0)
		r = gk_write_all(to, text, size);
	gk_arena_free(&arena);
	return r < 0 ? gk_fail_errno(err, r, "%s", path) : 0;
}

/* ---- in the child ---- */

struct child {
	const struct gk_outside *o;
	int tree;   /* a detached mount of the directory */
	int out;    /* its stdout and stderr */
	int userns; /* as_root: the user namespace; else -1 */
};

/* All that is there can be read, as far as its modes go, and only the directory be written. */
static int make_mounts(int tree)
{
	struct gk_mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	gk_autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	int r = gk_sys_mount_setattr(root, AT_RECURSIVE, &readonly);
	if (r < 0)
		return r;
	gk_autoclose int place = open(PLACE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = place < 0 ? -errno : gk_sys_move_mount(tree, place);
	/* Of the host's processes it sees none. */
	if (r == 0 && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		r = -errno;
	return r;
}

/* 0 is /dev/null, 1 and 2 are the pipe; nothing else is left but a user namespace, as 3. */
static int set_descriptors(int out, int *userns)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return -errno;
	if (*userns < 0)
		return gk_sys_close_range(3, ~0U);
	if (dup2(*userns, 3) < 0)
		return -errno;
	*userns = 3;
	return gk_sys_close_range(4, ~0U);
}

/* A pipe tells when nobody is left to read it (poll(2)): the parent's number is not known here. */
static bool has_parent(void)
{
	struct pollfd p = { .fd = STDERR_FILENO };
	return poll(&p, 1, 0) >= 0 && !(p.revents & POLLERR);
}

/* An id of nobody's, without a capability, behind the filter of a user's session. */
static int become_nobody(const struct gk_outside *o, struct gk_err *err)
{
	const struct gk_credentials cred = {
		.uid = o->uid, .gid = (gid_t)o->uid, .no_new_privs = true
	};
	int r = gk_creds_bound(0, err);
	return r < 0 ? r : gk_creds_drop(&cred, err);
}

/* Root of a user namespace, which is nobody outside. What it mounts is its own, and nothing that is
 * mounted read-only here can be made writable there (mount_namespaces(7)). Filters would have to
 * let it do what root does: there is none but no_new_privs. */
static int become_root_inside(int userns)
{
	if (setns(userns, CLONE_NEWUSER) < 0 || setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
		setresuid(0, 0, 0) < 0 ||
		unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP) < 0)
		return -errno;
	(void)close(userns);
	return 0;
}

static int confine(struct child *c, struct gk_err *err)
{
	const bool as_root = c->userns >= 0;
	/* The parent counts; this is for the time between two counts. */
	const rlim_t most_bytes = (rlim_t)(c->o->max_bytes + (64 << 20));
	const struct rlimit none = { 0, 0 }, file = { most_bytes, most_bytes };
	int r = make_mounts(c->tree);
	if (r == 0)
		r = set_descriptors(c->out, &c->userns);
	if (r == 0 &&
		(chdir(PLACE) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
			setrlimit(RLIMIT_FSIZE, &file) < 0))
		r = -errno;
	if (r == 0)
		r = as_root ? become_root_inside(c->userns) : become_nobody(c->o, err);
	if (r == 0 &&
		(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0))
		r = -errno;
	if (r == 0 && !has_parent())
		r = -ESRCH;
	return r < 0 || as_root ? r : gk_seccomp_payload(GK_FILTER_USER, err);
}

/* Of the caller's environment it gets the proxies and where certificates are. */
static char **make_environment(void)
{
	static const char *const passed[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR" };
	static char fixed[][40] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" PLACE,
		"TMPDIR=" PLACE, "XDG_RUNTIME_DIR=" PLACE, "LC_ALL=C" };
	enum { NFIXED = sizeof fixed / sizeof *fixed, NPASSED = sizeof passed / sizeof *passed };
	char **env = calloc(NFIXED + NPASSED + 1, sizeof *env);
	size_t n = 0;
	for (size_t i = 0; env && i < NFIXED; i++)
		env[n++] = fixed[i];
	for (size_t i = 0; env && i < NPASSED; i++) {
		const char *value = getenv(passed[i]);
		if (value && asprintf(&env[n], "%s=%s", passed[i], value) > 0)
			n++;
	}
	return env;
}

static void run_program(struct child *c) __attribute__((noreturn));
static void run_program(struct child *c)
{
	struct gk_err err = GK_ERR_INIT;
	char **env = make_environment();
	/* The administrator's terminal is not for what speaks with a registry. */
	int r = env ? (setsid() < 0 ? -errno : confine(c, &err)) : -ENOMEM;
	if (r == 0) {
		/* execve(2) takes pointers to char for history's sake; it changes nothing. */
		(void)execve(c->o->program, (char *const *)(uintptr_t)c->o->argv, env);
		r = -errno;
	}
	dprintf(STDERR_FILENO, "cannot confine the program that fetches it: %s\n",
		err.msg[0] ? err.msg : strerror(-r));
	_exit(126);
}

/* ---- in the parent ---- */

/* What is in the directory by now: a few files, one for each layer. */
static uint64_t count_bytes(int dir_fd)
{
	uint64_t bytes = 0;
	static const char *const places[] = { ".", "image" };
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		gk_autoclose int fd =
			openat(dir_fd, places[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		DIR *dir = fd < 0 ? NULL : gk_store_opendir(fd);
		struct stat st;
		for (struct dirent *e; dir && (e = readdir(dir));)
			if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				S_ISREG(st.st_mode))
				bytes += (uint64_t)st.st_blocks * 512;
		if (dir)
			(void)closedir(dir);
	}
	return bytes;
}

/* The end of what it says is kept. */
static void keep_output(int fd, char *text, size_t *len)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof buf);
	if (n <= 0)
		return;
	if (*len + (size_t)n >= GK_OUTSIDE_TEXT_MAX) {
		size_t drop = *len < GK_OUTSIDE_TEXT_MAX / 2 ? *len : GK_OUTSIDE_TEXT_MAX / 2;
		memmove(text, text + drop, *len - drop);
		*len -= drop;
	}
	memcpy(text + *len, buf, (size_t)n);
	*len += (size_t)n;
	text[*len] = '\0';
}

/* Until it has ended; then no process of its namespace is left. */
static int attend(
	const struct gk_outside *o, int pidfd, int out, int dir_fd, char *text, struct gk_err *err)
{
	size_t len = 0;
	struct pollfd p[] = { { .fd = pidfd, .events = POLLIN }, { .fd = out, .events = POLLIN } };
	for (;;) {
		int r = poll(p, 2, LOOK_MS);
		if (r > 0 && p[1].revents & POLLIN)
			keep_output(out, text, &len);
		else if (r > 0 && p[0].revents)
			return 0;
		else if (r > 0)
			p[1].fd = -1; /* closed; the process goes on */
		uint64_t bytes = count_bytes(dir_fd);
		r = gk_tick(o->tick, o->what(o->arg, text), GK_UNIT_BYTES, bytes, 0);
		if (r == 0 && bytes > o->max_bytes)
			r = gk_fail(err, -EFBIG, "%s goes over the limit on the size (--max-size)",
				o->label);
		if (r < 0) {
			(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
			return gk_fail_errno(err, r, "%s", o->label);
		}
	}
}

static int start(struct child *c, int *ret_pidfd, pid_t *ret_pid, struct gk_err *err)
{
	struct clone_args args = { .flags = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD };
	(void)fflush(NULL);
	pid_t pid = gk_sys_clone3(&args);
	if (pid == 0)
		run_program(c);
	if (pid < 0)
		return gk_fail_errno(err, pid, "cannot start %s", c->o->program);
	*ret_pid = pid;
	return 0;
}

int gk_outside_run(
	const struct gk_outside *o, int dir_fd, char *text, int *ret_status, struct gk_err *err)
{
	int pair[2], pidfd = -1, status = 0;
	pid_t pid = 0;
	struct child c = { .o = o, .tree = -1, .userns = -1 };
	text[0] = '\0';
	if (fchown(dir_fd, o->uid, (gid_t)o->uid) < 0 || fchmod(dir_fd, 0700) < 0)
		return gk_fail_errno(err, -errno, "cannot prepare a download");
	gk_autoclose int userns = o->as_root ? gk_userns_make(o->uid, err) : -1;
	if (o->as_root && userns < 0)
		return userns;
	c.userns = userns;
	gk_autoclose int tree =
		gk_sys_open_tree(dir_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return gk_fail_errno(err, tree, "cannot prepare a download");
	c.tree = tree;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot start %s", o->program);
	gk_autoclose int out = pair[0];
	c.out = pair[1];
	int r = start(&c, &pidfd, &pid, err);
	(void)close(pair[1]);
	if (r < 0)
		return r;
	gk_autoclose int held = pidfd;
	r = attend(o, held, out, dir_fd, text, err);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_status = status;
	return r;
}
