/* differ DIR STACKS SEED [account]: generated stacks through the real libpam and through the judge
 * (A55). DIR has pam_trace.so as pam_gocker.so, pam_permit.so and pam_unix.so. Each stack is opened
 * many times with random return values of its modules. A stack that the judge lets pass must never
 * succeed without the last line; stacks that it refuses show that the generator makes such as do
 * (the control). With `account` the same of the account part and its one line. */
#include <security/pam_appl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam/judge.h"

int trace_call(const char *const *argv, int argc);

static unsigned long long seed;
static bool entered, refused, account;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

int trace_call(const char *const *argv, int argc)
{
	static const int values[] = { PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, PAM_IGNORE,
		PAM_SESSION_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_NEW_AUTHTOK_REQD, 99 };
	bool ours = false, outer = false;
	for (int i = 0; i < argc; i++) {
		ours |= strcmp(argv[i], "ours") == 0;
		outer |= strcmp(argv[i], "outer") == 0;
	}
	if (!ours)
		return values[pick(sizeof values / sizeof *values)];
	if (refused || pick(4) == 0) {
		refused = true;
		return PAM_PERM_DENIED;
	}
	entered |= !outer;
	return PAM_SUCCESS;
}

static const char *one_of(const char *const *list, unsigned n)
{
	return list[pick(n)];
}
#define ONE_OF(...) \
	one_of((const char *const[]){ __VA_ARGS__ }, \
		(unsigned)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)))

static void put_control(FILE *f, bool ours)
{
	if (ours ? pick(12) : pick(3))
		fputs(ours ? ONE_OF("required", "required", "Required", "requisite", "[required]",
				     "[success=ok default=bad]",
				     "[success=ok new_authtok_reqd=ok ignore=ignore default=bad]") :
			     ONE_OF("required", "optional", "OPTIONAL", "requisite", "sufficient",
				     "Sufficient", "[optional]", "nonsense"),
			f);
	else {
		fputs("[", f);
		for (unsigned n = 1 + pick(3); n > 0; n--)
			fprintf(f, "%s%s%s%s%s",
				ONE_OF("success", "default", "perm_denied", "session_err", "ignore",
					"auth_err", "SUCCESS"),
				ONE_OF("=", " = ", "=", "= ", ""),
				ONE_OF("ok", "ignore", "done", "bad", "die", "reset", "1", "2", "3",
					"0", "okdefault=bad", "99999999999"),
				ONE_OF(" ", "  ", "\t", "", "\\]"), "");
		fputs("]", f);
	}
}

/* What may stand between two words, or at the end of a line. */
static void put_gap(FILE *f)
{
	fputs(pick(10) ? ONE_OF(" ", "\t", "   ") :
			 ONE_OF(" \\\n", " \\ \n", " \\\n\n", " \\\n# more\n", " \\\n  ", "\\\n\t",
				 " \\\n#\\\n"),
		f);
}

static void put_line(FILE *f, const char *dir, const char *module, const char *args, bool ours)
{
	if (account)
		fputs(pick(12) ? "account" : ONE_OF("Account", "-account", "session", "[account]"),
			f);
	else
		fputs(pick(12) ? "session" :
				 ONE_OF("Session", "-session", "account", "[session]", "sesion"),
			f);
	put_gap(f);
	put_control(f, ours);
	put_gap(f);
	fprintf(f, "%s/%s", dir, module);
	if (*args) {
		put_gap(f);
		fputs(args, f);
	}
	fputs(pick(8) ? "\n" : ONE_OF(" # note\n", " # note \\\n", " \\\n\n", "\t\n", " \\\n"), f);
}

static void put_noise(FILE *f, const char *dir, int depth)
{
	switch (pick(12)) {
	case 0:
		fputs(ONE_OF("\n", "# a comment\n", "# a comment \\\n", "  \n", "\\\n", "[]\n"), f);
		break;
	case 1:
		if (depth > 0)
			fprintf(f, "%s%s%s\n",
				account ? ONE_OF("account include ", "account substack ",
						  "@include ") :
					  ONE_OF("session include ", "session substack ",
						  "@include ", "session Substack "),
				/* One that includes itself crashes libpam. */
				depth > 1 ? ONE_OF("p1", "p2", "p2", "none") :
					    ONE_OF("p2", "p2", "p2", "none"),
				"");
		break;
	default:
		put_line(f, dir, ONE_OF("pam_permit.so", "pam_unix.so"), ONE_OF("", "x", "[a b]"),
			false);
	}
}

static void write_file(const char *dir, const char *name, bool ours)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f)
		exit(2);
	int depth = ours ? 2 : strcmp(name, "p1") == 0;
	for (unsigned n = pick(2); n > 0; n--)
		put_noise(f, dir, depth);
	if (ours && !account && pick(15))
		put_line(f, dir, "pam_gocker.so",
			ONE_OF("ours outer", "ours outer", "[outer] ours"), true);
	for (unsigned n = pick(4); n > 0; n--)
		put_noise(f, dir, depth);
	if (ours && pick(15))
		put_line(f, dir, "pam_gocker.so", "ours", true);
	for (unsigned n = pick(2); n > 0; n--)
		put_noise(f, dir, depth);
	if (fclose(f) != 0)
		exit(2);
}

static int say_nothing(int n, const struct pam_message **m, struct pam_response **r, void *arg)
{
	(void)n;
	(void)m;
	(void)r;
	(void)arg;
	return PAM_CONV_ERR;
}

/* Whether one of the ways that are tried succeeds uncontained. */
static bool escapes(const char *dir)
{
	const struct pam_conv conv = { say_nothing, NULL };
	for (int i = 0; i < 40; i++) {
		pam_handle_t *pamh = NULL;
		entered = refused = false;
		/* libpam refuses what it cannot read. */
		if (pam_start_confdir("gt", "nobody", &conv, dir, &pamh) != PAM_SUCCESS)
			return false;
		int r = account ? pam_acct_mgmt(pamh, 0) : pam_open_session(pamh, 0);
		(void)pam_end(pamh, r);
		if (r == PAM_SUCCESS && (!entered || refused))
			return true;
	}
	return false;
}

static void show(const char *dir, const char *name)
{
	char path[512], line[2048];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		printf("# %s: %s", name, line);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	unsigned passed = 0, unsure = 0, bad = 0, missed = 0;
	if (argc != 4 && argc != 5)
		return 2;
	account = argc == 5 && strcmp(argv[4], "account") == 0;
	seed = strtoull(argv[3], NULL, 10);
	for (long n = strtol(argv[2], NULL, 10); n > 0; n--) {
		struct gk_err err = GK_ERR_INIT;
		write_file(argv[1], "p1", false);
		write_file(argv[1], "p2", false);
		write_file(argv[1], "gt", true);
		bool contained = account ? gk_pam_judge_account(argv[1], "gt", false, &err) == 0 :
					   gk_pam_judge(argv[1], "gt", true, &err) >= 0;
		bool escape = escapes(argv[1]);
		passed += contained;
		unsure += strstr(err.msg, "another way") != NULL;
		bad += escape;
		if (!contained || !escape)
			continue;
		missed++;
		show(argv[1], "gt");
		show(argv[1], "p1");
		show(argv[1], "p2");
	}
	printf("passed %u unsure %u escaping %u missed %u\n", passed, unsure, bad, missed);
	return missed != 0;
}
