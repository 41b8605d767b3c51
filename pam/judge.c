/* Every way through the session lines of a stack is walked, with every return value of every
 * module, as libpam's dispatcher walks it (libpam/pam_dispatch.c). `outer` alone contains nobody: a
 * way that ends in success must have come by the last line of gocker's, which must have entered.
 * The same walk tells whether the refusal of an account line counts. */
#include "pam/judge.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "plan/text.h"

enum { LEVELS = 16, STATES_MOST = 50000, NO_LINE = UINT16_MAX };
enum { UNDECIDED, POSITIVE, NEGATIVE };

/* libpam between two lines. The values that it keeps for a substack are a bit for each level. */
struct state {
	uint16_t positive, negative, succeeds; /* kept when a substack of that level began */
	uint16_t culprit; /* the line that led past the last one, or undid a refusal */
	uint8_t impression, success, level, entered, refused, zero;
};

struct states {
	struct state *list;
	size_t n, cap;
};

struct walk {
	const struct gk_pam_stack *chain;
	size_t outer, last; /* chain->n: there is none */
	struct states *at;  /* of each line, and of the end */
	size_t total;
	struct gk_arena *arena;
};

static int reach(struct walk *w, size_t i, const struct state *s)
{
	struct states *to = &w->at[i];
	for (size_t k = 0; k < to->n; k++)
		if (memcmp(&to->list[k], s, sizeof *s) == 0)
			return 0;
	if (++w->total > STATES_MOST)
		return -E2BIG;
	to->list = gk_grow(w->arena, to->list, to->n, &to->cap, sizeof *to->list);
	if (!to->list)
		return -ENOMEM;
	to->list[to->n++] = *s;
	return 0;
}

static void keep_for_substack(struct state *s, int level)
{
	uint16_t bit = (uint16_t)(1U << level), deeper = (uint16_t)(bit - 1U);
	if (s->level < level) {
		s->positive =
			(uint16_t)((s->positive & ~bit) | (s->impression == POSITIVE ? bit : 0));
		s->negative =
			(uint16_t)((s->negative & ~bit) | (s->impression == NEGATIVE ? bit : 0));
		s->succeeds = (uint16_t)((s->succeeds & ~bit) | (s->success ? bit : 0));
	}
	deeper |= bit;
	s->positive &= deeper;
	s->negative &= deeper;
	s->succeeds &= deeper;
	s->level = (uint8_t)level;
}

static void reset(struct state *s)
{
	uint16_t bit = (uint16_t)(1U << s->level);
	s->impression = s->positive & bit ? POSITIVE : s->negative & bit ? NEGATIVE : UNDECIDED;
	s->success = (s->succeeds & bit) != 0;
}

/* Behind the substack that line i is in, or behind all. */
static size_t after_done(const struct gk_pam_stack *chain, size_t i)
{
	int level = chain->lines[i].level;
	while (i + 1 < chain->n && chain->lines[i + 1].level >= level)
		i++;
	return i + 1;
}

/* Behind n lines; a substack counts as one. *left: how many there were not. */
static size_t after_jump(const struct gk_pam_stack *chain, size_t i, int n, int *left)
{
	int level = chain->lines[i].level;
	for (; i + 1 < chain->n && chain->lines[i + 1].level >= level && n > 0; n--)
		do
			i++;
		while (i + 1 < chain->n && chain->lines[i + 1].level > level);
	*left = n;
	return i + 1;
}

static size_t act(
	const struct gk_pam_stack *chain, size_t i, int action, bool succeeded, struct state *s)
{
	int left = 0;
	size_t to = i + 1;
	switch (action) {
	case GK_PAM_DO_IGNORE: break;
	case GK_PAM_DO_RESET: reset(s); break;
	case GK_PAM_DO_OK:
	case GK_PAM_DO_DONE:
		if (s->impression == UNDECIDED || (s->impression == POSITIVE && s->success)) {
			s->impression = POSITIVE;
			s->success = succeeded;
		}
		if (action == GK_PAM_DO_DONE && s->impression == POSITIVE)
			to = after_done(chain, i);
		break;
	case GK_PAM_DO_BAD:
	case GK_PAM_DO_DIE:
		if (s->impression != NEGATIVE) {
			s->impression = NEGATIVE;
			s->success = succeeded;
		}
		if (action == GK_PAM_DO_DIE)
			to = after_done(chain, i);
		break;
	default:
		to = after_jump(chain, i, action, &left);
		if (left) {
			s->impression = NEGATIVE;
			s->success = false;
		}
	}
	return to;
}

