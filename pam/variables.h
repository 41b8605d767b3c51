/* Variables of the handle: those that name what is only outside, and the names of all. */
#ifndef GK_PAM_VARIABLES_H
#define GK_PAM_VARIABLES_H

#include <stddef.h>

#include <security/pam_modules.h>

#include "door.h"

/* Takes those out of the handle that name a path which is only outside. The modules find them again
 * when they close the session: gk_pam_variables_show puts them back. */
void gk_pam_variables_hide(pam_handle_t *pamh, struct gk_pam_door *door);
void gk_pam_variables_show(pam_handle_t *pamh, struct gk_pam_door *door);

/* Frees what was taken out. */
void gk_pam_variables_forget(struct gk_pam_door *door);

/* The names of the variables that the modules before the last line have set (pam_env, pam_systemd),
 * each with a newline at its end: the administrator wants them in the session. Those that have no
 * room are left out. */
void gk_pam_variables_list(pam_handle_t *pamh, char *names, size_t size);

#endif
