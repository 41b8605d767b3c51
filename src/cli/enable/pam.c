/* The PAM door is the host's: its lines stand in the stacks of services, and gocker.ini says whom
 * they contain. Root is let through by the module itself, before any file is read. */
#include "cli/enable/enable.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/enable/accounts.h"
#include "cli/sessions/act.h"
#include "cli/enable/admins.h"
#include "cli/cli.h"
#include "cli/enable/pam-edit.h"
#include "cli/options.h"
#include "cli/print.h"
#include "pam/judge.h"
#include "cli/enable/trial.h"
#include "plan/policy.h"
#include "plan/text.h"
#include "run/privilege/identity.h"
#include "run/store/load.h"
#include "run/cgroup/scope.h"

struct opening {
	struct gk_pam_door *door;
	struct gk_config config;
	struct gk_pam_change changes[GK_SERVICES_MOST];
	size_t nchanges;
	bool fails[GK_SERVICES_MOST]; /* the stack fails without the change, too */
	struct gk_buf contained;      /* local accounts that can log in, whom it would contain */
	size_t ncontained;
	bool untried; /* no trial login: --dry-run fetches no image */
};

/* ---- who is meant ---- */

static int check_user(struct opening *o, const char *user, struct gk_err *err)
{
	struct gk_arena *arena = &o->door->arena;
	struct gk_identity who;
	struct gk_policy policy;
	int r = gk_identity_by_name(user, arena, &who, err);
	if (r == 0)
		r = gk_policy_for(&o->config, &who, arena, &policy, err);
	if (r != 0)
		return r;
	if (who.uid == 0)
		return gk_fail(err, -EPERM,
			"root is not contained: someone must be able to repair the host");
	if (!policy.contain && who.uid < policy.min_uid)
		return gk_fail(err, -EPERM,
			"%s has uid %u, below min_uid, and is exempt; write `contain = yes` in [user:%s]",
			who.name, (unsigned)who.uid, who.name);
	if (!policy.contain)
		return gk_fail(err, -EPERM,
			"contain = no for %s: line %u of " GK_CONFIG_PATH " ([%s])", who.name,
			policy.origin[GK_KEY_CONTAIN].line, policy.origin[GK_KEY_CONTAIN].section);
	if (gk_is_member(&who, o->door->break_glass))
		return gk_fail(err, -EPERM, "%s is a member of %s, whom --break-glass lets through",
			who.name, o->door->break_glass);
	r = gk_enable_image(&who, o->door->dry, arena, err);
	o->untried = o->untried || r > 0;
	if (r == 0)
		r = gk_trial_pam(who.name, err);
	if (r < 0)
		gk_err_context(err, "a trial login fails");
	return r < 0 ? r : 0;
}

/* ---- who else is ---- */

static bool can_log_in(const struct gk_identity *who)
{
	return !strstr(who->shell, "nologin") && !strstr(who->shell, "/false");
}

static bool is_contained(struct opening *o, const char *name)
{
	struct gk_arena *arena = &o->door->arena;
	struct gk_err ignored = GK_ERR_INIT;
	struct gk_identity who;
	struct gk_policy policy;
	return gk_identity_by_name(name, arena, &who, &ignored) == 0 && who.uid != 0 &&
		can_log_in(&who) &&
		gk_policy_for(&o->config, &who, arena, &policy, &ignored) == 0 && policy.contain &&
		!gk_is_member(&who, o->door->break_glass);
}

/* The names are read first: the look-ups must not move the list that is being read. */
static void count_contained(struct opening *o)
{
	struct gk_arena *arena = &o->door->arena;
	const char **names = NULL;
	size_t n = 0, cap = 0;
	FILE *f = fopen("/etc/passwd", "re");
	for (const struct passwd *pw; f && (pw = fgetpwent(f));) {
		names = gk_grow(arena, names, n, &cap, sizeof *names);
		if (!names)
			break;
		names[n++] = gk_arena_strdup(arena, pw->pw_name);
	}
	if (f)
		fclose(f);
	o->contained.arena = arena;
	for (size_t i = 0; names && i < n; i++)
		if (names[i] && is_contained(o, names[i])) {
			gk_buf_printf(&o->contained, "%s%s", o->ncontained ? " " : "", names[i]);
			o->ncontained++;
		}
}

/* Whether the change would contain the last administrator who is outside. */
static bool would_lock_out(struct opening *o)
{
	struct gk_arena *arena = &o->door->arena;
	struct gk_admin_view view = { .config = &o->config, .break_glass = o->door->break_glass };
	if (gk_admins_free(&view, arena) == 0)
		return false;
	view.pam = true;
	return gk_admins_free(&view, arena) == 0;
}

/* ---- the stacks ---- */

