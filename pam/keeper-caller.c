/* Which program opens the session, and so how what acts for the user comes inside (enum
 * gk_link_mode). Only of these is it known that every process which acts for a user is made by
 * fork(3). A program that executes the user's command in its own place, or starts it by vfork(2),
 * would have the fork handlers of the module do nothing: it is refused, unless an administrator has
 * named it. */
#include "keeper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *path;
	enum gk_link_mode mode;
} known[] = {
	{ "/usr/sbin/sshd", GK_LINK_DROP },
	/* OpenSSH 9.8 and later execute this for each connection. */
	{ "/usr/lib/openssh/sshd-session", GK_LINK_DROP },
	{ "/usr/lib/ssh/sshd-session", GK_LINK_DROP },
	{ "/usr/libexec/openssh/sshd-session", GK_LINK_DROP },
	{ "/usr/libexec/sshd-session", GK_LINK_DROP },
	{ "/usr/bin/su", GK_LINK_NARROW },
	{ "/bin/su", GK_LINK_NARROW },
	{ "/usr/sbin/runuser", GK_LINK_NARROW },
	{ "/usr/bin/runuser", GK_LINK_NARROW },
	{ "/sbin/runuser", GK_LINK_NARROW },
	{ "/usr/bin/sudo", GK_LINK_NARROW },
	{ "/usr/bin/login", GK_LINK_NARROW },
	{ "/bin/login", GK_LINK_NARROW },
	{ "/usr/sbin/cron", GK_LINK_NARROW },
	{ "/usr/sbin/crond", GK_LINK_NARROW },
	{ "/usr/sbin/atd", GK_LINK_NARROW },
};

/* A program as /proc/PID/exe tells of it. */
struct program {
	struct stat st;
	char path[1024];
};

static int read_program(pid_t pid, struct program *ret)
{
	char link[64];
	snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
	if (stat(link, &ret->st) < 0)
		return -errno;
	ssize_t n = readlink(link, ret->path, sizeof ret->path - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	ret->path[n] = '\0';
	return 0;
}

/* By inode, so that names and links do not matter. A daemon whose file was replaced by an upgrade
 * runs on from the old one, which has no name any more: it is known by the path that it had. */
static bool is(const struct program *p, const char *path)
{
	static const char gone[] = " (deleted)";
	struct stat st;
	size_t n = strlen(path);
	if (stat(path, &st) < 0)
		return false;
	if (st.st_dev == p->st.st_dev && st.st_ino == p->st.st_ino)
		return true;
	return p->st.st_nlink == 0 && strncmp(p->path, path, n) == 0 &&
		strcmp(p->path + n, gone) == 0;
}

bool gk_keeper_has_own_stack(const struct gk_keeper *k)
{
	return strcmp(k->question.service, GK_TRIAL_SERVICE) == 0;
}

bool gk_keeper_is_trial(const struct gk_keeper *k)
{
	struct program p;
	return gk_keeper_has_own_stack(k) ||
		(read_program(k->login.caller.parent, &p) == 0 &&
			is(&p, GK_LIBEXECDIR "/gocker-admin"));
}

int gk_keeper_check_caller(struct gk_keeper *k, struct gk_err *err)
{
	struct program p;
	const struct gk_link_message *q = &k->question;
	/* Of gocker's own trial it is known, wherever gocker is executed from. */
	if (gk_keeper_is_trial(k)) {
		k->mode = GK_LINK_NARROW;
		return 0;
	}
	int r = read_program(k->login.caller.parent, &p);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot tell which program opens the session");
	bool named = q->mode >= GK_LINK_DROP && q->mode <= GK_LINK_WHOLE && q->text[0] == '/';
	if (named && is(&p, q->text)) {
		k->mode = (enum gk_link_mode)q->mode;
		return 0;
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (is(&p, known[i].path)) {
			k->mode = known[i].mode;
			return 0;
		}
	return gk_fail(err, -EPERM,
		"%s is not a program whose sessions can be contained; see pam_gocker(8), PROGRAMS",
		p.path);
}
