#include "keeper.h"

#include <fcntl.h>
#include <lastlog.h>
#include <paths.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

#include "base/cleanup.h"

/* Who is a login to who(1) and last(1): those that sshd and login(1) would have recorded on the
 * host, had they not gone inside. su, sudo and cron record nothing there either. */
static bool is_recorded(const struct gk_keeper *k)
{
	const char *service = k->question.service;
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
	u->ut_pid = k->caller.parent;
	/* A login through sshd has no terminal yet, and then one of the container's own: the line
	 * is the session's id. login(1) has one of the host's. */
	const char *tty = k->question.tty;
	if (strncmp(tty, "/dev/", 5) == 0)
		tty += 5;
	if (!*tty || strcmp(tty, "ssh") == 0)
		snprintf(line, sizeof line, "gocker/%s", k->id);
	else
		snprintf(line, sizeof line, "%.64s", tty);
	FILL(u->ut_line, line);
	FILL(u->ut_id, k->id + strlen(k->id) - sizeof u->ut_id);
	if (!login)
		return;
	FILL(u->ut_user, k->who.name);
	FILL(u->ut_host, k->question.rhost);
}

static void add(const struct utmpx *u)
{
	setutxent();
	(void)pututxline(u);
	endutxent();
	updwtmpx(_PATH_WTMP, u);
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
	(void)!pwrite(fd, &l, sizeof l, (off_t)k->who.uid * (off_t)sizeof l);
}

void gk_keeper_record_login(struct gk_keeper *k)
{
	struct utmpx u;
	if (!is_recorded(k))
		return;
	fill(k, &u, true);
	add(&u);
	write_lastlog(k, &u);
	k->recorded = true;
}

void gk_keeper_record_logout(struct gk_keeper *k)
{
	struct utmpx u;
	if (!k->recorded)
		return;
	fill(k, &u, false);
	add(&u);
	k->recorded = false;
}
