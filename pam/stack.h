/* PAM stacks as libpam reads them.
 *
 * The reader takes what every libpam from 1.3 to 1.7, and Debian's with its @include, reads in one
 * way. What they read differently, or nobody writes on purpose, is -EINVAL: the reader cannot tell,
 * and its callers refuse. Sources: pam.conf(5); libpam/pam_handlers.c, pam_misc.c and
 * pam_dispatch.c of Linux-PAM 1.5.2, libpam_internal/pam_line.c of 1.7.2. tests/pam/differ.sh
 * compares with the real one. */
#ifndef GK_PAM_STACK_H
#define GK_PAM_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* The return values of modules (_pam_types.h), and those with a meaning here. The C library of the
 * keeper may be one without PAM's headers. */
enum { GK_PAM_SUCCESS = 0, GK_PAM_PERM_DENIED = 6, GK_PAM_IGNORE = 25, GK_PAM_INCOMPLETE = 31 };
enum { GK_PAM_RETURNS = 32 };

/* What a control makes of a return value; above 0: the number of lines to jump over. */
enum {
	GK_PAM_DO_IGNORE = 0,
	GK_PAM_DO_OK = -1,
	GK_PAM_DO_DONE = -2,
	GK_PAM_DO_BAD = -3,
	GK_PAM_DO_DIE = -4,
	GK_PAM_DO_RESET = -5,
};

enum gk_pam_kind {
	GK_PAM_MODULE,
	GK_PAM_SUBSTACK, /* where one begins: runs nothing, but a jump counts it */
	GK_PAM_FAULTY,   /* malformed: libpam puts a failure (PAM_PERM_DENIED) in its place */
};

struct gk_pam_line {
	char type; /* 'a'uth, a'c'count, 's'ession, 'p'assword */
	enum gk_pam_kind kind;
	const char *control; /* as written, without brackets */
	const char *path;    /* the module as written */
	const char *module;  /* its base name */
	const char *const *args;
	size_t nargs;
	int actions[GK_PAM_RETURNS];
	int level; /* how many substacks deep */
};

struct gk_pam_stack {
	struct gk_pam_line *lines;
	size_t n;
};

enum { GK_PAM_LINE_BYTES = 1000 };

/* A file's text, read line by line. */
struct gk_pam_text {
	const char *at;
	unsigned line; /* lines read so far */
};

/* The next line, with those that a backslash joins to it, without its comment: "" if nothing is
 * left. Returns 1, 0 at the end, or -EINVAL with *why where libpam's versions differ. */
int gk_pam_next_line(struct gk_pam_text *text, char line[GK_PAM_LINE_BYTES + 1], const char **why);

/* Reads the service's file of /etc/pam.d, else of /usr/lib/pam.d, or that of confdir where it is
 * not NULL (pam_start_confdir(3)), with all that it includes. -ENOENT: there is none. */
int gk_pam_stack_read(const char *confdir, const char *service, struct gk_arena *arena,
	struct gk_pam_stack *ret, struct gk_err *err);

/* The lines of one type that libpam goes through: the service's, else those of `other`. */
int gk_pam_chain_read(const char *confdir, const char *service, char type, struct gk_arena *arena,
	struct gk_pam_stack *ret, struct gk_err *err);

/* Whether a stack has a line of this type with this module. */
bool gk_pam_stack_has(const struct gk_pam_stack *stack, char type, const char *module);

/* Whether a line has this argument. */
bool gk_pam_line_has(const struct gk_pam_line *line, const char *arg);

/* Whether a session line of gocker's names a program (drop=, narrow=, whole=). */
bool gk_pam_stack_names_program(const struct gk_pam_stack *stack);

/* The group whom gocker's last line of this type lets through (break_glass=GROUP), or NULL. */
const char *gk_pam_stack_break_glass(const struct gk_pam_stack *stack, char type);

/* Whether one line of a file, which is changed, gives entries of this type, by itself or by what it
 * includes; and whether it is an entry of this module. */
bool gk_pam_line_gives(char *line, char type, struct gk_arena *arena);
bool gk_pam_line_names(char *line, const char *module);

#endif
