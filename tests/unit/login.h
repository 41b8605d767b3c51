/* A login, as the unit tests of the plan change it. */
#ifndef GKT_UNIT_LOGIN_H
#define GKT_UNIT_LOGIN_H

#include "unit.h"

#include <errno.h>

#include "plan/build.h"
#include "plan/config.h"
#include "plan/plan.h"

struct login {
	struct gk_arena arena;
	struct gk_group groups[4];
	struct gk_identity who;
	struct gk_request request;
	const char *ini;
	struct gk_policy policy;
	struct gk_plan plan;
	struct gk_err err;
};

static inline struct login login_of(const char *ini)
{
	struct login l = { .ini = ini,
		.who = { 1000, 1000, "ann", "Ann", "/home/ann", "/bin/bash", NULL, 2 },
		.groups = { { 1000, "ann" }, { 50, "staff" } },
		.request = { .session_id = "0123456789ab" } };
	return l;
}

static inline void end_login(struct login *l)
{
	gk_arena_free(&l->arena);
}

#define LOGIN __attribute__((cleanup(end_login))) struct login

static inline int make(struct login *l)
{
	struct gk_config config;
	gk_err_clear(&l->err);
	l->who.groups = l->groups;
	int r = gk_config_parse(
		l->ini, strlen(l->ini), "g.ini", gk_ini_read, &l->arena, &config, NULL, &l->err);
	if (r == 0)
		r = gk_policy_for(&config, &l->who, &l->arena, &l->policy, &l->err);
	if (r == 0)
		r = gk_plan_make(&l->request, &l->who, &l->policy, &l->arena, &l->plan, &l->err);
	return r;
}

static inline void make_well(struct login *l)
{
	if (make(l) < 0)
		fail_msg("%s", l->err.msg);
}

static inline const struct gk_mount *mount_at(const struct gk_plan *plan, const char *target)
{
	for (size_t i = 0; i < plan->nmounts; i++)
		if (strcmp(plan->mounts[i].target, target) == 0)
			return &plan->mounts[i];
	return NULL;
}

static inline const struct gk_entry *entry_at(const struct gk_plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->nentries; i++)
		if (strcmp(plan->entries[i].path, path) == 0)
			return &plan->entries[i];
	return NULL;
}

#endif
