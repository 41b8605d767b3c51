#include "cli/sessions/sessions.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "cli/sessions/live.h"
#include "cli/print.h"
#include "plan/policy.h"
#include "plan/text.h"
#include "run/privilege/identity.h"
#include "run/store/container.h"
#include "run/store/load.h"
#include "run/store/record.h"
#include "run/watch/supervise.h"

struct reading {
	const struct gk_seen_filter *filter;
	char user[256];
	struct gk_arena *arena;
	struct gk_seen *list;
	size_t n, cap;
	time_t now;
	/* The policy as it is now, read when there is a container to compare with it. */
	struct gk_config config;
	int loaded; /* 1: it is there, -1: it cannot be read */
};

static const char *get(const struct reading *r, const char *text, const char *key)
{
	char buf[1024];
	const char *v = gk_record_get(text, key, buf, sizeof buf);
	return v && *v ? gk_arena_strdup(r->arena, v) : "-";
}

static int64_t get_number(const char *text, const char *key, int64_t none)
{
	char buf[32], *end;
	const char *v = gk_record_get(text, key, buf, sizeof buf);
	if (!v || *v < '0' || *v > '9')
		return none;
	errno = 0;
	unsigned long long n = strtoull(v, &end, 10);
	return errno || *end ? none : (int64_t)n;
}

/* The terminal keeps the time of the last input in its access time and that of the last output in
 * its modification time, as w(1) reads it; the earlier of the two idle times counts. */
static int64_t idle_of(const char *tty, time_t now)
{
	struct stat st;
	if (strncmp(tty, "/dev/", 5) != 0 || stat(tty, &st) < 0 || !S_ISCHR(st.st_mode))
		return -1;
	time_t last = st.st_atim.tv_sec > st.st_mtim.tv_sec ? st.st_atim.tv_sec : st.st_mtim.tv_sec;
	return now > last ? now - last : 0;
}

static bool wanted(const struct reading *r, const struct gk_seen *s)
{
	const struct gk_seen_filter *f = r->filter;
	return (s->alive || f->stale) && (!f->user || strcmp(s->user, r->user) == 0) &&
		(!f->door || strcmp(s->door, f->door) == 0) &&
		(!f->image || strcmp(s->image, f->image) == 0);
}

/* Its leaf: at its place below gocker's own, or where systemd has it. */
static int find_cgroup(const struct gk_seen *s, struct gk_cgroup *ret, struct gk_err *err)
{
	char path[1024];
	if (gk_record_get(s->record, "cgroup", path, sizeof path))
		return gk_cgroup_find_foreign(path, ret, err);
	const char *id = strcmp(s->container, "-") == 0 ? s->id : s->container;
	if (strlen(id) != GK_ID_BYTES - 1 || strchr(id, '/'))
		return gk_fail(err, -EINVAL, "the record of %s is damaged", s->id);
	return gk_cgroup_find(s->uid, id, ret, err);
}

static const struct gk_usage usage_unknown = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
	UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
	UINT64_MAX, UINT64_MAX };

/* pids_max is what the user has; init (and sshd, through the PAM door) counts in the cgroup only.
 */
static uint64_t without(uint64_t n, uint64_t own)
{
	return n == UINT64_MAX ? n : n > own ? n - own : 0;
}

/* Of the host's network nothing is a session's own, and nothing of a shared container's a login's.
 */
static void read_traffic(struct gk_seen *s)
{
	struct stat st;
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)s->init);
	bool own = s->alive && s->init > 0 && strcmp(s->container, "-") == 0 &&
		stat(path, &st) == 0 && (uint64_t)st.st_ino != gk_container_network();
	gk_autoclose int fd = own ? gk_traffic_open(s->init) : -1;
	gk_traffic_read(fd, &s->traffic);
}

