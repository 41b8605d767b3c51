#include "plan/request.h"

#include <string.h>

static const char *value_of(const char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

void gk_request_called(
	struct gk_request *request, const char *self, int argc, const char *const *argv)
{
	bool command = argc == 3 && strcmp(argv[1], "-c") == 0;
	/* A passwd shell of gocker-shell runs a ForceCommand of gocker-shell through `-c`. */
	const char *exec = command && strncmp(argv[2], "exec ", 5) == 0 ? argv[2] + 5 : NULL;
	bool forced_self = command && strcmp(exec ? exec : argv[2], self) == 0;
	const char *original = value_of(request->env, "SSH_ORIGINAL_COMMAND");
	request->login = argv[0][0] == '-';
	if (argc > 1 && !forced_self)
		request->argv = argv + 1;
	else if (original && !request->login)
		request->command = original;
	else if (forced_self || value_of(request->env, "SSH_CONNECTION"))
		request->login = true;
	if (command && !forced_self)
		request->command = argv[2];
	request->greet = request->login && !request->command && !request->argv &&
		request->tty != GK_TTY_NONE;
}