static int plan_changes(struct opening *o, struct gk_err *err)
{
	struct gk_pam_door *door = o->door;
	if (!door->nservices) {
		door->services[door->nservices++] = "sshd";
		if (gk_scope_host_has_systemd())
			door->services[door->nservices++] = "systemd-user";
	}
	for (size_t i = 0; i < door->nservices; i++) {
		struct gk_pam_change change;
		int r = gk_pam_plan_add(
			door->services[i], door->break_glass, &door->arena, &change, err);
		if (r < 0)
			return r;
		if (r > 0)
			o->changes[o->nchanges++] = change;
	}
	return 0;
}

/* A change of stacks must leave root, and someone who can become root, outside. */
static int check_lockout(struct opening *o, struct gk_err *err)
{
	int r = gk_trial_pam_free("root", err);
	if (r < 0) {
		gk_err_context(err, "root would not get in");
		return r;
	}
	count_contained(o);
	if (would_lock_out(o))
		return gk_fail(err, -EPERM,
			"every member of sudo, admin and wheel would be contained; write `contain = no` "
			"in a section of theirs in " GK_CONFIG_PATH
			", or name a group with --break-glass");
	return 0;
}

void gk_pam_show(const struct gk_pam_change *c, const char *mood)
{
	unsigned line = 0;
	const char *before = c->before;
	for (const char *p = c->after; *p; p += strcspn(p, "\n") + (strchr(p, '\n') != NULL)) {
		size_t len = strcspn(p, "\n");
		line++;
		if (strncmp(p, before, len) == 0 && (before[len] == '\n' || !before[len]))
			before += len + (before[len] == '\n');
		else
			printf("/etc/pam.d/%s: %s have as line %u: %.*s\n", c->service, mood, line,
				(int)len, p);
	}
}

static int apply(const struct opening *o, struct gk_err *err)
{
	for (size_t i = 0; i < o->nchanges; i++) {
		const struct gk_pam_change *c = &o->changes[i];
		int r = gk_pam_apply_add(c, err);
		if (r < 0)
			return r;
		gk_log(LOG_NOTICE, "event=enable door=pam service=%s by=%s", c->service,
			gk_act_by());
		printf("/etc/pam.d/%s: has gocker's lines now (as it was: " GK_STATEDIR
		       "/pam/%s)\n",
			c->service, c->service);
	}
	return 0;
}

/* ---- the real stacks ---- */

/* Before the change: a stack that fails by itself says nothing of gocker's lines. */
static void try_before(struct opening *o, const char *user)
{
	for (size_t i = 0; i < o->nchanges; i++) {
		const char *service = o->changes[i].service;
		struct gk_err err = GK_ERR_INIT;
		if (gk_pam_is_manager(service))
			continue;
		o->fails[i] = gk_trial_stack(service, user, GK_TRIAL_FREE, &err) < 0;
		if (o->fails[i])
			printf("/etc/pam.d/%s: fails for %s without gocker, too, and is not tried: %s\n",
				service, user, err.msg);
	}
}

/* And with the lines in it: where it fails now, or contains nobody, everything is undone. */
static int try_after(struct opening *o, const char *user, struct gk_err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < o->nchanges; i++) {
		const char *service = o->changes[i].service;
		if (o->fails[i])
			continue;
		r = gk_trial_stack(service, user,
			gk_pam_is_manager(service) ? GK_TRIAL_ACCOUNT_REFUSED : GK_TRIAL_CONTAINED,
			err);
		gk_err_context(
			err, "/etc/pam.d/%s with gocker's lines, tried for %s", service, user);
	}
	for (size_t i = 0; r < 0 && i < o->nchanges; i++) {
		struct gk_err undo_err = GK_ERR_INIT;
		if (gk_pam_undo_add(&o->changes[i], &undo_err) < 0)
			(void)gk_cli_fail("enable", &undo_err);
		else
			printf("/etc/pam.d/%s: as it was\n", o->changes[i].service);
	}
	return r;
}

/* Where users bypass the door. */
static void name_open_services(const struct gk_pam_door *door)
{
	static const char *const services[] = { "sshd", "login", "su", "cron", "atd" };
	struct gk_buf open = { .arena = NULL };
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	open.arena = &arena;
	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		struct gk_pam_stack stack;
		struct gk_err ignored = GK_ERR_INIT;
		bool meant = false;
		for (size_t k = 0; k < door->nservices; k++)
			meant = meant || strcmp(door->services[k], services[i]) == 0;
		if (!meant && gk_pam_stack_read(NULL, services[i], &arena, &stack, &ignored) == 0 &&
			!gk_pam_stack_has(&stack, 's', "pam_gocker.so"))
			gk_buf_printf(&open, "%s%s", open.len ? ", " : "", services[i]);
	}
	if (open.len)
		printf("not contained: what users do through %s; see --service\n",
			gk_buf_text(&open));
}

