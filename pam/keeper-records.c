#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <lastlog.h>
#include <paths.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Whoever may read these files may hold a lock on them for as long as he likes (fcntl(2)).
 * pututxline(3) waits ten seconds for him, and for ever where SIGALRM is blocked, as it is here: so
 * the records are written without it, and a login that finds a file locked for this long goes on
 * unrecorded. */
enum { LOCK_TRIES = 50, LOCK_STEP_US = 10000 };

/* Who is a login to who(1) and last(1): those that sshd and login(1) would have recorded on the
 * host, had they not gone inside. su, sudo and cron record nothing there either. */
bool gk_keeper_is_recorded(const struct gk_keeper *k)
{
	const char *service = k->question.service;
	if (gk_keeper_is_trial(k))
		return false;
	return strcmp(k->question.tty, "ssh") == 0 || strcmp(service, "login") == 0 ||
		strcmp(service, "remote") == 0;
}

/* Fields of utmp are NUL-padded and need no NUL at the end (utmp(5)). */
#define FILL(field, text) memcpy((field), (text), strnlen((text), sizeof(field)))

static void fill(const struct gk_keeper *k, struct utmpx *u, bool login)
{
	char line[80];
	struct timespec now;
	*u = (struct utmpx){ .ut_type = login ? USER_PROCESS : DEAD_PROCESS };
	(void)clock_gettime(CLOCK_REALTIME, &now);
	u->ut_tv.tv_sec = (__typeof__(u->ut_tv.tv_sec))now.tv_sec;
	u->ut_tv.tv_usec = (__typeof__(u->ut_tv.tv_usec))(now.tv_nsec / 1000);
	u->ut_pid = k->login.caller.parent;
	/* A login through sshd has no terminal yet, and then one of the container's own: the line
	 * is the session's id. login(1) has one of the host's. */
	const char *tty = k->question.tty;
	if (strncmp(tty, "/dev/", 5) == 0)
		tty += 5;
	if (!*tty || strcmp(tty, "ssh") == 0)
		snprintf(line, sizeof line, "gocker/%s", k->login.id);
	else
		snprintf(line, sizeof line, "%.64s", tty);
	FILL(u->ut_line, line);
	FILL(u->ut_id, k->login.id + strlen(k->login.id) - sizeof u->ut_id);
	if (!login)
		return;
	FILL(u->ut_user, k->login.who.name);
	FILL(u->ut_host, k->question.rhost);
}

static int open_locked(const char *path)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	gk_autoclose int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	for (int tries = LOCK_TRIES; fcntl(fd, F_OFD_SETLK, &all) < 0; tries--) {
		if (errno != EAGAIN || tries == 0)
			return -errno;
		(void)usleep(LOCK_STEP_US);
	}
	return gk_steal_fd(&fd);
}

/* Four characters do not tell all sessions apart: a record with the same id and another line is
 * another session's, and only a login may take it over, once it is dead. */
static bool is_place_of(const struct utmpx *at, const struct utmpx *u)
{
	if (at->ut_type < INIT_PROCESS || at->ut_type > DEAD_PROCESS ||
		memcmp(at->ut_id, u->ut_id, sizeof at->ut_id) != 0)
		return false;
	return memcmp(at->ut_line, u->ut_line, sizeof at->ut_line) == 0 ||
		(u->ut_type == USER_PROCESS && at->ut_type == DEAD_PROCESS);
}

/* utmp(5) has one record for each id: where that of u is, or is to be. */
static off_t find_in_utmp(int fd, const struct utmpx *u)
{
	struct utmpx at;
	off_t where = 0;
	while (pread(fd, &at, sizeof at, where) == (ssize_t)sizeof at && !is_place_of(&at, u))
		where += (off_t)sizeof at;
	return where;
}

/* Behind the last whole one: half a record is what a full disk has left. */
static off_t end_of_wtmp(int fd, const struct utmpx *u)
{
	off_t end = lseek(fd, 0, SEEK_END);
	return end < 0 ? end : end - end % (off_t)sizeof *u;
}

static void add(const struct gk_keeper *k, const char *path,
	off_t (*place)(int, const struct utmpx *), const struct utmpx *u)
{
	gk_autoclose int fd = open_locked(path);
	if (fd == -EAGAIN)
		gk_log(LOG_WARNING,
			"event=unrecorded id=%s file=%s reason=\"somebody has it locked\"",
			k->login.id, path);
	off_t where = fd < 0 ? -1 : place(fd, u);
	if (where >= 0)
		(void)!pwrite(fd, u, sizeof *u, where);
}

static void add_to_both(const struct gk_keeper *k, const struct utmpx *u)
{
	add(k, _PATH_UTMP, find_in_utmp, u);
	add(k, _PATH_WTMP, end_of_wtmp, u);
}

/* Sparse, one record a uid. Where the host has done away with it there is none. */
static void write_lastlog(const struct gk_keeper *k, const struct utmpx *u)
{
	struct lastlog l = { .ll_time = u->ut_tv.tv_sec };
	gk_autoclose int fd = open(_PATH_LASTLOG, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	memcpy(l.ll_line, u->ut_line, sizeof l.ll_line);
	memcpy(l.ll_host, u->ut_host, sizeof l.ll_host);
	(void)!pwrite(fd, &l, sizeof l, (off_t)k->login.who.uid * (off_t)sizeof l);
}

void gk_keeper_record_login(struct gk_keeper *k)
{
	struct utmpx u;
	if (!gk_keeper_is_recorded(k))
		return;
	fill(k, &u, true);
	add_to_both(k, &u);
	write_lastlog(k, &u);
	k->recorded = true;
}

void gk_keeper_record_logout(struct gk_keeper *k)
{
	struct utmpx u;
	if (!k->recorded)
		return;
	fill(k, &u, false);
	add_to_both(k, &u);
	k->recorded = false;
}
