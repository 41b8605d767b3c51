#include "image/trial.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

enum { TEXT_MAX = 4096, ARGS_MAX = 12 };

static const char *const vim_task[] = { "-Es", "-u", "NONE", "-i", "NONE", "-c",
	"if !filereadable($VIMRUNTIME . '/defaults.vim') | cquit | endif", "-c", "qall!", NULL };

/* What tells more than --version does, by the last part of the path (fnmatch(3)). */
static const struct {
	const char *program;
	const char *const *args;
} tasks[] = {
	/* The standard library, and modules of it that have libraries of their own. */
	{ "python3*",
		(const char *const[]){ "-c",
			"import ctypes, encodings.idna, hashlib, json, re, socket, ssl, subprocess, zlib",
			NULL } },
	{ "perl*",
		(const char *const[]){
			"-e", "use strict; use POSIX; use Socket; use File::Temp;", NULL } },
	/* Without its runtime it starts, but can't edit as it does on the host. Without +eval the
	 * lines up to `endif` are passed over. */
	{ "vim", vim_task },
	{ "vim.*", vim_task },
	/* It starts only where there is a locale with UTF-8. */
	{ "tmux",
		(const char *const[]){ "-f", "/dev/null", "-L", "gocker-try", "new-session", "-d",
			"true", NULL } },
};

static void make_command(const char *path, const char **argv)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t n = 0;
	argv[n++] = path;
	for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
		if (fnmatch(tasks[i].program, base, 0) != 0)
			continue;
		for (const char *const *arg = tasks[i].args; *arg; arg++)
			argv[n++] = *arg;
	}
	if (n == 1)
		argv[n++] = "--version";
	argv[n] = NULL;
}

/* The last line that is not empty: where a program fails, that is its reason. */
static void last_line(char *text, char *ret, size_t size)
{
	const char *last = "it says nothing";
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		last = line;
	(void)gk_escape(ret, size, last);
}

/* Of gocker itself: the program did not begin. */
static bool is_gockers(int status)
{
	return status >= GK_EXIT_GOCKER && status <= GK_EXIT_NOT_FOUND;
}

/* As a shell tells of a signal; ssh and others exit with 255. */
static bool is_killed(int status)
{
	return status > 128 && status < 128 + NSIG;
}

struct texts {
	char inside[TEXT_MAX], host[TEXT_MAX];
};

int gk_trial(const struct gk_try *try, const char *dir, const char *path, char *why, size_t size)
{
	const char *argv[ARGS_MAX + 2];
	char reason[300];
	gk_autofree struct texts *texts = calloc(1, sizeof *texts);
	make_command(path, argv);
	int status = texts ? try->fn(try->arg, dir, argv, texts->inside, TEXT_MAX) : -ENOMEM;
	if (status == 0 || status == -ETIME || status == -EINTR)
		return status == -EINTR ? status : 0;
	if (status > 0 && !is_gockers(status)) {
		int host = try->fn(try->arg, NULL, argv, texts->host, TEXT_MAX);
		if (host == -EINTR)
			return host;
		/* Where the host's own could not be run either, there is nothing to go by. */
		bool same = host < 0 || is_gockers(host) ||
			(host == status && strcmp(texts->inside, texts->host) == 0);
		if (same && !is_killed(status))
			return 0;
	}
	if (status < 0)
		snprintf(reason, sizeof reason, "%s", strerror(-status));
	else
		last_line(texts->inside, reason, sizeof reason);
	snprintf(why, size, "%s", reason);
	return status < 0 || status == GK_EXIT_GOCKER ? -ECANCELED : -ENOEXEC;
}
