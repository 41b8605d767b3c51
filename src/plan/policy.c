#include "plan/policy.h"

#include <errno.h>
#include <string.h>

#include "plan/keys.h"
#include "plan/profile.h"
#include "plan/text.h"

/* What decides each key; section NULL: the default. */
struct winner {
	const char *text;
	const struct gk_section *section;
	unsigned line;
	const char *profile; /* whose value it is; NULL: the section's own */
};

static bool is_member(const struct gk_identity *who, const char *group)
{
	for (size_t i = 0; i < who->ngroups; i++)
		if (who->groups[i].name && strcmp(who->groups[i].name, group) == 0)
			return true;
	return false;
}

/* The number of a group that is_member found. */
static gid_t gid_of(const struct gk_identity *who, const char *group)
{
	for (size_t i = 0; i < who->ngroups; i++)
		if (who->groups[i].name && strcmp(who->groups[i].name, group) == 0)
			return who->groups[i].gid;
	return (gid_t)-1;
}

static bool applies(const struct gk_section *s, const struct gk_identity *who)
{
	switch (s->kind) {
	case GK_SECTION_GROUP: return is_member(who, s->name);
	case GK_SECTION_USER: return strcmp(who->name, s->name) == 0;
	default: return true;
	}
}

/* The numbers of the sections that apply, in the order in which they win over each other: later
 * ones of a kind over earlier ones, and kinds in the order of their enum. Returns how many. */
static size_t find_sections(
	const struct gk_config *config, const struct gk_identity *who, size_t *ret)
{
	size_t n = 0;
	for (int kind = GK_SECTION_HOST; kind <= GK_SECTION_USER; kind++)
		for (size_t i = 0; i < config->nsections; i++)
			if ((int)config->sections[i].kind == kind &&
				applies(&config->sections[i], who))
				ret[n++] = i;
	return n;
}

static const struct gk_setting *profile_of(const struct gk_section *s)
{
	for (size_t i = 0; i < s->nsettings; i++)
		if (s->settings[i].key == GK_KEY_PROFILE)
			return &s->settings[i];
	return NULL;
}

/* The values of a profile win over sections before the one that names it. */
static void take_profile(
	struct winner *win, const struct gk_section *s, const struct gk_setting *named)
{
	size_t n;
	const struct gk_profile_value *values =
		gk_profile_values(gk_profile_by_name(named->value), &n);
	for (size_t i = 0; i < n; i++)
		win[values[i].key] =
			(struct winner){ values[i].text, s, named->line, named->value };
}

static int choose(const struct gk_config *config, const struct gk_identity *who,
	struct gk_arena *arena, struct winner *win, bool *ret_named)
{
	size_t *list = gk_arena_array(arena, config->nsections + 1, sizeof *list);
	if (!list)
		return -ENOMEM;
	size_t n = find_sections(config, who, list);
	const struct gk_setting *named = NULL;
	for (size_t i = n; !named && i > 0; i--)
		named = profile_of(&config->sections[list[i - 1]]);
	for (size_t i = 0; i < n; i++) {
		const struct gk_section *s = &config->sections[list[i]];
		*ret_named = *ret_named || s->kind == GK_SECTION_USER;
		if (named && profile_of(s) == named)
			take_profile(win, s, named);
		for (size_t j = 0; j < s->nsettings; j++)
			win[s->settings[j].key] = (struct winner){ s->settings[j].value, s,
				s->settings[j].line, NULL };
	}
	return 0;
}

static int set_keys(const struct gk_config *config, const struct winner *win,
	struct gk_arena *arena, struct gk_policy *policy, struct gk_err *err)
{
	for (int key = 0; key < GK_KEY_COUNT; key++) {
		const struct winner *w = &win[key];
		const char *text = w->section ? w->text : gk_key_default((enum gk_key)key);
		struct gk_complaint why;
		int e = gk_key_set((enum gk_key)key, text, arena, policy, &why);
		if (e == -EINVAL)
			return gk_fail(err, e, "%s:%u: %s; %s", config->path, w->line, why.reason,
				why.hint);
		if (e < 0)
			return gk_fail_errno(err, e, "cannot work out the policy");
		policy->origin[key] =
			(struct gk_origin){ w->section ? w->section->title : GK_BUILT_IN, w->line,
				w->profile };
	}
	return 0;
}

const char *gk_origin_words(const struct gk_origin *origin, char *text, size_t size)
{
	bool set = origin->section && strcmp(origin->section, GK_BUILT_IN) != 0;
	snprintf(text, size, set ? "[%s]" : "the default", origin->section);
	return text;
}

/* The account's name as part of a host name: what can't stand there becomes a hyphen. */
static const char *name_for_host(struct gk_arena *arena, const char *name)
{
	struct gk_buf buf = { .arena = arena };
	for (; *name && buf.len < 63; name++) {
		if (gk_is_alnum(*name))
			gk_buf_add(&buf, name, 1);
		else if (buf.len && buf.data[buf.len - 1] != '-')
			gk_buf_puts(&buf, "-");
	}
	while (buf.len && buf.data[buf.len - 1] == '-')
		buf.data[--buf.len] = '\0';
	return buf.len || buf.failed ? gk_buf_text(&buf) : "user";
}

