#include "variables.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Variables that modules of the stack set to a path (pam_systemd, pam_krb5, pam_xauth, pam_tmpdir):
 * inside, /run and /tmp are the session's own, and what the path names is not there. */
static const char *const path_names[] = { "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
	"KRB5CCNAME", "XAUTHORITY", "TMPDIR", "TMP", "TEMP", "TEMPDIR" };
_Static_assert(sizeof path_names / sizeof *path_names == GK_PAM_HIDDEN_MOST, "one place for each");

/* Whether the value names something below /run or /tmp, behind a word like "FILE:" or not. */
static bool is_outside(const char *value)
{
	static const char *const own[] = { "/run/", "/var/run/", "/tmp/" };
	const char *path = strchr(value, '/');
	for (size_t i = 0; path && i < sizeof own / sizeof *own; i++)
		if (strncmp(path, own[i], strlen(own[i])) == 0 && path[strlen(own[i])])
			return true;
	return false;
}

void gk_pam_variables_hide(pam_handle_t *pamh, struct gk_pam_door *door)
{
	for (size_t i = 0; i < GK_PAM_HIDDEN_MOST; i++) {
		const char *value = pam_getenv(pamh, path_names[i]);
		if (!value || !is_outside(value))
			continue;
		size_t size = strlen(path_names[i]) + strlen(value) + 2;
		door->hidden[i] = malloc(size);
		if (door->hidden[i])
			snprintf(door->hidden[i], size, "%s=%s", path_names[i], value);
		(void)pam_putenv(pamh, path_names[i]);
	}
}

void gk_pam_variables_forget(struct gk_pam_door *door)
{
	for (size_t i = 0; i < GK_PAM_HIDDEN_MOST; i++) {
		free(door->hidden[i]);
		door->hidden[i] = NULL;
	}
}

void gk_pam_variables_show(pam_handle_t *pamh, struct gk_pam_door *door)
{
	for (size_t i = 0; i < GK_PAM_HIDDEN_MOST; i++)
		if (door->hidden[i])
			(void)pam_putenv(pamh, door->hidden[i]);
	gk_pam_variables_forget(door);
}

void gk_pam_variables_list(pam_handle_t *pamh, char *names, size_t size)
{
	char **env = pam_getenvlist(pamh);
	size_t used = 0;
	names[0] = '\0';
	for (char **e = env; e && *e; e++) {
		size_t n = strcspn(*e, "=\n");
		if ((*e)[n] == '=' && used + n + 2 <= size)
			used += (size_t)snprintf(names + used, size - used, "%.*s\n", (int)n, *e);
		free(*e);
	}
	free(env);
}
