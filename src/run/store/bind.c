#include "run/store/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/privilege/creds.h"

enum { SYMLINKS_MOST = 16, PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143 };

static int split_first(const char *path, char name[NAME_MAX + 1], const char **ret_rest)
{
	path += strspn(path, "/");
	size_t len = strcspn(path, "/");
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path, len);
	name[len] = '\0';
	*ret_rest = path + len;
	return (int)len;
}

/* Puts the link's target before what is left of the path. */
static int splice_link(int link_fd, const char *rest, char path[PATH_MAX])
{
	char target[PATH_MAX], joined[PATH_MAX];
	ssize_t n = readlinkat(link_fd, "", target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	int len = snprintf(joined, sizeof joined, "%s/%s", target, rest);
	if (len < 0 || (size_t)len >= sizeof joined)
		return -ENAMETOOLONG;
	memcpy(path, joined, (size_t)len + 1);
	return target[0] == '/';
}

/* The careful walk: one component a step, a symlink only where root alone decided it. */
static int walk(const char *source)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	if (strlen(source) >= sizeof path)
		return -ENAMETOOLONG;
	strcpy(path, source);
	gk_autoclose int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool trusted = true;
	for (int links = 0; at >= 0;) {
		const char *rest;
		int len = split_first(path, name, &rest);
		if (len < 0)
			return len;
		if (len == 0)
			return gk_steal_fd(&at);
		if (strcmp(name, "..") == 0)
			return -EXDEV;
		struct stat dir, st;
		if (fstat(at, &dir) < 0)
			return -errno;
		trusted = trusted && gk_is_roots_alone(&dir);
		gk_autoclose int next =
			openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && (errno == ENOTDIR || errno == ELOOP))
			next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 || fstat(next, &st) < 0)
			return -errno;
		if (S_ISLNK(st.st_mode)) {
			if (!trusted || st.st_uid != 0 || ++links > SYMLINKS_MOST)
				return -ELOOP;
			char tail[PATH_MAX];
			strcpy(tail, rest + strspn(rest, "/"));
			int absolute = splice_link(next, tail, path);
			if (absolute < 0)
				return absolute;
			if (absolute) {
				(void)close(at);
				at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
			}
			continue;
		}
		memmove(path, rest, strlen(rest) + 1);
		(void)close(at);
		at = gk_steal_fd(&next);
	}
	return -errno;
}

static int open_source(const char *source)
{
	const uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	/* O_DIRECTORY makes an automounter mount, which O_PATH alone does not (open(2)). */
	int fd = gk_sys_openat2(AT_FDCWD, source, O_PATH | O_DIRECTORY, resolve);
	if (fd == -ENOTDIR)
		fd = gk_sys_openat2(AT_FDCWD, source, O_PATH | O_NOFOLLOW, resolve);
	/* A seccomp filter around us may deny the call; the walk needs nothing newer than openat.
	 */
	if (fd == -ELOOP || fd == -ENOSYS || fd == -EPERM)
		fd = walk(source);
	return fd;
}

static int check_kind(
	const struct gk_bind *bind, const struct gk_credentials *cred, const struct stat *st)
{
	if (bind->socket)
		return !S_ISSOCK(st->st_mode) ? -ENOTSOCK : st->st_uid != cred->uid ? -EPERM : 0;
	if (bind->file)
		return S_ISREG(st->st_mode) || S_ISSOCK(st->st_mode) ? 0 : -EINVAL;
	if (!S_ISDIR(st->st_mode))
		return -ENOTDIR;
	return bind->as_user && st->st_uid != cred->uid ? -EPERM : 0;
}

/* All that the file system is asked is asked here; the parent only clones what fd stands on. */
static int open_and_check(const struct gk_bind *bind, const struct gk_credentials *cred)
{
	struct stat st;
	gk_autoclose int fd = open_source(bind->source);
	if (fd < 0)
		return fd;
	int r = fstat(fd, &st) < 0 ? -errno : check_kind(bind, cred, &st);
	return r < 0 ? r : gk_steal_fd(&fd);
}

static void child_open(
	pid_t parent, int sock, const struct gk_bind *bind, const struct gk_credentials *cred)
{
	enum { SOCK_FD = 3 };
	/* It may hang for good (a FUSE server that read the request can't be interrupted), and must
	 * not hold the session's locks then. */
	if ((sock != SOCK_FD && dup3(sock, SOCK_FD, O_CLOEXEC) < 0) ||
		gk_sys_close_range(SOCK_FD + 1, ~0U) < 0)
		_exit(1);
	gk_creds_raise_files();
	int r = gk_creds_become(cred);
	/* After the change of ids, which clears it; a supervisor that died before is noticed. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	gk_autoclose int fd = r < 0 ? r : open_and_check(bind, cred);
	int answer = fd < 0 ? fd : 0;
	_exit(gk_fd_send(SOCK_FD, &answer, sizeof answer, fd) < 0);
}

static int start_child(
	const struct gk_bind *bind, const struct gk_credentials *cred, struct gk_bind_asked *ret)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	gk_autoclose int mine = pair[0], theirs = pair[1];
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_open(parent, theirs, bind, cred);
	ret->pid = pid;
	ret->sock = gk_steal_fd(&mine);
	return 0;
}

void gk_bind_ask(
	const struct gk_bind *bind, const struct gk_credentials *cred, struct gk_bind_asked *ret)
{
	*ret = (struct gk_bind_asked)GK_BIND_ASKED_INIT;
	if (bind->as_user || bind->socket)
		ret->failed = start_child(bind, cred, ret);
}

static int end_child(struct gk_bind_asked *asked, bool stuck)
{
	/* Stuck in the file system it may not even die; it holds nothing then. */
	if (asked->pid > 0) {
		(void)kill(asked->pid, SIGKILL);
		(void)waitpid(asked->pid, NULL, stuck ? WNOHANG : 0);
	}
	asked->pid = 0;
	gk_close_fd(&asked->sock);
	return stuck ? -ETIMEDOUT : 0;
}