/* Whether a module can return it: gocker's returns success or a refusal, and after one no success.
 */
static bool can_return(const struct walk *w, size_t i, int value, const struct state *s)
{
	bool ours = i == w->outer || i == w->last;
	if (w->chain->lines[i].kind == GK_PAM_FAULTY)
		return value == GK_PAM_PERM_DENIED;
	if (ours)
		return value == GK_PAM_PERM_DENIED || (value == GK_PAM_SUCCESS && !s->refused);
	/* PAM_INCOMPLETE ends the walk at once, and not in success. */
	return value != GK_PAM_INCOMPLETE;
}

static int step(struct walk *w, size_t i, struct state before)
{
	const struct gk_pam_line *line = &w->chain->lines[i];
	keep_for_substack(&before, line->level);
	if (line->kind == GK_PAM_SUBSTACK)
		return reach(w, i + 1, &before);
	for (int value = 0; value <= GK_PAM_RETURNS; value++) {
		struct state s = before;
		/* Behind the last value: one that is none. libpam takes it for a failure. */
		int action = value < GK_PAM_RETURNS ? line->actions[value] : GK_PAM_DO_BAD;
		if (value < GK_PAM_RETURNS ?
				!can_return(w, i, value, &s) :
				line->kind == GK_PAM_FAULTY || i == w->outer || i == w->last)
			continue;
		size_t to = act(w->chain, i, action, value == GK_PAM_SUCCESS, &s);
		if (i == w->outer || i == w->last) {
			s.refused |= value != GK_PAM_SUCCESS;
			s.entered |= i == w->last && value == GK_PAM_SUCCESS;
		} else if ((i < w->last && to > w->last) ||
			(action == GK_PAM_DO_RESET && s.refused)) {
			s.culprit = (uint16_t)i;
		}
		int r = reach(w, to, &s);
		if (r < 0)
			return r;
	}
	return 0;
}

static int walk_all(struct walk *w)
{
	struct state first = { .culprit = NO_LINE };
	w->at = gk_arena_array(w->arena, w->chain->n + 1, sizeof *w->at);
	if (!w->at)
		return -ENOMEM;
	int r = reach(w, 0, &first);
	for (size_t i = 0; r == 0 && i < w->chain->n; i++)
		for (size_t k = 0; r == 0 && k < w->at[i].n; k++)
			r = step(w, i, w->at[i].list[k]);
	return r;
}

/* ---- the verdict on the walk ---- */

static bool counts(const struct gk_pam_line *line)
{
	int action = line->actions[GK_PAM_PERM_DENIED];
	return action == GK_PAM_DO_BAD || action == GK_PAM_DO_DIE;
}

/* Walks every way. Returns 0 with *ret a way that ends in success without the last line, or after a
 * refusal, and *by what leads there or NULL; *ret is NULL where there is none. Or -errno. */
static int find_way_round(struct walk *w, const char *service, const struct state **ret,
	const struct gk_pam_line **by, struct gk_err *err)
{
	int r = walk_all(w);
	*ret = NULL;
	if (r < 0)
		return gk_fail_errno(
			err, r, "PAM service %s: the stack cannot be examined", service);
	const struct states *end = &w->at[w->chain->n];
	for (size_t k = 0; k < end->n; k++) {
		const struct state *s = &end->list[k];
		if (s->impression != POSITIVE || !s->success || (s->entered && !s->refused))
			continue;
		*by = s->culprit == NO_LINE ? NULL : &w->chain->lines[s->culprit];
		*ret = s;
		break;
	}
	return 0;
}

