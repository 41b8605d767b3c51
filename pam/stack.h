/* PAM stacks as they stand in /etc/pam.d, in order. */
#ifndef GK_PAM_STACK_H
#define GK_PAM_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct gk_pam_line {
	char type; /* 'a'uth, a'c'count, 's'ession, 'p'assword */
	bool optional;
	const char *control; /* as it stands there: required, [success=1 default=ignore], ... */
	const char *module;  /* its base name */
	const char *args;
	int level; /* how many substacks deep */
};

struct gk_pam_stack {
	struct gk_pam_line *lines;
	size_t n;
};

/* Reads /etc/pam.d/SERVICE, else /usr/lib/pam.d/SERVICE, with what it includes. -ENOENT: neither.
 */
int gk_pam_stack_read(
	const char *service, struct gk_arena *arena, struct gk_pam_stack *ret, struct gk_err *err);

/* Whether a stack has a line of this type with this module. */
bool gk_pam_stack_has(const struct gk_pam_stack *stack, char type, const char *module);

/* The group whom gocker's last session line lets through (break_glass=GROUP), or NULL. */
const char *gk_pam_stack_break_glass(const struct gk_pam_stack *stack, struct gk_arena *arena);

/* Whether one line of a file, which is changed, gives entries of this type, by itself or by what it
 * includes; and whether it is an entry of this module. */
bool gk_pam_line_gives(char *line, char type, struct gk_arena *arena);
bool gk_pam_line_names(char *line, const char *module);

/* Whether the service's sessions are contained: `pam_gocker.so outer` before every module that
 * opens a session, `pam_gocker.so` after all others, both required. 0; -ENOENT: it has no line of
 * gocker's; -EINVAL: it has, but not so, or a line between them can end the stack before the last.
 */
int gk_pam_stack_check(const char *service, struct gk_err *err);

/* The same, with 1 and err for a stack that contains its sessions but has on the wrong side of
 * gocker's lines a module that may run inside, as Debian's have with the profiles of
 * pam-auth-update. */
int gk_pam_stack_judge(const char *service, struct gk_err *err);

#endif
