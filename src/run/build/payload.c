#include "run/build/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/keyctl.h>

#include "base/cleanup.h"
#include "base/elf.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/privilege/creds.h"
#include "run/privilege/landlock.h"
#include "run/privilege/seccomp.h"
#include "run/privilege/stdio.h"
#include "run/store/banner.h"
#include "run/build/userns.h"

/* A session keyring of its own, so that none is shared with another session (keyrings(7)). Kernels
 * built without keys have nothing to share. */
static int join_new_keyring(struct gk_err *err)
{
	long r = gk_sys_ret(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
	/* A full key quota leaves the old keyring in place: refused rather than shared. */
	return r >= 0 || r == -ENOSYS ? 0 : gk_fail_errno(err, (int)r, "cannot make a keyring");
}

static int enter_cwd(const struct gk_plan *plan, struct gk_err *err)
{
	if (chdir(plan->cwd) == 0)
		return 0;
	return chdir(plan->cwd_else) == 0 ?
		0 :
		gk_fail_errno(err, -errno, "cannot enter %s in the session", plan->cwd_else);
}

static int reset_signals(const struct gk_caller *caller, struct gk_err *err)
{
	/* gk_cleanse set all others to their defaults, and none has a handler. */
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	/* Signals that arrived while all were blocked were meant for gocker's processes. */
	return sigprocmask(SIG_SETMASK, &caller->mask, NULL) < 0 ?
		gk_fail_errno(err, -errno, "cannot restore the signal mask") :
		0;
}

/* Landlock's rules, then the filter: what is loaded first need not be allowed by the second. */
static int confine(const struct gk_plan *plan, struct gk_err *err)
{
	gk_autoclose int rules = -1;
	int r = gk_landlock_rules(plan, &rules, err);
	if (r == 0)
		r = gk_landlock_enter(rules, gk_landlock_is_tcp(plan), err);
	return r < 0 ? r : gk_seccomp_payload(plan->cred.filter, err);
}

/* execve(2) takes pointers to char for history's sake; it changes nothing. */
static char *const *exec_strings(const char *const *list)
{
	return (char *const *)(uintptr_t)list;
}

/* Fills ret_found (PATH_MAX) with the file that was there but could not be executed, or with "". */
static int exec_in_path(const struct gk_plan *plan, char *ret_found)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (const char *const *e = plan->env; *e; e++)
		if (strncmp(*e, "PATH=", 5) == 0)
			path = *e + 5;
	int worst = ENOENT;
	ret_found[0] = '\0';
	while (*path) {
		size_t len = strcspn(path, ":");
		char full[PATH_MAX];
		int n = snprintf(full, sizeof full, "%.*s/%s", (int)len, path, plan->exec_path);
		if (len > 0 && n > 0 && (size_t)n < sizeof full) {
			(void)execve(full, exec_strings(plan->argv), exec_strings(plan->env));
			int e = errno;
			bool missing = e == ENOENT || e == ENOTDIR;
			if (!missing)
				worst = e;
			if (!missing || (!ret_found[0] && access(full, F_OK) == 0))
				memcpy(ret_found, full, (size_t)n + 1);
		}
		path += len + (path[len] == ':');
	}
	return worst;
}

static int run(const struct gk_plan *plan, struct gk_err *err)
{
	char shown[256], reason[400], found[PATH_MAX];
	int e = 0;
	gk_escape(shown, sizeof shown, plan->exec_path);
	if (!strchr(plan->exec_path, '/')) {
		e = exec_in_path(plan, found);
	} else if (snprintf(found, sizeof found, "%s", plan->exec_path) < (int)sizeof found) {
		if (gk_exec_reason(found, 0, reason, sizeof reason)) {
			gk_fail(err, -ENOEXEC, "%s %s; nothing was run", shown, reason);
			return GK_EXIT_CANNOT_RUN;
		}
		(void)execve(found, exec_strings(plan->argv), exec_strings(plan->env));
		e = errno;
	} else {
		found[0] = '\0';
		e = ENAMETOOLONG;
	}
	bool missing = e == ENOENT || e == ENOTDIR;
	if (found[0] && gk_exec_reason(found, e, reason, sizeof reason))
		gk_fail(err, -e, "%s %s; nothing was run", shown, reason);
	else if (missing)
		gk_fail(err, -e, "%s is not in the image; nothing was run", shown);
	else
		gk_fail_errno(err, -e, "cannot run %s in the session", shown);
	return missing ? GK_EXIT_NOT_FOUND : GK_EXIT_CANNOT_RUN;
}

/* The end without a byte: what was to say that all is well is gone. */
static int wait_at(int gate, struct gk_err *err)
{
	char byte;
	ssize_t n;
	while ((n = read(gate, &byte, 1)) < 0 && errno == EINTR)
		;
	return n == 1 ? 0 : gk_fail(err, -EPIPE, "the session ended before it was ready");
}

int gk_payload_exec(const struct gk_init *init, const char *pty_path, int report_fd, int gate_fd,
	struct gk_err *err)
{
	const struct gk_plan *plan = init->plan;
	int r = 0;
	if (pty_path)
		r = gk_tty_take(pty_path, init->tty.same, err);
	else if (setsid() < 0)
		r = gk_fail_errno(err, -errno, "cannot start a session");
	if (r == 0)
		r = join_new_keyring(err);
	if (r == 0)
		r = gk_restore_scheduling(init->caller, err);
	if (r == 0 && plan->userns_base)
		r = gk_userns_enter(init->userns, plan->cred.caps, err);
	if (r == 0)
		r = gk_creds_drop(&plan->cred, err);
	/* A keyring joined as root is looked at with the user's ids from here on. */
	if (r == 0)
		r = enter_cwd(plan, err);
	(void)umask(plan->umask == (mode_t)-1 ? init->caller->umask : plan->umask);
	if (r == 0 && plan->cred.no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = gk_fail_errno(err, -errno, "cannot set no_new_privs");
	/* After the change of ids, which clears it. One that died before is noticed at the gate. */
	if (r == 0 && init->follow && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		r = gk_fail_errno(err, -errno, "cannot follow the supervisor");
	if (r == 0)
		r = reset_signals(init->caller, err);
	if (r == 0)
		r = confine(plan, err);
	if (r == 0 && gate_fd >= 0)
		r = wait_at(gate_fd, err);
	/* Not before init has closed its copy: nobody but the user may have them in hand. */
	if (r == 0 && init->stdio >= 0)
		r = gk_stdio_receive(init->stdio, init->tty.same, err);
	/* After the ids, since a user's own count of processes is not checked at setuid, and after
	 * the descriptors, of which the user may be allowed none more. */
	if (r == 0 && gk_restore_limits(init->caller, plan->nofile) < 0)
		r = gk_fail(err, -EPERM, "cannot restore the resource limits");
	/* Everything but 0-2 goes: the report pipe by exec, the rest now. */
	if (r == 0 && report_fd > 3)
		r = gk_sys_close_range(3, (unsigned)report_fd - 1);
	if (r == 0)
		r = gk_sys_close_range((unsigned)report_fd + 1, ~0U);
	if (r < 0)
		return GK_EXIT_GOCKER;
	gk_banner_show(plan->banner);
	return run(plan, err);
}
