/* A user's home, looked at as that user: what is mounted there may be in his hands, and then
 * answers late or never whoever asks it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "cli/doctor/doctor.h"
#include "cli/doctor/quota.h"
#include "run/privilege/creds.h"
#include "run/store/bind.h"

/* Files that programs of the host obey. Only their names are looked at. */
static const struct {
	const char *name, *why;
} files[] = {
	{ ".forward", "a mail server may run commands in it" },
	{ ".procmailrc", "procmail runs commands in it" },
	{ ".mailfilter", "maildrop runs commands in it" },
	{ ".qmail", "qmail runs commands in it" },
	{ ".pam_environment", "pam_env reads it with user_readenv=1" },
	{ ".config/systemd/user", "a user manager runs units in it" },
};
enum { FILES = sizeof files / sizeof *files };

/* What the child saw. */
struct seen {
	int error; /* errno of looking at the home; 0: st is it */
	bool link;
	struct stat st;
	struct gk_quota quota;
	bool has[FILES];
	unsigned forced_keys; /* keys with command="…", looked for where a ForceCommand voids it */
};

/* A key's options come first; a comment may say anything (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
static bool has_command(const char *line)
{
	static const char option[] = "command=\"";
	bool quoted = false;
	line += strspn(line, " \t");
	if (*line == '#')
		return false;
	for (const char *p = line; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
		bool begins = p == line || p[-1] == ',';
		if (!quoted && begins && strncasecmp(p, option, sizeof option - 1) == 0)
			return true;
		if (*p == '"' && (p == line || p[-1] != '\\'))
			quoted = !quoted;
	}
	return false;
}

static unsigned count_commands(const char *path)
{
	enum { SIZE_MOST = 1 << 20 };
	struct stat st;
	unsigned n = 0;
	char *line = NULL;
	size_t size = 0;
	gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > SIZE_MOST)
		return 0;
	FILE *f = fdopen(fd, "r");
	if (!f)
		return 0;
	fd = -1;
	while (getline(&line, &size, f) >= 0)
		n += has_command(line);
	free(line);
	fclose(f);
	return n;
}

/* One word of AuthorizedKeysFile: a path, from the home unless it begins with a slash. */
static void key_file(const struct gk_doctor *d, const char *word, char *buf, size_t size)
{
	size_t n = 0;
	if (word[0] != '/' && strncmp(word, "%h", 2) != 0)
		n = (size_t)snprintf(buf, size, "%s/", d->who.home);
	for (; *word && n < size; word++) {
		if (word[0] != '%' || !word[1]) {
			buf[n++] = *word;
			continue;
		}
		word++;
		const char *value = *word == 'h' ? d->who.home : *word == 'u' ? d->user : "%";
		n += (size_t)snprintf(buf + n, size - n, "%s", value);
	}
	buf[n < size ? n : size - 1] = '\0';
}

static unsigned count_forced_keys(const struct gk_doctor *d)
{
	unsigned n = 0;
	char words[1024], path[4200], *save;
	if (!d->forced || !d->key_files)
		return 0;
	snprintf(words, sizeof words, "%s", d->key_files);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		key_file(d, w, path, sizeof path);
		n += count_commands(path);
	}
	return n;
}

static void look(const char *home, struct seen *seen)
{
	struct stat st;
	seen->error = lstat(home, &seen->st) < 0 ? errno : 0;
	seen->link = seen->error == 0 && S_ISLNK(seen->st.st_mode);
	if (seen->link && stat(home, &seen->st) < 0)
		seen->error = errno;
	for (size_t i = 0; i < FILES; i++) {
		char path[4200];
		snprintf(path, sizeof path, "%s/%s", home, files[i].name);
		seen->has[i] = lstat(path, &st) == 0;
	}
}

static void child(const struct gk_doctor *d, const struct gk_credentials *cred, pid_t parent,
	int to) __attribute__((noreturn));
