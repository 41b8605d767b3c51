#include "options.h"

#include <string.h>

/* PATH of `NAME=PATH`, or NULL. */
static const char *value_of(const char *arg, const char *name)
{
	size_t n = strlen(name);
	return strncmp(arg, name, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

/* Returns whether it is one. */
static bool read_program(const char *arg, struct gk_pam_options *o)
{
	static const struct {
		const char *name;
		enum gk_link_mode mode;
	} modes[] = { { "drop", GK_LINK_DROP }, { "narrow", GK_LINK_NARROW },
		{ "whole", GK_LINK_WHOLE } };
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		const char *path = value_of(arg, modes[i].name);
		if (!path)
			continue;
		/* One a line, and nothing cut short. */
		if (o->program || path[0] != '/' ||
			strlen(path) >= sizeof((struct gk_link_message *)NULL)->text)
			return false;
		o->mode = modes[i].mode;
		o->program = path;
		return true;
	}
	return false;
}

struct gk_pam_options gk_pam_options_read(int argc, const char **argv)
{
	struct gk_pam_options o = { 0 };
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "outer") == 0)
			o.outer = true;
		else if (strcmp(argv[i], "check") == 0)
			o.check = true;
		else if (strcmp(argv[i], "debug") == 0)
			o.debug = true;
		else if (value_of(argv[i], "break_glass"))
			o.break_glass = value_of(argv[i], "break_glass");
		else if (!read_program(argv[i], &o))
			o.unknown = argv[i];
	}
	return o;
}
