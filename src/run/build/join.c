#include "run/build/join.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/cgroup/leave.h"
#include "run/privilege/landlock.h"
#include "run/store/container.h"
#include "run/watch/holder.h"

enum {
	LOCK_TIMEOUT_MS = 50000, /* more than the making of a container takes (holder.c) */
	TRIES = 50,              /* of containers that end while they are joined */
	TRY_US = 10000,
};

/* Finds the container, or has it made and finds it then; both under one lock, so that no user has
 * two that can be joined. */
static int find(struct gk_session *s, const struct gk_join *join, struct gk_err *err)
{
	uid_t uid = s->plan->who->uid;
	const char *user = s->plan->who->name;
	struct gk_holder holder = { &join->plan, s->caller, GK_SLOT_INIT, join->digest };
	gk_autoclose int lock = gk_container_lock(uid, LOCK_TIMEOUT_MS, err);
	if (lock < 0)
		return lock;
	int r = gk_container_find(uid, user, &s->container, &holder.slot, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = gk_holder_start(&holder, err);
	if (r < 0)
		return r;
	r = gk_container_find(uid, user, &s->container, &holder.slot, err);
	gk_slot_release(&holder.slot);
	return r == 0 ? gk_fail(err, -ESRCH, "the container ended before it was joined") :
		r < 0 ? r :
			0;
}

static int enter(struct gk_session *s, struct gk_err *err)
{
	/* It would be stopped as well, and nobody would hear of it. */
	if (gk_cgroup_is_frozen(&s->container.cgroup))
		return gk_fail(err, -EBUSY, "your container is frozen; ask your administrator");
	/* The daemon's children go inside by themselves. */
	if (s->plan->door == GK_DOOR_PAM)
		return gk_pidfd_has_ended(s->container.init_pidfd) ? -ESRCH : 0;
	const struct gk_agent agent = s->enter.agent;
	s->enter = GK_ENTER_INIT;
	s->enter.agent = agent;
	s->enter.plan = s->plan;
	s->enter.caller = s->caller;
	s->enter.cgroup = &s->container.cgroup;
	s->enter.init_pidfd = s->container.init_pidfd;
	s->enter.tty = s->tty;
	s->enter.stdio = s->stdio ? s->stdio->payload : -1;
	s->enter.follow = true;
	s->enter.past_limit = true;
	if (gk_enter_begin(&s->enter, err) == 0) {
		s->master = gk_steal_fd(&s->enter.master);
		return 0;
	}
	int r = gk_pidfd_has_ended(s->container.init_pidfd) ? -ESRCH :
		err->code < 0                               ? err->code :
							      -EIO;
	gk_enter_end(&s->enter);
	gk_close_fd(&s->enter.master);
	return r;
}

static int find_and_enter(struct gk_session *s, const struct gk_join *join, struct gk_err *err)
{
	int r = -ESRCH;
	for (int i = 0; r == -ESRCH && i < TRIES; i++) {
		gk_err_clear(err);
		if (i > 0)
			(void)usleep(TRY_US);
		r = find(s, join, err);
		if (r == 0)
			r = enter(s, err);
		if (r < 0)
			gk_container_close(&s->container);
	}
	return r;
}

/* The user's own, as share = login brings one in: looked at by a process of the user's. */
static void open_agent(struct gk_session *s)
{
	struct gk_err ignored = GK_ERR_INIT;
	const struct gk_bind *bind = s->plan->binds, *end = bind + s->plan->nbinds;
	while (bind < end && !bind->socket)
		bind++;
	if (bind == end || s->plan->door == GK_DOOR_PAM)
		return;
	gk_bind_ask(bind, &s->plan->cred, &s->asked[0]);
	int socket = gk_bind_take(bind, &s->plan->cred, &s->asked[0], NULL, 0, &ignored);
	int slots = socket < 0 ? -1 : gk_slot_dir(s->plan->who->uid, &ignored);
	s->enter.agent = (struct gk_agent){ .socket = socket,
		.slots = slots,
		.id = s->plan->session_id,
		.uid = s->plan->who->uid };
}

static void close_agent(struct gk_session *s)
{
	gk_close_fd(&s->enter.agent.socket);
	gk_close_fd(&s->enter.agent.slots);
}

int gk_join_plan(const struct gk_request *request, const struct gk_identity *who,
	const struct gk_policy *policy, struct gk_arena *arena, struct gk_join *ret,
	struct gk_err *err)
{
	struct gk_request own = *request;
	own.session_id = ret->id;
	ret->digest = gk_policy_container_digest(policy, arena);
	int r = gk_session_new_id(ret->id);
	return r < 0 ? gk_fail_errno(err, r, "cannot plan the container") :
		       gk_plan_make_container(&own, who, policy, arena, &ret->plan, err);
}

int gk_join_open(struct gk_session *s, const struct gk_join *join, struct gk_err *err)
{
	const struct gk_policy *policy = s->plan->policy;
	s->joined = true;
	int r = gk_landlock_check(s->plan, err);
	/* Before a lock is taken, which its user could hold by freezing this process. */
	if (r == 0)
		r = gk_leave_caller_cgroup(err);
	if (r == 0)
		r = gk_slot_take(s->plan->who->uid, policy, &s->slot, err);
	if (r == 0)
		r = gk_session_record(s, err);
	if (r == 0 && s->apart)
		r = gk_nss_worker_confirm(s->apart, err);
	if (s->apart)
		gk_nss_worker_end(s->apart);
	if (r == 0)
		open_agent(s);
	if (r == 0)
		r = find_and_enter(s, join, err);
	close_agent(s);
	if (r == 0) {
		snprintf(s->extra, sizeof s->extra, "container=%s\npayload=%d\n", s->container.id,
			(int)s->enter.pid);
		s->init = s->container.init;
		r = gk_session_record(s, err);
	}
	/* It has been logged of the container. */
	if (r == 0)
		gk_ports_tell(s->container.unpublished, s->tty.fd);
	if (r < 0)
		(void)gk_session_close(s);
	return r;
}