/* {user} in the source and target of a volume or file. A name with a slash would lead elsewhere. */
static int expand_volume(
	const char *name, struct gk_arena *arena, struct gk_volume *v, struct gk_err *err)
{
	if (!strstr(v->source, "{user}") && !strstr(v->target, "{user}"))
		return 0;
	if (strpbrk(name, "/:") || gk_has_control(name))
		return gk_fail(err, -EINVAL, "the %s %s can't be made for an account of this name",
			v->file ? "file" : "volume", v->target);
	const char *why = "does not fit into memory";
	const char *source = gk_replace(arena, v->source, "{user}", name);
	const char *target = gk_replace(arena, v->target, "{user}", name);
	source = source ? gk_path_clean(arena, source, &why) : NULL;
	target = source && target ? gk_path_clean(arena, target, &why) : NULL;
	if (!target)
		return gk_fail(err, -EINVAL, "the %s %s: its path %s", v->file ? "file" : "volume",
			v->target, why);
	v->source = source;
	v->target = target;
	return 0;
}

static int expand_list(const char *name, struct gk_arena *arena, const struct gk_volume **list,
	size_t n, struct gk_err *err)
{
	struct gk_volume *all = gk_arena_array(arena, n, sizeof *all);
	if (!all)
		return gk_fail_errno(err, -ENOMEM, "cannot work out the policy");
	for (size_t i = 0; i < n; i++) {
		all[i] = (*list)[i];
		int e = expand_volume(name, arena, &all[i], err);
		if (e < 0)
			return e;
	}
	*list = all;
	return 0;
}

static int expand(const struct gk_identity *who, struct gk_arena *arena, struct gk_policy *policy,
	struct gk_err *err)
{
	const char *name = name_for_host(arena, who->name);
	const char *host = name ? gk_replace(arena, policy->hostname, "{user}", name) : NULL;
	if (!host)
		return gk_fail_errno(err, -ENOMEM, "cannot work out the policy");
	policy->hostname = host;
	int e = expand_list(who->name, arena, &policy->volumes, policy->nvolumes, err);
	return e < 0 ? e : expand_list(who->name, arena, &policy->files, policy->nfiles, err);
}

/* A descriptor that another session of the user holds keeps the memory of one that has ended, which
 * the limit of a session then no longer counts. Where nothing else is said, all of it is bounded by
 * what the sessions that may be open could have together. */
static void default_user_memory(struct gk_policy *policy)
{
	uint64_t n = policy->user_sessions_max;
	if (n == 0 || policy->memory_max == GK_UNLIMITED || policy->memory_max > UINT64_MAX / n)
		return;
	policy->user_memory_max = policy->memory_max * n;
	policy->user_memory_follows = true;
	policy->origin[GK_KEY_USER_MEMORY_MAX] = policy->origin[GK_KEY_MEMORY_MAX];
}

int gk_policy_for(const struct gk_config *config, const struct gk_identity *who,
	struct gk_arena *arena, struct gk_policy *ret_policy, struct gk_err *err)
{
	struct winner win[GK_KEY_COUNT] = { 0 };
	struct gk_policy policy = { 0 };
	int e = choose(config, who, arena, win, &policy.named);
	if (e < 0)
		return gk_fail_errno(err, e, "cannot work out the policy");
	e = set_keys(config, win, arena, &policy, err);
	if (e == 0)
		e = expand(who, arena, &policy, err);
	if (e < 0)
		return e;
	if (win[GK_KEY_GROUP_SESSIONS_MAX].section)
		policy.group_sessions_gid =
			gid_of(who, win[GK_KEY_GROUP_SESSIONS_MAX].section->name);
	if (!win[GK_KEY_USER_MEMORY_MAX].section)
		default_user_memory(&policy);
	/* Root and system accounts, with which programs run, go through the PAM door uncontained
	 * unless a section of theirs says otherwise. */
	const struct gk_section *by = win[GK_KEY_CONTAIN].section;
	bool by_name = by && by->kind != GK_SECTION_DEFAULT;
	if (!by_name && policy.contain && who->uid != 0 && who->uid < policy.min_uid) {
		policy.contain = false;
		policy.origin[GK_KEY_CONTAIN] = policy.origin[GK_KEY_MIN_UID];
	}
	if (who->uid == 0 && !by)
		policy.contain = false;
	/* A container of one login lasts as long as that login: the lower time ends both. */
	if (policy.share == GK_SHARE_LOGIN && policy.container_max_duration_s &&
		(!policy.max_duration_s ||
			policy.container_max_duration_s < policy.max_duration_s)) {
		policy.max_duration_s = policy.container_max_duration_s;
		policy.origin[GK_KEY_MAX_DURATION] = policy.origin[GK_KEY_CONTAINER_MAX_DURATION];
	}
	*ret_policy = policy;
	return 0;
}

