#include "image/pull.h"

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

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/layout.h"
#include "plan/plan.h"
#include "plan/text.h"
#include "run/build/userns.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"
#include "run/store/image.h"

enum {
	LOOK_MS = 200,
	OUTPUT_MAX = 16 << 10, /* of what skopeo says the end is kept */
	FILE_MAX = 1 << 20,    /* of a password file or a policy */
};
#define PLACE       "/tmp" /* where skopeo has the directory */
#define HOST_POLICY "/etc/containers/policy.json"

int gk_pull_ref(const char *text, char *ret, struct gk_err *err)
{
	static const char ok[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@[]";
	char shown[300];
	const char *ref = strncmp(text, "docker://", 9) == 0 ? text + 9 : text;
	if (!gk_is_alnum(ref[0]) && ref[0] != '[')
		ref = "";
	if (!*ref || strlen(ref) >= GK_PULL_REF_MAX || ref[strspn(ref, ok)] || strstr(ref, "//"))
		return gk_fail(err, -EINVAL,
			"%s is no image in a registry; write it as registry.example/path/name:tag",
			gk_escape(shown, sizeof shown, text));
	snprintf(ret, GK_PULL_REF_MAX, "%s", ref);
	return 0;
}

bool gk_pull_name(const char *ref, char *ret, size_t size)
{
	const char *slash = strrchr(ref, '/');
	const char *last = slash ? slash + 1 : ref;
	int n = snprintf(ret, size, "%.*s", (int)strcspn(last, ":@"), last);
	return n > 0 && (size_t)n < size && gk_image_name_ok(ret);
}

/* ---- in the child ---- */

struct child {
	const struct gk_pull *pull;
	const char *program;
	int tree; /* a detached mount of the directory */
	int out;  /* skopeo's stdout and stderr */
	uid_t uid;
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
	return place < 0 ? -errno : gk_sys_move_mount(tree, place);
}

/* 0 is /dev/null, 1 and 2 are the pipe; nothing else is left. */
static int set_descriptors(int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return -errno;
	return gk_sys_close_range(3, ~0U);
}

/* A pipe tells when nobody is left to read it (poll(2)): the parent's number is not known here. */
static bool has_parent(void)
{
	struct pollfd p = { .fd = STDERR_FILENO };
	return poll(&p, 1, 0) >= 0 && !(p.revents & POLLERR);
}

static int confine(const struct child *c, struct gk_err *err)
{
	/* The parent counts; this is for the time between two counts. */
	const rlim_t most_bytes = (rlim_t)(c->pull->max_bytes + (64 << 20));
	const struct rlimit none = { 0, 0 }, file = { most_bytes, most_bytes };
	const gid_t group = (gid_t)c->uid;
	const struct gk_credentials cred = { .uid = c->uid, .gid = group, .no_new_privs = true };
	int r = make_mounts(c->tree);
	if (r == 0)
		r = set_descriptors(c->out);
	if (r == 0 &&
		(chdir(PLACE) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
			setrlimit(RLIMIT_FSIZE, &file) < 0))
		r = -errno;
	if (r == 0)
		r = gk_creds_bound(0, err);
	if (r == 0)
		r = gk_creds_drop(&cred, err);
	if (r == 0 &&
		(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0))
		r = -errno;
	if (r == 0 && !has_parent())
		r = -ESRCH;
	return r < 0 ? r : gk_seccomp_payload(GK_FILTER_USER, err);
}

/* Of the caller's environment skopeo gets the proxies and where certificates are. */
static char **make_environment(void)
{
	static const char *const passed[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR" };
	static char fixed[][40] = { "PATH=/usr/bin:/bin", "HOME=" PLACE, "TMPDIR=" PLACE,
		"XDG_RUNTIME_DIR=" PLACE, "LC_ALL=C" };
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

static void run_skopeo(const struct child *c) __attribute__((noreturn));
static void run_skopeo(const struct child *c)
{
	struct gk_err err = GK_ERR_INIT;
	char source[GK_PULL_REF_MAX + 16];
	const char *argv[16] = { "skopeo", "--policy",
		c->pull->policy ? PLACE "/policy.json" : HOST_POLICY, "copy" };
	size_t n = 4;
	snprintf(source, sizeof source, "docker://%s", c->pull->ref);
	if (c->pull->authfile) {
		argv[n++] = "--authfile";
		argv[n++] = PLACE "/auth.json";
	}
	argv[n++] = source;
	argv[n] = "dir:" PLACE "/image";
	char **env = make_environment();
	/* The administrator's terminal is not for what speaks with a registry. */
	int r = env ? (setsid() < 0 ? -errno : confine(c, &err)) : -ENOMEM;
	if (r == 0) {
		/* execve(2) takes pointers to char for history's sake; it changes nothing. */
		(void)execve(c->program, (char *const *)(uintptr_t)argv, env);
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
	if (*len + (size_t)n >= OUTPUT_MAX) {
		size_t drop = *len < OUTPUT_MAX / 2 ? *len : OUTPUT_MAX / 2;
		memmove(text, text + drop, *len - drop);
		*len -= drop;
	}
	memcpy(text + *len, buf, (size_t)n);
	*len += (size_t)n;
	text[*len] = '\0';
}

/* Until it has ended; then no process of its namespace is left. */
static int attend(
	const struct gk_pull *pull, int pidfd, int out, int dir_fd, char *text, struct gk_err *err)
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
		r = gk_tick(pull->tick, "fetching", GK_UNIT_BYTES, bytes, 0);
		if (r == 0 && bytes > pull->max_bytes)
			r = gk_fail(err, -EFBIG, "%s goes over the limit on the size (--max-size)",
				pull->ref);
		if (r < 0) {
			(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
			return gk_fail_errno(err, r, "%s", pull->ref);
		}
	}
}

/* skopeo says  time="…" level=fatal msg="…". The text of the last one, or else its last line. */
static const char *reason_of(char *text)
{
	char *last = text, *msg = NULL;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *found = strstr(line, "level=fatal") ? strstr(line, "msg=\"") : NULL;
		msg = found ? found + 5 : msg;
		last = line;
	}
	if (!msg)
		return last;
	char *to = msg;
	for (char *from = msg; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return msg;
}

static int judge(const struct gk_pull *pull, int status, char *text, struct gk_err *err)
{
	char shown[400];
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return gk_fail(err, -EIO, "%s: skopeo was ended by signal %d", pull->ref,
			WTERMSIG(status));
	const char *reason = reason_of(text);
	return gk_fail(err, -EACCES, "%s: skopeo: %s", pull->ref,
		gk_escape(shown, sizeof shown, *reason ? reason : "no reason given"));
}

static int start(struct child *c, int *ret_pidfd, pid_t *ret_pid, struct gk_err *err)
{
	struct clone_args args = { .flags = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD };
	(void)fflush(NULL);
	pid_t pid = gk_sys_clone3(&args);
	if (pid == 0)
		run_skopeo(c);
	if (pid < 0)
		return gk_fail_errno(err, pid, "cannot start skopeo");
	*ret_pid = pid;
	return 0;
}

/* A file of root's that skopeo is to read. */
static int copy_file(const char *path, int dir_fd, const char *name, uid_t uid, struct gk_err *err)
{
	struct gk_arena arena = { 0 };
	char *text = NULL;
	size_t size = 0;
	gk_autoclose int from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = from < 0 ? -errno : gk_read_all(from, FILE_MAX, &arena, &text, &size, NULL);
	gk_autoclose int to =
		r < 0 ? -1 : openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (r == 0 && (to < 0 || fchown(to, uid, (gid_t)uid) < 0))
		r = -errno;
	if (r == 0)
		r = gk_write_all(to, text, size);
	gk_arena_free(&arena);
	return r < 0 ? gk_fail_errno(err, r, "%s", path) : 0;
}

static int prepare(struct child *c, int dir_fd, struct gk_err *err)
{
	int r = 0;
	if (fchown(dir_fd, c->uid, (gid_t)c->uid) < 0 || fchmod(dir_fd, 0700) < 0)
		return gk_fail_errno(err, -errno, "cannot prepare a download");
	if (c->pull->authfile)
		r = copy_file(c->pull->authfile, dir_fd, "auth.json", c->uid, err);
	if (r == 0 && c->pull->policy)
		r = copy_file(c->pull->policy, dir_fd, "policy.json", c->uid, err);
	if (r < 0)
		return r;
	c->tree = gk_sys_open_tree(dir_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	return c->tree < 0 ? gk_fail_errno(err, c->tree, "cannot prepare a download") : 0;
}

static const char *find_skopeo(void)
{
	static const char *const places[] = { "/usr/bin/skopeo", "/usr/local/bin/skopeo" };
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

int gk_pull_run(const struct gk_pull *pull, int dir_fd, struct gk_err *err)
{
	uint64_t uid = 0;
	int pair[2], pidfd = -1, status = 0;
	pid_t pid = 0;
	struct child c = { .pull = pull, .program = find_skopeo(), .tree = -1 };
	if (!c.program)
		return gk_fail(err, -ENOENT,
			"skopeo not found; it fetches images from registries: install the package skopeo");
	gk_autoclose int ids = gk_userns_take(pull->userns_base, &uid, err);
	if (ids < 0)
		return ids;
	c.uid = (uid_t)uid;
	int r = prepare(&c, dir_fd, err);
	gk_autoclose int tree = c.tree;
	if (r < 0)
		return r;
	gk_autofree char *text = calloc(1, OUTPUT_MAX + 1);
	if (!text || pipe2(pair, O_CLOEXEC) < 0)
		return gk_fail_errno(err, text ? -errno : -ENOMEM, "cannot start skopeo");
	gk_autoclose int out = pair[0];
	c.out = pair[1];
	r = start(&c, &pidfd, &pid, err);
	(void)close(pair[1]);
	if (r < 0)
		return r;
	gk_autoclose int held = pidfd;
	r = attend(pull, held, out, dir_fd, text, err);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : judge(pull, status, text, err);
}
