#include "image/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/tree.h"

static const char HEADER[] = "gocker-manifest 1\n";

enum { FIELDS = 6 }; /* before the path */
enum { LINE_MAX_BYTES = 8 * PATH_MAX + 256 };

static void close_file(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}
#define autofile __attribute__((cleanup(close_file)))

/* As much of s as fits; size is always enough for PATH_MAX bytes (four for one). */
static void escape(char *out, size_t size, const char *s)
{
	size_t n = 0;
	for (; *s && n + 5 < size; s++) {
		unsigned char c = (unsigned char)*s;
		if (c <= ' ' || c == 0x7f || c == '\\')
			n += (size_t)snprintf(out + n, size - n, "\\%03o", c);
		else
			out[n++] = (char)c;
	}
	out[n] = '\0';
}

/* In place. */
static void unescape(char *s)
{
	char *out = s;
	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* The sum of parent_fd/name, or "-" for what is not a file. */
static int sum_of(int parent_fd, const char *name, const struct stat *st,
	const struct gk_tick *tick, char sum[GK_SUM_MAX])
{
	strcpy(sum, "-");
	if (!S_ISREG(st->st_mode))
		return 0;
	gk_autoclose int fd =
		openat(parent_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : gk_hash_fd(fd, 256, tick, sum);
}

/* The manifest's line for one thing, without a newline. */
static int make_line(char *line, size_t size, const char *path, int parent_fd, const char *name,
	const struct stat *st, const struct gk_tick *tick)
{
	char sum[GK_SUM_MAX], target[PATH_MAX] = "", length[24] = "-";
	char escaped[4 * PATH_MAX + 8], escaped_target[4 * PATH_MAX + 8];
	int r = sum_of(parent_fd, name, st, tick, sum);
	if (r < 0)
		return r;
	char type = S_ISDIR(st->st_mode) ? 'd' :
		S_ISREG(st->st_mode)     ? 'f' :
		S_ISLNK(st->st_mode)     ? 'l' :
					   'o';
	if (type == 'f')
		snprintf(length, sizeof length, "%llu", (unsigned long long)st->st_size);
	if (type == 'l') {
		ssize_t n = readlinkat(parent_fd, name, target, sizeof target - 1);
		if (n < 0)
			return -errno;
		target[n] = '\0';
	}
	escape(escaped, sizeof escaped, path);
	escape(escaped_target, sizeof escaped_target, target);
	snprintf(line, size, "%c %04o %u %u %s %s %s%s%s", type, (unsigned)(st->st_mode & 07777),
		(unsigned)st->st_uid, (unsigned)st->st_gid, length, sum, escaped,
		type == 'l' ? " " : "", escaped_target);
	return 0;
}

struct writer {
	FILE *out;
	struct gk_hash *hash;
	struct gk_manifest_totals totals;
	const struct gk_tick *tick;
	char line[LINE_MAX_BYTES];
};

static int write_one(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	struct writer *w = arg;
	int r = make_line(w->line, sizeof w->line - 1, path, parent_fd, name, st, w->tick);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot read /%s", path);
	strcat(w->line, "\n");
	gk_hash_add(w->hash, w->line, strlen(w->line));
	if (fputs(w->line, w->out) < 0)
		return gk_fail_errno(err, -errno, "cannot write the manifest");
	w->totals.entries++;
	if (S_ISREG(st->st_mode))
		w->totals.size_bytes += (uint64_t)st->st_size;
	r = gk_tick(w->tick, "summing up", GK_UNIT_FILES, w->totals.entries, 0);
	return r < 0 ? gk_fail_errno(err, r, "stopped") : 0;
}

int gk_manifest_write(int root_fd, int dir_fd, const char *name, const struct gk_tick *tick,
	struct gk_manifest_totals *ret, struct gk_err *err)
{
	gk_autohash struct gk_hash *hash = gk_hash_new(256);
	gk_autofree struct writer *w = calloc(1, sizeof *w);
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	autofile FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out || !w || !hash) {
		if (fd >= 0 && !out)
			(void)close(fd);
		return gk_fail_errno(err, fd < 0 ? -errno : -ENOMEM, "cannot write the manifest");
	}
	w->out = out;
	w->hash = hash;
	w->tick = tick;
	gk_hash_add(hash, HEADER, sizeof HEADER - 1);
	if (fputs(HEADER, out) < 0)
		return gk_fail_errno(err, -errno, "cannot write the manifest");
	int r = gk_tree_walk(root_fd, write_one, w, err);
	if (r < 0)
		return r;
	if (fflush(out) != 0 || ferror(out) || fsync(fd) < 0)
		return gk_fail_errno(err, -errno, "cannot write the manifest");
	if (gk_hash_end(hash, w->totals.sum) < 0)
		return gk_fail(err, -EIO, "no SHA-256 of the manifest");
	*ret = w->totals;
	return 0;
}

struct verifier {
	FILE *in;
	const struct gk_tick *tick;
	gk_differs_fn differs;
	void *arg;
	int64_t n;
	uint64_t seen;
	bool have; /* line and path hold the next line of the manifest */
	char *line;
	size_t room;
	char path[4 * PATH_MAX + 8];
	char now[LINE_MAX_BYTES];
};

/* Where the path begins in a line; NULL when there are too few fields. */
static const char *path_field(const char *line)
{
	for (int i = 0; i < FIELDS; i++) {
		line = strchr(line, ' ');
		if (!line)
			return NULL;
		line++;
	}
	return *line ? line : NULL;
}

static int next_line(struct verifier *v, struct gk_err *err)
{
	errno = 0;
	ssize_t n = getline(&v->line, &v->room, v->in);
	v->have = n > 0;
	if (n <= 0)
		return ferror(v->in) ? gk_fail_errno(err, errno ? -errno : -EIO, "the manifest") :
				       0;
	const char *path = v->line[n - 1] == '\n' ? path_field(v->line) : NULL;
	if (!path || strlen(path) >= sizeof v->path)
		return gk_fail(err, -EBADMSG, "the manifest is damaged");
	v->line[n - 1] = '\0';
	size_t len = strcspn(path, " ");
	memcpy(v->path, path, len);
	v->path[len] = '\0';
	unescape(v->path);
	return 0;
}

/* The order of a walk: a slash sorts before any byte of a name. */
static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	unsigned x = *a == '/' ? 1 : (unsigned char)*a, y = *b == '/' ? 1 : (unsigned char)*b;
	x += *a && *a != '/';
	y += *b && *b != '/';
	return (x > y) - (x < y);
}

