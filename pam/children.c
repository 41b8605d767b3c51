#include "children.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#ifdef __GLIBC__
#include <nss.h>
#endif

#include "base/cleanup.h"
#include "base/sys.h"
#include "filter.h"
#include "join.h"
#include "powers.h"
#include "run/privilege/landlock.h"

#define BIT(cap) (1ULL << (cap))

/* What su, login, sudo, cron and atd need to become the user by themselves: `su -P` gives its
 * terminal away, and the monitor of `sudo` with use_pty signals the command. */
#define NARROW \
	(BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SYS_CHROOT) | BIT(CAP_CHOWN) | \
		BIT(CAP_FOWNER) | BIT(CAP_KILL))

/* The status of a child that could not go inside. */
enum { NOT_INSIDE = 254 };

static struct gk_children *armed;
static bool registered, is_inside;

/* A session that is not open: the one that holds is `armed`. */
static struct {
	bool (*by_application)(void *owner);
	void *owner; /* NULL: none */
	enum gk_link_mode mode;
} expected;

/* Of a caller that has entered itself: what its children close. */
struct hidden {
	size_t n;
	int fd[GK_CHILDREN_HIDE];
};
static struct hidden *hidden;

/* Between `before_fork` and the two that follow it: fork(3) runs all three in the same thread. */
static struct {
	struct gk_powers powers;
	bool is_loose; /* by the application, with no session open */
	bool is_read;  /* powers are the daemon's: they are given back after the fork */
	int failed;    /* -errno */
} at_fork;

/* ---- in the daemon ---- */

/* Only the children of the next fork are put into the container's PID namespace. A daemon may have
 * lowered its capabilities meanwhile (atd does). */
static void before_fork(void)
{
	if (!armed) {
		at_fork.is_loose = expected.owner && expected.by_application(expected.owner);
		return;
	}
	at_fork.failed = gk_powers_read(&at_fork.powers);
	at_fork.is_read = at_fork.failed == 0;
	if (at_fork.failed == 0)
		at_fork.failed = gk_powers_raise();
	if (at_fork.failed == 0 && setns(armed->init, CLONE_NEWPID) < 0)
		at_fork.failed = -errno;
}

/* The guard is what the powers were before: CAP_SETUID is out of them again. */
static void after_fork(void)
{
	int e = errno;
	if (!armed)
		return;
	if (setns(armed->own_pid_ns, CLONE_NEWPID) < 0)
		syslog(LOG_AUTHPRIV | LOG_ERR, "pam_gocker: event=stuck reason=\"setns\" errno=%d",
			errno);
	if (at_fork.is_read && gk_powers_restore(&at_fork.powers) < 0)
		syslog(LOG_AUTHPRIV | LOG_ERR, "pam_gocker: event=stuck reason=\"capabilities\"");
	errno = e;
}

/* ---- in the child ---- */

static int check_pid_namespace(const struct gk_children *c)
{
	struct stat st;
	if (stat("/proc/self/ns/pid", &st) < 0)
		return -errno;
	return st.st_ino == c->pid_ns ? 0 : -EXDEV;
}

static void close_own(struct gk_children *c)
{
	gk_close_fd(&c->init);
	gk_close_fd(&c->own_pid_ns);
	gk_close_fd(&c->leaf);
	gk_close_fd(&c->rules);
}

static void close_all(struct gk_children *c)
{
	close_own(c);
	for (size_t i = 0; i < sizeof c->others / sizeof *c->others; i++)
		gk_close_fd(&c->others[i]);
}

/* Counted and inside, at the same path where there is one. */
static int join(struct gk_children *c)
{
	char cwd[PATH_MAX];
	if (!getcwd(cwd, sizeof cwd) || cwd[0] != '/')
		cwd[0] = '\0';
	if (c->leaf >= 0 && write(c->leaf, "0", 1) != 1)
		return -errno;
	if (setns(c->init, (int)(c->namespaces & ~(uint64_t)CLONE_NEWPID)) < 0)
		return -errno;
	int r = gk_join_verify(&c->root);
	if (r == 0 && cwd[0])
		gk_join_chdir(cwd);
	/* While the child has CAP_SYS_ADMIN: who becomes the user by itself need not set
	 * no_new_privs. What sshd does for the user (forwards) is bound to the rules as well. */
	struct gk_err ignored = GK_ERR_INIT;
	return r == 0 ? gk_landlock_enter(c->rules, c->tcp, &ignored) : r;
}

static int become_user(const struct gk_children *c)
{
	uid_t uid[3];
	struct gk_powers now;
	if (setgroups(c->ngroups, c->groups) < 0 || setresgid(c->gid, c->gid, c->gid) < 0 ||
		setresuid(c->uid, c->uid, c->uid) < 0)
		return -errno;
	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || uid[0] != c->uid || uid[1] != c->uid ||
		uid[2] != c->uid || setuid(0) == 0)
		return -EPERM;
	int r = gk_powers_read(&now);
	if (r == 0 && (now.effective | now.permitted) != 0)
		r = -EPERM;
	/* The daemon's memory has secrets (host keys): nobody of this uid is to look in. */
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = -errno;
	return r;
}

/* The child stays root for a while, and what it looks up meanwhile is not to be looked up by code
 * of the image's: messages are not translated (gettext, gconv), and of NSS only the C library's own
 * reader of passwd and group is asked, whose files gocker has made. */
static void pin(void)
{
	(void)setlocale(LC_ALL, "C");
#ifdef __GLIBC__
	static const char *const databases[] = { "passwd", "group", "initgroups", "shadow",
		"gshadow", "netgroup" };
	for (size_t i = 0; i < sizeof databases / sizeof *databases; i++)
		(void)__nss_configure_lookup(databases[i], "files");
#endif
}