void gk_bind_forget(struct gk_bind_asked *asked)
{
	(void)end_child(asked, true);
}

/* The fd that the child has opened, or -errno. */
static int hear(struct gk_bind_asked *asked)
{
	struct pollfd p = { .fd = asked->sock, .events = POLLIN };
	int answer = -EIO, fd = -1;
	bool stuck = poll(&p, 1, GK_BIND_TIMEOUT_MS) != 1;
	if (!stuck && gk_fd_recv(asked->sock, &answer, sizeof answer, &fd) != (int)sizeof answer)
		answer = -EIO;
	if (end_child(asked, stuck) < 0)
		answer = -ETIMEDOUT;
	if (answer == 0 && fd < 0)
		answer = -EIO;
	if (answer < 0)
		gk_close_fd(&fd);
	return answer < 0 ? answer : fd;
}

/* Clones what fd stands on, private and with the attributes set all the way down, before it is in
 * any namespace (a clone of a shared mount stays shared otherwise). */
static int clone_bind(int fd, uint64_t attributes)
{
	gk_autoclose int bind = gk_sys_open_tree(
		fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (bind < 0)
		return bind;
	struct gk_mount_attr attr = {
		.attr_set = attributes,
		.propagation = MS_PRIVATE,
	};
	int r = gk_sys_mount_setattr(bind, AT_RECURSIVE, &attr);
	return r < 0 ? r : gk_steal_fd(&bind);
}

static const char *reason(const struct gk_bind *bind, int r)
{
	switch (r) {
	case -ENOENT: return "it does not exist";
	case -EACCES: return "access is denied";
	case -ENOTDIR: return "it is not a directory";
	case -ELOOP: return "it is reached through a symbolic link that others could change";
	case -EXDEV: return "its path has a \"..\"";
	case -EPERM: return "it belongs to someone else";
	case -ETIMEDOUT: return "its file system does not answer";
	default: break;
	}
	if (r == -EINVAL && bind->file)
		return "it is neither a regular file nor a socket";
	return bind->socket ? "it is not a usable socket" : "it cannot be opened";
}

/* The path of what fd is open on, as the kernel has it, without any link in it; no file system is
 * asked. "" where it is none or does not fit. */
static void real_path(int fd, char *ret, size_t size)
{
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(self, ret, size);
	/* "(unreachable)/..." is below no root of ours (proc(5)). */
	ret[n > 0 && (size_t)n < size && ret[0] == '/' ? n : 0] = '\0';
}

int gk_bind_take(const struct gk_bind *bind, const struct gk_credentials *cred,
	struct gk_bind_asked *asked, char *ret_real, size_t real_size, struct gk_err *err)
{
	gk_autoclose int fd = asked->pid > 0 ? hear(asked) :
		asked->failed < 0            ? asked->failed :
					       open_and_check(bind, cred);
	int r = fd;
	if (r >= 0 && ret_real && bind->as_user)
		real_path(fd, ret_real, real_size);
	if (r >= 0)
		r = clone_bind(fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (r >= 0)
		return r;
	char shown[256];
	gk_escape(shown, sizeof shown, bind->source);
	if (bind->as_user)
		gk_fail(err, r,
			"cannot use the home directory %s: %s (or set home = tmpfs or none)", shown,
			reason(bind, r));
	else
		gk_fail(err, r, "cannot use %s %s: %s",
			bind->socket       ? "the agent's socket" :
				bind->file ? "the file" :
					     "the volume",
			shown, reason(bind, r));
	gk_err_detail(err, "%s: errno %d", shown, -r);
	return r;
}

int gk_bind_pty(int fd, struct gk_err *err)
{
	struct stat st;
	struct statfs fs;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return gk_fail_errno(err, -errno, "terminal");
	unsigned m = S_ISCHR(st.st_mode) ? major(st.st_rdev) : 0;
	if (fs.f_type != DEVPTS_SUPER_MAGIC || m < PTY_MAJOR_FIRST || m > PTY_MAJOR_LAST)
		return gk_fail(err, -ENOTTY, "the terminal is not a pty");
	int bind = clone_bind(fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return bind < 0 ? gk_fail_errno(err, bind, "cannot take the terminal inside") : bind;
}

int gk_bind_program(const char *path)
{
	gk_autoclose int tree = gk_sys_open_tree(
		AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (tree < 0)
		return tree;
	struct gk_mount_attr attr = { .propagation = MS_PRIVATE };
	int r = gk_sys_mount_setattr(tree, 0, &attr);
	return r < 0 ? r : gk_steal_fd(&tree);
}
