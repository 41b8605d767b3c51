#include "cli/enable/pam-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "pam/judge.h"
#include "plan/text.h"

#define ETC "/etc/pam.d"

enum { FILE_MOST_BYTES = 1 << 20 };

/* ---- text ---- */

bool gk_pam_is_manager(const char *service)
{
	return strcmp(service, "systemd-user") == 0;
}

static void put_line(
	struct gk_buf *out, const char *type, const char *word, const char *break_glass)
{
	if (out->len && out->data[out->len - 1] != '\n')
		gk_buf_puts(out, "\n");
	gk_buf_printf(out, "%-10s required     pam_gocker.so%s%s%s\n", type, word,
		break_glass ? " break_glass=" : "", break_glass ? break_glass : "");
}

/* Where the first line of the text that gives entries of this type begins, and where the last one
 * ends; at the end of the text where there is none. Returns whether there is one. */
static bool find_lines(
	const char *text, char type, struct gk_arena *arena, const char **first, const char **last)
{
	char line[GK_PAM_LINE_BYTES + 1];
	const char *why;
	struct gk_pam_text t = { .at = text };
	*first = NULL;
	/* It was judged before: every line can be read. */
	for (const char *p = text; gk_pam_next_line(&t, line, &why) > 0; p = t.at) {
		if (!gk_pam_line_gives(line, type, arena))
			continue;
		*first = *first ? *first : p;
		*last = t.at;
	}
	if (*first)
		return true;
	*first = *last = text + strlen(text);
	return false;
}

/* Before the other account lines, none of which can lead past it there. Without any the service has
 * those of `other`: it is left alone. */
static const char *add_account_line(const char *text, bool required, const char *word,
	const char *break_glass, struct gk_arena *arena)
{
	struct gk_buf out = { .arena = arena };
	const char *first, *last;
	if (!find_lines(text, 'c', arena, &first, &last) && !required)
		return text;
	gk_buf_add(&out, text, (size_t)(first - text));
	put_line(&out, "account", word, break_glass);
	gk_buf_puts(&out, first);
	return gk_buf_text(&out);
}

const char *gk_pam_text_add(const char *text, const char *service, bool has_check,
	const char *break_glass, struct gk_arena *arena)
{
	struct gk_buf out = { .arena = arena };
	const char *first, *last;
	if (gk_pam_is_manager(service))
		return add_account_line(text, true, "", break_glass, arena);
	/* sshd alone keeps a connection whose session was refused. */
	if (!has_check && strcmp(service, "sshd") == 0)
		text = add_account_line(text, false, " check", break_glass, arena);
	if (!text)
		return NULL;
	(void)find_lines(text, 's', arena, &first, &last);
	gk_buf_add(&out, text, (size_t)(first - text));
	put_line(&out, "session", " outer", break_glass);
	gk_buf_add(&out, first, (size_t)(last - first));
	put_line(&out, "session", "", break_glass);
	gk_buf_puts(&out, last);
	return gk_buf_text(&out);
}

const char *gk_pam_text_remove(const char *text, struct gk_arena *arena)
{
	struct gk_buf out = { .arena = arena };
	char line[GK_PAM_LINE_BYTES + 1];
	const char *why;
	struct gk_pam_text t = { .at = text };
	int r;
	for (const char *p = text; (r = gk_pam_next_line(&t, line, &why)) != 0; p = t.at) {
		size_t len = (size_t)(t.at - p);
		if (r < 0 && memmem(p, len, "pam_gocker", strlen("pam_gocker")))
			return NULL;
		if (r < 0 || !gk_pam_line_names(line, "pam_gocker.so"))
			gk_buf_add(&out, p, len);
	}
	return gk_buf_text(&out);
}

/* ---- files ---- */

