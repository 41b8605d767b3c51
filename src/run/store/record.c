#include "run/store/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"

enum {
	REMOVE_TIMEOUT_MS = 2000,
	PLACES_MOST = 65536,
	LOWEST_FIRST_MOST = 64,
	STUCK_MOST = 16,
	FULL_TRIES = 20,
	FULL_WAIT_US = 10000,
	GONE_TRIES = 8,
};

static bool parse_number(const char *s, unsigned *ret)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	unsigned long v = strtoul(s, &end, 10);
	if (errno || *end || v > UINT32_MAX)
		return false;
	*ret = (unsigned)v;
	return true;
}

int gk_run_dir(struct gk_err *err)
{
	return gk_open_private_dir(AT_FDCWD, GK_RUNDIR, err);
}

static int open_slots(const char *kind, const char *name, struct gk_err *err)
{
	gk_autoclose int run = gk_run_dir(err);
	if (run < 0)
		return run;
	gk_autoclose int dir = gk_open_private_dir(run, kind, err);
	if (dir < 0 || !name)
		return gk_steal_fd(&dir);
	return gk_open_private_dir(dir, name, err);
}

/* Locks belong to the open file description (fcntl(2), F_OFD_SETLK): they end with the last process
 * that holds it, and others can ask for them without taking them. */