/* Whose the session keyring is: "keyring;UID;...", keyctl_describe(3). */
static bool has_own_keyring(uid_t uid)
{
	char text[256], want[16];
	int len = snprintf(want, sizeof want, ";%u;", (unsigned)uid);
	long n = syscall(
		SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text, 0);
	if (n <= 0 || (size_t)n > sizeof text)
		return false;
	text[n - 1] = '\0';
	const char *owner = strchr(text, ';');
	return owner && strncmp(owner, want, (size_t)len) == 0;
}

/* Whoever has a process's session keyring has the keys in it (keyrings(7)), and su's is that of
 * the administrator who called it. One that a module has made for the user (pam_keyinit(8)) stays.
 * Where a filter refuses keys it does so below as well. */
static int leave_keyring(const struct gk_children *c)
{
	if (has_own_keyring(c->uid))
		return 0;
	int r = (int)gk_sys_ret(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
	bool refused = r == -EPERM && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
	return r >= 0 || r == -ENOSYS || refused ? 0 : r;
}

static int go_inside(struct gk_children *c)
{
	int r = check_pid_namespace(c);
	if (r == 0)
		r = join(c);
	/* Before the child is anybody else: `others` has a descriptor of the host's root. */
	close_all(c);
	if (r == 0)
		r = leave_keyring(c);
	if (r == 0)
		r = gk_join_limits(c->nofile);
	if (r < 0)
		return r;
	closelog();
	if (c->umask >= 0)
		(void)umask((mode_t)c->umask);
	if (c->mode == GK_LINK_DROP) {
		r = gk_powers_narrow(BIT(CAP_SETUID) | BIT(CAP_SETGID), 0);
		return r == 0 ? become_user(c) : r;
	}
	pin();
	/* While CAP_SYS_ADMIN is there. Its terminal is the caller's: root's, where root calls su.
	 */
	r = gk_filter_type_nothing();
	return r == 0 ? gk_powers_narrow(NARROW, NARROW) : r;
}

/* ---- in a child of a daemon whose session was refused ---- */

/* sshd does not end a connection whose session was refused. It forks its user side, and that forks
 * one process for each command, which prints on its stdout what the stack has said (do_child() of
 * session.c) and exits with 254. What is printed is not for the client's program, which reads
 * stdout: it goes to stderr. */
static int keep_to_words(void)
{
#ifdef __GLIBC__
	stdout = stderr;
	return gk_filter_execute_nothing();
#else
	return -ENOSYS; /* there stdout is a constant: the connection ends without a word */
#endif
}

/* Of a caller whose session is not open. What a module forks is the module's business. */
static void stay_out(void)
{
	enum gk_link_mode mode = expected.mode;
	expected.owner = NULL;
	if (!at_fork.is_loose || (mode == GK_LINK_DROP && keep_to_words() == 0))
		return;
	syslog(LOG_AUTHPRIV | LOG_ERR,
		"pam_gocker: event=refused door=pam reason=\"a child of a program whose session is not "
		"open\"");
	_exit(NOT_INSIDE);
}

/* ---- */

static void in_child(void)
{
	struct gk_children *c = armed;
	for (; hidden && hidden->n > 0; hidden->n--)
		gk_close_fd(&hidden->fd[hidden->n - 1]);
	if (!c) {
		if (expected.owner)
			stay_out();
		return;
	}
	expected.owner = NULL;
	armed = NULL;
	is_inside = true;
	int r = at_fork.failed;
	if (r == 0)
		r = go_inside(c);
	if (r == 0) {
		free(c->groups);
		free(c);
		return;
	}
	syslog(LOG_AUTHPRIV | LOG_ERR,
		"pam_gocker: event=refused door=pam reason=\"a child of the session cannot go inside\" "
		"errno=%d",
		-r);
	_exit(NOT_INSIDE);
}

/* ---- */

/* Once a process. */
static int register_handlers(void)
{
	if (registered)
		return 0;
	int e = pthread_atfork(before_fork, after_fork, in_child);
	registered = e == 0;
	return -e;
}

int gk_children_expect(enum gk_link_mode mode, bool (*by_application)(void *owner), void *owner)
{
	if (armed || is_inside)
		return -EBUSY;
	int r = register_handlers();
	if (r < 0)
		return r;
	expected.by_application = by_application;
	expected.owner = owner;
	expected.mode = mode;
	return 0;
}

void gk_children_expect_no_more(const void *owner)
{
	if (expected.owner == owner)
		expected.owner = NULL;
}

int gk_children_arm(const struct gk_children *how)
{
	if (armed || is_inside)
		return -EBUSY;
	int r = register_handlers();
	if (r < 0)
		return r;
	struct gk_children *c = malloc(sizeof *c);
	if (!c)
		return -ENOMEM;
	*c = *how;
	armed = c;
	return 0;
}

void gk_children_disarm(void)
{
	struct gk_children *c = armed;
	if (!c)
		return;
	armed = NULL;
	close_own(c);
	free(c->groups);
	free(c);
}

int gk_children_hide(const int *fds, size_t n)
{
	free(hidden);
	hidden = NULL;
	if (n == 0)
		return 0;
	int r = n > GK_CHILDREN_HIDE ? -E2BIG : register_handlers();
	if (r < 0)
		return r;
	hidden = calloc(1, sizeof *hidden);
	if (!hidden)
		return -ENOMEM;
	hidden->n = n;
	memcpy(hidden->fd, fds, n * sizeof *fds);
	return 0;
}

bool gk_children_busy(void)
{
	return armed || is_inside;
}
