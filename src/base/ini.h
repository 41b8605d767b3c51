/* iniparser as a tokenizer: lines of `key = value` in, keys and values out. */
#ifndef GK_BASE_INI_H
#define GK_BASE_INI_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* One `key = value` line. */
struct gk_ini_line {
	unsigned line;     /* its number in the file */
	const char *text;  /* the line, without its end */
	const char *key;   /* the key it is believed to set, in lower case */
	const char *value; /* out: what the tokenizer reads as its value; NULL: no such key there */
};

/* The type of a tokenizer, so that src/plan can be handed one without knowing a system call. */
typedef int gk_tokenizer(
	struct gk_ini_line *lines, size_t n, struct gk_arena *arena, struct gk_err *err);

/* Reads the lines with iniparser and fills their values (allocated from arena). Each line is read
 * in a section of its own, named by its number: iniparser folds section names to lower case, joins
 * sections of one name and overwrites duplicate keys, all of which would lose what the file says.
 * iniparser 4.1 takes a path only, so the lines go through a memfd and /proc/self/fd. Nothing is
 * printed. Returns 0, or -errno with err: -EINVAL when iniparser refuses the lines. */
int gk_ini_read(struct gk_ini_line *lines, size_t n, struct gk_arena *arena, struct gk_err *err);

#endif