static int ask_lock(int fd, int command, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	if (fcntl(fd, command, &lock) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return command == F_OFD_GETLK && lock.l_type != F_UNLCK;
}

static int open_slot(int dir, unsigned n, int flags)
{
	char name[16];
	snprintf(name, sizeof name, "%u", n);
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
	return fd < 0 ? -errno : fd;
}

/* Returns slot n locked, -EAGAIN when a session holds it, -ENOENT when it was never made. Whoever
 * removes a slot holds its lock: one that was removed between our two steps is no slot any more,
 * and nobody else's can be removed from now on. */
static int try_slot(int dir, unsigned n, bool make)
{
	for (int i = 0; i < GONE_TRIES; i++) {
		struct stat st;
		gk_autoclose int fd = open_slot(dir, n, make ? O_CREAT : 0);
		if (fd < 0)
			return fd;
		int r = ask_lock(fd, F_OFD_SETLK, F_WRLCK);
		if (r < 0)
			return r;
		if (fstat(fd, &st) < 0)
			return -errno;
		if (st.st_nlink > 0)
			return gk_steal_fd(&fd);
	}
	return -EAGAIN;
}

/* The caller holds the lock. The lowest ones are taken again soon and stay; of others there may be
 * tens of thousands, one for each session that ever was. */
static void remove_slot(int dir, const char *prefix, unsigned n)
{
	char name[64];
	if (n < LOWEST_FIRST_MOST)
		return;
	snprintf(name, sizeof name, "%s%u", prefix, n);
	(void)unlinkat(dir, name, 0);
	/* That of a holder that was killed (container.h). */
	if (n >= PLACES_MOST) {
		snprintf(name, sizeof name, "%sgate%u", prefix, n);
		(void)unlinkat(dir, name, 0);
	}
}

/* How many slots from first on and below `end` are held; -errno. */
static int64_t count_held(int dir, uint64_t first, uint64_t end)
{
	int64_t held = 0;
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	if (!d) {
		gk_close_fd(&again);
		return -ENOMEM;
	}
	for (const struct dirent *e; (e = readdir(d));) {
		unsigned n;
		if (!parse_number(e->d_name, &n) || n < first || n >= end)
			continue;
		gk_autoclose int fd = open_slot(dir, n, 0);
		held += fd >= 0 && ask_lock(fd, F_OFD_GETLK, F_WRLCK) == 1;
	}
	closedir(d);
	return held;
}

static int read_record(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return (int)n;
}

const char *gk_record_get(const char *text, const char *key, char *buf, size_t size)
{
	size_t len = strlen(key);
	for (const char *line = text; *line;) {
		size_t end = strcspn(line, "\n");
		if (end > len && strncmp(line, key, len) == 0 && line[len] == '=') {
			snprintf(buf, size, "%.*s", (int)(end - len - 1), line + len + 1);
			return buf;
		}
		line += end + (line[end] == '\n');
	}
	return NULL;
}

/* The caller holds the lock of fd, so no session lives behind the record. */
static int sweep_slot(uid_t uid, int fd, int timeout_ms)
{
	char text[GK_RECORD_MAX_BYTES], id[GK_ID_BYTES];
	int n = read_record(fd, text, sizeof text);
	if (n <= 0)
		return n;
	if (gk_record_get(text, "id", id, sizeof id) && !strchr(id, '/')) {
		struct gk_cgroup cg = GK_CGROUP_INIT;
		struct gk_err ignored = GK_ERR_INIT;
		int r = gk_cgroup_find(uid, id, &cg, &ignored);
		if (r == 0) {
			(void)gk_cgroup_kill(&cg);
			r = gk_cgroup_remove(&cg, timeout_ms);
		}
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return ftruncate(fd, 0) < 0 ? -errno : 1;
}

/* Takes a free slot below limit, the lowest one so that a slot whose session crashed is soon met
 * again and swept; among very many it begins anywhere, to find a free one at once. ret_n may be
 * NULL. */
static int take_free(int dir, uint64_t limit, unsigned *ret_n)
{
	uint64_t start = 0, held = 0;
	int64_t over = 0, rest = 0;
	gk_autoclose int mine = -1;
	if (limit > LOWEST_FIRST_MOST && getrandom(&start, sizeof start, GRND_NONBLOCK) > 0)
		start %= limit;
	uint64_t n = 0;
	for (; mine < 0 && n < limit; n++) {
		mine = try_slot(dir, (unsigned)((start + n) % limit), true);
		if (mine < 0 && mine != -EAGAIN)
			return mine;
		held += mine < 0;
	}
	if (mine < 0)
		return -EDQUOT;
	/* Places above the limit are held only after it was lowered; they count all the same. */
	if (limit < PLACES_MOST)
		over = count_held(dir, limit, PLACES_MOST);
	if (over > 0)
		rest = count_held(dir, n, limit);
	if (over < 0 || rest < 0)
		return -ENOMEM;
	if (over && held + (uint64_t)over + (uint64_t)rest >= limit)
		return -EDQUOT;
	if (ret_n)
		*ret_n = (unsigned)((start + n - 1) % limit);
	return gk_steal_fd(&mine);
}

/* A sweep or an ending session holds a slot for a moment longer: a few tries before "full". */
static int take_patiently(int dir, uint64_t limit, unsigned *ret_n)
{
	int r = take_free(dir, limit, ret_n);
	for (int i = 0; r == -EDQUOT && i < FULL_TRIES; i++) {
		(void)usleep(FULL_WAIT_US);
		r = take_free(dir, limit, ret_n);
	}
	return r;
}

/* A slot, swept. One that can't be, since what its session has left hangs in the kernel (a dead NFS
 * server), is passed over, and counts as a session: it does not lock its user out. Returns the fd,
 * -EBUSY when there are only such, or -errno. */
static int take_swept(uid_t uid, int dir, uint64_t limit, unsigned *ret_n)
{
	int stuck[STUCK_MOST], n = 0, fd;
	for (;;) {
		fd = take_patiently(dir, limit, ret_n);
		int r = fd < 0 ? 0 : sweep_slot(uid, fd, n ? 0 : REMOVE_TIMEOUT_MS);
		if (r >= 0)
			break;
		if (r != -EBUSY || n == STUCK_MOST) {
			(void)close(fd);
			fd = r;
			break;
		}
		stuck[n++] = fd;
	}
	for (int i = 0; i < n; i++)
		(void)close(stuck[i]);
	return fd == -EDQUOT && n ? -EBUSY : fd;
}

/* One among the sessions of several users, where there is a limit of them. */
static int take_common(const char *kind, const char *name, uint64_t limit, const char *whose,
	int *ret_fd, struct gk_err *err)
{
	if (limit == 0)
		return 0;
	gk_autoclose int all = open_slots(kind, name, err);
	int r = *ret_fd = all < 0 ? all : take_patiently(all, limit, NULL);
	return r < 0 ?
		gk_fail(err, r, "%s is at its limit of %" PRIu64 " sessions; try again later",
			whose, limit) :
		0;
}

int gk_slot_take(uid_t uid, const struct gk_policy *policy, struct gk_slot *ret, struct gk_err *err)
{
	struct gk_slot slot = GK_SLOT_INIT;
	uint64_t user_max = policy->user_sessions_max;
	char group[16];
	gk_autoclose int dir = gk_slot_dir(uid, err);
	if (dir < 0)
		return dir;
	if (user_max == 0 || user_max > PLACES_MOST)
		user_max = PLACES_MOST;
	slot.uid = uid;
	slot.fd = take_swept(uid, dir, user_max, &slot.n);
	if (slot.fd == -EBUSY)
		return gk_fail_errno(
			err, slot.fd, "an earlier session has not ended yet; try again later");
	if (slot.fd == -EDQUOT)
		return gk_fail(err, slot.fd,
			"%" PRIu64 " session%s open already, which is the limit; close one first",
			user_max, user_max == 1 ? " is" : "s are");
	if (slot.fd < 0)
		return gk_fail_errno(err, slot.fd, "cannot take a slot in " GK_RUNDIR);
	snprintf(group, sizeof group, "%u", (unsigned)policy->group_sessions_gid);
	int r = take_common(
		"g", group, policy->group_sessions_max, "your group", &slot.group_fd, err);
	if (r == 0)
		r = take_common(
			"host", NULL, policy->sessions_max, "this host", &slot.host_fd, err);
	if (r < 0) {
		gk_slot_release(&slot);
		return r;
	}
	*ret = slot;
	return 0;
}

int gk_slot_dir(uid_t uid, struct gk_err *err)
{
	char name[16];
	snprintf(name, sizeof name, "%u", (unsigned)uid);
	return open_slots("u", name, err);
}

int gk_slot_take_this(uid_t uid, int dir, unsigned n, bool make, struct gk_slot *ret)
{
	struct gk_slot slot = GK_SLOT_INIT;
	slot.uid = uid;
	slot.n = n;
	slot.fd = try_slot(dir, n, make);
	if (slot.fd < 0)
		return slot.fd;
	if (sweep_slot(uid, slot.fd, 0) < 0) {
		gk_close_fd(&slot.fd);
		return -EBUSY;
	}
	*ret = slot;
	return 0;
}

bool gk_slot_is_held(int dir, unsigned n)
{
	gk_autoclose int fd = open_slot(dir, n, 0);
	return fd >= 0 && ask_lock(fd, F_OFD_GETLK, F_WRLCK) == 1;
}

int gk_slot_take_range(unsigned most, unsigned *ret_n, struct gk_err *err)
{
	gk_autoclose int dir = open_slots("ranges", NULL, err);
	if (dir < 0)
		return dir;
	int fd = take_patiently(dir, most, ret_n);
	if (fd == -EDQUOT)
		return gk_fail(err, fd, "all %u ranges of ids for user namespaces are taken", most);
	return fd < 0 ? gk_fail_errno(err, fd, "cannot take a range of ids") : fd;
}

int gk_record_write(const struct gk_slot *slot, const char *fmt, ...)
{
	char text[GK_RECORD_MAX_BYTES];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	ssize_t put = pwrite(slot->fd, text, len, 0);
	if (put < 0 || (size_t)put != len)
		return put < 0 ? -errno : -EIO;
	return ftruncate(slot->fd, (off_t)len) < 0 ? -errno : 0;
}

void gk_slot_release(struct gk_slot *slot)
{
	char slots[48];
	struct stat st;
	if (slot->fd >= 0) {
		(void)!ftruncate(slot->fd, 0);
		snprintf(slots, sizeof slots, GK_RUNDIR "/u/%u/", (unsigned)slot->uid);
		/* One that somebody has removed may be another session's by now. */
		if (fstat(slot->fd, &st) == 0 && st.st_nlink > 0)
			remove_slot(AT_FDCWD, slots, slot->n);
	}
	gk_close_fd(&slot->fd);
	gk_close_fd(&slot->host_fd);
	gk_close_fd(&slot->group_fd);
}

typedef int slot_fn(uid_t uid, int dir, unsigned slot, void *arg);

static int each_slot_of(int users, const char *name, unsigned uid, slot_fn *fn, void *arg)
{
	int dir = openat(users, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return 0;
	DIR *d = fdopendir(dir);
	if (!d) {
		(void)close(dir);
		return -ENOMEM;
	}
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		unsigned n;
		if (parse_number(e->d_name, &n))
			r = fn((uid_t)uid, dir, n, arg);
	}
	closedir(d);
	return r;
}

static int each_slot(uid_t uid, slot_fn *fn, void *arg, struct gk_err *err)
{
	int users = open_slots("u", NULL, err);
	if (users < 0)
		return users;
	DIR *d = fdopendir(users);
	if (!d) {
		(void)close(users);
		return gk_fail_errno(err, -ENOMEM, GK_RUNDIR);
	}
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		unsigned who;
		if (parse_number(e->d_name, &who) && (uid == (uid_t)-1 || uid == who))
			r = each_slot_of(users, e->d_name, who, fn, arg);
	}
	closedir(d);
	return r;
}

struct each_arg {
	int (*fn)(const struct gk_record *, void *);
	void *arg;
};

bool gk_record_read(uid_t uid, int dir, unsigned n, struct gk_record *ret)
{
	*ret = (struct gk_record){ .uid = uid, .slot = n };
	gk_autoclose int fd = open_slot(dir, n, 0);
	if (fd < 0 || read_record(fd, ret->text, sizeof ret->text) <= 0)
		return false;
	ret->alive = ask_lock(fd, F_OFD_GETLK, F_WRLCK) == 1;
	return true;
}

bool gk_record_lives(uid_t uid, int dir, const char *id)
{
	struct gk_record record;
	char found[64];
	bool lives = false;
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	if (!d) {
		gk_close_fd(&again);
		return true; /* it cannot be told */
	}
	for (const struct dirent *e; !lives && (e = readdir(d));) {
		unsigned n;
		lives = parse_number(e->d_name, &n) && gk_record_read(uid, dir, n, &record) &&
			record.alive && gk_record_get(record.text, "id", found, sizeof found) &&
			strcmp(found, id) == 0;
	}
	closedir(d);
	return lives;
}

static int read_one(uid_t uid, int dir, unsigned slot, void *arg)
{
	const struct each_arg *each = arg;
	struct gk_record record;
	return gk_record_read(uid, dir, slot, &record) ? each->fn(&record, each->arg) : 0;
}

int gk_record_each(uid_t uid, int (*fn)(const struct gk_record *record, void *arg), void *arg,
	struct gk_err *err)
{
	struct each_arg each = { fn, arg };
	return each_slot(uid, read_one, &each, err);
}

static int sweep_one(uid_t uid, int dir, unsigned slot, void *arg)
{
	int *swept = arg;
	char text[2];
	/* Looked at before it is locked: an empty one that stays must not seem taken to a login
	 * meanwhile. */
	gk_autoclose int peek = open_slot(dir, slot, 0);
	int n = peek < 0 ? peek : read_record(peek, text, sizeof text);
	if (n < 0 || (n == 0 && slot < LOWEST_FIRST_MOST))
		return 0;
	gk_autoclose int fd = try_slot(dir, slot, false);
	int r = fd < 0 ? fd : sweep_slot(uid, fd, REMOVE_TIMEOUT_MS);
	if (r >= 0)
		remove_slot(dir, "", slot);
	*swept += r == 1;
	return 0;
}

int gk_sweep(uid_t uid, struct gk_err *err)
{
	int swept = 0;
	int r = each_slot(uid, sweep_one, &swept, err);
	return r < 0 ? r : swept;
}
