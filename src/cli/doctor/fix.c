#include "cli/doctor/fix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/enable/enable.h"
#include "cli/enable/pam-edit.h"
#include "cli/print.h"
#include "cli/sessions/act.h"
#include "cli/spawn.h"

#define SSHD_DIR "/etc/ssh/sshd_config.d"

enum { FILE_MOST_BYTES = 1 << 20 };

/* A file that a fix makes; from: its text, NULL for an empty file. */
static const struct made {
	const char *name, *path, *from, *why;
} files[] = {
	{ GK_FIX_SSHD, SSHD_DIR "/gocker.conf", GK_DATADIR "/sshd_config.d/gocker-shell.conf",
		"sshd forwards nothing and runs no file of a home" },
	{ GK_FIX_CRON, "/etc/cron.allow", NULL,
		"empty: crontab(1) is for root alone; crontabs that users have already still run" },
	{ GK_FIX_AT, "/etc/at.allow", NULL, "empty: at(1) is for root alone" },
};
enum { FILES = sizeof files / sizeof *files };

static const char *const names[] = { GK_FIX_SSHD, GK_FIX_MANAGER, GK_FIX_CRON, GK_FIX_AT };
enum { NAMES = sizeof names / sizeof *names };

bool gk_fix_is(const char *name)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* ---- what was made ---- */

static int open_memory(struct gk_err *err)
{
	if (mkdir(GK_STATEDIR, 0755) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, GK_STATEDIR);
	gk_autoclose int state = open(GK_STATEDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return state < 0 ? gk_fail_errno(err, -errno, GK_STATEDIR) :
			   gk_open_private_dir(state, "fixes", err);
}

static int write_new(int dir, const char *path, const char *text, mode_t mode)
{
	gk_autoclose int fd =
		openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : gk_write_all(fd, text, strlen(text));
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	if (r < 0 && fd >= 0)
		(void)unlinkat(dir, path, 0);
	return r;
}

/* Returns 0, -ENOENT without a message, or -errno. */
static int read_text(
	int dir, const char *path, struct gk_arena *arena, char **ret, struct gk_err *err)
{
	size_t size;
	gk_autoclose int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : gk_fail_errno(err, -errno, "%s", path);
	return gk_read_all(fd, FILE_MOST_BYTES, arena, ret, &size, err);
}

static int remember(const char *name, const char *text, struct gk_err *err)
{
	gk_autoclose int dir = open_memory(err);
	if (dir < 0)
		return dir;
	(void)unlinkat(dir, name, 0);
	int r = write_new(dir, name, text, 0600);
	return r < 0 ? gk_fail_errno(err, r, GK_STATEDIR "/fixes/%s", name) : 0;
}

static void forget(const char *name)
{
	struct gk_err ignored = GK_ERR_INIT;
	gk_autoclose int dir = open_memory(&ignored);
	if (dir >= 0)
		(void)unlinkat(dir, name, 0);
}

/* ---- making them ---- */

/* One change, as it is shown and then made. */
struct change {
	const char *name;
	const struct made *file; /* NULL: a PAM stack, or nothing but a reload */
	const char *text;        /* of the file */
	struct gk_pam_change pam;
	bool has_pam, reload;
};

struct plan {
	struct gk_doctor *d;
	struct change list[NAMES];
	size_t n;
	struct gk_listener sshd;
};

static const struct made *file_of(const char *name)
{
	for (size_t i = 0; i < FILES; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

/* Whether sshd's configuration is in order, and the one that runs has not read it. */
static bool is_only_reload(const struct gk_doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].id && strcmp(d->list[i].id, GK_FIX_SSHD) == 0 && !d->list[i].reload)
			return false;
	return true;
}

static int plan_file(struct plan *p, struct change *c, struct gk_err *err)
{
	static const char none[] = "";
	struct stat st;
	const struct made *f = file_of(c->name);
	char *text = NULL;
	c->text = none;
	if (!f)
		return gk_fail(err, -EINVAL, "nothing is known to write for %s", c->name);
	if (c->reload && is_only_reload(p->d))
		return 0;
	if (lstat(f->path, &st) == 0)
		return gk_fail(err, -EEXIST, "%s is there already; edit it by hand", f->path);
	if (f->from) {
		int r = read_text(AT_FDCWD, f->from, &p->d->arena, &text, err);
		if (r < 0)
			return gk_fail_errno(err, r, "%s", f->from);
		c->text = text;
	}
	c->file = f;
	return 0;
}

static int plan_one(struct plan *p, const char *name, struct gk_err *err)
{
	struct change c = { .name = name };
	int r;
	if (strcmp(name, GK_FIX_MANAGER) == 0) {
		r = gk_pam_plan_add("systemd-user", NULL, &p->d->arena, &c.pam, err);
		c.has_pam = r > 0;
	} else {
		c.reload = strcmp(name, GK_FIX_SSHD) == 0 && p->sshd.pid;
		r = plan_file(p, &c, err);
	}
	if (r < 0)
		return r;
	p->list[p->n++] = c;
	return 0;
}

static void show_lines(const char *path, const char *text, const char *mood)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (*line != '#' && *line != '\n')
			printf("%s: %s have: %.*s\n", path, mood, (int)strcspn(line, "\n"), line);
}

