#include "properties.h"

#include <stdlib.h>
#include <string.h>

#include "plan/env.h"
#include "plan/keys.h"
#include "plan/text.h"
#include "plan/value.h"

void gk_must(bool holds, const char *file, int line, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

void gk_check_policy(const struct gk_policy *policy)
{
	struct gk_arena arena = { 0 };
	struct gk_policy again = { 0 };
	for (int k = 0; k < GK_KEY_COUNT; k++) {
		enum gk_key key = (enum gk_key)k;
		struct gk_complaint why;
		const char *text = gk_key_text(key, policy, &arena);
		/* With a long account name in it, it is cut when {id} is known, too. */
		if (key == GK_KEY_HOSTNAME && text && strlen(text) > 63)
			continue;
		MUST(text && gk_key_set(key, text, &arena, &again, &why) == 0);
		MUST(strcmp(gk_key_text(key, &again, &arena), text) == 0);
	}
	MUST(policy->pids_max >= 1 && policy->pids_max <= 4 << 20);
	MUST(policy->root_size != GK_UNLIMITED && policy->tmp_size != GK_UNLIMITED);
	MUST(!strchr(policy->image, '/') && policy->image[0] != '.');
	gk_arena_free(&arena);
}

static void check_path(const char *path)
{
	struct gk_arena arena = { 0 };
	const char *why, *clean = gk_path_clean(&arena, path, &why);
	MUST(clean && strcmp(clean, path) == 0);
	gk_arena_free(&arena);
}

/* What comes from the host, or from the user's tmpfs home, covers nothing that gocker put there. */
static void check_foreign_target(const char *target)
{
	static const char *const own[] = { "/etc", "/dev", "/proc", "/sys", "/tmp", "/bin", "/sbin",
		"/lib", "/usr/bin", "/usr/lib", "/usr/sbin", GK_BINDIR };
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		MUST(!gk_path_within(target, own[i]) && !gk_path_within(own[i], target));
}

static bool foreign(const struct gk_mount *m)
{
	return m->kind == GK_MOUNT_BIND ||
		(m->kind == GK_MOUNT_SCRATCH && strcmp(m->source, "home") == 0);
}

static void check_mounts(const struct gk_plan *plan)
{
	MUST(plan->nmounts > 0 && strcmp(plan->mounts[0].target, "/") == 0);
	MUST(plan->mounts[0].kind == GK_MOUNT_OVERLAY || plan->mounts[0].kind == GK_MOUNT_EDIT);
	for (size_t i = 0; i < plan->nmounts; i++) {
		const struct gk_mount *m = &plan->mounts[i];
		check_path(m->target);
		MUST(m->flags & GK_MF_NOSUID);
		MUST((m->flags & GK_MF_NODEV) || gk_path_within(m->target, "/dev"));
		if (!foreign(m))
			continue;
		check_foreign_target(m->target);
		MUST(m->kind != GK_MOUNT_BIND || m->index < plan->nbinds);
		for (size_t j = 0; j < i; j++)
			MUST(!foreign(&plan->mounts[j]) ||
				(!gk_path_within(m->target, plan->mounts[j].target) &&
					!gk_path_within(plan->mounts[j].target, m->target)));
	}
	for (size_t i = 0; i < plan->nbinds; i++)
		if (!plan->binds[i].socket && plan->mounts[0].kind == GK_MOUNT_OVERLAY)
			check_path(plan->binds[i].source);
}

static const char *entry_text(const struct gk_plan *plan, const char *path)
{
	const char *text = NULL;
	for (size_t i = 0; i < plan->nentries; i++) {
		check_path(plan->entries[i].path);
		/* Root's inside. */
		MUST(plan->entries[i].uid == plan->userns_base &&
			plan->entries[i].gid == plan->userns_base);
		if (strcmp(plan->entries[i].path, path) != 0)
			continue;
		MUST(!text);
		text = plan->entries[i].content;
	}
	MUST(text != NULL);
	return text;
}

/* Every line has so many colons; returns how many begin with "name:" and have ":id:" third. */
static size_t count_lines(const char *text, size_t colons, const char *name, unsigned long id)
{
	size_t hits = 0;
	while (*text) {
		const char *end = strchr(text, '\n');
		MUST(end != NULL);
		size_t seen = 0;
		for (const char *s = text; s < end; s++)
			seen += *s == ':';
		MUST(seen == colons);
		char number[32];
		int n = snprintf(number, sizeof number, ":x:%lu:", id);
		size_t len = strlen(name);
		hits += (size_t)(end - text) > len + (size_t)n && strncmp(text, name, len) == 0 &&
			strncmp(text + len, number, (size_t)n) == 0;
		text = end + 1;
	}
	return hits;
}

/* No line of group names the user as a member of a group that is not his on the host. */
static void check_groups(const char *text, const struct gk_identity *who)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		const char *member = end;
		while (member[-1] != ':')
			member--;
		if (member == end)
			continue;
		MUST((size_t)(end - member) == strlen(who->name) &&
			strncmp(member, who->name, (size_t)(end - member)) == 0);
		const char *gid = strstr(text, ":x:");
		MUST(gid && gid < end);
		bool his = false;
		for (size_t i = 0; i < who->ngroups; i++)
			his = his || who->groups[i].gid == strtoul(gid + 3, NULL, 10);
		MUST(his);
	}
}

