/* pam_gocker: the session module of the PAM door. It decides nothing but who is let through without
 * looking (root and the break-glass group); all else the keeper does.
 *
 * Loaded into other people's root daemons: no globals, no exit, no output; what it can't take back
 * it does not do. pam_gocker(8) says how a stack is written. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_modules.h>
#include <security/pam_ext.h>

#include "children.h"
#include "door.h"
#include "options.h"
#include "variables.h"
#include "who.h"

#define DATA    "gocker_door"
#define PENDING "gocker_pending"
/* What a refusal returns. Every caller must stop at it: su, runuser, login, cron, atd and sshd stop
 * at whatever is not PAM_SUCCESS, but sudo takes PAM_SESSION_ERR of pam_open_session(3) for a
 * warning and runs the command (plugins/sudoers/auth/pam.c, since 1.8.7). */
#define REFUSAL PAM_PERM_DENIED
#define EXPORT  __attribute__((visibility("default")))

static const char *item(pam_handle_t *pamh, int type)
{
	const void *value = NULL;
	return pam_get_item(pamh, type, &value) == PAM_SUCCESS && value ? value : "";
}

/* A name for a log line: what could end its quotes or be read as more than a name is a question
 * mark. */
struct name {
	char text[64];
};

static struct name shown(const char *s)
{
	struct name n = { "" };
	size_t i = 0;
	for (; i < sizeof n.text - 1 && s[i]; i++) {
		unsigned char c = (unsigned char)s[i];
		n.text[i] = c <= ' ' || c >= 0x7f || c == '"' || c == '\\' ? '?' : s[i];
	}
	n.text[i] = '\0';
	return n;
}

/* ---- who is let through ---- */

/* Before any file of ours is read: a mistake in gocker.ini must not lock the administrator out.
 * Returns true when nothing more is to be asked; *ret is what the module answers then. */
static bool decided_by_name(
	pam_handle_t *pamh, const struct gk_pam_options *o, int refusal, int *ret)
{
	const char *user = item(pamh, PAM_USER);
	/* `outer` and the last line both look at the user; the last one tells the log. */
	int said = o->outer ? LOG_DEBUG : 0;
	/* Cut, it would be another account's. */
	if (strlen(user) >= sizeof((struct gk_link_message *)NULL)->user) {
		pam_syslog(pamh, LOG_ERR,
			"event=refused door=pam user=\"%s\" reason=\"the name is too long\"",
			shown(user).text);
		*ret = refusal;
		return true;
	}
	switch (gk_who_is(user, o->break_glass)) {
	case GK_WHO_ROOT:
		pam_syslog(pamh, said ? said : LOG_WARNING,
			"event=uncontained reason=root user=\"%s\"", shown(user).text);
		*ret = PAM_SUCCESS;
		return true;
	case GK_WHO_MEMBER:
		pam_syslog(pamh, said ? said : LOG_ALERT,
			"event=uncontained reason=break_glass group=\"%s\" user=\"%s\"",
			o->break_glass, shown(user).text);
		*ret = PAM_SUCCESS;
		return true;
	case GK_WHO_UNKNOWN:
		pam_syslog(pamh, LOG_ERR, "event=refused door=pam reason=\"no such account\"");
		*ret = refusal;
		return true;
	default: break;
	}
	if (!o->unknown)
		return false;
	pam_syslog(
		pamh, LOG_ERR, "event=refused door=pam reason=\"unknown option %s\"", o->unknown);
	*ret = refusal;
	return true;
}

/* ---- the state of a login, kept in the handle ---- */

static void clean_up(pam_handle_t *pamh, void *data, int status)
{
	struct gk_pam_door *door = data;
	(void)pamh;
	(void)status;
	/* A login that never got inside ends here. One that is inside goes on: its keeper ends it
	 * when it is closed, or when this process is gone. */
	if (gk_door_is_ours(door) && door->state == GK_PAM_STARTED)
		(void)gk_door_end(door);
	if (gk_door_is_ours(door))
		gk_pam_variables_forget(door);
	gk_door_free(door);
}

static struct gk_pam_door *find_door(pam_handle_t *pamh)
{
	const void *data = NULL;
	if (pam_get_data(pamh, DATA, &data) != PAM_SUCCESS || !data)
		return NULL;
	/* It is ours, and was put there without const. */
	return (struct gk_pam_door *)(uintptr_t)data;
}

static void forget_door(pam_handle_t *pamh)
{
	(void)pam_set_data(pamh, DATA, NULL, NULL);
}

/* ---- open ---- */

static int refuse(pam_handle_t *pamh, int flags, const struct gk_pam_failure *why)
{
	pam_syslog(pamh, LOG_ERR, "event=refused door=pam user=\"%s\" reason=\"%s\"",
		shown(item(pamh, PAM_USER)).text, why->log[0] ? why->log : "-");
	if (!((unsigned)flags & PAM_SILENT))
		(void)pam_error(pamh, "gocker: %s",
			why->user[0] ?
				why->user :
				"this login cannot be contained, so it is refused; the system log says why");
	return REFUSAL;
}