/* mood: "would", or "will" for what is done next without a question. */
static void show(const struct plan *p, const struct change *c, const char *mood)
{
	if (c->file) {
		printf("%s: %s be new; %s\n", c->file->path, mood, c->file->why);
		show_lines(c->file->path, c->text, mood);
	}
	if (c->has_pam)
		gk_pam_show(&c->pam, mood);
	if (c->reload)
		printf("sshd (pid %d): %s be reloaded\n", (int)p->sshd.pid, mood);
}

static const char *find_sshd(void)
{
	static const char *const paths[] = { "/usr/sbin/sshd", "/usr/local/sbin/sshd", NULL };
	return gk_spawn_find(paths);
}

/* Whether sshd can read its configuration as it is now. */
static bool sshd_accepts(const char *config)
{
	const char *sshd = find_sshd();
	const char *argv[] = { sshd, "-t", config ? "-f" : NULL, config, NULL };
	return sshd && gk_spawn_quietly(argv) == 0;
}

/* As ExecReload= of ssh.service does it: a broken configuration would end the server. */
static int reload(const struct gk_listener *l, const char *config, struct gk_err *err)
{
	if (!sshd_accepts(config))
		return gk_fail(
			err, -EINVAL, "sshd cannot read its configuration; `sshd -t` says why");
	if (kill(l->pid, SIGHUP) < 0)
		return gk_fail_errno(err, -errno, "sshd (pid %d)", (int)l->pid);
	printf("sshd (pid %d): reloaded\n", (int)l->pid);
	return 0;
}

/* Whether sshd's configuration still lets something past the shell door. */
static bool is_sshd_open(const struct gk_doctor *d)
{
	struct gk_doctor now = { .sshd_config = d->sshd_config,
		.user = d->user,
		.who = d->who,
		.policy = d->policy,
		.have_policy = d->have_policy,
		.shell_door = d->shell_door,
		.pam_door = d->pam_door };
	bool open = false;
	gk_doctor_sshd(&now);
	for (size_t i = 0; i < now.n; i++)
		open = open || (now.list[i].id && !now.list[i].reload);
	gk_arena_free(&now.arena);
	return open;
}

static int make_file(const struct plan *p, const struct change *c, struct gk_err *err)
{
	const struct made *f = c->file;
	bool sshd = strcmp(c->name, GK_FIX_SSHD) == 0;
	if (sshd && mkdir(SSHD_DIR, 0755) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, SSHD_DIR);
	int r = remember(c->name, c->text, err);
	if (r == 0 && (r = write_new(AT_FDCWD, f->path, c->text, 0644)) < 0)
		(void)gk_fail_errno(err, r, "%s", f->path);
	if (r == 0 && sshd && (!sshd_accepts(p->d->sshd_config) || is_sshd_open(p->d))) {
		(void)unlink(f->path);
		r = gk_fail(err, -EINVAL,
			"%s has no effect: %s does not include " SSHD_DIR
			"/*.conf, or says otherwise before it; put the lines of %s into it by hand",
			f->path, p->d->sshd_config ? p->d->sshd_config : "/etc/ssh/sshd_config",
			f->from);
	}
	if (r < 0) {
		forget(c->name);
		return r;
	}
	if (sshd && p->d->sshd_config)
		(void)remember("sshd.config", p->d->sshd_config, err);
	printf("%s: new\n", f->path);
	return 0;
}

static int make(const struct plan *p, const struct change *c, struct gk_err *err)
{
	int r = c->file ? make_file(p, c, err) : 0;
	if (r == 0 && c->has_pam) {
		r = gk_pam_apply_add(&c->pam, err);
		if (r == 0)
			r = remember(c->name, "", err);
		if (r == 0)
			printf("/etc/pam.d/%s: has gocker's line now (as it was: " GK_STATEDIR
			       "/pam/%s)\n",
				c->pam.service, c->pam.service);
	}
	if (r == 0 && c->reload)
		r = reload(&p->sshd, p->d->sshd_config, err);
	if (r == 0)
		gk_log(LOG_NOTICE, "event=fix item=%s by=%s", c->name, gk_act_by());
	return r;
}