static void check_accounts(const struct gk_plan *plan)
{
	const char *passwd = entry_text(plan, "/etc/passwd"),
		   *group = entry_text(plan, "/etc/group");
	MUST(count_lines(passwd, 6, plan->who->name, plan->who->uid) == 1);
	(void)count_lines(group, 3, "", 0);
	check_groups(group, plan->who);
	MUST(plan->cred.uid == plan->who->uid && plan->cred.gid == plan->who->gid);
	MUST(plan->cred.ngroups == plan->who->ngroups);
	MUST(plan->cred.no_new_privs);
}

static void check_env(const struct gk_plan *plan)
{
	size_t n = 0, bytes = 0;
	for (; plan->env[n]; n++) {
		size_t len = strcspn(plan->env[n], "=");
		MUST(plan->env[n][len] == '=' && gk_value_env_name_ok(plan->env[n], len));
		MUST(!gk_env_never(plan->env[n], len));
		bytes += strlen(plan->env[n]) + 1;
		for (size_t i = 0; i < n; i++)
			MUST(strncmp(plan->env[i], plan->env[n], len + 1) != 0);
	}
	MUST(n <= GK_ENV_VARS && bytes <= GK_ENV_BYTES);
}

/* Nothing in the text can move a terminal's cursor. */
static void check_print(const struct gk_plan *plan)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	MUST(stream != NULL);
	gk_plan_print(plan, stream);
	MUST(fclose(stream) == 0 && strlen(text) == size);
	for (size_t i = 0; i < size; i++)
		MUST(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
	free(text);
}

void gk_check_plan(
	const struct gk_plan *plan, const struct gk_identity *who, const struct gk_request *request)
{
	const char *why;
	check_mounts(plan);
	check_accounts(plan);
	check_env(plan);
	check_print(plan);
	MUST(gk_value_hostname_ok(plan->hostname, &why));
	MUST(plan->leaf_pids_max > plan->policy->pids_max);
	MUST(plan->terminals_max >= 1 && plan->terminals_max <= GK_TERMINALS_MAX);
	MUST(request->override.as_container_root ||
		(plan->cred.caps == 0 && plan->cred.uid == who->uid &&
			plan->cred.filter == GK_FILTER_USER));
	MUST(!(request->door == GK_DOOR_SHELL && plan->cred.uid == 0 && !plan->policy->named));
	check_path(plan->cwd);
	MUST(request->door == GK_DOOR_PAM || (plan->exec_path && plan->argv[0]));
}
