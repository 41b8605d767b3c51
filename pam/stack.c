#include "stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "plan/text.h"

enum { FILE_MOST_BYTES = 1 << 20, DEPTH_MOST = 16 };

struct reading {
	struct gk_arena *arena;
	struct gk_pam_stack *stack;
	size_t cap;
	struct gk_err *err;
};

/* Where in the recursion: how many includes deep, and how many substacks (pam.d(5)). */
struct at {
	int depth, level;
};

static int read_service(struct reading *r, const char *service, char only, struct at at);

/* The next word, or a whole [...] or the rest of the line for the last one. */
static char *next_word(char **p)
{
	char *word = *p + strspn(*p, " \t");
	size_t len = word[0] == '[' ? strcspn(word, "]") + 1 : strcspn(word, " \t");
	if (len > strlen(word))
		len = strlen(word);
	*p = word + len;
	if (**p)
		*(*p)++ = '\0';
	return word;
}

static char type_of(const char *word)
{
	word += *word == '-';
	return strcasecmp(word, "auth") == 0      ? 'a' :
		strcasecmp(word, "account") == 0  ? 'c' :
		strcasecmp(word, "session") == 0  ? 's' :
		strcasecmp(word, "password") == 0 ? 'p' :
						    '\0';
}

static int add(struct reading *r, char type, const char *control, const char *module, char *args,
	int level)
{
	struct gk_pam_stack *s = r->stack;
	const char *base = strrchr(module, '/');
	s->lines = gk_grow(r->arena, s->lines, s->n, &r->cap, sizeof *s->lines);
	if (!s->lines)
		return gk_fail_errno(r->err, -ENOMEM, "PAM stack");
	s->lines[s->n++] = (struct gk_pam_line){ type,
		strcmp(control, "required") != 0 && strcmp(control, "requisite") != 0, control,
		base ? base + 1 : module, args + strspn(args, " \t"), level };
	return 0;
}

static int read_line(struct reading *r, char *line, char only, struct at at)
{
	line[strcspn(line, "#")] = '\0';
	char *p = line, *first = next_word(&p);
	if (!*first)
		return 0;
	if (strcmp(first, "@include") == 0)
		return read_service(r, next_word(&p), only, (struct at){ at.depth + 1, at.level });
	char type = type_of(first);
	char *control = next_word(&p), *module = next_word(&p);
	if (!type || !*module || (only && only != type))
		return 0;
	int deeper = strcasecmp(control, "substack") == 0;
	if (deeper || strcasecmp(control, "include") == 0)
		return read_service(
			r, module, type, (struct at){ at.depth + 1, at.level + deeper });
	return add(r, type, control, module, p, at.level);
}

/* A backslash at the end joins two lines. */
static void join_lines(char *line)
{
	for (char *p = line; (p = strstr(p, "\\\n")); p += 2)
		p[0] = p[1] = ' ';
	line[strcspn(line, "\n")] = '\0';
}

bool gk_pam_line_gives(char *line, char type, struct gk_arena *arena)
{
	struct gk_pam_stack stack = { 0 };
	struct gk_err ignored = GK_ERR_INIT;
	struct reading r = { arena, &stack, 0, &ignored };
	join_lines(line);
	(void)read_line(&r, line, type, (struct at){ 0, 0 });
	return stack.n > 0;
}

bool gk_pam_line_names(char *line, const char *module)
{
	join_lines(line);
	line[strcspn(line, "#")] = '\0';
	char *p = line, *first = next_word(&p);
	if (!type_of(first))
		return false;
	(void)next_word(&p); /* its control */
	const char *path = next_word(&p), *base = strrchr(path, '/');
	return strcmp(base ? base + 1 : path, module) == 0;
}

static int open_service(const char *service)
{
	static const char *const dirs[] = { "/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d" };
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		char path[512];
		snprintf(path, sizeof path, "%s/%s", dirs[i], service);
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 || errno != ENOENT)
			return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

static int read_service(struct reading *r, const char *service, char only, struct at at)
{
	char *text;
	size_t size;
	gk_autoclose int fd = at.depth > DEPTH_MOST ? -ELOOP : open_service(service);
	if (fd < 0)
		return gk_fail_errno(r->err, fd, "PAM service %s", service);
	int e = gk_read_all(fd, FILE_MOST_BYTES, r->arena, &text, &size, r->err);
	for (char *line = text, *end; e == 0 && line && *line; line = end) {
		end = strchr(line, '\n');
		/* A backslash at the end joins two lines. */
		while (end && end > line && end[-1] == '\\') {
			end[-1] = end[0] = ' ';
			end = strchr(end, '\n');
		}
		if (end)
			*end++ = '\0';
		e = read_line(r, line, only, at);
	}
	return e;
}

int gk_pam_stack_read(
	const char *service, struct gk_arena *arena, struct gk_pam_stack *ret, struct gk_err *err)
{
	*ret = (struct gk_pam_stack){ 0 };
	struct reading r = { arena, ret, 0, err };
	return read_service(&r, service, '\0', (struct at){ 0, 0 });
}

bool gk_pam_stack_has(const struct gk_pam_stack *stack, char type, const char *module)
{
	for (size_t i = 0; i < stack->n; i++)
		if (stack->lines[i].type == type && strcmp(stack->lines[i].module, module) == 0)
			return true;
	return false;
}

