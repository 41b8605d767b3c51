/* Whether the stack is sure to contain the login is judged before the login goes on: `outer` alone
 * contains nobody. What can't be read for sure is refused. */
#include "keeper.h"

#include <errno.h>
#include <string.h>

#include "pam/judge.h"

int gk_keeper_check_stack(struct gk_keeper *k, struct gk_err *err)
{
	struct gk_err why = GK_ERR_INIT;
	const char *service = k->question.service;
	int r = *service == '.' ? -EINVAL : gk_pam_judge(NULL, service, !k->question.outer, &why);
	if (r >= 0)
		return 0;
	gk_fail(err, -EINVAL,
		"the PAM stack of %s does not contain its logins, so this one is refused", service);
	gk_err_detail(err, "%s", why.msg);
	return -EINVAL;
}
