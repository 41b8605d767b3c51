/* `outer` alone contains nobody. Whether the last line is sure to follow is read in the stack
 * before the login goes on: pam.conf(5) says how libpam goes through it. What can't be read for
 * sure is refused. */
#include "keeper.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stack.h"

/* The session lines of a service, and where in them gocker's are. */
struct way {
	const struct gk_pam_line **lines;
	size_t n;
	size_t outer, last; /* n: there is none */
};

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		size_t n = strcspn(text, " \t");
		if (n == len && strncmp(text, word, n) == 0)
			return true;
		text += n;
	}
	return false;
}

/* libpam takes the service `other` for a type that the service's own file has no line of. */
static int read_way(struct gk_keeper *k, const char *service, struct way *way, struct gk_err *err)
{
	struct gk_pam_stack stack;
	int r = gk_pam_stack_read(service, &k->arena, &stack, err);
	if (r < 0)
		return r;
	/* An array of pointers is meant. NOLINTNEXTLINE(bugprone-sizeof-expression) */
	way->lines = gk_arena_array(&k->arena, stack.n + 1, sizeof *way->lines);
	if (!way->lines)
		return gk_fail_errno(err, -ENOMEM, "PAM stack");
	way->n = 0;
	for (size_t i = 0; i < stack.n; i++)
		if (stack.lines[i].type == 's')
			way->lines[way->n++] = &stack.lines[i];
	return 0;
}

static void find_ours(struct way *way)
{
	way->outer = way->last = way->n;
	for (size_t i = 0; i < way->n; i++) {
		if (strcmp(way->lines[i]->module, "pam_gocker.so") != 0)
			continue;
		bool outer = has_word(way->lines[i]->args, "outer");
		if (outer && way->outer == way->n)
			way->outer = i;
		else if (!outer && way->outer < i && way->last == way->n)
			way->last = i;
	}
}

/* Where a stack goes on after `done` in line i: after the substack that the line is in. */
static size_t after_done(const struct way *way, size_t i)
{
	int level = way->lines[i]->level;
	if (level == 0)
		return way->n;
	while (i < way->n && way->lines[i]->level >= level)
		i++;
	return i;
}

/* And after a jump over n modules: a substack counts as one. */
static size_t after_jump(const struct way *way, size_t i, unsigned long n)
{
	int level = way->lines[i]->level;
	for (i++; n > 0 && i < way->n && way->lines[i]->level >= level; n--)
		for (i++; i < way->n && way->lines[i]->level > level;)
			i++;
	return i;
}

/* The farthest line that can come after line i. */
static size_t farthest(const struct way *way, size_t i)
{
	const char *control = way->lines[i]->control;
	size_t far = i + 1;
	if (strcasecmp(control, "sufficient") == 0)
		return after_done(way, i);
	if (control[0] != '[')
		return far;
	while ((control = strchr(control, '='))) {
		control += 1 + strspn(control + 1, " \t");
		size_t to = isdigit((unsigned char)*control) ?
			after_jump(way, i, strtoul(control, NULL, 10)) :
			strncasecmp(control, "done", 4) == 0 ? after_done(way, i) :
							       0;
		far = to > far ? to : far;
	}
	return far;
}

/* Whether the login fails where this line says PAM_SESSION_ERR. */
static bool counts(const struct gk_pam_line *line)
{
	const char *c = line->control;
	if (c[0] != '[')
		return strcasecmp(c, "required") == 0 || strcasecmp(c, "requisite") == 0;
	const char *at = strcasestr(c, "session_err=");
	at = at ? at : strcasestr(c, "default=");
	at = at ? strchr(at, '=') + 1 : "";
	return strncasecmp(at, "bad", 3) == 0 || strncasecmp(at, "die", 3) == 0;
}

static int refuse(const struct gk_keeper *k, struct gk_err *err, const char *why, const char *what)
{
	gk_err_clear(err);
	gk_fail(err, -EINVAL,
		"the PAM stack of %s does not contain its logins, so this one is refused",
		k->question.service);
	gk_err_detail(err, "%s%s", why, what);
	return -EINVAL;
}

int gk_keeper_check_stack(struct gk_keeper *k, struct gk_err *err)
{
	struct way way = { 0 };
	const char *service = k->question.service;
	if (!*service || *service == '.' || strchr(service, '/'))
		return refuse(k, err, "the service has no name of a file", "");
	int r = read_way(k, service, &way, err);
	if (r == -ENOENT || (r == 0 && way.n == 0)) {
		gk_err_clear(err);
		r = read_way(k, "other", &way, err);
	}
	if (r < 0)
		return refuse(k, err, "the stack cannot be read: ", strerror(-r));
	find_ours(&way);
	if (way.outer == way.n)
		return refuse(k, err,
			"the stack that was read has no session line of pam_gocker.so "
			"with outer",
			"");
	if (way.last == way.n)
		return refuse(
			k, err, "no session line of pam_gocker.so follows the one with outer", "");
	for (size_t i = way.outer; i < way.last; i++)
		if (farthest(&way, i) > way.last)
			return refuse(k, err, "the last line of pam_gocker.so can be skipped by ",
				way.lines[i]->module);
	if (!counts(way.lines[way.last]))
		return refuse(k, err, "the last line of pam_gocker.so is not required", "");
	return 0;
}
