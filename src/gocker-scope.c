/* gocker-scope: makes gocker.scope, the cgroup subtree that systemd delegates to the sessions of
 * the shell door, and has it held by a process of its own, the anchor. Runs at boot
 * (gocker.service) and when a login finds the scope gone. Root only; ends within TIME_LIMIT_MS.
 *
 * The one program that speaks D-Bus: libsystemd never comes into the set-uid program. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <linux/magic.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/cgroup/scope.h"

#define SYSTEMD      "org.freedesktop.systemd1"
#define SCOPE_OBJECT "/org/freedesktop/systemd1/unit/gocker_2escope"

/* A login gives up on this program after 25 seconds (src/run/scope.c). STOP_LIMIT_US is how long
 * sessions have to end after `systemctl stop gocker.scope` before they are killed. */
enum { TIME_LIMIT_MS = 20000, STEP_MS = 20, STOP_LIMIT_US = 5000000 };

/* ---- the anchor ---- */

struct anchor {
	pid_t pid;
	int go; /* the anchor stays once a byte came this way, and ends when it is closed without */
};

static void be_anchor(int go)
{
	char byte;
	int null = open("/dev/null", O_RDWR);
	if (setsid() < 0 || null < 0 || dup2(go, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(1);
	(void)gk_sys_close_range(3, ~0U);
	(void)prctl(PR_SET_NAME, "gocker-anchor", 0, 0, 0);
	if (read(0, &byte, 1) != 1)
		_exit(1);
	(void)close(0);
	(void)open("/dev/null", O_RDWR);
	for (;;)
		(void)pause();
}

static int start_anchor(struct anchor *ret, struct gk_err *err)
{
	int go[2];
	if (pipe2(go, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot make a pipe");
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(go[1]);
		be_anchor(go[0]);
	}
	(void)close(go[0]);
	if (pid < 0) {
		int r = gk_fail_errno(err, -errno, "cannot start the anchor");
		(void)close(go[1]);
		return r;
	}
	*ret = (struct anchor){ .pid = pid, .go = go[1] };
	return 0;
}

/* Moves the anchor out of the scope's own group, which has to be free of processes for its
 * controllers to be handed on to the sessions' groups. */
static int settle(const struct anchor *a, struct gk_err *err)
{
	char text[16];
	gk_autoclose int scope = open(GK_SCOPE_PATH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (scope < 0)
		return gk_fail_errno(err, -errno, GK_SCOPE_PATH);
	if (mkdirat(scope, GK_SCOPE_ANCHOR, 0755) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, GK_SCOPE_PATH "/" GK_SCOPE_ANCHOR);
	gk_autoclose int procs =
		openat(scope, GK_SCOPE_ANCHOR "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof text, "%d", (int)a->pid);
	if (procs < 0 || write(procs, text, (size_t)n) != n)
		return gk_fail_errno(err, -errno, "cannot move the anchor into its group");
	if (write(a->go, "", 1) != 1)
		return gk_fail_errno(err, -errno, "the anchor died");
	return 0;
}

/* ---- systemd ---- */

/* Asks for the scope with the anchor in it. 1: asked; 0: a unit of that name is still there;
 * negative: refused. The properties are those of systemd.scope(5), systemd.kill(5) and
 * systemd.resource-control(5): a stop sends TERM and HUP, for shells that ignore TERM, and the
 * limits of all sessions together are the slice's. */
static int ask_for_scope(sd_bus *bus, pid_t pid, struct gk_err *err)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(bus, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
		"StartTransientUnit", &error, NULL, "ssa(sv)a(sa(sv))", "gocker.scope", "fail", 9,
		"Description", "s", "Sessions of gocker's login shell", "Documentation", "as", 1,
		"man:gocker-shell(8)", "Slice", "s", "gocker.slice", "PIDs", "au", 1, (uint32_t)pid,
		"Delegate", "b", 1, "CollectMode", "s", "inactive-or-failed", "SendSIGHUP", "b", 1,
		"TimeoutStopUSec", "t", (uint64_t)STOP_LIMIT_US, "TasksMax", "t", UINT64_MAX, 0);
	if (r < 0 && sd_bus_error_has_name(&error, SYSTEMD ".UnitExists"))
		r = 0;
	else if (r < 0)
		gk_fail(err, r, "systemd refuses gocker.scope: %s",
			error.message ? error.message : strerror(-r));
	else
		r = 1;
	sd_bus_error_free(&error);
	return r;
}

enum state { SCOPE_ACTIVE, SCOPE_GONE, SCOPE_CHANGING };

static int scope_state(sd_bus *bus, enum state *ret, struct gk_err *err)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	gk_autofree char *text = NULL;
	int r = sd_bus_get_property_string(
		bus, SYSTEMD, SCOPE_OBJECT, SYSTEMD ".Unit", "ActiveState", &error, &text);
	if (r < 0)
		gk_fail(err, r, "systemd does not tell the state of gocker.scope: %s",
			error.message ? error.message : strerror(-r));
	else
		*ret = strcmp(text, "active") == 0 ? SCOPE_ACTIVE :
			strcmp(text, "inactive") == 0 || strcmp(text, "failed") == 0 ?
						     SCOPE_GONE :
						     SCOPE_CHANGING;
	sd_bus_error_free(&error);
	return r;
}

/* A scope that is being stopped is waited for: a session put into it would be killed with it. */
static int reach_scope(sd_bus *bus, const struct anchor *a, int64_t deadline_ms, struct gk_err *err)
{
	while (gk_now_ms() < deadline_ms) {
		enum state state;
		int r = scope_state(bus, &state, err);
		if (r >= 0 && state == SCOPE_ACTIVE)
			return 0;
		if (r >= 0 && state == SCOPE_GONE)
			r = ask_for_scope(bus, a->pid, err);
		if (r < 0)
			return r;
		(void)usleep(STEP_MS * 1000);
	}
	return gk_fail(err, -ETIMEDOUT,
		"gocker.scope did not start within %d s; see "
		"`systemctl status gocker.scope`",
		TIME_LIMIT_MS / 1000);
}

/* ---- all of it ---- */

static int check_host(struct gk_err *err)
{
	struct statfs fs;
	if (!gk_scope_host_has_systemd())
		return gk_fail(
			err, -EOPNOTSUPP, "this host does not run systemd; no scope is needed");
	if (statfs("/sys/fs/cgroup", &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return gk_fail(err, -EOPNOTSUPP,
			"this host has its controllers on cgroup v1, where "
			"sessions have no scope");
	return 0;
}

static int hold_scope(struct gk_err *err)
{
	int64_t deadline_ms = gk_now_ms() + TIME_LIMIT_MS;
	struct anchor anchor = { .pid = -1, .go = -1 };
	sd_bus *bus = NULL;
	int r = check_host(err);
	if (r < 0)
		return r;
	/* One at a time: the others find it done. */
	gk_autoclose int lock = gk_open_private_dir(AT_FDCWD, GK_RUNDIR, err);
	if (lock < 0)
		return lock;
	if (flock(lock, LOCK_EX) < 0)
		return gk_fail_errno(err, -errno, "cannot lock " GK_RUNDIR);
	if (gk_scope_is_held())
		return 0;
	r = start_anchor(&anchor, err);
	if (r < 0)
		return r;
	r = sd_bus_open_system(&bus);
	if (r < 0)
		gk_fail_errno(err, r, "cannot reach systemd over D-Bus");
	else
		r = reach_scope(bus, &anchor, deadline_ms, err);
	if (r == 0)
		r = settle(&anchor, err);
	(void)close(anchor.go);
	sd_bus_unref(bus);
	return r;
}

int main(void)
{
	struct gk_err err = GK_ERR_INIT;
	if (getuid() != 0 || geteuid() != 0) {
		fputs("gocker-scope: for root only\n", stderr);
		return GK_EXIT_GOCKER;
	}
	/* The bus and the lock have no time limit of their own; the signal's default action ends
	 * all, the anchor too. */
	(void)alarm(TIME_LIMIT_MS / 1000 + 1);
	(void)umask(022);
	gk_log_open("gocker-scope");
	if (hold_scope(&err) >= 0)
		return 0;
	gk_log(LOG_ERR, "event=scope status=failed reason=\"%s\"", err.msg);
	fprintf(stderr, "gocker-scope: %s\n", err.msg);
	return GK_EXIT_GOCKER;
}
