/* The words behind pam_gocker.so on a line of a stack, see pam_gocker(8). */
#ifndef GK_PAM_OPTIONS_H
#define GK_PAM_OPTIONS_H

#include <stdbool.h>

#include "link.h"

struct gk_pam_options {
	bool outer, check, debug;
	const char *break_glass;
	enum gk_link_mode mode; /* of the program that the administrator names, 0: none */
	const char *program;
	const char *unknown;
};

/* Points into argv. What it does not know is in `unknown`: the last of it. */
struct gk_pam_options gk_pam_options_read(int argc, const char **argv);

#endif
