/* floor UID HOME IMAGE CMD [ARG...]: the floor that a contained login stands on. The kernel calls
 * without which there is no such session, made once each, and nothing else: no look-up, no policy,
 * no check of what was made, no record, no log, no proof of what was dropped. Run as root; static.
 *
 * What it makes is what gocker-shell makes with its default policy: a cgroup leaf with a limit, a
 * home cloned as a tree, five namespaces, a tmpfs, an overlay, /proc with its masks, /dev with
 * nodes and devpts, /dev/shm, /tmp and /run, files in /etc, pivot_root; no capability, no_new_privs
 * and a filter in the command, the same in the process that waits outside and in PID 1. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* gocker's own: what the kernel does to check and compile one depends on its instructions. */
#include "filters.h"

enum {
	CAPS = 41,
	ATTRS_PROC = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC
};

static const char *const masked[] = { "keys", "key-users", "kmsg", "kallsyms", "kpagecgroup",
	"kpagecount", "kpageflags", "timer_list", "vmallocinfo" };
static const char *const read_only[] = { "bus", "fs", "irq", "sys" };

static void must(long r, const char *what)
{
	if (r < 0)
		err(125, "%s", what);
}

static void put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	must(fd, name);
	must(write(fd, text, strlen(text)), name);
	close(fd);
}

static void bind_tree(int tree, unsigned attributes, const char *where)
{
	struct mount_attr attr = { .attr_set = attributes };
	must(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)), where);
	must(syscall(SYS_move_mount, tree, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH), where);
	close(tree);
}

static void bind_path(const char *from, unsigned attributes, const char *where)
{
	long tree = syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	must(tree, from);
	bind_tree((int)tree, attributes, where);
}

static void make_dev(void)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} node[] = { { "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 },
		{ "urandom", 1, 9 }, { "tty", 5, 0 } };
	char path[32];
	for (size_t i = 0; i < sizeof(node) / sizeof(*node); i++) {
		snprintf(path, sizeof(path), "dev/%s", node[i].name);
		must(mknod(path, S_IFCHR | 0666, makedev(node[i].major, node[i].minor)), path);
	}
	must(symlink("/proc/self/fd", "dev/fd"), "fd");
	must(symlink("/proc/self/fd/0", "dev/stdin"), "stdin");
	must(symlink("/proc/self/fd/1", "dev/stdout"), "stdout");
	must(symlink("/proc/self/fd/2", "dev/stderr"), "stderr");
	must(symlink("pts/ptmx", "dev/ptmx"), "ptmx");
}