static int check_ways(struct walk *w, const char *service, struct gk_err *err)
{
	const struct gk_pam_line *by = NULL;
	const struct state *s;
	int r = find_way_round(w, service, &s, &by, err);
	if (r < 0 || !s)
		return r;
	if (by && s->refused)
		return gk_fail(err, -EINVAL,
			"PAM service %s: a refusal by pam_gocker.so can be undone by %s [%s]",
			service, by->module, by->control ? by->control : "");
	return gk_fail(err, -EINVAL,
		"PAM service %s: the last line of pam_gocker.so can be skipped by %s (%s): the login "
		"would go on uncontained",
		service, by ? by->module : "the lines before it",
		by && by->control ? by->control : "-");
}

/* ---- order ---- */

static bool is_of(const char *module, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(module, *names) == 0)
			return true;
	return false;
}

/* Modules that open nothing that they would have to close, and start no process. */
static const char *const openers_of_nothing[] = { "pam_selinux.so", "pam_loginuid.so",
	"pam_permit.so", "pam_deny.so", "pam_env.so", "pam_limits.so", "pam_nologin.so", NULL };

/* The short list of those that may stand behind the last line: Debian's stack of sshd has these
 * behind common-session. */
static const char *const late_ones[] = { "pam_motd.so", "pam_mail.so", "pam_lastlog.so",
	"pam_umask.so", "pam_keyinit.so", NULL };

/* Those that may stand before `outer`, as common-session has them: their close starts no process.
 */
static const char *const early_ones[] = { "pam_unix.so", "pam_systemd.so", "pam_mkhomedir.so",
	"pam_sss.so", "pam_winbind.so", "pam_umask.so", "pam_keyinit.so", "pam_motd.so",
	"pam_mail.so", "pam_lastlog.so", NULL };

static int check_order(const struct walk *w, const char *service, struct gk_err *err)
{
	const char *early = NULL, *late = NULL;
	for (size_t i = 0; i < w->chain->n; i++) {
		const struct gk_pam_line *l = &w->chain->lines[i];
		if (l->kind != GK_PAM_MODULE || is_of(l->module, openers_of_nothing) ||
			i == w->outer || i == w->last)
			continue;
		if (i > w->last && !is_of(l->module, late_ones))
			return gk_fail(err, -EINVAL,
				"PAM service %s: %s comes after `pam_gocker.so`, where only a few modules may "
				"be",
				service, l->module);
		if (w->outer < w->chain->n && i < w->outer && !is_of(l->module, early_ones))
			return gk_fail(err, -EINVAL,
				"PAM service %s: %s comes before `pam_gocker.so outer`", service,
				l->module);
		late = i > w->last && !late ? l->module : late;
		early = w->outer < w->chain->n && i < w->outer && !early ? l->module : early;
	}
	if (late)
		(void)gk_fail(err, -EINVAL, "PAM service %s: %s comes after `pam_gocker.so`",
			service, late);
	else if (early)
		(void)gk_fail(err, -EINVAL, "PAM service %s: %s comes before `pam_gocker.so outer`",
			service, early);
	return late || early;
}

/* Finds gocker's lines: each once, the plain one behind the other. */
static int find_ours(struct walk *w, const char *service, bool plain_alone, struct gk_err *err)
{
	const struct gk_pam_stack *chain = w->chain;
	size_t outers = 0, plains = 0;
	w->outer = w->last = chain->n;
	for (size_t i = 0; i < chain->n; i++) {
		if (chain->lines[i].kind != GK_PAM_MODULE ||
			strcmp(chain->lines[i].module, "pam_gocker.so") != 0)
			continue;
		bool outer = gk_pam_line_has(&chain->lines[i], "outer");
		*(outer ? &outers : &plains) += 1;
		*(outer ? &w->outer : &w->last) = i;
	}
	if (!outers && !plains)
		return gk_fail(err, -ENOENT, "PAM service %s has no session line of pam_gocker.so",
			service);
	if (plains == 0 || (outers == 1 && w->last < w->outer))
		return gk_fail(err, -EINVAL,
			"PAM service %s: no session line of pam_gocker.so follows the one with outer",
			service);
	if (plains != 1 || outers > 1 || (!outers && !plain_alone))
		return gk_fail(err, -EINVAL,
			"PAM service %s: wants `pam_gocker.so outer` once and `pam_gocker.so` once",
			service);
	if (outers && strcmp(chain->lines[w->outer].path, chain->lines[w->last].path) != 0)
		return gk_fail(err, -EINVAL,
			"PAM service %s: the two lines of pam_gocker.so name different files",
			service);
	return 0;
}

