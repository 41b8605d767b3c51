#include "run/build/login.h"

#include "run/store/imagefacts.h"
#include "run/store/record.h"

int gk_login_policy(struct gk_login *l, struct gk_err *err)
{
	return gk_policy_for(&l->config, &l->who, &l->arena, &l->policy, err);
}

int gk_login_new_id(struct gk_login *l)
{
	l->request.session_id = l->id;
	return gk_session_new_id(l->id);
}

int gk_login_plan(struct gk_login *l, struct gk_err *err)
{
	int r = gk_image_facts(&l->policy, &l->request, &l->arena, err);
	if (r == 0)
		r = gk_plan_make(&l->request, &l->who, &l->policy, &l->arena, &l->plan, err);
	if (r == 0 && l->joins)
		r = gk_join_plan(&l->request, &l->who, &l->policy, &l->arena, &l->join, err);
	return r < 0 ? gk_fail_errno(err, r, "cannot plan the session") : 0;
}
