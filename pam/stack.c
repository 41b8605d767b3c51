#include "pam/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "plan/text.h"

enum { FILE_MOST_BYTES = 1 << 20, DEPTH_MOST = 15, UNSET = 1000000001, JUMP_DIGITS = 9 };

/* ---- lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool has_control_sign(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return true;
	return false;
}

/* Behind the text of a line that ends in a backslash, blanks behind it or not; 0 where it ends
 * otherwise. */
static size_t before_backslash(const char *p, size_t len)
{
	while (len > 0 && is_blank(p[len - 1]))
		len--;
	return len > 0 && p[len - 1] == '\\' ? len : 0;
}

static int unsure(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

/* 1.5 reads at most 1,023 bytes at once, and takes the rest for the next line. It skips a comment
 * or a blank line behind a backslash, where 1.7 ends the line. A comment's backslash joins nothing.
 */
int gk_pam_next_line(struct gk_pam_text *t, char line[GK_PAM_LINE_BYTES + 1], const char **why)
{
	size_t used = 0, bytes = 0;
	line[0] = '\0';
	if (!*t->at)
		return 0;
	for (size_t joined = 0; joined == 0 || *t->at; joined++) {
		const char *p = t->at;
		size_t len = strcspn(p, "\n"), text = strcspn(p, "#\n"), skip = strspn(p, " \t");
		bytes += len + 1;
		t->at += len + (p[len] == '\n');
		t->line++;
		if (bytes > GK_PAM_LINE_BYTES)
			return unsure(why, "a line of more than 1000 bytes");
		if (has_control_sign(p, len))
			return unsure(why, "a control character");
		if (joined && skip >= text)
			return unsure(why, "a comment or an empty line within a continued line");
		size_t end = text < len ? 0 : before_backslash(p, len);
		size_t take = end ? end - 1 : text;
		if (take > skip)
			memcpy(line + used, p + skip, take - skip);
		used += take > skip ? take - skip : 0;
		if (end)
			line[used++] = ' ';
		line[used] = '\0';
		if (!end) {
			if (line[strspn(line, " \t")] == '\0')
				line[0] = '\0';
			return 1;
		}
	}
	return unsure(why, "a backslash at the end of the file");
}

/* ---- words ---- */

/* A word in brackets goes on to the first `]` that has no backslash before it. */
static char *bracketed(char *word, char **rest)
{
	char *from = word, *to = word;
	while (*from && *from != ']') {
		if (from[0] == '\\' && from[1] == ']')
			from++;
		*to++ = *from++;
	}
	*rest = from[0] && from[1] ? from + 1 : NULL;
	*to = '\0';
	return word;
}

/* The next word, NULL where there is none; *rest is NULL behind the last one. */
static char *next_word(char **rest)
{
	char *word = *rest ? *rest + strspn(*rest, " \t") : NULL;
	if (!word || !*word)
		return *rest = NULL;
	if (*word == '[')
		return bracketed(word + 1, rest);
	char *end = word + strcspn(word, " \t");
	*rest = end[0] && end[1] ? end + 1 : NULL;
	*end = '\0';
	return word;
}

static char type_of(const char *word)
{
	static const char *const names[] = { "auth", "account", "session", "password" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(word, names[i]) == 0)
			return "acsp"[i];
	return '\0';
}

/* ---- controls ---- */

static const char *const returns[GK_PAM_RETURNS + 1] = { "success", "open_err", "symbol_err",
	"service_err", "system_err", "buf_err", "perm_denied", "auth_err", "cred_insufficient",
	"authinfo_unavail", "user_unknown", "maxtries", "new_authtok_reqd", "acct_expired",
	"session_err", "cred_unavail", "cred_expired", "cred_err", "no_module_data", "conv_err",
	"authtok_err", "authtok_recover_err", "authtok_lock_busy", "authtok_disable_aging",
	"try_again", "ignore", "abort", "authtok_expired", "module_unknown", "bad_item",
	"conv_again", "incomplete", "default" };

static void set_rest(int *actions, int action)
{
	for (int i = 0; i < GK_PAM_RETURNS; i++)
		if (actions[i] == UNSET)
			actions[i] = action;
}

static void set_all(int *actions, int action)
{
	for (int i = 0; i < GK_PAM_RETURNS; i++)
		actions[i] = action;
}

/* The first of n names that the text begins with; *text is then behind it. n: none. */
static size_t take_name(const char **text, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);
		if (strncmp(*text, names[i], len) != 0)
			continue;
		*text += len;
		return i;
	}
	return n;
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* One `value=action`. Returns 1, 0 for one that libpam finds wrong, or -EINVAL for a number that
 * its versions take for different ones. */
