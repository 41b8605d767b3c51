/* A request and an identity as text, for the golden tests and the fuzzer: one `word rest` a line.
 */
#ifndef GK_TESTS_CASE_H
#define GK_TESTS_CASE_H

#include <stddef.h>

#include "plan/identity.h"
#include "plan/plan.h"
#include "plan/request.h"

enum { GK_CASE_LIST_MAX = 64 };

struct gk_case {
	struct gk_identity who;
	struct gk_request request;
	struct gk_group groups[GK_CASE_LIST_MAX];
	const char *argv[GK_CASE_LIST_MAX + 1];
	const char *env[GK_CASE_LIST_MAX + 1];
	struct gk_node devices[GK_CASE_LIST_MAX]; /* as the host has them */
};

/* Reads text, which is changed and must outlive the case: "\n" and "\\" in a line's rest stand for
 * a new line and a backslash. Returns NULL, or the first line that it does not know. */
const char *gk_case_read(char *text, struct gk_case *ret);

#endif
