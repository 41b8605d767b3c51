#include "run/store/container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"

/* Containers of a user at a time: one that can be joined, and those that are ending. */
enum { FIRST = 65536, MOST = 16 };
enum { LOCK_STEP_US = 5000 };

static void gate_name(unsigned n, char *buf, size_t size)
{
	snprintf(buf, size, "gate%u", n);
}

int gk_container_lock(uid_t uid, int timeout_ms, struct gk_err *err)
{
	gk_autoclose int dir = gk_slot_dir(uid, err);
	if (dir < 0)
		return dir;
	gk_autoclose int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return gk_fail_errno(err, -errno, "cannot lock the containers in " GK_RUNDIR);
	int64_t end = gk_now_ms() + timeout_ms;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return gk_fail_errno(
				err, -errno, "cannot lock the containers in " GK_RUNDIR);
		if (gk_now_ms() >= end)
			return gk_fail(err, -ETIMEDOUT,
				"another login of yours is still being made; try again later");
		(void)usleep(LOCK_STEP_US);
	}
	return gk_steal_fd(&fd);
}

static bool get_number(const char *text, const char *key, int base, uint64_t *ret)
{
	char buf[32], *end;
	if (!gk_record_get(text, key, buf, sizeof buf))
		return false;
	errno = 0;
	*ret = strtoull(buf, &end, base);
	return !errno && end != buf && !*end;
}

uint64_t gk_container_network(void)
{
	struct stat st;
	return stat("/proc/self/ns/net", &st) < 0 ? 0 : (uint64_t)st.st_ino;
}

/* A FIFO that nobody reads cannot be opened so (ENXIO): its holder is gone. */
static int enter_gate(int dir, unsigned n)
{
	char name[32];
	struct stat st;
	gate_name(n, name, sizeof name);
	gk_autoclose int fd = openat(dir, name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISFIFO(st.st_mode))
		return -EINVAL;
	/* A full one has been told of enough. */
	if (write(fd, "", 1) < 0 && errno != EAGAIN)
		return -errno;
	/* For gk_container_is_last alone, which may have all of it for a moment. */
	(void)flock(fd, LOCK_SH | LOCK_NB);
	return gk_steal_fd(&fd);
}

/* Two accounts may have one uid; the home and the policy are those of the name. */
static bool is_of(const struct gk_record *record, const char *user)
{
	char wanted[256], found[256];
	return gk_record_get(record->text, "user", found, sizeof found) &&
		strcmp(found, gk_escape(wanted, sizeof wanted, user)) == 0;
}

/* What the record of a container says of it. */
static bool read_facts(const struct gk_record *record, struct gk_container *c)
{
	uint64_t init = 0;
	if (!gk_record_get(record->text, "id", c->id, sizeof c->id) ||
		strlen(c->id) != GK_ID_BYTES - 1 ||
		!get_number(record->text, "digest", 16, &c->digest) ||
		!get_number(record->text, "init", 10, &init) || init <= 1 || init > INT32_MAX)
		return false;
	c->init = (pid_t)init;
	if (!get_number(record->text, "pids_max", 10, &c->pids_max) ||
		!get_number(record->text, "memory_max", 10, &c->memory_max) ||
		!gk_record_get(
			record->text, "pids_section", c->pids_section, sizeof c->pids_section))
		c->pids_section[0] = '\0';
	/* Holders of before have neither in their records. */
	if (!gk_record_get(record->text, "unpublished", c->unpublished, sizeof c->unpublished))
		snprintf(c->unpublished, sizeof c->unpublished, "-");
	if (!get_number(record->text, "linger", 10, &c->linger_s))
		c->linger_s = GK_UNLIMITED;
	return true;
}

/* In this order: the slot is still held when init has been opened, so that its holder lives, which
 * reaps init, and the number is init's own. */
static bool open_init(uid_t uid, int dir, unsigned n, struct gk_container *c)
{
	struct gk_err ignored = GK_ERR_INIT;
	if (gk_cgroup_find(uid, c->id, &c->cgroup, &ignored) < 0)
		return false;
	c->init_pidfd = gk_cgroup_pidfd(&c->cgroup, c->init);
	return c->init_pidfd >= 0 && gk_slot_is_held(dir, n) && !gk_pidfd_has_ended(c->init_pidfd);
}

/* Joins the container of this user behind slot n, which is held. Returns 1; 0 when it is none that
 * this user can join; or -ESRCH: it is ending, or it could not be examined. In doubt it is no other
 * one that is to be made, but this one that is tried again. */