static int take_pair(const char **text, int *actions)
{
	static const char *const names[] = { "ignore", "ok", "done", "bad", "die", "reset" };
	enum { NAMES = sizeof names / sizeof *names };
	size_t which = take_name(text, returns, GK_PAM_RETURNS + 1);
	if (which > GK_PAM_RETURNS || *(*text = skip_blanks(*text)) != '=')
		return 0;
	*text = skip_blanks(*text + 1);
	size_t name = take_name(text, names, NAMES);
	int action = -(int)name;
	if (name == NAMES) {
		size_t digits = strspn(*text, "0123456789");
		if (digits > JUMP_DIGITS)
			return -EINVAL;
		action = (int)strtol(*text, NULL, 10);
		*text += digits;
		if (action == 0)
			return 0;
	}
	if (which == GK_PAM_RETURNS)
		set_rest(actions, action);
	else
		actions[which] = action;
	return 1;
}

/* A key given twice: the last one counts, but for `default`, which takes what is not set yet. */
static int read_values(const char *text, int *actions)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p >= 0x80) /* isspace(3) depends on the daemon's locale */
			return -EINVAL;
	for (text = skip_blanks(text); *text; text = skip_blanks(text)) {
		int r = take_pair(&text, actions);
		if (r < 0)
			return r;
		if (r == 0)
			set_all(actions, GK_PAM_DO_BAD);
		if (r == 0)
			return 0;
	}
	set_rest(actions, GK_PAM_DO_BAD);
	return 0;
}

static int read_control(const char *word, int *actions)
{
	enum { NEW_AUTHTOK_REQD = 12 };
	bool required = strcasecmp(word, "required") == 0,
	     requisite = strcasecmp(word, "requisite") == 0;
	bool optional = strcasecmp(word, "optional") == 0;
	bool sufficient = strcasecmp(word, "sufficient") == 0;
	set_all(actions, UNSET);
	if (!required && !requisite && !optional && !sufficient)
		return read_values(word, actions);
	actions[GK_PAM_SUCCESS] = actions[NEW_AUTHTOK_REQD] =
		sufficient ? GK_PAM_DO_DONE : GK_PAM_DO_OK;
	if (required || requisite)
		actions[GK_PAM_IGNORE] = GK_PAM_DO_IGNORE;
	set_rest(actions, required ? GK_PAM_DO_BAD : requisite ? GK_PAM_DO_DIE : GK_PAM_DO_IGNORE);
	return 0;
}

/* ---- files ---- */

struct reader {
	const char *confdir;
	struct gk_arena *arena;
	struct gk_pam_stack *stack;
	size_t cap;
	struct gk_err *err;
};

/* Where in the recursion: the file, its line, the one type that is asked for, how many includes
 * deep, and how many substacks. */
struct at {
	const char *path;
	unsigned line;
	char only;
	int depth, level;
};

static int read_file(struct reader *r, const char *name, struct at at);

static int cannot_tell(struct reader *r, const struct at *at, const char *why)
{
	return gk_fail(r->err, -EINVAL, "%s, line %u: %s: libpam may read it in another way",
		at->path, at->line, why);
}

static int add(struct reader *r, const struct gk_pam_line *line)
{
	struct gk_pam_stack *s = r->stack;
	s->lines = gk_grow(r->arena, s->lines, s->n, &r->cap, sizeof *s->lines);
	if (!s->lines)
		return gk_fail_errno(r->err, -ENOMEM, "PAM stack");
	s->lines[s->n++] = *line;
	return 0;
}

