/* gocker-entry: what stands inside at the path of gocker-shell, and in for a passwd shell that the
 * image lacks. It runs as the user: it gives up what the daemons of the PAM door can't give up for
 * him, and becomes the policy's shell. Static: inside, the C library is another one.
 *
 * Its orders stand in GK_STUB_ORDERS, which root alone can write. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>

#include "base/elf.h"
#include "base/err.h"
#include "base/sys.h"
#include "plan/build.h"
#include "plan/env.h"
#include "plan/plan.h"
#include "run/privilege/cleanse.h"
#include "run/privilege/seccomp.h"
#include "run/store/banner.h"

#define SELF      GK_BINDIR "/gocker-shell"
#define NOT_THERE " is not in the image; nothing was run\n"

enum { ORDERS_BYTES = 128 << 10 };

static void say(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
}

static int refuse(int code, const char *text)
{
	say("gocker: ");
	say(text);
	say("\n");
	return code;
}

/* In the words of the shell door. */
static int refuse_shell(int code, const char *shell, const char *text)
{
	say("gocker: ");
	say(shell);
	say(text);
	return code;
}

/* Where the file tells why it does not start. Returns false, silent, where it does not. */
static bool say_reason(const char *shell, int error)
{
	char reason[400];
	if (!gk_exec_reason(shell, error, reason, sizeof reason))
		return false;
	(void)refuse_shell(0, shell, " ");
	say(reason);
	say("; nothing was run\n");
	return true;
}

/* ---- orders ---- */

enum { LIST_MOST = 1024 };

struct orders {
	struct gk_policy policy; /* shell, agent, umask and the lists of variables of it */
	const char *user, *home;
	const char *pass[LIST_MOST + 1], *set[LIST_MOST + 1], *image[LIST_MOST + 1];
	size_t npass, nset, nimage;
	char banner[GK_BANNER_MAX + 1];
};

static int add(const char **list, size_t *n, const char *value)
{
	if (*n == LIST_MOST)
		return -E2BIG;
	list[(*n)++] = value;
	return 0;
}

static int add_banner(char *banner, size_t size, const char *line)
{
	size_t n = strlen(banner);
	return snprintf(banner + n, size - n, "%s\n", line) < (int)(size - n) ? 0 : -E2BIG;
}

static int obey_line(char *line, struct orders *orders)
{
	char *value = strchr(line, '=');
	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (strcmp(line, "shell") == 0) {
		orders->policy.shell = value;
	} else if (strcmp(line, "user") == 0) {
		orders->user = value;
	} else if (strcmp(line, "home") == 0) {
		orders->home = value;
	} else if (strcmp(line, "agent") == 0) {
		orders->policy.agent = strcmp(value, "yes") == 0;
	} else if (strcmp(line, "pass") == 0) {
		return add(orders->pass, &orders->npass, value);
	} else if (strcmp(line, "umask") == 0) {
		orders->policy.umask = (mode_t)strtoul(value, NULL, 8);
	} else if (strcmp(line, "env") == 0) {
		return add(orders->set, &orders->nset, value);
	} else if (strcmp(line, "image") == 0) {
		return add(orders->image, &orders->nimage, value);
	} else if (strcmp(line, "banner") == 0) {
		return add_banner(orders->banner, sizeof orders->banner, value);
	} else {
		return -EINVAL;
	}
	return 0;
}

/* buf stays in use: orders and environment point into it. */
static int read_orders(char *buf, size_t size, struct orders *orders)
{
	static const char *const all[] = { "*", NULL }; /* the keeper has chosen already */
	int fd = open(GK_STUB_ORDERS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 022))
		return -EPERM;
	size_t n = 0;
	ssize_t got;
	while (n < size - 1 && (got = read(fd, buf + n, size - 1 - n)) > 0)
		n += (size_t)got;
	(void)close(fd);
	buf[n] = '\0';
	for (char *save, *line = strtok_r(buf, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		int r = obey_line(line, orders);
		if (r < 0)
			return r;
	}
	orders->policy.env_pass = orders->pass;
	orders->policy.env_set = orders->set;
	orders->policy.image_env = all;
	bool whole = orders->policy.shell && orders->user && orders->home;
	return whole && orders->policy.shell[0] == '/' ? 0 : -EINVAL;
}

/* ---- what is given up ---- */

/* Whether this is a shell below the user's own: that one was confined here. */
static bool is_below(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
		prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
}

/* The environment as at the shell door: of what the daemon gives, what the policy and the stack let
 * through. What a program behind the filter gives is its user's own already. */
