#include "image/bootstrap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "image/outside.h"
#include "image/spawn.h"
#include "run/build/userns.h"

enum { ARGS_MAX = 32, LINE_MAX_SHOWN = 60 };
#define ARCHIVE "root.tar"
#define KEYRING "keyring.gpg"
#define NO_KEYS "no-keys"

static bool is_word(const char *s, const char *more)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	for (const char *p = s; *p; p++)
		if (!strchr(ok, *p) && (p == s || !strchr(more, *p)))
			return false;
	return *s != '\0';
}

/* One value of os-release(5), without its quotes. */
static bool read_release(const char *key, char *ret, size_t size)
{
	char line[256];
	size_t len = strlen(key);
	bool found = false;
	FILE *f = fopen("/etc/os-release", "re");
	while (f && !found && fgets(line, sizeof line, f)) {
		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		char *value = line + len + 1 + (line[len + 1] == '"');
		value[strcspn(value, "\"\n")] = '\0';
		found = snprintf(ret, size, "%s", value) < (int)size;
	}
	if (f)
		(void)fclose(f);
	return found;
}

int gk_bootstrap_check(const struct gk_bootstrap *b, char *ret_suite, struct gk_err *err)
{
	char id[64] = "", codename[GK_SUITE_MAX] = "", shown[200];
	bool known =
		strcmp(b->distribution, "debian") == 0 || strcmp(b->distribution, "ubuntu") == 0;
	if (!known &&
		(!is_word(b->distribution, "-") || strlen(b->distribution) >= GK_SUITE_MAX ||
			!b->suite || !b->mirror || !b->keyring))
		return gk_fail(err, -EINVAL,
			"%s: this makes images of debian or ubuntu, or of what is like them with "
			"--suite, --mirror and --keyring; `gocker image pull` and `import` have others",
			gk_escape(shown, sizeof shown, b->distribution));
	/* mmdebstrap knows the suites of both, and by which keys they must be signed. */
	if (known && b->keyring)
		return gk_fail(err, -EINVAL, "--keyring is for other distributions than %s",
			b->distribution);
	for (size_t i = 0; b->packages[i]; i++)
		if (!is_word(b->packages[i], "+-.:"))
			return gk_fail(err, -EINVAL, "%s is not the name of a package",
				gk_escape(shown, sizeof shown, b->packages[i]));
	if (b->mirror && strncmp(b->mirror, "https://", 8) != 0 &&
		strncmp(b->mirror, "http://", 7) != 0 && strncmp(b->mirror, "file:///", 8) != 0)
		return gk_fail(err, -EINVAL, "%s: a mirror is an https, http or file URL",
			gk_escape(shown, sizeof shown, b->mirror));
	const char *suite = b->suite;
	if (!suite && read_release("ID", id, sizeof id) && strcmp(id, b->distribution) == 0 &&
		read_release("VERSION_CODENAME", codename, sizeof codename))
		suite = codename;
	if (!suite && strcmp(b->distribution, "debian") == 0)
		suite = "stable";
	if (!suite)
		return gk_fail(err, -EINVAL,
			"of which release? Give its code name, such as --suite noble");
	if (!is_word(suite, "-") || strlen(suite) >= GK_SUITE_MAX)
		return gk_fail(err, -EINVAL, "%s is not the code name of a release",
			gk_escape(shown, sizeof shown, suite));
	snprintf(ret_suite, GK_SUITE_MAX, "%s", suite);
	return 0;
}

/* mmdebstrap says "I: running apt-get update...", a line a step. */
static const char *say_step(void *arg, const char *text)
{
	char *step = arg;
	const char *last = NULL;
	for (const char *at = text; (at = strstr(at, "I: ")); at += 3)
		last = at + 3;
	if (!last)
		return "making the root";
	snprintf(step, LINE_MAX_SHOWN, "%.*s", (int)strcspn(last, ".\n"), last);
	return step;
}

/* Its reason is in a line that begins with "E: "; else the last one. */
static const char *reason_of(char *text)
{
	const char *last = "no reason given";
	bool found = false;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool is_error = strncmp(line, "E: ", 3) == 0;
		/* The first is the cause, what follows are its consequences. */
		if (!found)
			last = is_error ? line + 3 : line;
		found = found || is_error;
	}
	return last;
}

/* A full disk has many consequences, of which the reason may be any: of tar, apt or dpkg. */
static bool is_full(const char *text)
{
	return strcasestr(text, "no space left on device") || strcasestr(text, "enough free space");
}

/* apt of the container asks the proxy that this host's apt asks. */
static void find_proxy(char *ret, size_t size)
{
	char said[512];
	static const char *const argv[] = { "/usr/bin/apt-config", "shell", "p",
		"Acquire::http::Proxy", NULL };
	ret[0] = '\0';
	if (gk_spawn_read(argv, said, sizeof said, NULL) != 0 || strncmp(said, "p='", 3) != 0)
		return;
	said[3 + strcspn(said + 3, "'\n")] = '\0';
	if (said[3] && !strchr(said + 3, '"'))
		(void)snprintf(ret, size, "--aptopt=Acquire::http::Proxy \"%s\"", said + 3);
}