/* libpam gives up on a name that has nothing before its last dot, and on "?". */
static int set_module(
	struct reader *r, struct gk_pam_line *line, const char *path, const struct at *at)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t len = dot ? (size_t)(dot - base) : strlen(base);
	line->path = gk_arena_strdup(r->arena, path);
	if (!line->path)
		return gk_fail_errno(r->err, -ENOMEM, "PAM stack");
	line->module = line->path + (base - path);
	return len == 0 || (len == 1 && *base == '?') ?
		cannot_tell(r, at, "a module without a name") :
		0;
}

static int set_args(struct reader *r, struct gk_pam_line *line, char *rest)
{
	const char **args = NULL;
	size_t cap = 0;
	for (const char *word; (word = next_word(&rest));) {
		args = gk_grow(r->arena, args, line->nargs, &cap, sizeof *args);
		const char *copy = args ? gk_arena_strdup(r->arena, word) : NULL;
		if (!copy)
			return gk_fail_errno(r->err, -ENOMEM, "PAM stack");
		args[line->nargs++] = copy;
	}
	line->args = args;
	return 0;
}

static int add_faulty(struct reader *r, struct gk_pam_line *line)
{
	line->kind = GK_PAM_FAULTY;
	line->path = line->module = "a malformed line";
	return add(r, line);
}

/* Debian's own, which takes lines of all types. */
static int take_debian_include(struct reader *r, const char *word, char *rest, struct at at)
{
	const char *name = next_word(&rest);
	if (strcmp(word, "@include") != 0 || !name || next_word(&rest))
		return cannot_tell(r, &at, word);
	int e = read_file(r, name, at);
	return e == -ENOENT ? cannot_tell(r, &at, "an @include of a file that is not there") : e;
}

static int take_include(
	struct reader *r, struct gk_pam_line *line, const char *name, bool substack, struct at at)
{
	struct gk_pam_line begin = *line;
	begin.kind = GK_PAM_SUBSTACK;
	int e = substack ? set_module(r, &begin, name ? name : "unknown", &at) : 0;
	if (e == 0 && substack)
		e = add(r, &begin);
	if (e < 0)
		return e;
	at.only = line->type;
	at.level += substack;
	e = name ? read_file(r, name, at) : -ENOENT;
	if (e != -ENOENT)
		return e;
	gk_err_clear(r->err);
	set_all(line->actions, GK_PAM_DO_BAD);
	return add_faulty(r, line);
}

/* A type that is none makes the line one of the type asked for, else of auth, that fails. */
static int take_line(struct reader *r, char *text, struct at at)
{
	char *rest = text;
	const char *word = next_word(&rest), *control, *path;
	struct gk_pam_line line = { .kind = GK_PAM_MODULE, .level = at.level };
	if (!word)
		return 0;
	bool dash = *word == '-';
	if (strcasecmp(word + dash, "@include") == 0)
		return take_debian_include(r, word, rest, at);
	line.type = type_of(word + dash);
	if (!line.type)
		line = (struct gk_pam_line){ at.only ? at.only : 'a', .kind = GK_PAM_FAULTY,
			.level = at.level };
	if (at.only && line.type != at.only)
		return 0;
	control = next_word(&rest);
	set_all(line.actions, GK_PAM_DO_BAD);
	if (!control)
		return add_faulty(r, &line);
	bool substack = strcasecmp(control, "substack") == 0;
	if (substack || strcasecmp(control, "include") == 0)
		return take_include(r, &line, next_word(&rest), substack, at);
	line.control = gk_arena_strdup(r->arena, control);
	if (!line.control)
		return gk_fail_errno(r->err, -ENOMEM, "PAM stack");
	if (read_control(control, line.actions) < 0)
		return cannot_tell(r, &at, control);
	path = next_word(&rest);
	if (!path)
		return add_faulty(r, &line);
	int e = set_module(r, &line, path, &at);
	if (e == 0)
		e = set_args(r, &line, rest);
	return e < 0 ? e : line.kind == GK_PAM_FAULTY ? add_faulty(r, &line) : add(r, &line);
}

/* Where a file is. libpam may have been built with a vendor's directory as well: what is in that
 * alone can't be told. */
