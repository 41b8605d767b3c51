#include "cli/enable/admins.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/enable/accounts.h"
#include "pam/judge.h"
#include "plan/policy.h"
#include "plan/text.h"
#include "run/privilege/identity.h"

static const char *const admin_groups[] = { "sudo", "admin", "wheel" };
enum { ADMIN_GROUPS = sizeof admin_groups / sizeof *admin_groups };

bool gk_is_member(const struct gk_identity *who, const char *group)
{
	for (size_t i = 0; group && i < who->ngroups; i++)
		if (who->groups[i].name && strcmp(who->groups[i].name, group) == 0)
			return true;
	return false;
}

const char *gk_admin_group_of(const struct gk_identity *who)
{
	for (size_t i = 0; i < ADMIN_GROUPS; i++)
		if (gk_is_member(who, admin_groups[i]))
			return admin_groups[i];
	return NULL;
}

/* ---- the names, each once ---- */

struct names {
	struct gk_arena *arena;
	const char **list;
	size_t n, cap;
};

static void add_name(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->list[i], name) == 0)
			return;
	const char **list = gk_grow(names->arena, names->list, names->n, &names->cap, sizeof *list);
	const char *copy = gk_arena_strdup(names->arena, name);
	if (!list || !copy)
		return;
	names->list = list;
	names->list[names->n++] = copy;
}

/* The members that the group lists, and those accounts of this host that have it as their own. */
static void add_members(struct names *names, const char *group)
{
	const struct group *g = getgrnam(group);
	if (!g)
		return;
	gid_t gid = g->gr_gid;
	for (char **m = g->gr_mem; m && *m; m++)
		add_name(names, *m);
	FILE *f = fopen("/etc/passwd", "re");
	for (const struct passwd *pw; f && (pw = fgetpwent(f));)
		if (pw->pw_gid == gid)
			add_name(names, pw->pw_name);
	if (f)
		fclose(f);
}

/* ---- which of them are free ---- */

static bool can_log_in(const struct gk_identity *who)
{
	return !strstr(who->shell, "nologin") && !strstr(who->shell, "/false");
}

static bool is_spared(
	const struct gk_admin_view *view, const struct gk_identity *who, struct gk_arena *arena)
{
	struct gk_err ignored = GK_ERR_INIT;
	struct gk_policy policy;
	if (!view->pam || gk_is_member(who, view->break_glass))
		return true;
	return view->config && gk_policy_for(view->config, who, arena, &policy, &ignored) == 0 &&
		!policy.contain;
}

size_t gk_admins_free(const struct gk_admin_view *view, struct gk_arena *arena)
{
	struct names names = { .arena = arena };
	size_t found = 0;
	for (size_t i = 0; i < ADMIN_GROUPS; i++)
		add_members(&names, admin_groups[i]);
	for (size_t i = 0; i < names.n; i++) {
		struct gk_err ignored = GK_ERR_INIT;
		struct gk_identity who;
		if (view->without && strcmp(names.list[i], view->without) == 0)
			continue;
		if (gk_identity_by_name(names.list[i], arena, &who, &ignored) < 0 || who.uid == 0 ||
			!can_log_in(&who) || strcmp(who.shell, GK_SHELL_PATH) == 0)
			continue;
		found += is_spared(view, &who, arena);
	}
	return found;
}

struct gk_admin_view gk_admin_view_now(const struct gk_config *config, struct gk_arena *arena)
{
	struct gk_err ignored = GK_ERR_INIT;
	struct gk_pam_stack stack;
	struct gk_admin_view view = { .config = config };
	view.pam = gk_pam_judge(NULL, "sshd", true, &ignored) >= 0;
	if (view.pam && gk_pam_stack_read(NULL, "sshd", arena, &stack, &ignored) == 0)
		view.break_glass = gk_pam_stack_break_glass(&stack, 's');
	return view;
}
