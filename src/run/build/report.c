/* What others are told of a session: its record, and the line about its end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "run/build/session.h"
#include "run/privilege/origin.h"

static const char *door_name(enum gk_door door)
{
	return door == GK_DOOR_SHELL ? "shell" : door == GK_DOOR_PAM ? "pam" : "run";
}

/* Where the login came from, as sshd tells in SSH_CONNECTION; "-" for a local one, and where a user
 * of the shell door may have said so himself. */
static const char *find_origin(const struct gk_session *s, char *buf, size_t size)
{
	bool by_user = s->plan->door == GK_DOOR_SHELL;
	for (const char *const *e = s->caller ? s->caller->env : NULL; e && *e; e++)
		if (strncmp(*e, "SSH_CONNECTION=", 15) == 0) {
			if (by_user && !gk_origin_is_proven(s->caller->parent, s->plan->who->uid))
				break;
			char host[64];
			snprintf(host, sizeof host, "%.*s", (int)strcspn(*e + 15, " "), *e + 15);
			return gk_escape(buf, size, host);
		}
	return gk_escape(buf, size, NULL);
}

const char *gk_session_from(struct gk_session *s)
{
	return s->from[0] ? s->from : find_origin(s, s->from, sizeof s->from);
}

/* The command as its user would write it: what follows a shell's -c, else all the words. */
static const char *command_line(const struct gk_plan *plan, char *buf, size_t size)
{
	char words[512] = "";
	const char *const *argv = plan->argv;
	if (!argv || !argv[0])
		return gk_escape(buf, size, NULL);
	if (plan->door != GK_DOOR_RUN && argv[1] && argv[2] && strcmp(argv[1], "-c") == 0)
		return gk_escape(buf, size, argv[2]);
	for (size_t at = 0; *argv && at < sizeof words; argv++)
		at += (size_t)snprintf(words + at, sizeof words - at, "%s%s", at ? " " : "", *argv);
	return gk_escape(buf, size, words);
}

/* Where a leaf is that is not at its place below our own: "cgroup=PATH", else nothing. */
static const char *foreign_leaf(const struct gk_session *s, char *buf, size_t size)
{
	char self[64], path[PATH_MAX], shown[1024];
	snprintf(self, sizeof self, "/proc/self/fd/%d", s->cgroup.leaf_fd);
	ssize_t n = s->cgroup.foreign ? readlink(self, path, sizeof path - 1) : 0;
	path[n > 0 ? n : 0] = '\0';
	snprintf(buf, size, n > 0 ? "cgroup=%s\n" : "%s", gk_escape(shown, sizeof shown, path));
	return buf;
}

/* The image's version, NAME@STAMP; "-" for a root that has none. */
static const char *version_of(const struct gk_session *s, char *buf, size_t size)
{
	static const char tail[] = "/root";
	const char *dir = strstr(s->image_path, "/.versions/");
	size_t len = dir ? strlen(dir) : 0;
	if (len <= sizeof tail - 1 || strcmp(dir + len - (sizeof tail - 1), tail) != 0)
		return "-";
	snprintf(buf, size, "%.*s", (int)(len - 11 - (sizeof tail - 1)), dir + 11);
	return buf;
}

int gk_session_record(struct gk_session *s, struct gk_err *err)
{
	const struct gk_plan *plan = s->plan;
	char user[256], command[512], tty[64] = "-", shown[256], self[64], leaf[1100], version[256];
	struct timespec now = { 0 };
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail on Linux */
	snprintf(self, sizeof self, "/proc/self/fd/%d", s->tty.fd);
	ssize_t n = s->tty.fd < 0 ? -1 : readlink(self, tty, sizeof tty - 1);
	if (n > 0)
		tty[n] = '\0';
	const struct gk_origin *pids = &plan->policy->origin[GK_KEY_PIDS_MAX];
	int r = gk_record_write(&s->slot,
		"id=%s\nuser=%s\nuid=%u\ndoor=%s\nimage=%s\nversion=%s\ntty=%s\nfrom=%s\nstarted=%" PRId64
		"\nstarted_ms=%u\nsupervisor=%d\ninit=%d\npids_max=%" PRIu64
		"\npids_section=%s\npids_own=%" PRIu64 "\nmemory_max=%" PRIu64 "\ncaps=%" PRIu64
		"\nuserns=%" PRIu64 "\nuser_hits_before=%" PRIu64
		"\n%s%spublish=%s\nunpublished=%s\ncommand=%s\n",
		plan->session_id, gk_escape(user, sizeof user, plan->who->name),
		(unsigned)plan->who->uid, s->shared ? "-" : door_name(plan->door),
		plan->policy->image, version_of(s, version, sizeof version),
		gk_escape(shown, sizeof shown, tty), gk_session_from(s), (int64_t)now.tv_sec,
		(unsigned)(now.tv_nsec / 1000000), (int)getpid(), (int)s->init,
		plan->policy->pids_max, pids->section ? pids->section : "-",
		plan->leaf_pids_max - plan->policy->pids_max, plan->policy->memory_max,
		plan->cred.caps, plan->userns_base, s->cgroup.user_hits_before,
		foreign_leaf(s, leaf, sizeof leaf), s->extra, gk_ports_shown(s->network.ports.open),
		gk_ports_shown(s->network.ports.shut), command_line(plan, command, sizeof command));
	return r < 0 ? gk_fail_errno(err, r, "cannot write the session's record") : 0;
}

void gk_session_traffic(const struct gk_session *s, struct gk_traffic *ret)
{
	if (s->counters < 0)
		*ret = s->traffic;
	else
		gk_traffic_read(s->counters, ret);
}

void gk_session_log_close(const struct gk_session *s, const char *status, int64_t duration_ms,
	const struct gk_usage *usage)
{
	const struct gk_plan *plan = s->plan;
	struct gk_traffic traffic;
	char user[256], counters[320];
	gk_session_traffic(s, &traffic);
	gk_usage_words(usage, counters, sizeof counters);
	gk_log(LOG_INFO,
		"event=close id=%s user=\"%s\" uid=%u status=%s duration_ms=%" PRId64
		" %s net_in=%" PRId64 " net_out=%" PRId64,
		plan->session_id, gk_escape(user, sizeof user, plan->who->name),
		(unsigned)plan->who->uid, status, duration_ms, counters, (int64_t)traffic.in,
		(int64_t)traffic.out);
}
