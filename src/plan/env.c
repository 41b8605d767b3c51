#include "plan/env.h"

#include <string.h>

#include "plan/text.h"
#include "plan/value.h"

/* Inside, for users and for the container's root alike: Alpine's own default. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Names, a * at the end for all that begin so. */
static const char *const never[] = { "LD_*", "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES",
	"HOSTALIASES", "LOCALDOMAIN", "LOCPATH", "MALLOC_*", "NIS_PATH", "NLSPATH", "RES_OPTIONS",
	"RESOLV_*", "TZDIR", "BASH_ENV", "BASHOPTS", "CDPATH", "ENV", "IFS", "PS4", "SHELLOPTS",
	NULL };

/* Decided here for every session, or names of things that are on the host only. */
static const char *const own[] = { "HOME", "USER", "LOGNAME", "SHELL", "PATH", "PWD", "OLDPWD",
	"MAIL", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_*", "DBUS_*", "KRB5CCNAME",
	"SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_TTY", "SSH_CONNECTION", "SSH_CLIENT",
	"SSH_ORIGINAL_COMMAND", "SSH_USER_AUTH", NULL };

/* Passed under every policy. */
static const char *const always[] = { "TERM", "COLORTERM", "LANG", "LANGUAGE", "LC_*", NULL };

struct env {
	struct gk_arena *arena;
	const char **vars; /* room for GK_ENV_VARS and the NULL */
	size_t n, bytes;
	bool failed;
};

static bool matches(const char *pattern, const char *name, size_t n)
{
	size_t len = strlen(pattern);
	if (len && pattern[len - 1] == '*')
		return n >= len - 1 && strncmp(pattern, name, len - 1) == 0;
	return n == len && strncmp(pattern, name, n) == 0;
}

static bool listed(const char *const *patterns, const char *name, size_t n)
{
	for (; patterns && *patterns; patterns++)
		if (matches(*patterns, name, n))
			return true;
	return false;
}

bool gk_env_never(const char *name, size_t n)
{
	return listed(never, name, n);
}

/* Whether what a pattern stands for is all in a list: a name, or a name's beginning with * behind
 * it. */
static bool covered(const char *const *list, const char *pattern)
{
	size_t n = strlen(pattern);
	bool star = n && pattern[n - 1] == '*';
	for (; *list; list++) {
		size_t len = strlen(*list);
		bool wide = (*list)[len - 1] == '*';
		if (wide ? n - star >= len - 1 && strncmp(pattern, *list, len - 1) == 0 :
			   !star && strcmp(pattern, *list) == 0)
			return true;
	}
	return false;
}

bool gk_env_pass_is_vain(const char *pattern)
{
	return covered(never, pattern) || covered(own, pattern);
}

/* Where the variable named by n bytes at name is, or env->n. */
static size_t env_find(const struct env *env, const char *name, size_t n)
{
	size_t i = 0;
	while (i < env->n && (strncmp(env->vars[i], name, n) != 0 || env->vars[i][n] != '='))
		i++;
	return i;
}

/* Sets NAME=value, replacing what was there. Over the bounds it is left out. */
static void env_put(struct env *env, const char *assignment)
{
	if (!assignment) {
		env->failed = true;
		return;
	}
	size_t i = env_find(env, assignment, strcspn(assignment, "="));
	size_t len = strlen(assignment) + 1, old = i < env->n ? strlen(env->vars[i]) + 1 : 0;
	if (len > GK_ENV_VALUE_BYTES || env->bytes - old + len > GK_ENV_BYTES || i == GK_ENV_VARS)
		return;
	env->vars[i] = assignment;
	env->bytes += len - old;
	env->n += i == env->n;
}

static void env_set(struct env *env, const char *name, const char *value)
{
	if (value)
		env_put(env, gk_arena_printf(env->arena, "%s=%s", name, value));
}

/* The client's command: any bytes, as one string, however long. A wrapper that does not find it
 * would take the login for one without a command, so one that is too long fails in execve(2), and
 * nothing runs. To be called while there are few variables. */
static void env_set_command(struct env *env, const char *command)
{
	const char *assignment =
		command ? gk_arena_printf(env->arena, "SSH_ORIGINAL_COMMAND=%s", command) : NULL;
	if (command && !assignment)
		env->failed = true;
	else if (assignment)
		env->vars[env->n++] = assignment;
}

