/* One line of gocker.ini, read more strictly than iniparser does. */
#ifndef GK_PLAN_SCAN_H
#define GK_PLAN_SCAN_H

#include <stddef.h>

#include "base/arena.h"
#include "plan/keys.h"

enum gk_line_kind { GK_LINE_EMPTY, GK_LINE_SECTION, GK_LINE_SETTING, GK_LINE_FAULT };

struct gk_line {
	enum gk_line_kind kind;
	const char *name;              /* a section's title or a setting's key, as written */
	const char *value;             /* a setting's value, quotes and comment taken away */
	struct gk_complaint complaint; /* GK_LINE_FAULT */
};

/* Reads a line: n bytes without its end. Strings are allocated from arena. Returns 0 or -ENOMEM. */
int gk_scan_line(const char *s, size_t n, struct gk_arena *arena, struct gk_line *ret);

#endif
