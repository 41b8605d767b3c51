#include "cli/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* A name that ends in "_" stands for all that begin with it. */
static const char *const passed[] = { "TERM", "TERMINFO", "TERMINFO_DIRS", "COLUMNS", "LINES",
	"LANG", "LC_", "TZ", "NO_COLOR", "HOME", "SUDO_USER", "ALPINE_MIRROR", "ALPINE_VERSION",
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
	"NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", NULL };

static bool is_passed(const char *var)
{
	size_t len = strcspn(var, "=");
	for (const char *const *name = passed; *name; name++) {
		size_t n = strlen(*name);
		bool whole = (*name)[n - 1] != '_';
		if (strncmp(var, *name, n) == 0 && (whole ? len == n : len > n))
			return true;
	}
	return false;
}

static char **clean_environment(void)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	size_t n = 0, kept = 0;
	while (environ && environ[n])
		n++;
	char **fresh = calloc(n + 2, sizeof *fresh);
	if (!fresh)
		return NULL;
	fresh[kept++] = path;
	for (size_t i = 0; i < n; i++)
		if (is_passed(environ[i]))
			fresh[kept++] = environ[i];
	return fresh;
}

/* The path beside this program's own, if this is not an installed program and there is one. */
static bool find_beside(const char *path, char buf[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", buf, PATH_MAX - 1);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	if (strcmp(buf, GK_PROGRAM) == 0 || strcmp(buf, GK_PROGRAM_ADMIN) == 0)
		return false;
	char *end = strrchr(buf, '/');
	const char *base = strrchr(path, '/');
	if (!end || (size_t)(end - buf) + strlen(base) >= PATH_MAX)
		return false;
	memcpy(end, base, strlen(base) + 1);
	return access(buf, X_OK) == 0;
}

int gk_program_exec(const char *path, char **argv)
{
	char beside[PATH_MAX];
	char **fresh = clean_environment();
	if (!fresh)
		return -ENOMEM;
	(void)execve(find_beside(path, beside) ? beside : path, argv, fresh);
	int r = -errno;
	free(fresh);
	return r;
}
