/* A trial login through the PAM door: gocker's two lines alone, in a service of their own, so that
 * no other module (pam_systemd, pam_mail, pam_lastlog) is asked anything about the user. When lines
 * are put into a service's stack, that stack as well, with all its modules. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sys.h"
#include "cli/enable/trial.h"
#include "run/build/session.h"

enum { TRIAL_TIMEOUT_MS = 60000 };

/* The plain line alone, which does both: `outer` refuses in a stack that is not in /etc/pam.d. */
static const char stack[] = "session required pam_gocker.so\n";

struct told {
	int code;
	struct gk_err err;
};

/* What is tried: gocker's own stack in `dir`, or the service's real one where dir is NULL. */
struct trial {
	const char *user, *service, *dir;
	enum gk_trial_end end;
};

/* What the module has to say to the user is what the administrator wants to read. */
static int listen_to(
	int n, const struct pam_message **messages, struct pam_response **ret, void *arg)
{
	struct told *told = arg;
	*ret = calloc((size_t)n, sizeof **ret);
	if (!*ret)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (messages[i]->msg_style == PAM_ERROR_MSG)
			(void)gk_fail(&told->err, -EACCES, "%s", messages[i]->msg);
	return PAM_SUCCESS;
}

/* The session opens to what is forked (pam_gocker(8)): whether a child's root is another one.
 * Returns 1, 0 or -errno; a child that could not go inside has ended with another status. */
static int child_is_elsewhere(const struct stat *host)
{
	struct stat inside;
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		int r = stat("/", &inside);
		_exit(r < 0 ? 2 : inside.st_ino != host->st_ino || inside.st_dev != host->st_dev);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) < 2 ? WEXITSTATUS(status) : -EIO;
}

/* The account part of a real stack. sshd goes on with a password that is to be changed. */
static int try_account(pam_handle_t *pamh, const struct trial *t, struct told *told)
{
	int r = pam_acct_mgmt(pamh, 0);
	bool passes = r == PAM_SUCCESS || r == PAM_NEW_AUTHTOK_REQD;
	if (t->end == GK_TRIAL_ACCOUNT_REFUSED)
		return r == PAM_PERM_DENIED ?
			0 :
			gk_fail(&told->err, -EACCES, "the account part did not refuse the user");
	if (passes)
		return 0;
	return told->err.msg[0] ? -EACCES :
				  gk_fail(&told->err, -EACCES, "%s", pam_strerror(pamh, r));
}

static int open_and_close(pam_handle_t *pamh, bool free, struct told *told)
{
	struct stat host;
	if (stat("/", &host) < 0)
		return -errno;
	int r = pam_open_session(pamh, 0);
	if (r != PAM_SUCCESS)
		return gk_fail(&told->err, -EACCES, "%s", pam_strerror(pamh, r));
	int entered = child_is_elsewhere(&host);
	r = pam_close_session(pamh, 0);
	if (entered < 0)
		return gk_fail_errno(&told->err, entered, "the login cannot start a process");
	if (free && entered)
		return gk_fail(&told->err, -EACCES, "the login was contained");
	if (!free && !entered)
		return gk_fail(&told->err, -EACCES, "the login was let through uncontained");
	return r == PAM_SUCCESS ?
		0 :
		gk_fail(&told->err, -EIO, "it did not close: %s", pam_strerror(pamh, r));
}

static int start_pam(const struct trial *t, const struct pam_conv *conv, pam_handle_t **ret)
{
	int r = t->dir ? pam_start_confdir(t->service, t->user, conv, t->dir, ret) :
			 pam_start(t->service, t->user, conv, ret);
	/* As sshd does. */
	if (r == PAM_SUCCESS && !t->dir && strcmp(t->service, "sshd") == 0) {
		r = pam_set_item(*ret, PAM_TTY, "ssh");
		if (r == PAM_SUCCESS)
			r = pam_set_item(*ret, PAM_RHOST, "127.0.0.1");
	}
	return r;
}

static void child(const struct trial *t, int report) __attribute__((noreturn));
static void child(const struct trial *t, int report)
{
	struct told told = { 0 };
	const struct pam_conv conv = { listen_to, &told };
	pam_handle_t *pamh = NULL;
	int r = start_pam(t, &conv, &pamh);
	if (r != PAM_SUCCESS)
		told.code = gk_fail(&told.err, -EIO, "PAM does not start");
	else if (!t->dir)
		told.code = try_account(pamh, t, &told);
	if (told.code == 0 && t->end != GK_TRIAL_ACCOUNT_REFUSED)
		told.code = open_and_close(pamh, t->end == GK_TRIAL_FREE, &told);
	(void)pam_end(pamh, r);
	(void)!write(report, &told, sizeof told);
	_exit(0);
}

static int write_stack(const char *dir, char *path, size_t size)
{
	snprintf(path, size, "%s/" GK_TRIAL_SERVICE, dir);
	gk_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : gk_write_all(fd, stack, sizeof stack - 1);
}

static int try_in(const struct trial *t, struct gk_err *err)
{
	struct told told = { 0 };
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot try a login");
	gk_autoclose int from = pair[0], to = pair[1];
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		child(t, to);
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot try a login");
	gk_close_fd(&to);
	gk_autoclose int pidfd = gk_sys_pidfd_open(pid);
	struct pollfd p = { .fd = from, .events = POLLIN };
	bool answered = poll(&p, 1, TRIAL_TIMEOUT_MS) == 1 &&
		read(from, &told, sizeof told) == (ssize_t)sizeof told;
	if (!answered && pidfd >= 0)
		(void)gk_sys_pidfd_send_signal(pidfd, SIGKILL);
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!answered)
		return gk_fail(err, -EIO, "the trial login did not come to an end");
	if (told.code < 0)
		*err = told.err;
	return told.code;
}

static int try(const char *user, enum gk_trial_end end, struct gk_err *err)
{
	char dir[] = "/run/gocker-trial.XXXXXX", path[64];
	if (!mkdtemp(dir))
		return gk_fail_errno(err, -errno, "cannot try a login");
	int r = write_stack(dir, path, sizeof path);
	r = r < 0 ? gk_fail_errno(err, r, "cannot try a login") :
		    try_in(&(struct trial){ user, GK_TRIAL_SERVICE, dir, end }, err);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}

int gk_trial_pam(const char *user, struct gk_err *err)
{
	return try(user, GK_TRIAL_CONTAINED, err);
}

int gk_trial_pam_free(const char *user, struct gk_err *err)
{
	return try(user, GK_TRIAL_FREE, err);
}

int gk_trial_stack(const char *service, const char *user, enum gk_trial_end end, struct gk_err *err)
{
	return try_in(&(struct trial){ user, service, NULL, end }, err);
}
