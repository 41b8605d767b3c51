/* A policy and a plan as JSON; gocker(8) describes the objects. */
#ifndef GK_CLI_EXPLAIN_JSON_H
#define GK_CLI_EXPLAIN_JSON_H

#include <json-c/json.h>

#include "base/arena.h"
#include "plan/plan.h"

/* For each key its value (a number in the key's unit, a boolean, an array or a string; null for
 * none), and the section and the line that decided it. Whoever takes the object frees it. */
json_object *gk_json_policy(const struct gk_policy *policy, struct gk_arena *arena);

/* What gk_plan_print prints, as objects and arrays; "by" names the key of the policy behind a
 * value. */
json_object *gk_json_plan(const struct gk_plan *plan, struct gk_arena *arena);

#endif