const char *gk_pam_stack_break_glass(const struct gk_pam_stack *stack, struct gk_arena *arena)
{
	static const char option[] = "break_glass=";
	const char *found = NULL;
	for (size_t i = 0; i < stack->n; i++) {
		const struct gk_pam_line *l = &stack->lines[i];
		const char *at = strstr(l->args, option);
		if (l->type != 's' || strcmp(l->module, "pam_gocker.so") != 0)
			continue;
		at = at ? at + sizeof option - 1 : NULL;
		found = at ? gk_arena_printf(arena, "%.*s", (int)strcspn(at, " \t"), at) : NULL;
	}
	return found;
}

static bool is_outer(const struct gk_pam_line *line)
{
	return strncmp(line->args, "outer", 5) == 0;
}

/* Modules that may stand before `outer`: they open no session of their own. */
static bool opens_nothing(const char *module)
{
	static const char *const names[] = { "pam_selinux.so", "pam_loginuid.so", "pam_permit.so",
		"pam_deny.so", "pam_env.so", "pam_limits.so", "pam_nologin.so" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(module, names[i]) == 0)
			return true;
	return false;
}

/* Modules that do no harm inside, where they find the image's files: they open nothing on the host
 * that would stay open, or be closed in the wrong place. Debian's stack of sshd has these behind
 * the profiles of pam-auth-update, and pam_keyinit before them. */
static bool may_run_inside(const char *module)
{
	static const char *const names[] = { "pam_motd.so", "pam_mail.so", "pam_lastlog.so",
		"pam_umask.so", "pam_keyinit.so" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(module, names[i]) == 0)
			return true;
	return opens_nothing(module);
}

/* Whether a line can end the stack, or jump so far, that the last line is never reached: the login
 * would go on with a container made and not entered. `left` is how many session lines come after it
 * up to the last of gocker's. */
static bool can_skip(const char *control, size_t left)
{
	if (strcmp(control, "sufficient") == 0 || strstr(control, "=done"))
		return true;
	for (const char *p = control; (p = strchr(p, '=')); p++)
		if (gk_is_digit(p[1]) && strtoul(p + 1, NULL, 10) >= left)
			return true;
	return false;
}

static int check_reach(const char *service, const struct gk_pam_stack *s, struct gk_err *err)
{
	size_t left = 0;
	for (size_t i = s->n; i-- > 0;) {
		const struct gk_pam_line *l = &s->lines[i];
		if (l->type != 's')
			continue;
		if (strcmp(l->module, "pam_gocker.so") == 0 && is_outer(l))
			break;
		if (left && can_skip(l->control, left))
			return gk_fail(err, -EINVAL,
				"/etc/pam.d/%s: %s (%s) can end the stack before `pam_gocker.so`, and the "
				"login would go on uncontained",
				service, l->module, l->control);
		left++;
	}
	return 0;
}

/* What stands on the wrong side of gocker's lines: the first that must not, else the first at all.
 */
struct misplaced {
	const char *early, *late;
};

static void misplace(const char **first, const char *module)
{
	if (!*first || (may_run_inside(*first) && !may_run_inside(module)))
		*first = module;
}

/* Counts gocker's lines, and notes what is before the one and after the other. */
static int read_order(const char *service, const struct gk_pam_stack *s, struct misplaced *ret,
	struct gk_err *err)
{
	int outer = 0, inner = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct gk_pam_line *l = &s->lines[i];
		if (l->type != 's')
			continue;
		if (strcmp(l->module, "pam_gocker.so") != 0) {
			if (!outer && !opens_nothing(l->module))
				misplace(&ret->early, l->module);
			if (inner)
				misplace(&ret->late, l->module);
			continue;
		}
		if (l->optional)
			return gk_fail(err, -EINVAL,
				"/etc/pam.d/%s: a session line of pam_gocker.so is not `required`: a "
				"login goes on uncontained where it fails",
				service);
		*(is_outer(l) ? &outer : &inner) += 1;
	}
	if (!outer && !inner)
		return gk_fail(err, -ENOENT, "/etc/pam.d/%s has no session line of pam_gocker.so",
			service);
	if (outer != 1 || inner != 1)
		return gk_fail(err, -EINVAL,
			"/etc/pam.d/%s: wants `pam_gocker.so outer` once and `pam_gocker.so` once",
			service);
	return 0;
}

static int check_order(const char *service, const struct gk_pam_stack *s, struct gk_err *err)
{
	struct misplaced m = { NULL, NULL };
	int r = read_order(service, s, &m, err);
	if (r < 0)
		return r;
	if (m.early && !may_run_inside(m.early))
		return gk_fail(err, -EINVAL, "/etc/pam.d/%s: %s comes before `pam_gocker.so outer`",
			service, m.early);
	if (m.late) {
		r = gk_fail(err, -EINVAL,
			"/etc/pam.d/%s: %s comes after `pam_gocker.so`, and would run inside",
			service, m.late);
		return may_run_inside(m.late) ? 1 : r;
	}
	if (m.early)
		(void)gk_fail(err, -EINVAL,
			"/etc/pam.d/%s: %s comes before `pam_gocker.so outer`, and "
			"would close inside",
			service, m.early);
	return m.early ? 1 : 0;
}

int gk_pam_stack_judge(const char *service, struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	struct gk_pam_stack stack;
	struct gk_err reach = GK_ERR_INIT;
	int r = gk_pam_stack_read(service, &arena, &stack, err);
	if (r == 0)
		r = check_order(service, &stack, err);
	int out = r < 0 ? r : check_reach(service, &stack, &reach);
	if (r >= 0 && out < 0)
		*err = reach;
	return out < 0 ? out : r;
}

int gk_pam_stack_check(const char *service, struct gk_err *err)
{
	int r = gk_pam_stack_judge(service, err);
	return r > 0 ? -EINVAL : r;
}