static void make_root(const char *image, int home)
{
	static const char *const dirs[] = { "upper", "work", "root", "dev", "dev/pts", "dev/shm",
		"empty", "tmpdir", "upper/etc", "upper/home", "upper/home/user", "upper/run",
		"upper/tmp", "upper/dev", "upper/proc" };
	static const char *const etc[] = { "passwd", "group", "nsswitch.conf", "hosts", "hostname",
		"resolv.conf", "localtime" };
	char options[512], path[64];

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "/");
	must(mount("floor", "/run/floor", "tmpfs", MS_NOSUID, "mode=755,size=64m,nr_inodes=16k"),
		"tmpfs");
	must(chdir("/run/floor"), "chdir");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		must(mkdir(dirs[i], 0755), dirs[i]);
	must(mount("floor", "tmpdir", "tmpfs", MS_NOSUID, "mode=755,size=64m,nr_inodes=16k"),
		"tmpfs");
	must(mkdir("tmpdir/shm", 01777), "shm");
	must(mkdir("tmpdir/tmp", 01777), "tmp");
	must(mkdir("tmpdir/run", 0755), "run");
	must(mknod("mask", S_IFREG, 0), "mask");
	make_dev();
	int dir = open("upper/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(etc) / sizeof(*etc); i++)
		put(dir, etc[i],
			"root:x:0:0:root:/root:/bin/sh\nuser:x:2000:2000::/home/user:/bin/sh\n");
	close(dir);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=upper,workdir=work", image);
	must(mount("overlay", "root", "overlay", MS_NOSUID | MS_NODEV, options), "overlay");
	must(mount("proc", "root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
	bind_path("dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "root/dev");
	must(mount("devpts", "root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		     "newinstance,ptmxmode=0666,mode=0620,gid=5"),
		"devpts");
	bind_path("tmpdir/shm", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "root/dev/shm");
	bind_path("tmpdir/tmp", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "root/tmp");
	bind_path("tmpdir/run", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "root/run");
	for (size_t i = 0; i < sizeof(masked) / sizeof(*masked); i++) {
		snprintf(path, sizeof(path), "root/proc/%s", masked[i]);
		if (access(path, F_OK) == 0)
			bind_path("mask", ATTRS_PROC, path);
	}
	for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++) {
		snprintf(path, sizeof(path), "root/proc/%s", read_only[i]);
		bind_path(path, ATTRS_PROC, path);
	}
	bind_tree(home, 0, "root/home/user");
	must(chdir("root"), "root");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount");
	must(chdir("/"), "/");
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	must(syscall(SYS_capset, &header, none), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static void load_filter(const struct sock_filter *code, size_t len)
{
	struct sock_fprog program = { .len = (unsigned short)len,
		.filter = (struct sock_filter *)(uintptr_t)code };
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
}
#define LOAD_FILTER(code) load_filter(code, sizeof(code) / sizeof *(code))

static void run_command(uid_t uid, char **argv)
{
	must(setsid(), "setsid");
	must(syscall(SYS_keyctl, 1, NULL), "keyctl");
	must(setgroups(1, &uid), "setgroups");
	must(setresgid(uid, uid, uid), "setresgid");
	must(setresuid(uid, uid, uid), "setresuid");
	drop_capabilities();
	must(chdir("/home/user"), "home");
	LOAD_FILTER(filter_user);
	must(syscall(SYS_close_range, 3, ~0U, 0), "close_range");
	execv(argv[0], argv);
	err(127, "%s", argv[0]);
}

static void be_init(int leaf, const char *image, int home, uid_t uid, char **argv)
{
	/* On v1 a thread that moves itself is the way that waits for nobody; v2 has no such file.
	 */
	int tasks = openat(leaf, "tasks", O_WRONLY | O_CLOEXEC), status;
	if (tasks < 0)
		tasks = openat(leaf, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (tasks >= 0 && write(tasks, "0", 1) < 0)
		err(125, "cgroup");
	close(tasks);
	must(unshare(CLONE_NEWCGROUP), "cgroup namespace");
	must(prctl(PR_SET_PDEATHSIG, SIGKILL), "death signal");
	must(sethostname("floor", 5), "host name");
	make_root(image, home);
	pid_t pid = fork();
	must(pid, "fork");
	if (pid == 0)
		run_command(uid, argv);
	drop_capabilities();
	LOAD_FILTER(filter_supervisor);
	while (waitpid(-1, &status, 0) != pid)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 125);
}

int main(int argc, char **argv)
{
	char leaf[128];
	const char *top = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ?
		"/sys/fs/cgroup" :
		"/sys/fs/cgroup/pids";
	int status;

	if (argc < 5)
		errx(2, "usage: floor UID HOME IMAGE CMD [ARG...]");
	uid_t uid = (uid_t)atoi(argv[1]);
	if (mkdir("/run/floor", 0700) < 0 && errno != EEXIST)
		err(125, "/run/floor");
	snprintf(leaf, sizeof(leaf), "%s/floor%d", top, (int)getpid());
	must(mkdir(leaf, 0755), leaf);
	int leaf_fd = open(leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(leaf_fd, "pids.max", "21");
	for (int cap = 0; cap < CAPS; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE };
	int home = (int)syscall(SYS_open_tree, AT_FDCWD, argv[2],
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	must(home, argv[2]);
	must(syscall(SYS_mount_setattr, home, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
		     sizeof(attr)),
		argv[2]);
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	must(pid, "clone3");
	if (pid == 0)
		be_init(leaf_fd, argv[3], home, uid, argv + 4);
	int up = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	drop_capabilities();
	LOAD_FILTER(filter_supervisor);
	must(waitpid(pid, &status, 0), "wait");
	must(unlinkat(up, strrchr(leaf, '/') + 1, AT_REMOVEDIR), leaf);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
