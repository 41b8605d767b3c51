/* The seccomp profiles, as lists of system call names.
 *
 * Why an allow-list: what is not named here is answered with ENOSYS, so a call that a newer kernel
 * adds is closed until someone has looked at it, and libc falls back to the older call. What is
 * known and refused is named too and answered with EPERM, as the kernel does without privilege.
 * Names absent on an architecture are passed over, and so are those that the libseccomp of the build
 * does not know, unless they stand in new_calls: so that the profile is the same wherever it is built.
 * Calls whose arguments decide (ioctl, clone, socket, socketpair, personality, setrlimit, prlimit64, mmap,
 * memfd_create, shmget) are allowed here and narrowed by the hand-made checks in mkfilter.c, which compare the low
 * 32 bits that the kernel uses. */
#ifndef GK_TOOLS_PROFILE_H
#define GK_TOOLS_PROFILE_H

#define NAMES static const char *const

NAMES allowed_for_users[] = {
	/* files */
	"access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range",
	"creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64",
	"fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl",
	"fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat",
	"fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64", "getxattr",
	"getxattrat", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
	"lchown", "lgetxattr", "link", "linkat", "listxattr", "listxattrat", "llistxattr",
	"lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "mknod", "mknodat",
	"name_to_handle_at", "newfstatat", "open", "openat", "openat2", "pread64", "preadv",
	"preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat",
	"readv", "removexattr", "removexattrat", "rename", "renameat", "renameat2", "rmdir",
	"sendfile", "setxattr", "setxattrat", "splice", "stat", "statfs", "statx", "symlink",
	"symlinkat", "sync", "sync_file_range", "syncfs", "tee", "truncate", "umask", "unlink",
	"unlinkat", "utime", "utimensat", "utimes", "vmsplice", "write", "writev",
	"landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
	/* memory */
	"brk", "cachestat", "madvise", "map_shadow_stack", "membarrier", "memfd_create", "mincore",
	"mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "mseal", "msync", "munlock",
	"munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise",
	"process_mrelease", "remap_file_pages",
	/* processes, threads and ids */
	"alarm", "arch_prctl", "capget", "capset", "clone", "execve", "execveat", "exit",
	"exit_group", "fork", "futex", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake",
	"get_robust_list", "get_thread_area", "getcpu", "getegid", "geteuid", "getgid", "getgroups",
	"getitimer", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid",
	"getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "ioprio_get",
	"ioprio_set", "kill", "pause", "personality", "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64", "process_vm_readv", "process_vm_writev",
	"ptrace", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
	"sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity",
	"sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
	"set_robust_list", "set_thread_area", "set_tid_address", "setfsgid", "setfsuid", "setgid",
	"setgroups", "setitimer", "setpgid", "setpriority", "setregid", "setresgid", "setresuid",
	"setreuid", "setrlimit", "setsid", "setuid", "sigaltstack", "signalfd", "signalfd4",
	"tgkill", "time", "times", "tkill", "vfork", "wait4", "waitid",
	/* time and events */
	"clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1",
	"epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait", "epoll_wait_old",
	"eventfd", "eventfd2", "gettimeofday", "nanosleep", "poll", "ppoll", "pselect6", "select",
	"timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
	"timerfd_create", "timerfd_gettime", "timerfd_settime",
	/* talking to others */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "ioctl",
	"listen", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend",
	"mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "pipe", "pipe2", "recvfrom",
	"recvmmsg", "recvmsg", "semctl", "semget", "semop", "semtimedop", "sendmmsg", "sendmsg",
	"sendto", "setsockopt", "shmat", "shmctl", "shmdt", "shmget", "shutdown", "socket",
	"socketpair",
	/* the system */
	"getrandom", "sysinfo", "uname",
};

/* Known, and refused with EPERM: what the host's administrator does, or what widens the kernel's
 * surface for no use in a login. */