/* Returns 1 when the text is the vendor's, 0 when it stands in /etc/pam.d, or -errno. */
static int read_file(
	const char *service, struct gk_arena *arena, const char **ret, struct gk_err *err)
{
	static const char *const dirs[] = { ETC, "/usr/lib/pam.d" };
	for (int i = 0; i < 2; i++) {
		struct stat st;
		const char *path = gk_arena_printf(arena, "%s/%s", dirs[i], service);
		char *text;
		size_t size;
		if (!path)
			return gk_fail_errno(err, -ENOMEM, "%s", service);
		if (lstat(path, &st) < 0 && errno == ENOENT)
			continue;
		gk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0 && errno == ELOOP)
			return gk_fail(err, -ELOOP,
				"%s is a link: write gocker's lines to where it leads", path);
		if (fd < 0)
			return gk_fail_errno(err, -errno, "%s", path);
		int r = gk_read_all(fd, FILE_MOST_BYTES, arena, &text, &size, err);
		if (r != 0)
			return r < 0 ? r : -EIO;
		if (strlen(text) != size)
			return gk_fail(err, -EINVAL, "%s is not text", path);
		*ret = text;
		return i;
	}
	return gk_fail(err, -ENOENT, "this host has no PAM service %s", service);
}

int gk_pam_plan_add(const char *service, const char *break_glass, struct gk_arena *arena,
	struct gk_pam_change *ret, struct gk_err *err)
{
	struct gk_err why = GK_ERR_INIT;
	struct gk_pam_change change = { .service = service };
	int vendor = read_file(service, arena, &change.before, err);
	if (vendor < 0)
		return vendor;
	int r = gk_pam_is_manager(service) ? gk_pam_judge_account(NULL, service, false, &why) :
					     gk_pam_judge_strictly(service, &why);
	/* Lines that an included file has, as the profile of pam-auth-update puts them, are not
	 * this one's to order. */
	const char *without = r == -EINVAL && gk_pam_judge(NULL, service, true, &why) > 0 ?
		gk_pam_text_remove(change.before, arena) :
		NULL;
	if (r == 0 || (without && strcmp(without, change.before) == 0))
		return 0;
	if (r != -ENOENT) {
		*err = why;
		return r;
	}
	struct gk_err ignored = GK_ERR_INIT;
	bool has_check = gk_pam_judge_account(NULL, service, true, &ignored) != -ENOENT;
	change.vendor = vendor;
	change.after = gk_pam_text_add(change.before, service, has_check, break_glass, arena);
	if (!change.after)
		return gk_fail_errno(err, -ENOMEM, "%s", service);
	*ret = change;
	return 1;
}

int gk_pam_plan_remove(
	const char *service, struct gk_arena *arena, struct gk_pam_change *ret, struct gk_err *err)
{
	struct gk_pam_change change = { .service = service };
	int r = read_file(service, arena, &change.before, err);
	if (r < 0)
		return r;
	change.after = gk_pam_text_remove(change.before, arena);
	if (!change.after)
		return gk_fail(err, -EINVAL,
			"PAM service %s: a line with pam_gocker cannot be read for sure: remove it by hand",
			service);
	*ret = change;
	return r == 0 && strcmp(change.before, change.after) != 0;
}

/* A new file beside the old one, as readable as that was, then its name. */
static int replace(const char *service, const char *text, struct gk_err *err)
{
	char fresh[300], path[300];
	struct stat st = { .st_mode = 0644 };
	snprintf(path, sizeof path, ETC "/%s", service);
	snprintf(fresh, sizeof fresh, ETC "/.gocker.%s", service);
	if (lstat(path, &st) < 0 && errno != ENOENT)
		return gk_fail_errno(err, -errno, "%s", path);
	(void)unlink(fresh);
	gk_autoclose int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : gk_write_all(fd, text, strlen(text));
	if (r == 0 &&
		(fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 0777) < 0 ||
			fsync(fd) < 0 || rename(fresh, path) < 0))
		r = -errno;
	if (r < 0 && fd >= 0)
		(void)unlink(fresh);
	return r < 0 ? gk_fail_errno(err, r, "cannot write %s", path) : 0;
}

/* ---- what was ---- */