/* The door is the host's: whoever is not exempt is contained with the users named. They are named
 * as well, and asked about. */
static bool may_go_on(struct opening *o)
{
	int width = gk_terminal_size(NULL);
	printf("the PAM door contains every account without contain = no, not the named ones alone; "
	       "root never. On this host %s:\n",
		o->ncontained == 1 ?
			"1 account" :
			gk_arena_printf(&o->door->arena, "%zu accounts", o->ncontained));
	const char *list = gk_buf_text(&o->contained);
	gk_wrap(stdout, list && *list ? list : "(none)", 0, 2, width ? width : 79);
	putchar('\n');
	return o->door->dry || o->door->yes || gk_ask_yes("enable", "contain them?");
}

int gk_enable_pam(struct gk_pam_door *door, char **users)
{
	static struct opening o;
	struct gk_err err = GK_ERR_INIT;
	int failed = 0;
	o = (struct opening){ .door = door };
	if (gk_load_config(GK_CONFIG_PATH, &door->arena, &o.config, &err) < 0 ||
		plan_changes(&o, &err) < 0)
		return (void)gk_cli_fail("enable", &err), 1;
	for (char **user = users; *user; user++) {
		struct gk_err user_err = GK_ERR_INIT;
		if (check_user(&o, *user, &user_err) == 0)
			continue;
		gk_err_context(&user_err, "%s", *user);
		(void)gk_cli_fail("enable", &user_err);
		failed = 1;
	}
	if (!failed && o.nchanges && check_lockout(&o, &err) < 0)
		return (void)gk_cli_fail("enable", &err), 1;
	if (failed) {
		if (o.nchanges)
			fputs("gocker enable: nothing was changed\n", stderr);
		return 1;
	}
	if (o.nchanges && !may_go_on(&o))
		return 1;
	if (door->dry) {
		for (size_t i = 0; i < o.nchanges; i++)
			gk_pam_show(&o.changes[i], "would");
	} else {
		try_before(&o, users[0]);
		if (apply(&o, &err) < 0 || try_after(&o, users[0], &err) < 0)
			return (void)gk_cli_fail("enable", &err), 1;
	}
	for (char **user = users; *user; user++)
		printf("%s: %s by the PAM door%s\n", *user,
			o.nchanges && door->dry ? "would be contained" : "contained",
			o.untried ? "" : "; a trial login works");
	name_open_services(door);
	return 0;
}

/* ---- and back ---- */

/* Returns 1, 0 where the stack has none, or -errno; of one that is not named 0 as well. */
static int remove_one(struct gk_pam_door *door, const char *service, bool named, struct gk_err *err)
{
	struct gk_pam_change change;
	int r = gk_pam_plan_remove(service, &door->arena, &change, err);
	if (r < 0 || (r == 0 && !named))
		return r < 0 && !named ? 0 : r;
	if (r == 0) {
		printf("/etc/pam.d/%s: has no line of gocker's\n", service);
		return 0;
	}
	if (door->dry) {
		printf("/etc/pam.d/%s: would lose gocker's lines\n", service);
		return 1;
	}
	r = gk_pam_apply_remove(&change, err);
	if (r < 0)
		return r;
	gk_log(LOG_NOTICE, "event=disable door=pam service=%s by=%s", service, gk_act_by());
	if (r == GK_PAM_EDITED)
		printf("/etc/pam.d/%s: gocker's lines are out; it was edited since enable, and that is kept "
		       "(as it was: " GK_STATEDIR "/pam/%s)\n",
			service, service);
	else if (r == GK_PAM_UNKNOWN)
		printf("/etc/pam.d/%s: gocker's lines are out; gocker did not write them and does not "
		       "know what the file was before\n",
			service);
	else
		printf("/etc/pam.d/%s: as it was\n", service);
	return 1;
}

static int remove_all(struct gk_pam_door *door, struct gk_err *err)
{
	DIR *d = opendir("/etc/pam.d");
	int r = d ? 0 : gk_fail_errno(err, -errno, "/etc/pam.d"), found = 0;
	for (const struct dirent *e; r >= 0 && d && (e = readdir(d));)
		if (e->d_name[0] != '.') {
			r = remove_one(door, e->d_name, false, err);
			found += r > 0;
		}
	if (r >= 0 && !found)
		puts("no file in /etc/pam.d has a line of gocker's");
	if (d)
		closedir(d);
	return r;
}

int gk_disable_pam(struct gk_pam_door *door)
{
	struct gk_err err = GK_ERR_INIT;
	int r = door->nservices ? 0 : remove_all(door, &err);
	for (size_t i = 0; r >= 0 && i < door->nservices; i++)
		r = remove_one(door, door->services[i], true, &err);
	return r < 0 ? (void)gk_cli_fail("disable", &err), 1 : 0;
}
