/* The terminals of a session: those that are made inside (sshd's, tmux's), and the one that su,
 * login or sudo brings from outside. The keeper says on them what their user has to know, as a
 * member of the group tty, with no capability. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <linux/magic.h>
#include <linux/openat2.h>

#include "base/cleanup.h"
#include "base/sys.h"

/* The terminal that PAM_TTY names, if it is one of the host's. */
static int open_outer(const char *tty)
{
	struct termios t;
	gk_autoclose int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (strncmp(tty, "/dev/", 5) == 0)
		tty += 5;
	gk_autoclose int fd = dev < 0 || !*tty ?
		-1 :
		gk_sys_openat2(dev, tty, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return fd >= 0 && tcgetattr(fd, &t) == 0 ? gk_steal_fd(&fd) : -1;
}

int gk_keeper_open_terminals(struct gk_keeper *k, struct gk_err *err)
{
	char path[64];
	struct statfs fs;
	const gid_t tty = GK_TTY_GID;
	snprintf(path, sizeof path, "/proc/%d/root", (int)k->session.init);
	gk_autoclose int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	k->ptys = root < 0 ? -errno :
			     gk_sys_openat2(root, "dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC,
				     RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (k->ptys < 0)
		return gk_fail_errno(err, k->ptys, "cannot see the session's terminals");
	if (fstatfs(k->ptys, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return gk_fail(err, -ENOTTY, "cannot see the session's terminals");
	if (strcmp(k->question.tty, "ssh") != 0)
		k->outer_tty = open_outer(k->question.tty);
	return setgroups(1, &tty) < 0 ?
		gk_fail_errno(err, -errno, "cannot reach the session's terminals") :
		0;
}

void gk_keeper_close_terminals(struct gk_keeper *k)
{
	gk_close_fd(&k->ptys);
	gk_close_fd(&k->outer_tty);
}

/* The kernel gives the lowest number that is free, below the mount's max=. */
static bool stat_inner(
	const struct gk_keeper *k, unsigned n, char *name, size_t size, struct stat *st)
{
	snprintf(name, size, "%u", n);
	if (gk_keeper_is_shared(k) && !k->own_pty[n])
		return false;
	return fstatat(k->ptys, name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st->st_mode);
}

/* New words on one of them, or again what was turned away. On a terminal that owes some, new ones
 * come after those. Returns whether nothing is to be tried again. */
static bool say_on(struct gk_terminal *t, int fd, const char *text, bool again)
{
	return t->owed == again ? gk_notice_write(t, fd, text) : again;
}

static bool say_inner(struct gk_keeper *k, unsigned n, const char *text, bool again)
{
	struct stat st;
	char name[16];
	struct gk_terminal *t = &k->words[n];
	if (again && !t->owed)
		return true; /* nor is it opened for nothing */
	bool there = stat_inner(k, n, name, sizeof name, &st);
	gk_autoclose int fd = there ?
		openat(k->ptys, name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW) :
		-1;
	if (fd >= 0)
		return say_on(t, fd, text, again);
	t->owed = false; /* gone, or its user wants no messages */
	return true;
}

static bool say(struct gk_keeper *k, const char *text, bool again)
{
	bool said = k->outer_tty < 0 || say_on(&k->outer_words, k->outer_tty, text, again);
	for (unsigned n = 0; k->ptys >= 0 && n < GK_TERMINALS_MAX; n++)
		said = say_inner(k, n, text, again) && said;
	return said;
}

void gk_keeper_say(struct gk_keeper *k, const char *text)
{
	gk_keeper_find_ptys(k);
	if (!say(k, text, false))
		gk_pending_notice_add(&k->owed, text);
}

static bool has_terminal(const struct gk_keeper *k)
{
	struct stat st;
	char name[16];
	bool any = k->outer_tty >= 0;
	for (unsigned n = 0; !any && k->ptys >= 0 && n < GK_TERMINALS_MAX; n++)
		any = stat_inner(k, n, name, sizeof name, &st);
	return any;
}

/* sshd opens one after the session. */
static bool try_first(struct gk_keeper *k)
{
	gk_keeper_find_ptys(k);
	if (!has_terminal(k))
		return false;
	gk_keeper_say(k, k->first.text);
	return true;
}

void gk_keeper_say_first(struct gk_keeper *k, const char *text)
{
	gk_pending_notice_add(&k->first, text);
}

void gk_keeper_say_again(struct gk_keeper *k)
{
	if (gk_pending_notice_is_due(&k->first))
		gk_pending_notice_tried(&k->first, try_first(k));
	if (gk_pending_notice_is_due(&k->owed))
		gk_pending_notice_tried(&k->owed, say(k, k->owed.text, true));
}

bool gk_keeper_has_outer(const struct gk_keeper *k)
{
	return k->outer_tty >= 0;
}

void gk_keeper_say_last(struct gk_keeper *k, const char *text)
{
	enum { LAST_MS = 100, STEP_MS = 10 };
	if (k->outer_tty < 0)
		return;
	for (int ms = 0; !gk_notice_write(&k->outer_words, k->outer_tty, text) && ms < LAST_MS;
		ms += STEP_MS)
		(void)poll(NULL, 0, STEP_MS);
}

int64_t gk_keeper_idle_ms(struct gk_keeper *k)
{
	gk_keeper_find_ptys(k);
	struct stat st;
	char name[16];
	time_t last = 0, used, now = time(NULL);
	bool any = k->outer_tty >= 0 && fstat(k->outer_tty, &st) == 0;
	if (any)
		last = gk_terminal_used(&k->outer_words, &st);
	for (unsigned n = 0; k->ptys >= 0 && n < GK_TERMINALS_MAX; n++) {
		if (!stat_inner(k, n, name, sizeof name, &st))
			continue;
		used = gk_terminal_used(&k->words[n], &st);
		last = any && last > used ? last : used;
		any = true;
	}
	if (!any)
		return -1;
	return now > last ? (int64_t)(now - last) * 1000 : 0;
}