static int open_file(const struct reader *r, const char *name, char *path, size_t size)
{
	static const char *const dirs[] = { "/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d",
		"/usr/share/pam.d" };
	enum { DIRS = sizeof dirs / sizeof *dirs, SURE = 2 };
	bool one = r->confdir || name[0] == '/';
	for (size_t i = 0; i < (one ? 1 : DIRS); i++) {
		int n = snprintf(path, size, "%s%s%s",
			name[0] == '/' ? "" :
				one    ? r->confdir :
					 dirs[i],
			name[0] == '/' ? "" : "/", name);
		if (n < 0 || (size_t)n >= size)
			return -ENAMETOOLONG;
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && i >= SURE) {
			(void)close(fd);
			return -EINVAL;
		}
		if (fd >= 0 || errno != ENOENT)
			return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

static int read_file(struct reader *r, const char *name, struct at at)
{
	char path[PATH_MAX], line[GK_PAM_LINE_BYTES + 1], *text;
	const char *why = "";
	size_t size;
	path[0] = '\0';
	if (++at.depth > DEPTH_MOST)
		return cannot_tell(r, &at, "includes too deep");
	gk_autoclose int fd = open_file(r, name, path, sizeof path);
	if (fd == -EINVAL)
		return gk_fail(r->err, fd,
			"%s: whether libpam reads it depends on how it was built", path);
	if (fd < 0)
		return gk_fail_errno(r->err, fd, "PAM service %s", name);
	int e = gk_read_all(fd, FILE_MOST_BYTES, r->arena, &text, &size, r->err);
	if (e < 0)
		return e == -ENOENT ? -EIO : e;
	at.path = gk_arena_strdup(r->arena, path);
	if (!at.path)
		return gk_fail_errno(r->err, -ENOMEM, "PAM stack");
	struct gk_pam_text t = { .at = text };
	if (strlen(text) != size)
		return cannot_tell(r, &at, "a NUL byte");
	while ((e = gk_pam_next_line(&t, line, &why)) > 0) {
		at.line = t.line;
		e = take_line(r, line, at);
		if (e < 0)
			return e;
	}
	at.line = t.line;
	return e < 0 ? cannot_tell(r, &at, why) : 0;
}

int gk_pam_stack_read(const char *confdir, const char *service, struct gk_arena *arena,
	struct gk_pam_stack *ret, struct gk_err *err)
{
	*ret = (struct gk_pam_stack){ 0 };
	struct reader r = { confdir, arena, ret, 0, err };
	if (!*service || strchr(service, '/'))
		return gk_fail(err, -EINVAL, "'%s' is not a name of a PAM service", service);
	return read_file(&r, service, (struct at){ .path = service });
}

static void keep_type(struct gk_pam_stack *stack, char type)
{
	size_t kept = 0;
	for (size_t i = 0; i < stack->n; i++)
		if (stack->lines[i].type == type)
			stack->lines[kept++] = stack->lines[i];
	stack->n = kept;
}

int gk_pam_chain_read(const char *confdir, const char *service, char type, struct gk_arena *arena,
	struct gk_pam_stack *ret, struct gk_err *err)
{
	int r = gk_pam_stack_read(confdir, service, arena, ret, err);
	keep_type(ret, type);
	if (r == -ENOENT || (r == 0 && ret->n == 0)) {
		gk_err_clear(err);
		r = gk_pam_stack_read(confdir, "other", arena, ret, err);
		keep_type(ret, type);
	}
	return r;
}

/* ---- single lines ---- */

bool gk_pam_line_gives(char *line, char type, struct gk_arena *arena)
{
	struct gk_pam_stack stack = { 0 };
	struct gk_err ignored = GK_ERR_INIT;
	struct reader r = { NULL, arena, &stack, 0, &ignored };
	(void)take_line(&r, line, (struct at){ .path = "", .only = type });
	return stack.n > 0;
}

bool gk_pam_line_names(char *line, const char *module)
{
	char *rest = line;
	const char *word = next_word(&rest);
	if (!word || !type_of(word + (*word == '-')) || !next_word(&rest))
		return false;
	const char *path = next_word(&rest), *slash = path ? strrchr(path, '/') : NULL;
	return path && strcmp(slash ? slash + 1 : path, module) == 0;
}
