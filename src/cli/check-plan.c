#include "cli/check-plan.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "cli/check-host.h"
#include "plan/keys.h"
#include "plan/plan.h"
#include "plan/policy.h"
#include "run/store/imagefacts.h"

/* Why a login of such a user would have no plan; NULL when it has one, or when what it needs of
 * the host is not there, of which gk_check_host tells. */
static const char *refusal(
	const struct gk_config *config, const struct gk_identity *who, struct gk_arena *arena)
{
	struct gk_request request = { .door = GK_DOOR_SHELL, .session_id = "ID", .login = true };
	struct gk_err err = GK_ERR_INIT;
	struct gk_policy policy;
	struct gk_plan plan;
	if (gk_policy_for(config, who, arena, &policy, &err) < 0 ||
		gk_image_facts(&policy, &request, arena, &err) < 0 ||
		gk_plan_make(&request, who, &policy, arena, &plan, &err) != -EINVAL)
		return NULL;
	return gk_arena_strdup(arena, err.msg);
}

/* A user to whom the section applies, and no other but [default]. room: for the groups. */
static struct gk_identity someone(const struct gk_config *config, const struct gk_section *s,
	struct gk_group *room, struct gk_arena *arena)
{
	struct gk_identity who = {
		.gid = 65533, .name = "user", .home = "/home/user", .shell = "/bin/sh"
	};
	struct gk_err ignored = GK_ERR_INIT;
	struct gk_policy host;
	*room = (struct gk_group){ .gid = 65533,
		.name = s->kind == GK_SECTION_GROUP ? s->name : NULL };
	who.groups = room;
	who.ngroups = 1;
	/* The first that publish has a slice for. */
	who.uid = gk_policy_for(config, &who, arena, &host, &ignored) == 0 ? (uid_t)host.min_uid :
									     65533;
	const struct passwd *pw = s->kind == GK_SECTION_USER ? getpwnam(s->name) : NULL;
	if (pw) {
		who.uid = pw->pw_uid;
		who.home = gk_arena_strdup(arena, pw->pw_dir);
	}
	if (s->kind == GK_SECTION_USER)
		who.name = s->name;
	return who;
}

/* The configuration with section i without its setting j, or without the whole section where j is
 * nsettings. NULL when memory is exhausted. */
static const struct gk_config *without(
	const struct gk_config *config, size_t i, size_t j, struct gk_arena *arena)
{
	struct gk_config *copy = gk_arena_array(arena, 1, sizeof *copy);
	struct gk_section *sections =
		gk_arena_array(arena, config->nsections, sizeof *config->sections);
	const struct gk_section *s = &config->sections[i];
	struct gk_setting *settings = gk_arena_array(arena, s->nsettings + 1, sizeof *settings);
	if (!copy || !sections || !settings)
		return NULL;
	memcpy(sections, config->sections, config->nsections * sizeof *sections);
	sections[i].settings = settings;
	sections[i].nsettings = 0;
	for (size_t k = 0; j < s->nsettings && k < s->nsettings; k++)
		if (k != j)
			settings[sections[i].nsettings++] = s->settings[k];
	*copy = *config;
	copy->sections = sections;
	return copy;
}

/* The line without which the login would not be refused, else that of the section. */
static unsigned find_line(const struct gk_config *config, size_t i, const struct gk_identity *who,
	struct gk_arena *arena)
{
	const struct gk_section *s = &config->sections[i];
	for (size_t j = 0; j < s->nsettings; j++) {
		const struct gk_config *less = without(config, i, j, arena);
		if (less && !refusal(less, who, arena))
			return s->settings[j].line;
	}
	return s->line;
}

static int check_section(const struct gk_config *config, size_t i, struct gk_arena *arena,
	struct gk_faults *warnings)
{
	const struct gk_section *s = &config->sections[i];
	struct gk_group room;
	struct gk_identity who = someone(config, s, &room, arena);
	const char *why = refusal(config, &who, arena);
	if (!why)
		return 0;
	/* What refuses everybody is told of [default]. */
	const struct gk_config *less =
		s->kind == GK_SECTION_DEFAULT ? config : without(config, i, s->nsettings, arena);
	const char *else_why = less && less != config ? refusal(less, &who, arena) : NULL;
	if (!less || (else_why && strcmp(why, else_why) == 0))
		return less ? 0 : -ENOMEM;
	return gk_check_warn(warnings, find_line(config, i, &who, arena), why,
		"its logins will be refused", arena);
}

int gk_check_plans(
	const struct gk_config *config, struct gk_arena *arena, struct gk_faults *warnings)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < config->nsections; i++)
		if (config->sections[i].kind != GK_SECTION_HOST)
			r = check_section(config, i, arena, warnings);
	return r;
}