NAMES refused_with_eperm[] = {
	/* namespaces, mounts and roots */
	"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "listmount", "mount", "mount_setattr",
	"move_mount", "open_tree", "open_tree_attr", "pivot_root", "setns", "statmount", "umount",
	"umount2", "unshare", "sethostname", "setdomainname",
	/* the kernel's own doors */
	"acct", "adjtimex", "bpf", "clock_adjtime", "clock_settime", "create_module",
	"delete_module", "fanotify_init", "fanotify_mark", "finit_module", "get_kernel_syms",
	"get_mempolicy", "init_module", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load",
	"lookup_dcookie", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mbind",
	"memfd_secret", "migrate_pages", "modify_ldt", "move_pages", "nfsservctl",
	"open_by_handle_at", "perf_event_open", "query_module", "quotactl", "quotactl_fd", "reboot",
	"set_mempolicy", "set_mempolicy_home_node", "settimeofday", "stime", "swapoff", "swapon",
	"sysfs", "syslog", "_sysctl", "uselib", "userfaultfd", "ustat", "vhangup", "vm86",
	"vm86old", "add_key", "keyctl", "request_key",
	/* takes descriptors out of any process of the same user, of the host and of other sessions
	 * too: it asks for no PID namespace, and SO_PEERPIDFD finds the process (socket(7)) */
	"pidfd_getfd",
};

/* Known, and answered with ENOSYS so that libraries take the older way. The old asynchronous I/O is
 * among them because its limit, fs.aio-max-nr, is one for the whole host: one user could use it up. */
NAMES refused_with_enosys[] = {
	"clone3", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit",
	"io_uring_enter", "io_uring_register", "io_uring_setup",
};

/* Calls that a libseccomp in use does not know (2.5.4 ends before these; 2.6.0 with 462), by number: since
 * Linux 5.1 a call has one number on every architecture (syscall.tbl of the kernel). */
static const struct {
	const char *name;
	int number;
} new_calls[] = {
	{ "cachestat", 451 }, { "fchmodat2", 452 }, { "map_shadow_stack", 453 }, { "futex_wake", 454 },
	{ "futex_wait", 455 }, { "futex_requeue", 456 }, { "statmount", 457 }, { "listmount", 458 },
	{ "lsm_get_self_attr", 459 }, { "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 },
	{ "mseal", 462 }, { "setxattrat", 463 }, { "getxattrat", 464 }, { "listxattrat", 465 },
	{ "removexattrat", 466 }, { "open_tree_attr", 467 },
};

/* Container root under `gocker run` and `gocker image edit` may change root: package managers run
 * their scripts that way. */
NAMES added_for_admin[] = { "chroot" };

/* The supervisor: it waits, relays, signals, writes its record and removes its cgroup. */
NAMES allowed_for_supervisor[] = {
	"brk", "clock_gettime", "clock_nanosleep", "close", "connect", "dup2", "dup3", "epoll_wait",
	"exit", "exit_group", "fcntl", "fstat", "ftruncate", "futex", "getpid", "gettid",
	"getppid", "ioctl", "kill", "lseek", "madvise", "mmap", "mprotect", "munmap",
	"nanosleep", "newfstatat", "openat", "pidfd_open", "pidfd_send_signal", "poll", "ppoll",
	"pread64", "prctl", "prlimit64", "pwrite64", "read", "recvmsg", "restart_syscall",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sendmsg", "sendto", "setrlimit",
	"signalfd4", "socket", "tgkill", "unlinkat", "wait4", "waitid", "write", "writev",
};

/* The process that unpacks archives nobody trusts (src/image/cage.c): files by descriptor, and memory, of which none
 * can become code. */
NAMES allowed_for_unpacker[] = {
	"brk", "clock_gettime", "close", "exit", "exit_group", "faccessat", "faccessat2", "fchmod", "fchmodat",
	"fchown", "fchownat", "fcntl", "fstat", "ftruncate", "futex", "getpid", "getrandom", "gettid", "linkat", "lseek",
	"madvise", "mkdirat", "mmap", "mprotect", "mremap", "munmap", "newfstatat", "openat", "openat2", "pread64",
	"pwrite64", "read", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity",
	"sched_yield", "statx", "symlinkat", "sysinfo", "tgkill", "unlinkat", "utimensat", "write",
};

#endif