static void fill_question(pam_handle_t *pamh, int kind, struct gk_link_message *m)
{
	*m = (struct gk_link_message){ .kind = kind };
	snprintf(m->user, sizeof m->user, "%s", item(pamh, PAM_USER));
	snprintf(m->service, sizeof m->service, "%s", item(pamh, PAM_SERVICE));
	snprintf(m->tty, sizeof m->tty, "%s", item(pamh, PAM_TTY));
	snprintf(m->rhost, sizeof m->rhost, "%s", item(pamh, PAM_RHOST));
}

static void free_text(pam_handle_t *pamh, void *data, int status)
{
	(void)pamh;
	(void)status;
	free(data);
}

/* The limits in the words of pam_systemd(8), for a line of it further down in the stack. */
static void hand_on(pam_handle_t *pamh, const char *name, uint64_t value)
{
	char text[32], *copy;
	if (value == 0)
		return;
	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	copy = strdup(text);
	if (copy && pam_set_data(pamh, name, copy, free_text) != PAM_SUCCESS)
		free(copy);
}

/* ---- until the session is open ---- */

/* libpam tells who calls: the handle's data are refused to an application (pam_get_data(3)). */
static bool by_application(void *pamh)
{
	const void *data;
	return pam_get_data(pamh, DATA, &data) == PAM_SYSTEM_ERR;
}

static void end_pending(pam_handle_t *pamh, void *data, int status)
{
	(void)data;
	(void)status;
	gk_children_expect_no_more(pamh);
}

/* From `outer` on, and after a refusal to the end of the handle, what the application forks comes
 * to nothing: whoever goes on after a refusal, or after a module that failed between the lines,
 * runs nothing on the host. A program that gocker does not know may have other users' business to
 * go on with; the keeper watches over that one. */
static void expect(pam_handle_t *pamh, enum gk_link_mode mode)
{
	if (mode == 0)
		return;
	int r = gk_children_expect(mode, by_application, pamh);
	if (r == 0 && pam_set_data(pamh, PENDING, pamh, end_pending) == PAM_SUCCESS)
		return;
	/* A session that is open in this process holds what it forks anyway. */
	gk_children_expect_no_more(pamh);
}

/* Starts a keeper for this login. On success the door is in the handle. */
static int start(pam_handle_t *pamh, const struct gk_pam_options *o, int flags)
{
	struct gk_link_message question, answer;
	struct gk_pam_failure why = { 0 };
	struct gk_pam_door *door = gk_door_new();
	if (!door || pam_set_data(pamh, DATA, door, clean_up) != PAM_SUCCESS) {
		if (door)
			gk_door_free(door);
		snprintf(why.log, sizeof why.log, "out of memory");
		return refuse(pamh, flags, &why);
	}
	fill_question(pamh, GK_LINK_OPEN, &question);
	question.outer = o->outer;
	question.mode = (int32_t)o->mode;
	if (o->program)
		snprintf(question.text, sizeof question.text, "%s", o->program);
	memcpy(door->user, question.user, sizeof door->user);
	int r = gk_door_start(door, &question, &answer, &why);
	if (r < 0 || door->state == GK_PAM_STARTED)
		expect(pamh, door->mode);
	if (r < 0) {
		/* `required` lines go on after a failure: the last one must not try again. */
		door->state = GK_PAM_FAILED;
		if (!o->outer)
			forget_door(pamh);
		return refuse(pamh, flags, &why);
	}
	if (o->debug)
		pam_syslog(pamh, LOG_DEBUG, "event=keeper user=\"%s\" contained=%s",
			shown(question.user).text, door->state == GK_PAM_FREE ? "no" : "yes");
	if (o->outer && door->state == GK_PAM_STARTED) {
		hand_on(pamh, "systemd.tasks_max", answer.tasks_max);
		hand_on(pamh, "systemd.memory_max", answer.memory_max);
	}
	return PAM_SUCCESS;
}

static int open_door(pam_handle_t *pamh, const struct gk_pam_options *o, int flags)
{
	struct gk_pam_failure why = { 0 };
	char names[sizeof((struct gk_link_message *)NULL)->names];
	struct gk_pam_door *door = find_door(pamh);
	if (door && (!gk_door_is_ours(door) || door->state >= GK_PAM_INSIDE)) {
		snprintf(why.log, sizeof why.log, "the session is open already");
		return refuse(pamh, flags, &why);
	}
	if (!door || o->outer) {
		forget_door(pamh);
		int r = start(pamh, o, flags);
		if (r != PAM_SUCCESS || o->outer)
			return r;
		door = find_door(pamh);
	}
	if (!door || door->state == GK_PAM_FAILED)
		return REFUSAL;
	if (door->state == GK_PAM_FREE)
		return PAM_SUCCESS;
	gk_pam_variables_list(pamh, names, sizeof names);
	if (gk_door_enter(door, names, &why) < 0) {
		int inside = door->state == GK_PAM_INSIDE;
		door->state = GK_PAM_FAILED;
		forget_door(pamh);
		if (inside)
			pam_syslog(pamh, LOG_CRIT,
				"event=stuck reason=\"the caller could not come back\"");
		return refuse(pamh, flags, &why);
	}
	gk_pam_variables_hide(pamh, door);
	/* It is open. The fork handlers of a caller that stays outside look at the session first.
	 */
	if (door->mode == GK_LINK_WHOLE)
		(void)pam_set_data(pamh, PENDING, NULL, NULL);
	if (o->debug)
		pam_syslog(pamh, LOG_DEBUG, "event=inside");
	return PAM_SUCCESS;
}