static int join(uid_t uid, const char *user, int dir, unsigned n, struct gk_container *ret)
{
	struct gk_container c = GK_CONTAINER_INIT;
	struct gk_record record;
	uint64_t network = 0, own = gk_container_network();
	c.gate = enter_gate(dir, n);
	/* Shut: it ends, or is not ready yet. */
	if (c.gate == -ENXIO || c.gate == -ENOENT || c.gate == -EPIPE)
		return 0;
	int r = c.gate < 0 || !own || !gk_record_read(uid, dir, n, &record) ||
			!get_number(record.text, "netns", 10, &network) ?
		-ESRCH :
		0;
	if (r == 0 && is_of(&record, user) && network == own)
		r = read_facts(&record, &c) && open_init(uid, dir, n, &c) ? 1 : -ESRCH;
	if (r == 1)
		*ret = c;
	else
		gk_container_close(&c);
	return r;
}

int gk_container_find(uid_t uid, const char *user, struct gk_container *ret,
	struct gk_slot *ret_slot, struct gk_err *err)
{
	struct gk_slot free_slot = GK_SLOT_INIT;
	gk_autoclose int dir = gk_slot_dir(uid, err);
	if (dir < 0)
		return dir;
	int r = -EBUSY, missing = -1, joined = 0;
	for (unsigned n = FIRST; n < FIRST + MOST && joined == 0; n++) {
		struct gk_slot slot = GK_SLOT_INIT;
		int took = gk_slot_take_this(uid, dir, n, false, &slot);
		if (took == -ENOENT && missing < 0)
			missing = (int)n;
		if (took == -EAGAIN)
			joined = join(uid, user, dir, n, ret);
		else if (took < 0 && took != -ENOENT && took != -EBUSY)
			joined = -ESRCH; /* nor can it be told whether it is held */
		if (took == 0 && free_slot.fd < 0)
			free_slot = slot;
		else if (took == 0)
			gk_slot_release(&slot);
	}
	if (joined != 0)
		gk_slot_release(&free_slot);
	if (joined < 0)
		gk_fail(err, joined, "your container cannot be examined; try again later");
	if (joined != 0)
		return joined;
	r = free_slot.fd >= 0 ? 0 :
		missing >= 0  ? gk_slot_take_this(uid, dir, (unsigned)missing, true, &free_slot) :
				-EBUSY;
	if (r < 0)
		return gk_fail_errno(
			err, r, "your earlier containers have not ended yet; try again later");
	*ret_slot = free_slot;
	return 0;
}

void gk_container_limits(const struct gk_container *c, struct gk_policy *policy)
{
	if (!c->pids_section[0])
		return;
	policy->pids_max = c->pids_max;
	policy->memory_max = c->memory_max;
	policy->origin[GK_KEY_PIDS_MAX].section = c->pids_section;
}

bool gk_container_is_last(const struct gk_container *c)
{
	return flock(c->gate, LOCK_EX | LOCK_NB) == 0;
}

void gk_container_close(struct gk_container *c)
{
	gk_close_fd(&c->init_pidfd);
	gk_cgroup_close(&c->cgroup);
	gk_close_fd(&c->gate);
}

static int open_gate(const struct gk_slot *slot, int flags)
{
	char path[64];
	snprintf(path, sizeof path, GK_RUNDIR "/u/%u/gate%u", (unsigned)slot->uid, slot->n);
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int gk_gate_open(const struct gk_slot *slot, struct gk_gate *ret, struct gk_err *err)
{
	char name[32];
	gk_autoclose int dir = gk_slot_dir(slot->uid, err);
	if (dir < 0)
		return dir;
	gate_name(slot->n, name, sizeof name);
	(void)unlinkat(dir, name, 0);
	int r = mkfifoat(dir, name, 0600) < 0 ? -errno : 0;
	gk_autoclose int fd = r < 0 ? r : open_gate(slot, O_RDONLY);
	gk_autoclose int own = fd < 0 ? fd : open_gate(slot, O_WRONLY);
	if (own < 0)
		return gk_fail_errno(err, own, "cannot make the container's gate");
	*ret = (struct gk_gate){ .slot = slot, .fd = gk_steal_fd(&fd), .own = gk_steal_fd(&own) };
	return 0;
}

/* While no login is there, the holder's own end keeps the hang-up away, which poll(2) would report
 * without a pause, and the byte of the next login is what there is to see. */
bool gk_gate_is_used(struct gk_gate *gate)
{
	struct pollfd p = { .fd = gate->fd, .events = POLLIN };
	char bytes[64];
	bool fresh = false;
	while (read(gate->fd, bytes, sizeof bytes) > 0)
		fresh = gate->entered = true;
	if (gate->own >= 0 && !fresh)
		return false;
	gk_close_fd(&gate->own);
	if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLHUP))
		return true;
	gate->own = open_gate(gate->slot, O_WRONLY);
	return false;
}

void gk_gate_shut(struct gk_gate *gate)
{
	char path[64];
	snprintf(path, sizeof path, GK_RUNDIR "/u/%u/gate%u", (unsigned)gate->slot->uid,
		gate->slot->n);
	(void)unlinkat(AT_FDCWD, path, 0);
	gk_close_fd(&gate->own);
	gk_close_fd(&gate->fd);
}
