#include "image/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "image/outside.h"
#include "plan/text.h"
#include "run/build/userns.h"
#include "run/store/image.h"

#define PLACE       GK_OUTSIDE_PLACE
#define HOST_POLICY "/etc/containers/policy.json"

int gk_pull_ref(const char *text, char *ret, struct gk_err *err)
{
	static const char ok[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@[]";
	char shown[300];
	const char *ref = strncmp(text, "docker://", 9) == 0 ? text + 9 : text;
	if (!gk_is_alnum(ref[0]) && ref[0] != '[')
		ref = "";
	if (!*ref || strlen(ref) >= GK_PULL_REF_MAX || ref[strspn(ref, ok)] || strstr(ref, "//"))
		return gk_fail(err, -EINVAL,
			"%s is not the name of an image in a registry; write it as registry.example/path/name:tag",
			gk_escape(shown, sizeof shown, text));
	snprintf(ret, GK_PULL_REF_MAX, "%s", ref);
	return 0;
}

bool gk_pull_name(const char *ref, char *ret, size_t size)
{
	const char *slash = strrchr(ref, '/');
	const char *last = slash ? slash + 1 : ref;
	int n = snprintf(ret, size, "%.*s", (int)strcspn(last, ":@"), last);
	return n > 0 && (size_t)n < size && gk_image_name_ok(ret);
}

/* skopeo says  time="…" level=fatal msg="…". The text of the last one, or else its last line. */
static char *reason_of(char *text)
{
	char *last = text, *msg = NULL;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *found = strstr(line, "level=fatal") ? strstr(line, "msg=\"") : NULL;
		msg = found ? found + 5 : msg;
		last = line;
	}
	if (!msg)
		return last;
	char *to = msg;
	for (char *from = msg; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return msg;
}

static int judge(const struct gk_pull *pull, int status, char *text, struct gk_err *err)
{
	char shown[400];
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return gk_fail(err, -EIO, "%s: skopeo was ended by signal %d", pull->ref,
			WTERMSIG(status));
	char *reason = reason_of(text);
	/* Which gk_escape would make \x22. */
	for (char *quote = reason; (quote = strchr(quote, '"'));)
		*quote = '\'';
	return gk_fail(err, -EACCES, "%s: skopeo: %s", pull->ref,
		gk_escape(shown, sizeof shown, *reason ? reason : "no reason given"));
}

/* A file of root's that skopeo is to read. */
static int copy_file(const char *path, int dir_fd, const char *name, uid_t uid, struct gk_err *err)
{
	gk_autoclose int from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return from < 0 ? gk_fail_errno(err, -errno, "%s", path) :
			  gk_outside_give(from, path, dir_fd, name, uid, err);
}

static int prepare(const struct gk_pull *pull, int dir_fd, uid_t uid, struct gk_err *err)
{
	int r = 0;
	if (pull->authfile)
		r = copy_file(pull->authfile, dir_fd, "auth.json", uid, err);
	if (r == 0 && pull->policy)
		r = copy_file(pull->policy, dir_fd, "policy.json", uid, err);
	return r;
}

static const char *find_skopeo(void)
{
	static const char *const places[] = { "/usr/bin/skopeo", "/usr/local/bin/skopeo" };
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static const char *say_fetching(void *arg, const char *text)
{
	(void)arg;
	(void)text;
	return "fetching";
}

static int run_skopeo(
	const struct gk_pull *pull, struct gk_outside *o, int dir_fd, struct gk_err *err)
{
	char source[GK_PULL_REF_MAX + 16];
	const char *argv[16] = { "skopeo", "--policy",
		pull->policy ? PLACE "/policy.json" : HOST_POLICY, "copy" };
	size_t n = 4;
	int status = 0;
	snprintf(source, sizeof source, "docker://%s", pull->ref);
	if (pull->authfile) {
		argv[n++] = "--authfile";
		argv[n++] = PLACE "/auth.json";
	}
	argv[n++] = source;
	argv[n] = "dir:" PLACE "/image";
	gk_autofree char *text = calloc(1, GK_OUTSIDE_TEXT_MAX + 1);
	if (!text)
		return gk_fail_errno(err, -ENOMEM, "cannot start skopeo");
	o->argv = argv;
	int r = gk_outside_run(o, dir_fd, text, &status, err);
	return r < 0 ? r : judge(pull, status, text, err);
}

int gk_pull_run(const struct gk_pull *pull, int dir_fd, struct gk_err *err)
{
	uint64_t uid = 0;
	struct gk_outside o = { .program = find_skopeo(),
		.label = pull->ref,
		.max_bytes = pull->max_bytes,
		.what = say_fetching,
		.tick = pull->tick };
	if (!o.program)
		return gk_fail(err, -ENOENT,
			"skopeo not found; it fetches images from registries: install the package skopeo");
	gk_autoclose int ids = gk_userns_take(pull->userns_base, &uid, err);
	if (ids < 0)
		return ids;
	o.uid = (uid_t)uid;
	int r = prepare(pull, dir_fd, o.uid, err);
	return r < 0 ? r : run_skopeo(pull, &o, dir_fd, err);
}