static int open_memory(struct gk_err *err)
{
	if (mkdir(GK_STATEDIR, 0755) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, GK_STATEDIR);
	gk_autoclose int state = open(GK_STATEDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return state < 0 ? gk_fail_errno(err, -errno, GK_STATEDIR) :
			   gk_open_private_dir(state, "pam", err);
}

/* An empty file stands for one that /etc/pam.d had not. */
static int remember(const struct gk_pam_change *change, struct gk_err *err)
{
	gk_autoclose int dir = open_memory(err);
	if (dir < 0)
		return dir;
	const char *text = change->vendor ? "" : change->before;
	gk_autoclose int fd = openat(
		dir, change->service, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : gk_write_all(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot remember " ETC "/%s", change->service) : 0;
}

static int recall(const char *service, struct gk_arena *arena, char **ret, struct gk_err *err)
{
	size_t size;
	gk_autoclose int dir = open_memory(err);
	if (dir < 0)
		return dir;
	gk_autoclose int fd = openat(dir, service, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : gk_fail_errno(err, -errno, "%s", service);
	return gk_read_all(fd, FILE_MOST_BYTES, arena, ret, &size, err);
}

static void forget(const char *service)
{
	struct gk_err ignored = GK_ERR_INIT;
	gk_autoclose int dir = open_memory(&ignored);
	if (dir >= 0)
		(void)unlinkat(dir, service, 0);
}

static int remove_file(const char *service, struct gk_err *err)
{
	char path[300];
	snprintf(path, sizeof path, ETC "/%s", service);
	return unlink(path) < 0 ? gk_fail_errno(err, -errno, "%s", path) : 0;
}

int gk_pam_undo_add(const struct gk_pam_change *change, struct gk_err *err)
{
	int r = change->vendor ? remove_file(change->service, err) :
				 replace(change->service, change->before, err);
	if (r == 0)
		forget(change->service);
	return r;
}

/* The lines as they were written. */
static int read_back(const char *service, struct gk_err *err)
{
	struct gk_err why = GK_ERR_INIT;
	int r = gk_pam_is_manager(service) ? gk_pam_judge_account(NULL, service, false, err) :
					     gk_pam_judge_strictly(service, err);
	if (r < 0 || gk_pam_is_manager(service))
		return r;
	r = gk_pam_judge_account(NULL, service, true, &why);
	if (r < 0 && r != -ENOENT)
		return gk_fail(err, r, "%s", why.msg);
	return 0;
}

int gk_pam_apply_add(const struct gk_pam_change *change, struct gk_err *err)
{
	struct gk_err undo_err = GK_ERR_INIT;
	int r = remember(change, err);
	if (r == 0)
		r = replace(change->service, change->after, err);
	if (r == 0)
		r = read_back(change->service, err);
	else
		return r;
	if (r < 0 && gk_pam_undo_add(change, &undo_err) < 0)
		return gk_fail(err, r, "%s", undo_err.msg);
	return r;
}

/* Whether it is the file that gocker ships, put over a vendor's. */
static bool is_shipped_copy(const struct gk_pam_change *change, struct gk_arena *arena)
{
	struct gk_err ignored = GK_ERR_INIT;
	char *text;
	size_t size;
	const char *shipped = gk_arena_printf(arena, GK_DATADIR "/pam.d/%s", change->service);
	const char *vendor = gk_arena_printf(arena, "/usr/lib/pam.d/%s", change->service);
	if (!shipped || !vendor || access(vendor, R_OK) < 0)
		return false;
	gk_autoclose int fd = open(shipped, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && gk_read_all(fd, FILE_MOST_BYTES, arena, &text, &size, &ignored) == 0 &&
		strcmp(text, change->before) == 0;
}

int gk_pam_apply_remove(const struct gk_pam_change *change, struct gk_err *err)
{
	__attribute__((cleanup(gk_arena_free))) struct gk_arena arena = { 0 };
	char *was = NULL;
	int known = recall(change->service, &arena, &was, err);
	if (known < 0 && known != -ENOENT)
		return known;
	bool was_none = was ? !*was : is_shipped_copy(change, &arena);
	int r = was_none ? remove_file(change->service, err) :
			   replace(change->service, change->after, err);
	if (r < 0)
		return r;
	if (!was && !was_none)
		return GK_PAM_UNKNOWN;
	if (was && !was_none && strcmp(was, change->after) != 0)
		return GK_PAM_EDITED;
	forget(change->service);
	return GK_PAM_AS_IT_WAS;
}