/* The caller's value of a variable, or NULL. */
static const char *caller_value(const char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* Values that programs look up in tables or put into paths: nothing but plain characters. */
static bool plain_value(const char *s)
{
	size_t n = 0;
	while (gk_is_alnum(s[n]) || (s[n] && strchr("._@:+-", s[n])))
		n++;
	return n && !s[n] && n <= 64 && s[0] != '.';
}

/* What sshd says about the connection: addresses and ports. */
static void pass_connection(struct env *env, const char *const *caller, const char *name)
{
	const char *value = caller_value(caller, name);
	if (value && !gk_has_control(value) && strlen(value) < 256)
		env_set(env, name, value);
}

/* Whether the policy's list lets a name through. A list that says * means the caller's own
 * variables, never what gocker decides. */
static bool policy_passes(const struct gk_policy *policy, const char *name, size_t n)
{
	return !listed(never, name, n) && !listed(own, name, n) &&
		listed(policy->env_pass, name, n);
}

static void pass_caller(struct env *env, const char *const *caller, const struct gk_policy *policy)
{
	for (; caller && *caller; caller++) {
		size_t n = strcspn(*caller, "=");
		if (!(*caller)[n] || !gk_value_env_name_ok(*caller, n) ||
			env_find(env, *caller, n) < env->n)
			continue;
		if (listed(always, *caller, n) ? plain_value(*caller + n + 1) :
						 policy_passes(policy, *caller, n))
			env_put(env, gk_arena_strdup(env->arena, *caller));
	}
}

static bool is_path(const char *assignment)
{
	return strncmp(assignment, "PATH=", 5) == 0;
}

/* The image chooses which of its programs are found, never one of the directory a user is in. */
static bool absolute_dirs(const char *path)
{
	for (;; path++) {
		if (*path != '/')
			return false;
		path += strcspn(path, ":");
		if (!*path)
			return true;
	}
}

bool gk_env_from_image(const struct gk_policy *policy, const char *assignment)
{
	size_t n = strcspn(assignment, "=");
	if (!assignment[n] || !gk_value_env_name_ok(assignment, n) ||
		gk_has_control(assignment + n + 1) || !listed(policy->image_env, assignment, n))
		return false;
	if (is_path(assignment))
		return absolute_dirs(assignment + 5);
	return !listed(never, assignment, n) && !listed(own, assignment, n);
}

/* What the image's config sets, where nothing of the caller's has the name; PATH in place of
 * gocker's default. */
static void take_image(struct env *env, const char *const *image, const struct gk_policy *policy)
{
	for (; image && *image; image++)
		if (gk_env_from_image(policy, *image) &&
			(is_path(*image) || env_find(env, *image, strcspn(*image, "=")) == env->n))
			env_put(env, gk_arena_strdup(env->arena, *image));
}

/* Behind the PAM door sshd itself is inside, and its terminal, its X11 display and its file of how
 * the user has shown who he is are as it says. */
static void set_ssh(struct env *env, const struct gk_request *request)
{
	pass_connection(env, request->env, "SSH_CONNECTION");
	pass_connection(env, request->env, "SSH_CLIENT");
	if (request->door == GK_DOOR_PAM) {
		pass_connection(env, request->env, "SSH_TTY");
		pass_connection(env, request->env, "SSH_USER_AUTH");
		if (caller_value(request->env, "SSH_CONNECTION"))
			pass_connection(env, request->env, "DISPLAY");
	} else if (request->tty == GK_TTY_TAKEOVER && caller_value(request->env, "SSH_TTY"))
		env_set(env, "SSH_TTY", "/dev/console");
	env_set_command(env, caller_value(request->env, "SSH_ORIGINAL_COMMAND"));
}

const char *const *gk_env_make(const struct gk_request *request, const struct gk_policy *policy,
	const struct gk_env_facts *facts, struct gk_arena *arena)
{
	struct env env = { .arena = arena };
	env.vars = gk_arena_array(arena, GK_ENV_VARS + 1, sizeof *env.vars);
	if (!env.vars)
		return NULL;
	env_set(&env, "HOME", facts->home);
	env_set(&env, "USER", facts->user);
	env_set(&env, "LOGNAME", facts->user);
	env_set(&env, "SHELL", facts->shell);
	env_set(&env, "PATH", DEFAULT_PATH);
	if (request->door != GK_DOOR_RUN)
		set_ssh(&env, request);
	env_set(&env, "SSH_AUTH_SOCK", facts->agent);
	pass_caller(&env, request->env, policy);
	take_image(&env, request->image_env, policy);
	for (const char *const *set = policy->env_set; set && *set; set++)
		env_put(&env, *set);
	return env.failed ? NULL : env.vars;
}
