#include "cli/enable/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/enable/admins.h"
#include "cli/spawn.h"
#include "plan/text.h"
#include "run/privilege/identity.h"

enum { FILE_MOST_BYTES = 1 << 20, SHELL_MOST_BYTES = 4096 };

int gk_account_is_last_admin(const struct gk_identity *who, const struct gk_config *config,
	struct gk_arena *arena, struct gk_err *err)
{
	const char *group = gk_admin_group_of(who);
	if (who->uid == 0)
		return gk_fail(
			err, 1, "root is not contained: someone must be able to repair the host");
	if (!group)
		return 0;
	struct gk_admin_view view = gk_admin_view_now(config, arena);
	view.without = who->name;
	if (gk_admins_free(&view, arena) > 0)
		return 0;
	return gk_fail(err, 1,
		"%s is the last member of %s outside of a container; put another "
		"administrator there first",
		who->name, group);
}

/* The file's text; none when it is missing or can't be read. */
static int read_shells(struct gk_arena *arena, char **ret, size_t *ret_size, struct gk_err *err)
{
	gk_autoclose int fd = open("/etc/shells", O_RDONLY | O_CLOEXEC);
	static char none[] = "";
	*ret = none;
	*ret_size = 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return gk_fail_errno(err, -errno, "/etc/shells");
	return gk_read_all(fd, FILE_MOST_BYTES, arena, ret, ret_size, err);
}

int gk_shells_has(const char *shell, struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	char *text;
	size_t size, len = strlen(shell);
	int r = read_shells(&arena, &text, &size, err);
	if (r < 0)
		return r;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, shell, len) == 0 && strchr(" \t\n", line[len]))
			return 1;
	return 0;
}

int gk_shells_add(const char *shell, struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	char *text;
	size_t size;
	int r = read_shells(&arena, &text, &size, err);
	if (r < 0)
		return r;
	gk_autoclose int fd = open("/etc/shells", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	const char *line = gk_arena_printf(
		&arena, "%s%s\n", size && text[size - 1] != '\n' ? "\n" : "", shell);
	if (fd < 0 || !line)
		return gk_fail_errno(err, fd < 0 ? -errno : -ENOMEM, "/etc/shells");
	r = gk_write_all(fd, line, strlen(line));
	return r < 0 ? gk_fail_errno(err, r, "/etc/shells") : 0;
}

/* The directory of what accounts had; and a name that can stand in it. */
static int open_state(const char *user, struct gk_err *err)
{
	if (strchr(user, '/') || user[0] == '.' || !*user)
		return gk_fail(err, -EINVAL, "the account's name cannot be a file's");
	if (mkdir(GK_STATEDIR, 0755) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, GK_STATEDIR);
	gk_autoclose int state = open(GK_STATEDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		return gk_fail_errno(err, -errno, GK_STATEDIR);
	return gk_open_private_dir(state, "accounts", err);
}

int gk_account_remember(const char *user, const char *shell, struct gk_err *err)
{
	gk_autoclose int dir = open_state(user, err);
	if (dir < 0)
		return dir;
	gk_autoclose int fd =
		openat(dir, user, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : gk_write_all(fd, shell, strlen(shell));
	if (r == 0)
		r = gk_write_all(fd, "\n", 1);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot record the shell of %s", user) : 0;
}

int gk_account_recall(
	const char *user, struct gk_arena *arena, const char **ret_shell, struct gk_err *err)
{
	gk_autoclose int dir = open_state(user, err);
	if (dir < 0)
		return dir;
	gk_autoclose int fd = openat(dir, user, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : gk_fail_errno(err, -errno, "%s", user);
	char *text;
	size_t size;
	int r = gk_read_all(fd, SHELL_MOST_BYTES, arena, &text, &size, err);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (text[0] != '/' || gk_has_control(text))
		return -ENOENT;
	*ret_shell = text;
	return 0;
}

int gk_account_forget(const char *user, struct gk_err *err)
{
	gk_autoclose int dir = open_state(user, err);
	if (dir < 0)
		return dir;
	return unlinkat(dir, user, 0) < 0 && errno != ENOENT ?
		gk_fail_errno(err, -errno, "cannot remove the record of the shell of %s", user) :
		0;
}

int gk_account_check_sole(const struct gk_identity *who, struct gk_err *err)
{
	char other[256] = "";
	setpwent();
	for (const struct passwd *pw; !*other && (pw = getpwent());)
		if (pw->pw_uid == who->uid && strcmp(pw->pw_name, who->name) != 0)
			snprintf(other, sizeof other, "%s", pw->pw_name);
	endpwent();
	return gk_identity_check_sole(who, *other ? other : NULL, err);
}

static bool is_local(const char *user)
{
	FILE *f = fopen("/etc/passwd", "re");
	bool found = false;
	for (struct passwd *pw; f && !found && (pw = fgetpwent(f));)
		found = strcmp(pw->pw_name, user) == 0;
	if (f)
		fclose(f);
	return found;
}

int gk_account_set_shell(const char *user, const char *shell, struct gk_err *err)
{
	static const char *const paths[] = { "/usr/sbin/usermod", "/sbin/usermod", NULL };
	const char *usermod = gk_spawn_find(paths);
	if (!is_local(user))
		return gk_fail(err, -ENOENT,
			"%s is not in /etc/passwd; set the login shell where the account is kept, or "
			"use `ForceCommand %s` in a Match block of sshd_config",
			user, GK_SHELL_PATH);
	if (!usermod)
		return gk_fail(err, -ENOENT,
			"this host has no usermod(8); set the shell of %s to %s", user, shell);
	const char *argv[] = { usermod, "-s", shell, "--", user, NULL };
	int status = gk_spawn_run(argv);
	const struct passwd *pw = getpwnam(user);
	if (status != 0 || !pw || strcmp(pw->pw_shell, shell) != 0)
		return gk_fail(err, -EIO, "usermod did not change the shell of %s (exit status %d)",
			user, status);
	return 0;
}

int gk_shell_program_check(struct gk_err *err)
{
	struct stat st;
	struct statvfs fs;
	if (lstat(GK_SHELL_PATH, &st) < 0 || statvfs(GK_SHELL_PATH, &fs) < 0)
		return gk_fail_errno(err, -errno, GK_SHELL_PATH);
	if (!S_ISREG(st.st_mode) || !gk_is_roots_alone(&st))
		return gk_fail(err, -EPERM,
			GK_SHELL_PATH
			" must be a file that root alone can write; chown root, chmod 4755");
	if (!(st.st_mode & S_ISUID) || (st.st_mode & 0111) != 0111)
		return gk_fail(err, -EPERM,
			GK_SHELL_PATH " is not set-uid for all (mode %04o); "
				      "chmod 4755 it",
			(unsigned)(st.st_mode & 07777));
	if (fs.f_flag & (ST_NOSUID | ST_NOEXEC))
		return gk_fail(err, -EPERM,
			"the file system of " GK_SHELL_PATH
			" is mounted nosuid or noexec; remount it");
	return 0;
}