static int check_counts(const struct walk *w, const char *service, struct gk_err *err)
{
	bool outer = w->outer == w->chain->n || counts(&w->chain->lines[w->outer]);
	if (outer && counts(&w->chain->lines[w->last]))
		return 0;
	return gk_fail(err, -EINVAL,
		"PAM service %s: %s line of pam_gocker.so is not required: a login goes on uncontained "
		"where it refuses",
		service, outer ? "the last" : "the first");
}

static int read_chain(const char *confdir, const char *service, char type, struct gk_arena *arena,
	struct gk_pam_stack *ret, struct gk_err *err)
{
	int r = gk_pam_chain_read(confdir, service, type, arena, ret, err);
	if (r == 0 && ret->n >= NO_LINE)
		r = gk_fail(err, -E2BIG, "PAM service %s: too many lines", service);
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		if (ret->lines[i].level >= LEVELS)
			r = gk_fail(err, -E2BIG, "PAM service %s: substacks too deep", service);
	return r;
}

int gk_pam_judge(const char *confdir, const char *service, bool plain_alone, struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	struct gk_pam_stack chain;
	struct walk w = { .chain = &chain, .arena = &arena };
	int r = read_chain(confdir, service, 's', &arena, &chain, err);
	if (r == 0)
		r = find_ours(&w, service, plain_alone, err);
	if (r == 0)
		r = check_counts(&w, service, err);
	if (r == 0)
		r = check_ways(&w, service, err);
	return r == 0 ? check_order(&w, service, err) : r;
}

/* ---- the account part ---- */

/* One line of gocker's: whether a way that ends in success goes past it or undoes its refusal. */
static int judge_account_line(struct walk *w, const char *service, struct gk_err *err)
{
	if (!counts(&w->chain->lines[w->last]))
		return gk_fail(err, -EINVAL,
			"PAM service %s: the account line of pam_gocker.so is not required, and its refusal "
			"does not count",
			service);
	const struct gk_pam_line *by = NULL;
	const struct state *s;
	int r = find_way_round(w, service, &s, &by, err);
	if (r < 0 || !s)
		return r;
	return gk_fail(err, -EINVAL,
		"PAM service %s: the account line of pam_gocker.so can be %s by %s (%s)", service,
		s->refused ? "undone" : "skipped", by ? by->module : "the lines before it",
		by && by->control ? by->control : "-");
}

int gk_pam_judge_account(const char *confdir, const char *service, bool check, struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	struct gk_pam_stack chain;
	int r = read_chain(confdir, service, 'c', &arena, &chain, err);
	if (r < 0)
		return r;
	r = -ENOENT;
	for (size_t i = 0; r != 0 && i < chain.n; i++) {
		struct walk w = { .chain = &chain, .arena = &arena, .outer = chain.n, .last = i };
		if (chain.lines[i].kind == GK_PAM_MODULE &&
			strcmp(chain.lines[i].module, "pam_gocker.so") == 0 &&
			gk_pam_line_has(&chain.lines[i], "check") == check)
			r = judge_account_line(&w, service, err);
	}
	if (r == -ENOENT)
		return gk_fail(err, r, "PAM service %s has no account line of pam_gocker.so%s",
			service, check ? " with check" : "");
	return r;
}

int gk_pam_judge_strictly(const char *service, struct gk_err *err)
{
	int r = gk_pam_judge(NULL, service, true, err);
	return r > 0 ? -EINVAL : r;
}