static void read_counters(const struct reading *r, struct gk_seen *s, uint64_t own)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	struct gk_err ignored = GK_ERR_INIT;
	s->usage = usage_unknown;
	read_traffic(s);
	if (find_cgroup(s, &cg, &ignored) < 0)
		return;
	cg.user_hits_before = (uint64_t)get_number(s->record, "user_hits_before", 0);
	gk_cgroup_usage(&cg, &s->usage);
	s->usage.pids_now = without(s->usage.pids_now, own);
	s->usage.pids_peak = without(s->usage.pids_peak, own);
	s->frozen = gk_cgroup_is_frozen(&cg);
	/* In a shared container the processes are not this login's alone. */
	if (s->alive && strcmp(s->door, "pam") == 0 && strcmp(s->container, "-") == 0)
		gk_live_look(s, &cg, r->now, r->arena);
	gk_cgroup_close(&cg);
}

/* Whether a shared container is not as gocker.ini would make it now. Where that cannot be told, it
 * is not said. */
static bool is_behind(struct reading *r, uid_t uid, const char *record)
{
	struct gk_err ignored = GK_ERR_INIT;
	struct gk_identity who;
	struct gk_policy policy;
	char text[32];
	if (!r->loaded)
		r->loaded =
			gk_load_config(GK_CONFIG_PATH, r->arena, &r->config, &ignored) < 0 ? -1 : 1;
	if (r->loaded < 0 || !gk_record_get(record, "digest", text, sizeof text) ||
		gk_identity_by_uid(uid, r->arena, &who, &ignored) < 0 ||
		gk_policy_for(&r->config, &who, r->arena, &policy, &ignored) < 0)
		return false;
	return policy.share != GK_SHARE_USER ||
		gk_policy_container_digest(&policy, r->arena) != strtoull(text, NULL, 16);
}

static int read_record(const struct gk_record *record, void *arg)
{
	struct reading *r = arg;
	const char *text = record->text;
	struct gk_seen s = { .uid = record->uid, .place = record->slot, .alive = record->alive };
	s.user = get(r, text, "user");
	s.door = get(r, text, "door");
	s.image = get(r, text, "image");
	if (!wanted(r, &s))
		return 0;
	s.record = gk_arena_strdup(r->arena, text);
	s.version = get(r, text, "version");
	s.id = get(r, text, "id");
	s.tty = get(r, text, "tty");
	s.from = get(r, text, "from");
	s.command = get(r, text, "command");
	s.section = get(r, text, "pids_section");
	s.published = get(r, text, "publish");
	s.unpublished = get(r, text, "unpublished");
	s.container = get(r, text, "container");
	const char *kind = get(r, text, "kind");
	if (!s.container || !kind)
		return -ENOMEM;
	s.is_container = strcmp(kind, "container") == 0;
	s.behind = s.is_container && s.alive && is_behind(r, s.uid, text);
	s.payload = (pid_t)get_number(text, "payload", 0);
	if (!s.record || !s.version || !s.user || !s.door || !s.image || !s.id || !s.tty ||
		!s.from || !s.command || !s.section || !s.published || !s.unpublished)
		return -ENOMEM;
	s.started = get_number(text, "started", 0);
	s.started_ms = get_number(text, "started_ms", 0);
	s.age_s = s.started > 0 && r->now > s.started ? r->now - s.started : 0;
	s.init = (pid_t)get_number(text, "init", 0);
	s.supervisor = (pid_t)get_number(text, "supervisor", 0);
	s.pids_max = (uint64_t)get_number(text, "pids_max", -1);
	s.memory_max = (uint64_t)get_number(text, "memory_max", -1);
	s.caps = (uint64_t)get_number(text, "caps", 0);
	s.userns = (uint64_t)get_number(text, "userns", 0);
	s.idle_s = idle_of(s.tty, r->now);
	read_counters(r, &s, (uint64_t)get_number(text, "pids_own", 0));
	r->list = gk_grow(r->arena, r->list, r->n, &r->cap, sizeof *r->list);
	if (!r->list)
		return -ENOMEM;
	r->list[r->n++] = s;
	return 0;
}

/* In ms since the epoch. */
static int64_t opened(const struct gk_seen *s)
{
	return s->started * 1000 + s->started_ms;
}

