#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int gk_cli_fail(const char *name, const struct gk_err *err)
{
	/* After what was printed before it, where both go into one file or pipe. */
	(void)fflush(stdout);
	fprintf(stderr, "gocker %s: %s\n", name, err->msg);
	return GK_EXIT_GOCKER;
}

int gk_cli_usage(const char *name, const char *fmt, ...)
{
	va_list ap;
	fprintf(stderr, "gocker %s: ", name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see `gocker %s --help`\n", name);
	return 2;
}

int gk_cli_seconds(const char *text, unsigned *ret)
{
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	unsigned long n = strtoul(text, &end, 10);
	if (*end || n < 1 || n > 3600)
		return -EINVAL;
	*ret = (unsigned)n;
	return 0;
}

bool gk_ask_yes(const char *name, const char *question)
{
	char answer[16] = "";
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		(void)fflush(stdout);
		fprintf(stderr,
			"gocker %s: nothing was changed; --yes does it without a terminal\n", name);
		return false;
	}
	printf("%s [y/N] ", question);
	(void)fflush(stdout);
	if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return true;
	fprintf(stderr, "gocker %s: nothing was changed\n", name);
	return false;
}

int gk_cli_need_root(const char *name)
{
	if (geteuid() == 0)
		return 0;
	fprintf(stderr, "gocker %s: only root can do this; run it with sudo\n", name);
	return GK_EXIT_GOCKER;
}
