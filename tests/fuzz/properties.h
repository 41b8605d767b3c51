/* What must hold of every plan, whatever went in. A violation aborts. */
#ifndef GK_TESTS_PROPERTIES_H
#define GK_TESTS_PROPERTIES_H

#include "plan/plan.h"

/* Aborts with a line on stderr unless the condition holds. */
#define MUST(condition) gk_must((condition), __FILE__, __LINE__, #condition)
void gk_must(bool holds, const char *file, int line, const char *what);

/* Every value of a policy prints as text that reads back to the same value. */
void gk_check_policy(const struct gk_policy *policy);

/* Targets stay inside and off what gocker needs; nothing sets uids; accounts are the host's;
 * environment and arguments are bounded; it prints as plain lines. who and request are what the
 * plan was made from. */
void gk_check_plan(const struct gk_plan *plan, const struct gk_identity *who,
	const struct gk_request *request);

#endif