/* The oldest first; logins below the container that they share. */
static int by_age(const void *a, const void *b)
{
	const struct gk_seen *x = a, *y = b;
	const char *in_x = strcmp(x->container, "-") == 0 ? x->id : x->container,
		   *in_y = strcmp(y->container, "-") == 0 ? y->id : y->container;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	if (strcmp(in_x, in_y) != 0)
		return strcmp(in_x, in_y);
	if (x->is_container != y->is_container)
		return x->is_container ? -1 : 1;
	if (opened(x) != opened(y))
		return opened(x) < opened(y) ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* What the logins in a container have from it. */
static void take_from_container(struct gk_seen *s, const struct gk_seen *list, size_t n)
{
	s->since = opened(s);
	for (size_t i = 0; i < n; i++)
		if (list[i].is_container && strcmp(list[i].id, s->container) == 0) {
			s->since = opened(&list[i]);
			s->behind = list[i].behind;
		}
}

/* Leaves the logins out whose container is in the list. Returns how many are left. */
static size_t without_logins(struct gk_seen *list, size_t n)
{
	size_t kept = 0;
	/* A container comes before its logins. */
	for (size_t i = 0; i < n; i++) {
		bool there = false;
		for (size_t k = 0; !there && k < kept; k++)
			there = list[k].is_container && strcmp(list[k].id, list[i].container) == 0;
		if (!there)
			list[kept++] = list[i];
	}
	return kept;
}

int gk_seen_read(const struct gk_seen_filter *filter, struct gk_arena *arena,
	struct gk_seen_list *ret, struct gk_err *err)
{
	struct reading r = { .filter = filter, .arena = arena, .now = time(NULL) };
	if (filter->user)
		gk_escape(r.user, sizeof r.user, filter->user);
	int e = gk_record_each((uid_t)-1, read_record, &r, err);
	if (e < 0)
		return gk_fail_errno(err, e, "cannot read the records in " GK_RUNDIR);
	for (size_t i = 0; i < r.n; i++)
		take_from_container(&r.list[i], r.list, r.n);
	if (r.n > 1)
		qsort(r.list, r.n, sizeof *r.list, by_age);
	if (filter->whole)
		r.n = without_logins(r.list, r.n);
	*ret = (struct gk_seen_list){ r.list, r.n };
	return 0;
}

static int ambiguous(const struct gk_seen_list *all, const char *shown, struct gk_arena *arena,
	struct gk_err *err)
{
	struct gk_buf ids = { .arena = arena };
	for (size_t i = 0; i < all->n && i < 8; i++)
		gk_buf_printf(&ids, " %s", all->list[i].id);
	return gk_fail(err, -ENOTUNIQ, "%s has %zu sessions; name one:%s%s", shown, all->n,
		gk_buf_text(&ids), all->n > 8 ? " ..." : "");
}

int gk_seen_find_all(
	const char *word, struct gk_arena *arena, struct gk_seen_list *ret, struct gk_err *err)
{
	struct gk_seen_list all = { 0 }, users = { 0 };
	char shown[256];
	size_t len = strlen(word), matches = 0;
	int r = gk_seen_read(&(struct gk_seen_filter){ 0 }, arena, &all, err);
	if (r == 0)
		r = gk_seen_read(&(struct gk_seen_filter){ .user = word, .whole = true }, arena,
			&users, err);
	if (r < 0)
		return r;
	(void)gk_escape(shown, sizeof shown, word);
	(void)gk_readable(shown);
	for (size_t i = 0; i < all.n && len > 0; i++)
		if (strncmp(all.list[i].id, word, len) == 0) {
			*ret = (struct gk_seen_list){ &all.list[i], 1 };
			matches++;
		}
	if (matches > 1)
		return gk_fail(err, -ENOTUNIQ,
			"%zu sessions have ids that begin with %s; give more of it", matches,
			shown);
	if (matches && users.n)
		return gk_fail(err, -ENOTUNIQ,
			"%s is a user with sessions and begins the id %s; give more of the id, or --user",
			shown, ret->list[0].id);
	if (!matches && !users.n && len > 0 && getpwnam(word))
		return gk_fail(err, -ENOENT, "%s has no session", shown);
	if (!matches && !users.n)
		return gk_fail(
			err, -ENOENT, "there is no session %s; `gocker ps` lists them", shown);
	if (!matches)
		*ret = users;
	return 0;
}

int gk_seen_find(const char *id, struct gk_arena *arena, struct gk_seen *ret, struct gk_err *err)
{
	struct gk_seen_list found;
	char shown[256];
	int r = gk_seen_find_all(id, arena, &found, err);
	if (r < 0)
		return r;
	if (found.n > 1) {
		(void)gk_escape(shown, sizeof shown, id);
		return ambiguous(&found, gk_readable(shown), arena, err);
	}
	*ret = found.list[0];
	return 0;
}

int gk_seen_check_user(const char *command, const char *user, const struct gk_seen_list *all)
{
	char shown[256];
	if (!user || all->n || getpwnam(user))
		return 0;
	(void)gk_escape(shown, sizeof shown, user);
	fprintf(stderr, "gocker %s: there is no user %s\n", command, gk_readable(shown));
	return 1;
}

char *gk_readable(char *escaped)
{
	static const char backslash[] = "\\x5c";
	for (char *s = escaped; (s = strstr(s, backslash)); s++)
		memmove(s + 1, s + sizeof backslash - 1, strlen(s + sizeof backslash - 1) + 1);
	return escaped;
}

const char *gk_seen_readable(struct gk_arena *arena, const char *escaped)
{
	char *s = gk_arena_strdup(arena, escaped);
	return s ? gk_readable(s) : "?";
}

struct gk_seen gk_seen_example(void)
{
	return (struct gk_seen){ .id = "-",
		.user = "-",
		.door = "-",
		.image = "-",
		.tty = "-",
		.from = "-",
		.command = "-",
		.section = "-",
		.published = "-",
		.unpublished = "-",
		.container = "-" };
}

int gk_seen_open(
	const struct gk_seen *seen, struct gk_cgroup *ret_cg, int *ret_pidfd, struct gk_err *err)
{
	struct gk_cgroup cg = GK_CGROUP_INIT;
	int r = find_cgroup(seen, &cg, err);
	if (r < 0)
		return r;
	if (ret_pidfd) {
		r = gk_cgroup_pidfd(&cg, seen->init);
		if (r < 0) {
			gk_cgroup_close(&cg);
			return gk_fail(err, r, "session %s is just starting or ending", seen->id);
		}
		*ret_pidfd = r;
	}
	*ret_cg = cg;
	return 0;
}

static bool is_login(const struct gk_seen *seen)
{
	return strcmp(seen->container, "-") != 0;
}

int gk_seen_supervisor(const struct gk_seen *seen, struct gk_err *err)
{
	struct gk_record now;
	gk_autoclose int dir = gk_slot_dir(seen->uid, err);
	gk_autoclose int pidfd = dir < 0 ? dir : gk_sys_pidfd_open(seen->supervisor);
	if (pidfd >= 0 && gk_record_read(seen->uid, dir, seen->place, &now) && now.alive &&
		strcmp(now.text, seen->record) == 0)
		return gk_steal_fd(&pidfd);
	return gk_fail(err, -ESRCH, "session %s is just starting or ending", seen->id);
}

int gk_seen_open_end(
	const struct gk_seen *seen, struct gk_cgroup *ret_cg, int *ret_pidfd, struct gk_err *err)
{
	if (!is_login(seen))
		return gk_seen_open(seen, ret_cg, ret_pidfd, err);
	gk_autoclose int supervisor = gk_seen_supervisor(seen, err);
	int r = supervisor < 0 ? supervisor : gk_seen_open(seen, ret_cg, NULL, err);
	if (r == 0)
		*ret_pidfd = gk_steal_fd(&supervisor);
	return r;
}

/* The supervisor and the keeper end what is below the login's command or daemon, by steps or at
 * once (run/watch/supervise.c, pam/keeper-watch.c). */
static int signal_login(const struct gk_seen *seen, const struct gk_cgroup *cg, int pidfd, int sig)
{
	bool keeper = seen->payload == 0;
	siginfo_t ask = { .si_code = SI_QUEUE, .si_value.sival_int = GK_LOGIN_ASKED };
	ask.si_signo = sig == SIGKILL ? GK_LOGIN_KILL : keeper ? SIGTERM : GK_LOGIN_STOP;
	if (keeper || sig == SIGTERM || sig == SIGKILL)
		return gk_sys_pidfd_queue_signal(pidfd, ask.si_signo, &ask);
	gk_autoclose int payload = gk_cgroup_pidfd(cg, seen->payload);
	return payload < 0 ? payload : gk_sys_pidfd_send_signal(payload, sig);
}

int gk_seen_signal(const struct gk_seen *seen, const struct gk_cgroup *cg, int pidfd, int sig)
{
	if (is_login(seen))
		return signal_login(seen, cg, pidfd, sig);
	/* init is the reaper of its PID namespace: the kernel ends all with it. */
	return sig == SIGKILL ? gk_sys_pidfd_send_signal(pidfd, sig) :
				gk_cgroup_signal(cg, sig, seen->init);
}

static struct json_object *number(uint64_t n)
{
	return n == UINT64_MAX ? NULL : json_object_new_int64((int64_t)n);
}

static struct json_object *text(const char *s)
{
	return strcmp(s, "-") == 0 ? NULL : json_object_new_string(s);
}

struct json_object *gk_seen_json(const struct gk_seen *s)
{
	struct json_object *o = json_object_new_object(), *pids = json_object_new_object(),
			   *memory = json_object_new_object(), *net = json_object_new_object();
	json_object_object_add(o, "id", text(s->id));
	json_object_object_add(o, "state",
		json_object_new_string(!s->alive ? "stale" :
				s->frozen        ? "frozen" :
						   "running"));
	json_object_object_add(o, "user", text(s->user));
	json_object_object_add(o, "uid", json_object_new_int64(s->uid));
	json_object_object_add(o, "door", text(s->door));
	json_object_object_add(o, "image", text(s->image));
	json_object_object_add(o, "kind",
		json_object_new_string(s->is_container         ? "container" :
				strcmp(s->container, "-") != 0 ? "login" :
								 "session"));
	json_object_object_add(o, "container", text(s->container));
	json_object_object_add(o, "behind", json_object_new_boolean(s->behind));
	json_object_object_add(o, "tty", text(s->tty));
	json_object_object_add(o, "from", text(s->from));
	json_object_object_add(o, "published", text(s->published));
	json_object_object_add(o, "unpublished", text(s->unpublished));
	json_object_object_add(o, "started", gk_json_time(s->started));
	json_object_object_add(o, "age_s", json_object_new_int64(s->age_s));
	json_object_object_add(
		o, "idle_s", s->idle_s < 0 ? NULL : json_object_new_int64(s->idle_s));
	json_object_object_add(o, "userns_base", s->userns ? number(s->userns) : NULL);
	json_object_object_add(o, "init", json_object_new_int64(s->init));
	json_object_object_add(o, "supervisor", json_object_new_int64(s->supervisor));
	json_object_object_add(o, "command", text(s->command));
	json_object_object_add(pids, "now", number(s->usage.pids_now));
	json_object_object_add(pids, "peak", number(s->usage.pids_peak));
	json_object_object_add(pids, "limit", number(s->pids_max));
	json_object_object_add(pids, "limit_hits", number(s->usage.pids_hits));
	json_object_object_add(pids, "user_limit_hits", number(s->usage.user_pids_hits));
	json_object_object_add(pids, "limit_section", text(s->section));
	json_object_object_add(o, "pids", pids);
	json_object_object_add(memory, "now", number(s->usage.memory_now));
	json_object_object_add(memory, "peak", number(s->usage.memory_peak));
	json_object_object_add(memory, "limit", number(s->memory_max));
	json_object_object_add(memory, "oom_kills", number(s->usage.oom_kills));
	json_object_object_add(memory, "high_hits", number(s->usage.memory_high_hits));
	json_object_object_add(memory, "low_hits", number(s->usage.memory_low_hits));
	json_object_object_add(o, "memory", memory);
	json_object_object_add(o, "cpu_usec", number(s->usage.cpu_usec));
	json_object_object_add(o, "cpu_throttled", number(s->usage.cpu_throttled));
	json_object_object_add(o, "user_cpu_throttled", number(s->usage.user_cpu_throttled));
	json_object_object_add(o, "io_stalled_usec", number(s->usage.io_stalled_usec));
	json_object_object_add(net, "in", number(s->traffic.in));
	json_object_object_add(net, "out", number(s->traffic.out));
	json_object_object_add(o, "net", net);
	return o;
}