static void child(
	const struct gk_doctor *d, const struct gk_credentials *cred, pid_t parent, int to)
{
	enum { KEPT = 3 };
	struct seen seen = { 0 };
	/* It may outlive doctor, where it hangs for good, and must not hold what doctor writes to.
	 */
	for (int fd = 0; fd < KEPT; fd++)
		(void)close(fd);
	if ((to != KEPT && dup2(to, KEPT) < 0) || gk_sys_close_range(KEPT + 1, ~0U) < 0 ||
		gk_creds_become(cred) < 0 ||
		/* After the change of ids, which clears it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	look(d->who.home, &seen);
	gk_quota_read(d->who.home, d->who.uid, &seen.quota);
	seen.forced_keys = count_forced_keys(d);
	_exit(write(KEPT, &seen, sizeof seen) != (ssize_t)sizeof seen);
}

/* Returns 0, or -errno; -ETIMEDOUT where the file system does not answer. */
static int ask(struct gk_doctor *d, struct seen *ret)
{
	int pair[2];
	gid_t *groups = gk_arena_array(&d->arena, d->who.ngroups + 1, sizeof *groups);
	if (!groups || pipe2(pair, O_CLOEXEC) < 0)
		return groups ? -errno : -ENOMEM;
	for (size_t i = 0; i < d->who.ngroups; i++)
		groups[i] = d->who.groups[i].gid;
	const struct gk_credentials cred = {
		.uid = d->who.uid, .gid = d->who.gid, .groups = groups, .ngroups = d->who.ngroups
	};
	gk_autoclose int from = pair[0], to = pair[1];
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		child(d, &cred, parent, to);
	if (pid < 0)
		return -errno;
	gk_close_fd(&to);
	struct pollfd p = { .fd = from, .events = POLLIN };
	bool stuck = poll(&p, 1, GK_BIND_TIMEOUT_MS) != 1;
	int r = stuck                                                ? -ETIMEDOUT :
		read(from, ret, sizeof *ret) == (ssize_t)sizeof *ret ? 0 :
								       -EIO;
	/* Stuck in the file system it may not even die. */
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, stuck ? WNOHANG : 0);
	return r;
}

static void tell_home(struct gk_doctor *d, const struct seen *seen)
{
	const char *home = d->who.home;
	if (seen->error && seen->link)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "home", "repair the link", "%s leads nowhere",
			home);
	else if (seen->error == ENOENT)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "home",
			gk_arena_printf(&d->arena,
				"mkhomedir_helper %s, or home = tmpfs in gocker.ini", d->user),
			"%s: %s", home, strerror(seen->error));
	else if (seen->error)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "home",
			"give the user access to it, or home = tmpfs in gocker.ini", "%s: %s", home,
			strerror(seen->error));
	else if (!S_ISDIR(seen->st.st_mode) || seen->st.st_uid != d->who.uid)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "home", "chown it to the user",
			"%s is not a directory of %s", home, d->user);
	else if (seen->st.st_mode & 022)
		gk_found(d, GK_FOUND_WARN, "home", "chmod go-w it", "%s can be written by others",
			home);
	else
		gk_found(d, GK_FOUND_OK | GK_TRIED, "home", NULL, "%s", home);
}

void gk_doctor_home(struct gk_doctor *d)
{
	struct seen seen = { 0 };
	int r = ask(d, &seen);
	if (r == -ETIMEDOUT)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "home",
			gk_arena_printf(&d->arena,
				"grep ' %s' /proc/mounts; repair or umount -l what hangs, or home = tmpfs in gocker.ini",
				d->who.home),
			"%s: its file system does not answer", d->who.home);
	else if (r < 0)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "home",
			"see what keeps a process of the user's from starting",
			"%s could not be examined: %s", d->who.home, strerror(-r));
	else if (!d->have_policy || d->policy.home == GK_HOME_BIND)
		tell_home(d, &seen);
	if (r == 0 && seen.error == 0 && (!d->have_policy || d->policy.home == GK_HOME_BIND))
		gk_quota_tell(d, &seen.quota);
	if (r == 0 && seen.forced_keys)
		gk_found(d, GK_FOUND_WARN, "sshd",
			gk_arena_printf(&d->arena,
				"gocker enable %s, and no ForceCommand for them: then the key's command runs inside",
				d->user),
			"ForceCommand voids the command=\"…\" of %u key%s of %s: such a key opens a shell inside",
			seen.forced_keys, seen.forced_keys == 1 ? "" : "s", d->user);
	for (size_t i = 0; r == 0 && i < FILES; i++)
		if (seen.has[i])
			gk_found(d, GK_FOUND_WARN, "dotfiles",
				"check that no program of the host acts on it", "%s/%s: %s",
				d->who.home, files[i].name, files[i].why);
}