static bool is_wanted(const struct plan *p, const char *name, const char *only)
{
	if (only && strcmp(only, name) != 0)
		return false;
	for (size_t i = 0; i < p->d->n; i++)
		if (p->d->list[i].id && strcmp(p->d->list[i].id, name) == 0)
			return true;
	return false;
}

int gk_fix(struct gk_doctor *d, const struct gk_fixing *fixing)
{
	struct plan p = { .d = d };
	int code = 0;
	gk_listener_find(d->sshd_config, d->pid_file, &p.sshd);
	for (size_t i = 0; i < NAMES; i++) {
		struct gk_err err = GK_ERR_INIT;
		if (!is_wanted(&p, names[i], fixing->only) || plan_one(&p, names[i], &err) == 0)
			continue;
		(void)gk_cli_fail(fixing->command, &err);
		code = 1;
	}
	if (!p.n) {
		puts("nothing to fix");
		return code;
	}
	for (size_t i = 0; i < p.n; i++)
		show(&p, &p.list[i], fixing->yes && !fixing->dry ? "will" : "would");
	if (fixing->dry)
		return code;
	if (!fixing->yes && !gk_ask_yes(fixing->command, "make these changes?"))
		return 1;
	for (size_t i = 0; i < p.n; i++) {
		struct gk_err err = GK_ERR_INIT;
		if (make(&p, &p.list[i], &err) == 0)
			continue;
		(void)gk_cli_fail(fixing->command, &err);
		code = 1;
	}
	return code;
}

/* ---- and back ---- */

/* Returns 1 when the file went, 0 when it was not gocker's or is kept, or -errno. */
static int unmake_file(const struct made *f, bool dry, struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	char *was = NULL, *now = NULL;
	gk_autoclose int dir = open_memory(err);
	if (dir < 0)
		return dir;
	int r = read_text(dir, f->name, &arena, &was, err);
	if (r == 0)
		r = read_text(AT_FDCWD, f->path, &arena, &now, err);
	if (r == -ENOENT) {
		if (was && !dry)
			forget(f->name);
		return 0;
	}
	if (r < 0 || !was || !now)
		return r;
	if (strcmp(was, now) != 0) {
		printf("%s: was edited since gocker made it, and is kept\n", f->path);
		return 0;
	}
	if (dry) {
		printf("%s: would be removed\n", f->path);
		return 0;
	}
	if (unlink(f->path) < 0)
		return gk_fail_errno(err, -errno, "%s", f->path);
	forget(f->name);
	printf("%s: removed, as gocker made it\n", f->path);
	return 1;
}

static int unmake_manager(bool dry, struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	struct gk_pam_change change;
	gk_autoclose int dir = open_memory(err);
	if (dir < 0)
		return dir;
	if (faccessat(dir, GK_FIX_MANAGER, F_OK, 0) < 0)
		return 0;
	int r = gk_pam_plan_remove("systemd-user", &arena, &change, err);
	if (r > 0 && dry) {
		puts("/etc/pam.d/systemd-user: would lose gocker's line");
		return 0;
	}
	if (r > 0 && (r = gk_pam_apply_remove(&change, err)) >= 0)
		printf("/etc/pam.d/systemd-user: %s\n",
			r == GK_PAM_AS_IT_WAS ? "as it was" :
						"gocker's line is out; the rest is as it is now");
	if (r >= 0 && !dry)
		forget(GK_FIX_MANAGER);
	return r;
}

/* The sshd whose configuration it was made for. */
static int reload_after_undo(struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	struct gk_listener l;
	char *config = NULL;
	gk_autoclose int dir = open_memory(err);
	if (dir >= 0)
		(void)read_text(dir, "sshd.config", &arena, &config, err);
	forget("sshd.config");
	gk_listener_find(config, NULL, &l);
	return l.pid ? reload(&l, config, err) : 0;
}

int gk_fix_undo(const char *command, bool dry)
{
	int code = 0;
	for (size_t i = 0; i < FILES; i++) {
		struct gk_err err = GK_ERR_INIT;
		int r = unmake_file(&files[i], dry, &err);
		if (r > 0 && strcmp(files[i].name, GK_FIX_SSHD) == 0)
			r = reload_after_undo(&err);
		if (r >= 0)
			continue;
		(void)gk_cli_fail(command, &err);
		code = 1;
	}
	struct gk_err err = GK_ERR_INIT;
	if (unmake_manager(dry, &err) < 0) {
		(void)gk_cli_fail(command, &err);
		code = 1;
	}
	return code;
}
