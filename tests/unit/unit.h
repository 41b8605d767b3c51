/* What every unit test includes, in the order cmocka wants it. */
#ifndef GK_TESTS_UNIT_H
#define GK_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* An arena for one test, freed when the variable goes out of scope. */
#define ARENA __attribute__((cleanup(gk_arena_free))) struct gk_arena

/* Fails the test, saying of which row of a table, unless text contains part. */
static inline void assert_contains(const char *text, const char *part, const char *row)
{
	if (text && strstr(text, part))
		return;
	print_error("of: %s\ngot: %s\nwithout: %s\n", row, text ? text : "NULL", part);
	fail();
}

#endif
