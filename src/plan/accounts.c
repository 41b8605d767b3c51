#include "plan/build.h"

#include <errno.h>
#include <string.h>

#include "plan/text.h"

enum { ROOT_GID = 0, NOBODY_ID = 65534 };

/* A name that nss_files would not give back as it is. */
static bool name_stands(const char *name)
{
	return name && *name && strlen(name) <= 255 && !gk_has_control(name) &&
		!strpbrk(name, ":,") && !strchr("+-# ", name[0]) && name[strlen(name) - 1] != ' ';
}

int gk_build_check_account(const struct gk_identity *who, struct gk_err *err)
{
	if (name_stands(who->name))
		return 0;
	gk_err_detail(err, "uid=%u reason=name_not_for_passwd", (unsigned)who->uid);
	return gk_fail(err, -EINVAL,
		"the name of the account with uid %u cannot be written to a passwd file", who->uid);
}

/* The account's description, without what would break the line. */
static void add_gecos(struct gk_buf *buf, const char *gecos)
{
	for (size_t i = 0; gecos && gecos[i] && i < 256; i++) {
		bool bad = gk_is_control(gecos[i]) || gecos[i] == ':';
		gk_buf_add(buf, bad ? " " : &gecos[i], 1);
	}
}

/* The passwd shell inside: what the policy says, but behind the PAM door, where daemons start
 * the account's own, the host's. */
static const char *passwd_shell(const struct gk_build *b)
{
	const char *host = b->who->shell;
	if (b->request->door != GK_DOOR_PAM)
		return b->policy->shell;
	return host && *host ? host : "/bin/sh";
}

static int passwd_text(struct gk_build *b, const char **ret)
{
	const struct gk_identity *who = b->who;
	const char *shell = passwd_shell(b);
	if (strpbrk(shell, ":\n") || strpbrk(b->home, ":\n"))
		return gk_fail(b->err, -EINVAL,
			"the account's home or shell cannot be written to a passwd file; correct it, "
			"or set home = none and another shell for it");
	struct gk_buf buf = { .arena = b->arena };
	if (who->uid != 0 && strcmp(who->name, "root") != 0)
		gk_buf_puts(&buf, "root:x:0:0:root:/root:/bin/sh\n");
	gk_buf_printf(&buf, "%s:x:%u:%u:", who->name, (unsigned)who->uid, (unsigned)who->gid);
	add_gecos(&buf, who->gecos);
	const char *home =
		who->uid == 0 && b->request->override.as_container_root ? "/root" : b->home;
	gk_buf_printf(&buf, ":%s:%s\n", home, shell);
	if (who->uid != NOBODY_ID && strcmp(who->name, "nobody") != 0)
		gk_buf_puts(&buf, "nobody:x:65534:65534:nobody:/:/bin/false\n");
	*ret = gk_buf_text(&buf);
	return 0;
}

/* Whether one of the user's groups takes the place of a group that is always there. */
static bool group_taken(const struct gk_identity *who, gid_t gid, const char *name)
{
	for (size_t i = 0; i < who->ngroups; i++)
		if ((who->groups[i].gid == gid && name_stands(who->groups[i].name)) ||
			(who->groups[i].name && strcmp(who->groups[i].name, name) == 0))
			return true;
	return false;
}

/* One group of the user's. Behind the PAM door daemons read membership from here (initgroups(3)),
 * so that one without a usable name gets one; elsewhere it stays a number, as on the host. */
static void add_group(struct gk_buf *buf, const struct gk_build *b, const struct gk_group *g)
{
	bool primary = g->gid == b->who->gid;
	const char *member = primary ? "" : b->who->name;
	if (name_stands(g->name))
		gk_buf_printf(buf, "%s:x:%u:%s\n", g->name, (unsigned)g->gid, member);
	else if (b->request->door == GK_DOOR_PAM && !primary)
		gk_buf_printf(buf, "gid%u:x:%u:%s\n", (unsigned)g->gid, (unsigned)g->gid, member);
}

static const char *group_text(const struct gk_build *b)
{
	static const struct gk_group standard[] = { { ROOT_GID, "root" }, { GK_TTY_GID, "tty" },
		{ NOBODY_ID, "nogroup" } };
	struct gk_buf buf = { .arena = b->arena };
	for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
		if (!group_taken(b->who, standard[i].gid, standard[i].name))
			gk_buf_printf(
				&buf, "%s:x:%u:\n", standard[i].name, (unsigned)standard[i].gid);
	for (size_t i = 0; i < b->who->ngroups; i++)
		add_group(&buf, b, &b->who->groups[i]);
	return gk_buf_text(&buf);
}

int gk_build_accounts(struct gk_build *b)
{
	const char *passwd = NULL, *group = group_text(b);
	int e = passwd_text(b, &passwd);
	if (e < 0)
		return e;
	if (!passwd || !group)
		return gk_fail_errno(b->err, -ENOMEM, "cannot make the plan");
	e = gk_build_entry(b, GK_ENTRY_FILE, "/etc/passwd", 0644, passwd);
	if (e == 0)
		e = gk_build_entry(b, GK_ENTRY_FILE, "/etc/group", 0644, group);
	if (e == 0)
		e = gk_build_entry(b, GK_ENTRY_FILE, "/etc/nsswitch.conf", 0644,
			"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
			"networks: files\nprotocols: files\nservices: files\nethers: files\n"
			"rpc: files\n");
	return e;
}