static int clean_environment(const struct orders *orders)
{
	static struct gk_arena arena;
	const struct gk_request request = {
		.door = GK_DOOR_PAM, .env = (const char *const *)environ, .image_env = orders->image
	};
	const struct gk_env_facts facts = { .home = orders->home,
		.user = orders->user,
		.shell = orders->policy.shell,
		.agent = orders->policy.agent ? getenv("SSH_AUTH_SOCK") : NULL };
	if (is_below())
		return setenv("SHELL", orders->policy.shell, 1) < 0 ? -errno : 0;
	const char *const *env = gk_env_make(&request, &orders->policy, &facts, &arena);
	if (!env)
		return -ENOMEM;
	environ = (char **)(uintptr_t)env; /* execv(3) changes none of it */
	return 0;
}

/* No core file, and no handler for one on the host (gk_forbid_core). A session keyring of its own
 * (keyrings(7)). Then no way to new privileges, and the filter. A shell started by this one comes
 * here again, where keys are refused already, and loads the filter once more: whether the one that
 * is in force is this one or another's (a daemon hardened by systemd hands its own on) can't be
 * told, and filters add up (seccomp(2)). */
static int confine(const struct orders *orders)
{
	struct gk_err err = GK_ERR_INIT;
	if (orders->policy.umask != (mode_t)-1)
		(void)umask(orders->policy.umask);
	int core = gk_forbid_core();
	if (core < 0)
		return core;
	bool filtered = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
	long r = gk_sys_ret(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
	if (r < 0 && r != -ENOSYS && !(filtered && r == -EPERM))
		return (int)r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return gk_seccomp_payload(GK_FILTER_USER, &err);
}

/* ---- never a loop ---- */

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The policy's shell is this program: itself, or by a link that stands in for what the image lacks,
 * or as a script whose interpreter this program stands in for (then it was executed under the
 * script's name: AT_EXECFN, getauxval(3)). */
static bool would_loop(const char *shell)
{
	/* An auxv entry is a number that holds a pointer. */
	const char *name = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	return same_file(shell, SELF) || (name && same_file(shell, name));
}

/* As gocker-shell is asked, ForceCommand and all; a shell below the user's own is only passed on.
 */
static char **shell_argv(struct orders *orders, int argc, char **argv)
{
	static char name[1 + NAME_MAX + 1], dash_c[] = "-c";
	static char *command[] = { NULL, dash_c, NULL, NULL };
	const char *base = strrchr(orders->policy.shell, '/') + 1;
	bool below = is_below();
	struct gk_request request = { .env = below ? NULL : (const char *const *)environ,
		.tty = isatty(STDIN_FILENO) ? GK_TTY_TAKEOVER : GK_TTY_NONE };
	int len = snprintf(name, sizeof name, "-%s", base);
	if (argc < 1 || len < 0 || (size_t)len >= sizeof name)
		return NULL;
	gk_request_called(&request, SELF, argc, (const char *const *)argv);
	if (below || !request.greet)
		orders->banner[0] = '\0';
	char **out = argv;
	if (request.command && !request.argv) {
		out = command;
		out[2] = (char *)(uintptr_t)request.command; /* nobody writes to it */
	} else if (!request.argv) {
		argv[1] = NULL;
	}
	out[0] = request.login ? name : name + 1;
	return out;
}

int main(int argc, char **argv)
{
	static char text[ORDERS_BYTES];
	static struct orders orders = { .policy.umask = (mode_t)-1 };
	if (geteuid() == 0)
		return refuse(GK_EXIT_GOCKER,
			"not for root: gocker-shell is the shell of contained users");
	if (read_orders(text, sizeof text, &orders) < 0)
		return refuse(GK_EXIT_GOCKER, "cannot read " GK_STUB_ORDERS "; nothing was run");
	if (would_loop(orders.policy.shell))
		return refuse_shell(GK_EXIT_NOT_FOUND, orders.policy.shell, NOT_THERE);
	char **out = shell_argv(&orders, argc, argv);
	if (!out || clean_environment(&orders) < 0 || confine(&orders) < 0)
		return refuse(GK_EXIT_GOCKER, "cannot confine this shell; nothing was run");
	if (say_reason(orders.policy.shell, 0))
		return GK_EXIT_CANNOT_RUN;
	gk_banner_show(orders.banner);
	(void)execv(orders.policy.shell, out);
	int error = errno;
	bool missing = error == ENOENT || error == ENOTDIR;
	if (say_reason(orders.policy.shell, error))
		return missing ? GK_EXIT_NOT_FOUND : GK_EXIT_CANNOT_RUN;
	return missing ? refuse_shell(GK_EXIT_NOT_FOUND, orders.policy.shell, NOT_THERE) :
			 refuse_shell(GK_EXIT_CANNOT_RUN, orders.policy.shell,
				 " cannot be run in the session\n");
}