static int make_include(const struct gk_bootstrap *b, char *ret, size_t size)
{
	size_t len = (size_t)snprintf(ret, size, "--include=");
	for (size_t i = 0; b->packages[i] && len < size; i++)
		len += (size_t)snprintf(
			ret + len, size - len, "%s%s", i ? "," : "", b->packages[i]);
	return len < size ? 0 : -E2BIG;
}

/* The PID namespace is not the user namespace's, which therefore cannot mount a /proc; but what is
 * mounted already can be seen elsewhere, too. */
static const char setup[] = "--extract-hook=mount --rbind /proc \"$1/proc\"";
static const char customize[] = "--customize-hook=umount --lazy \"$1/proc\"";

static int run(const struct gk_bootstrap *b, const char *suite, struct gk_outside *o, int dir_fd,
	struct gk_err *err)
{
	char include[4096], proxy[600], step[LINE_MAX_SHOWN], shown[400];
	const char *argv[ARGS_MAX] = { "mmdebstrap", "--mode=root", "--variant=minbase",
		"--format=tar", "--aptopt=Acquire::Languages \"none\"",
		"--skip=chroot/mount/proc,chroot/mount/sys", setup, customize };
	size_t n = 8;
	int status = 0;
	find_proxy(proxy, sizeof proxy);
	if (proxy[0])
		argv[n++] = proxy;
	if (make_include(b, include, sizeof include) < 0)
		return gk_fail(err, -E2BIG, "too many packages");
	if (b->packages[0])
		argv[n++] = include;
	if (b->keyring) { /* instead of the host's file of keys, and its directory of them */
		argv[n++] = "--keyring=" GK_OUTSIDE_PLACE "/" KEYRING;
		argv[n++] = "--keyring=" GK_OUTSIDE_PLACE "/" NO_KEYS;
	}
	argv[n++] = suite;
	argv[n++] = GK_OUTSIDE_PLACE "/" ARCHIVE;
	if (b->mirror)
		argv[n++] = b->mirror;
	argv[n] = NULL;
	gk_autofree char *text = calloc(1, GK_OUTSIDE_TEXT_MAX + 1);
	if (!text)
		return gk_fail_errno(err, -ENOMEM, "cannot start mmdebstrap");
	o->argv = argv;
	o->arg = step;
	int r = gk_outside_run(o, dir_fd, text, &status, err);
	if (r < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return r;
	if (is_full(text))
		return gk_fail_errno(err, -ENOSPC, "%s: mmdebstrap", o->label);
	return gk_fail(err, -EACCES, "%s: mmdebstrap: %s", o->label,
		gk_escape(shown, sizeof shown, reason_of(text)));
}

static int give_keyring(const struct gk_bootstrap *b, int dir_fd, uid_t uid, struct gk_err *err)
{
	gk_autoclose int fd = open(b->keyring, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return gk_fail_errno(err, -errno, "%s", b->keyring);
	if (mkdirat(dir_fd, NO_KEYS, 0755) < 0)
		return gk_fail_errno(err, -errno, "cannot make a directory for the keyring");
	return gk_outside_give(fd, b->keyring, dir_fd, KEYRING, uid, err);
}

int gk_bootstrap_run(
	const struct gk_bootstrap *b, const char *suite, int dir_fd, struct gk_err *err)
{
	char label[2 * GK_SUITE_MAX + 1];
	uint64_t uid = 0;
	struct stat st;
	struct gk_outside o = { .program = "/usr/bin/mmdebstrap",
		.label = label,
		.as_root = true,
		.max_bytes = b->max_bytes,
		.what = say_step,
		.tick = b->tick };
	snprintf(label, sizeof label, "%s %s", b->distribution, suite);
	if (access(o.program, X_OK) < 0)
		return gk_fail(err, -ENOENT,
			"mmdebstrap not found; it makes roots of packages: install the package mmdebstrap");
	gk_autoclose int ids = gk_userns_take(b->userns_base, &uid, err);
	if (ids < 0)
		return ids;
	o.uid = (uid_t)uid;
	int r = b->keyring ? give_keyring(b, dir_fd, o.uid, err) : 0;
	if (r == 0)
		r = run(b, suite, &o, dir_fd, err);
	if (r < 0)
		return r;
	gk_autoclose int fd =
		openat(dir_fd, ARCHIVE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return gk_fail_errno(err, -errno, "%s: mmdebstrap left no archive", label);
	if (!S_ISREG(st.st_mode))
		return gk_fail(err, -EBADMSG, "%s: mmdebstrap left no archive", label);
	return gk_steal_fd(&fd);
}