static void report(struct verifier *v, enum gk_difference kind, const char *path, const char *what)
{
	v->n++;
	v->differs(v->arg, kind, path, what);
}

/* Names the fields in which two lines of the same path differ. */
static void report_change(struct verifier *v, const char *was, const char *is, const char *path)
{
	static const char *const names[] = { "type", "mode", "owner", "group", "size", "content" };
	char what[128] = "";
	for (int i = 0; i < FIELDS; i++) {
		size_t a = strcspn(was, " "), b = strcspn(is, " ");
		if (a != b || memcmp(was, is, a) != 0) {
			size_t len = strlen(what);
			snprintf(what + len, sizeof what - len, "%s%s", len ? ", " : "", names[i]);
		}
		was += a + (was[a] == ' ');
		is += b + (is[b] == ' ');
	}
	report(v, GK_CHANGED, path, what[0] ? what : "target");
}

static int verify_one(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	struct verifier *v = arg;
	int order = -1;
	while (v->have && (order = compare_paths(v->path, path)) < 0) {
		report(v, GK_MISSING, v->path, NULL);
		int r = next_line(v, err);
		if (r < 0)
			return r;
	}
	int r = gk_tick(v->tick, "verifying", GK_UNIT_FILES, ++v->seen, 0);
	if (r < 0)
		return gk_fail_errno(err, r, "stopped");
	if (!v->have || order > 0) {
		report(v, GK_ADDED, path, NULL);
		return 0;
	}
	r = make_line(v->now, sizeof v->now, path, parent_fd, name, st, v->tick);
	if (r < 0)
		return gk_fail_errno(err, r, "cannot read /%s", path);
	if (strcmp(v->now, v->line) != 0)
		report_change(v, v->line, v->now, path);
	return next_line(v, err);
}

int64_t gk_manifest_verify(int root_fd, int dir_fd, const char *name, const struct gk_tick *tick,
	gk_differs_fn differs, void *arg, struct gk_err *err)
{
	gk_autofree struct verifier *v = calloc(1, sizeof *v);
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	autofile FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	if (!in || !v) {
		if (fd >= 0 && !in)
			(void)close(fd);
		return gk_fail_errno(err, fd < 0 ? -errno : -ENOMEM, "the manifest");
	}
	*v = (struct verifier){ .in = in, .tick = tick, .differs = differs, .arg = arg };
	int r = 0;
	if (getline(&v->line, &v->room, in) <= 0 || strcmp(v->line, HEADER) != 0)
		r = gk_fail(err, -EBADMSG, "the manifest is damaged");
	if (r == 0)
		r = next_line(v, err);
	if (r == 0)
		r = gk_tree_walk(root_fd, verify_one, v, err);
	while (r == 0 && v->have) {
		report(v, GK_MISSING, v->path, NULL);
		r = next_line(v, err);
	}
	free(v->line);
	return r < 0 ? r : v->n;
}