/* A module between `outer` and the last line may change PAM_USER: the container would be the first
 * name's, or, with the break-glass group or root as the second, nobody's. */
static bool other_user(pam_handle_t *pamh, const struct gk_pam_options *o)
{
	struct gk_pam_door *door = o->outer ? NULL : find_door(pamh);
	return door && gk_door_is_ours(door) && strcmp(door->user, item(pamh, PAM_USER)) != 0;
}

static int refuse_other_user(pam_handle_t *pamh, int flags)
{
	struct gk_pam_failure why = { .log = "PAM_USER was changed since the line with outer" };
	struct gk_pam_door *door = find_door(pamh);
	/* One that is inside ends when it is closed; what is not yet inside ends here. */
	if (door && door->state < GK_PAM_INSIDE)
		forget_door(pamh);
	return refuse(pamh, flags, &why);
}

/* ---- close ---- */

static int close_door(pam_handle_t *pamh, const struct gk_pam_options *o)
{
	struct gk_pam_door *door = find_door(pamh);
	/* Never opened, or opened by the process that this one was forked from: not ours to close.
	 */
	if (!door || !gk_door_is_ours(door))
		return PAM_SUCCESS;
	int back = gk_door_come_back(door);
	gk_pam_variables_show(pamh, door);
	if (back < 0)
		pam_syslog(
			pamh, LOG_ERR, "event=stuck reason=\"cannot come back\" errno=%d", -back);
	if (o->outer)
		return back < 0 ? PAM_SESSION_ERR : PAM_SUCCESS;
	int ended = gk_door_end(door);
	if (ended < 0)
		pam_syslog(pamh, LOG_ERR, "event=killed reason=\"the keeper did not end in time\"");
	/* What is left is freed, no more ended. */
	door->state = GK_PAM_FAILED;
	(void)pam_set_data(pamh, PENDING, NULL, NULL);
	forget_door(pamh);
	return back < 0 || ended < 0 ? PAM_SESSION_ERR : PAM_SUCCESS;
}

/* The daemon's handler for the end of children (atd's reaps all of them) must not meet ours. */
static void hold_children(sigset_t *before)
{
	sigset_t chld;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, before);
}

static void release_children(const sigset_t *before)
{
	(void)sigprocmask(SIG_SETMASK, before, NULL);
}

/* ---- the six entry points ---- */

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct gk_pam_options o = gk_pam_options_read(argc, argv);
	sigset_t before;
	int r;
	if (o.check)
		o.unknown = "check"; /* of the account part */
	hold_children(&before);
	if (other_user(pamh, &o))
		r = refuse_other_user(pamh, flags);
	else if (!decided_by_name(pamh, &o, REFUSAL, &r))
		r = open_door(pamh, &o, flags);
	release_children(&before);
	return r;
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct gk_pam_options o = gk_pam_options_read(argc, argv);
	sigset_t before;
	(void)flags;
	hold_children(&before);
	int r = close_door(pamh, &o);
	release_children(&before);
	return r;
}

/* With `check`: whether a session could open now, so that sshd refuses the connection where it
 * could not. Without, for services that run a user's code on the host and can't be contained
 * (systemd-user): contained users are refused. */
EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct gk_pam_options o = gk_pam_options_read(argc, argv);
	struct gk_link_message question, answer;
	struct gk_pam_failure why = { 0 };
	sigset_t before;
	int r;
	if (decided_by_name(pamh, &o, REFUSAL, &r))
		return r;
	struct gk_pam_door *door = gk_door_new();
	if (!door)
		return PAM_PERM_DENIED;
	fill_question(pamh, o.check ? GK_LINK_CHECK : GK_LINK_ASK, &question);
	question.mode = (int32_t)o.mode;
	if (o.program)
		snprintf(question.text, sizeof question.text, "%s", o.program);
	hold_children(&before);
	r = gk_door_start(door, &question, &answer, &why);
	release_children(&before);
	bool is_free = r == 0 && (o.check || door->state == GK_PAM_FREE);
	gk_door_free(door);
	if (is_free)
		return PAM_SUCCESS;
	if (r < 0)
		(void)refuse(pamh, flags, &why);
	else
		pam_syslog(pamh, LOG_INFO,
			"event=refused door=pam service=\"%s\" user=\"%s\" "
			"reason=\"contained users run nothing on the host\"",
			question.service, shown(question.user).text);
	return PAM_PERM_DENIED;
}

/* Nothing to say: who someone is, his credentials and his password are others' business. */
EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}