enum gk_key gk_policy_needs_v2(const struct gk_policy *policy)
{
	if (policy->memory_max != GK_UNLIMITED)
		return GK_KEY_MEMORY_MAX;
	if (policy->memory_swap_max != GK_UNLIMITED)
		return GK_KEY_MEMORY_SWAP_MAX;
	if (policy->user_memory_max != GK_UNLIMITED)
		return GK_KEY_USER_MEMORY_MAX;
	if (policy->memory_high != GK_UNLIMITED)
		return GK_KEY_MEMORY_HIGH;
	if (policy->memory_low != GK_UNLIMITED)
		return GK_KEY_MEMORY_LOW;
	if (policy->cpus_milli != 0)
		return GK_KEY_CPUS;
	if (policy->user_cpus_milli != 0)
		return GK_KEY_USER_CPUS;
	if (policy->cpu_weight != GK_UNLIMITED)
		return GK_KEY_CPU_WEIGHT;
	if (policy->io_weight != GK_UNLIMITED)
		return GK_KEY_IO_WEIGHT;
	if (policy->nio_max)
		return GK_KEY_IO_MAX;
	return policy->devices && *policy->devices ? GK_KEY_DEVICES : GK_KEY_COUNT;
}

/* Whether as many scopes as the user may have sessions, each full, are more than the user's total:
 * nobody adds up what is in them. */
static bool scopes_exceed_total(const struct gk_policy *policy, uint64_t tasks)
{
	if (policy->user_pids_max == GK_UNLIMITED)
		return false;
	return policy->user_sessions_max == 0 ||
		tasks > policy->user_pids_max / policy->user_sessions_max;
}

bool gk_policy_needs_leaf(const struct gk_policy *policy, uint64_t tasks)
{
	struct gk_policy rest = *policy;
	rest.memory_max = rest.memory_swap_max = GK_UNLIMITED;
	if (policy->user_memory_follows)
		rest.user_memory_max = GK_UNLIMITED;
	return gk_policy_needs_v2(&rest) != GK_KEY_COUNT || scopes_exceed_total(policy, tasks);
}

bool gk_setting_needs_v2(const struct gk_setting *setting, struct gk_arena *arena)
{
	struct gk_complaint ignored;
	struct gk_policy alone = { .memory_max = GK_UNLIMITED,
		.memory_swap_max = GK_UNLIMITED,
		.user_memory_max = GK_UNLIMITED,
		.memory_high = GK_UNLIMITED,
		.memory_low = GK_UNLIMITED,
		.cpu_weight = GK_UNLIMITED,
		.io_weight = GK_UNLIMITED };
	return gk_key_set((enum gk_key)setting->key, setting->value, arena, &alone, &ignored) ==
		0 &&
		gk_policy_needs_v2(&alone) != GK_KEY_COUNT;
}

bool gk_setting_needs_landlock(const struct gk_setting *setting, struct gk_arena *arena)
{
	struct gk_complaint ignored;
	struct gk_policy alone = { 0 };
	return gk_key_set((enum gk_key)setting->key, setting->value, arena, &alone, &ignored) ==
		0 &&
		(alone.tcp_connect.limited || alone.tcp_bind.limited);
}

uint64_t gk_policy_container_digest(const struct gk_policy *policy, struct gk_arena *arena)
{
	/* FNV-1a, 64 bits (draft-eastlake-fnv): it tells changes of root's own, not attacks. */
	static const enum gk_key keys[] = { GK_KEY_IMAGE_DIR, GK_KEY_IMAGE, GK_KEY_HOSTNAME,
		GK_KEY_PIDS_MAX, GK_KEY_MEMORY_MAX, GK_KEY_MEMORY_HIGH, GK_KEY_MEMORY_SWAP_MAX,
		GK_KEY_CPUS, GK_KEY_IO_MAX, GK_KEY_ROOT, GK_KEY_ROOT_SIZE, GK_KEY_TMP_SIZE,
		GK_KEY_ROOT_INODES, GK_KEY_HOME, GK_KEY_VOLUMES, GK_KEY_FILES, GK_KEY_DEVICES,
		GK_KEY_NETWORK, GK_KEY_PRIVATE_NETWORK, GK_KEY_NET_DENY, GK_KEY_NET_ALLOW,
		GK_KEY_NET_RATE, GK_KEY_PUBLISH, GK_KEY_TCP_CONNECT, GK_KEY_TCP_BIND,
		GK_KEY_ABSTRACT_SOCKETS, GK_KEY_LINGER, GK_KEY_CONTAINER_MAX_DURATION,
		/* What the entry stub of the PAM door does is written when the container is made.
		 */
		GK_KEY_SHELL, GK_KEY_ENV_PASS, GK_KEY_ENV_SET, GK_KEY_IMAGE_ENV, GK_KEY_NOFILE,
		GK_KEY_AGENT, GK_KEY_UMASK, GK_KEY_BANNER };
	uint64_t digest = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *text = gk_key_text(keys[i], policy, arena);
		for (const char *c = text ? text : ""; *c; c++)
			digest = (digest ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
		digest = (digest ^ '\n') * UINT64_C(0x100000001b3);
	}
	return digest;
}
