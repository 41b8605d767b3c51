#include "cli/explain-json.h"

#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "plan/hostroot.h"
#include "plan/iomax.h"
#include "plan/keys.h"
#include "plan/names.h"

/* ---- pieces ---- */

static json_object *number(uint64_t value, bool none)
{
	return none ? NULL : json_object_new_uint64(value);
}

/* JSON has no octal numbers: as chmod takes it. */
static json_object *mode(mode_t m)
{
	char text[16];
	snprintf(text, sizeof text, "%04o", (unsigned)m);
	return json_object_new_string(text);
}

static json_object *strings(const char *const *list, struct gk_arena *arena)
{
	json_object *array = json_object_new_array();
	for (; list && *list; list++)
		json_object_array_add(array, gk_report_string(*list, arena));
	return array;
}

static json_object *bits(enum gk_bits what, uint64_t set)
{
	json_object *array = json_object_new_array();
	for (const char *name; (name = gk_bits_next(what, &set));)
		json_object_array_add(array, json_object_new_string(name));
	return array;
}

static json_object *key_name(enum gk_key key)
{
	return json_object_new_string(gk_key_name(key));
}

/* ---- the policy ---- */

static json_object *volumes(const struct gk_volume *list, size_t n, struct gk_arena *arena)
{
	json_object *array = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		json_object *one = json_object_new_object();
		json_object_object_add(one, "source", gk_report_string(list[i].source, arena));
		json_object_object_add(one, "target", gk_report_string(list[i].target, arena));
		json_object_object_add(one, "readonly", json_object_new_boolean(list[i].readonly));
		json_object_array_add(array, one);
	}
	return array;
}

/* null: all; else each range as first and last. */
static json_object *ports(const struct gk_ports *p)
{
	json_object *array = p->limited ? json_object_new_array() : NULL;
	for (size_t i = 0; i < p->n; i++) {
		json_object *one = json_object_new_object();
		json_object_object_add(one, "first", json_object_new_int(p->ranges[i].first));
		json_object_object_add(one, "last", json_object_new_int(p->ranges[i].last));
		json_object_array_add(array, one);
	}
	return array;
}

static json_object *cpus(uint32_t milli)
{
	char text[16];
	if (milli == 0)
		return NULL;
	snprintf(text, sizeof text, "%u.%03u", milli / 1000, milli % 1000);
	return json_object_new_double_s(milli / 1000.0, text);
}

/* Of each target the limits that it has. */
static json_object *io_max(const struct gk_policy *p, struct gk_arena *arena)
{
	json_object *array = json_object_new_array();
	for (size_t i = 0; i < p->nio_max; i++) {
		json_object *one = json_object_new_object();
		json_object_object_add(one, "target", gk_report_string(p->io_max[i].target, arena));
		for (int kind = 0; kind < GK_IO_KINDS; kind++)
			json_object_object_add(one, gk_io_names[kind],
				number(p->io_max[i].most[kind],
					p->io_max[i].most[kind] == GK_UNLIMITED));
		json_object_array_add(array, one);
	}
	return array;
}

static json_object *policy_value(enum gk_key key, const struct gk_policy *p, struct gk_arena *arena)
{
	switch (key) {
	case GK_KEY_SESSIONS_MAX: return number(p->sessions_max, p->sessions_max == 0);
	case GK_KEY_USERNS_BASE: return number(p->userns_base, false);
	case GK_KEY_MIN_UID: return number(p->min_uid, false);
	case GK_KEY_USER_SESSIONS_MAX:
		return number(p->user_sessions_max, p->user_sessions_max == 0);
	case GK_KEY_GROUP_SESSIONS_MAX:
		return number(p->group_sessions_max, p->group_sessions_max == 0);
	case GK_KEY_PIDS_MAX: return number(p->pids_max, false);
	case GK_KEY_USER_PIDS_MAX:
		return number(p->user_pids_max, p->user_pids_max == GK_UNLIMITED);
	case GK_KEY_MEMORY_MAX: return number(p->memory_max, p->memory_max == GK_UNLIMITED);
	case GK_KEY_MEMORY_SWAP_MAX:
		return number(p->memory_swap_max, p->memory_swap_max == GK_UNLIMITED);
	case GK_KEY_USER_MEMORY_MAX:
		return number(p->user_memory_max, p->user_memory_max == GK_UNLIMITED);
	case GK_KEY_HOME_QUOTA: return number(p->home_quota, p->home_quota == GK_UNLIMITED);
	case GK_KEY_MEMORY_HIGH: return number(p->memory_high, p->memory_high == GK_UNLIMITED);
	case GK_KEY_MEMORY_LOW: return number(p->memory_low, p->memory_low == GK_UNLIMITED);
	case GK_KEY_CPU_WEIGHT: return number(p->cpu_weight, p->cpu_weight == GK_UNLIMITED);
	case GK_KEY_IO_WEIGHT: return number(p->io_weight, p->io_weight == GK_UNLIMITED);
	case GK_KEY_USER_CPUS: return cpus(p->user_cpus_milli);
	case GK_KEY_IO_MAX: return io_max(p, arena);
	case GK_KEY_NOFILE: return number(p->nofile, p->nofile == GK_UNLIMITED);
	case GK_KEY_CPUS: return cpus(p->cpus_milli);
	case GK_KEY_ROOT_SIZE: return number(p->root_size, false);
	case GK_KEY_TMP_SIZE: return number(p->tmp_size, false);
	case GK_KEY_ROOT_INODES: return number(p->root_inodes, false);
	case GK_KEY_IDLE_TIMEOUT: return number(p->idle_timeout_s, p->idle_timeout_s == 0);
	case GK_KEY_MAX_DURATION: return number(p->max_duration_s, p->max_duration_s == 0);
	case GK_KEY_CONTAINER_MAX_DURATION:
		return number(p->container_max_duration_s, p->container_max_duration_s == 0);
	/* Seconds, "forever", or null. */
	case GK_KEY_LINGER:
		return p->linger_s == GK_UNLIMITED ? json_object_new_string("forever") :
						     number(p->linger_s, p->linger_s == 0);
	case GK_KEY_CONTAIN: return json_object_new_boolean(p->contain);
	case GK_KEY_AGENT: return json_object_new_boolean(p->agent);
	case GK_KEY_UMASK: return p->umask == (mode_t)-1 ? NULL : mode(p->umask);
	case GK_KEY_VOLUMES: return volumes(p->volumes, p->nvolumes, arena);
	case GK_KEY_FILES: return volumes(p->files, p->nfiles, arena);
	case GK_KEY_TCP_CONNECT: return ports(&p->tcp_connect);
	case GK_KEY_TCP_BIND: return ports(&p->tcp_bind);
	case GK_KEY_ENV_PASS: return strings(p->env_pass, arena);
	case GK_KEY_ENV_SET: return strings(p->env_set, arena);
	case GK_KEY_NET_DENY: return strings(p->net_deny, arena);
	case GK_KEY_NET_ALLOW: return strings(p->net_allow, arena);
	case GK_KEY_NET_RATE: return number(p->net_rate, p->net_rate == GK_UNLIMITED);
	case GK_KEY_PUBLISH: return strings(p->publish, arena);
	case GK_KEY_DEVICES: return strings(p->devices, arena);
	case GK_KEY_IMAGE_ENV: return strings(p->image_env, arena);
	default: return gk_report_string(gk_key_text(key, p, arena), arena);
	}
}

json_object *gk_json_policy(const struct gk_policy *p, struct gk_arena *arena)
{
	json_object *policy = json_object_new_object();
	for (int key = 0; key < GK_KEY_COUNT; key++) {
		const struct gk_origin *from = &p->origin[key];
		json_object *one = json_object_new_object();
		json_object_object_add(one, "value", policy_value((enum gk_key)key, p, arena));
		json_object_object_add(one, "section", gk_report_string(from->section, arena));
		json_object_object_add(
			one, "line", from->line ? json_object_new_int64(from->line) : NULL);
		json_object_object_add(one, "profile", gk_report_string(from->profile, arena));
		json_object_object_add(policy, gk_key_name((enum gk_key)key), one);
	}
	return policy;
}

/* ---- the plan ---- */

static json_object *limits(const struct gk_plan *plan)
{
	struct gk_limit list[GK_LIMITS];
	json_object *object = json_object_new_object();
	gk_plan_limits(plan, list);
	for (size_t i = 0; i < GK_LIMITS; i++) {
		json_object *one = json_object_new_object();
		json_object_object_add(
			one, "value", number(list[i].value, list[i].value == GK_UNLIMITED));
		json_object_object_add(one, "by", key_name(list[i].key));
		json_object_object_add(object, list[i].name, one);
	}
	return object;
}

static json_object *tmpfs(const struct gk_plan *plan)
{
	json_object *object = json_object_new_object();
	for (size_t i = 0; i < GK_SCRATCH_COUNT; i++) {
		json_object *one = json_object_new_object();
		json_object_object_add(
			one, "size_bytes", number(plan->scratch[i].size_bytes, false));
		json_object_object_add(one, "inodes", number(plan->scratch[i].inodes, false));
		json_object_object_add(one, "by",
			key_name(i == GK_SCRATCH_ROOT ? GK_KEY_ROOT_SIZE : GK_KEY_TMP_SIZE));
		json_object_object_add(object, gk_scratch_name((enum gk_scratch)i), one);
	}
	return object;
}

static json_object *entries(const struct gk_plan *plan, struct gk_arena *arena)
{
	json_object *array = json_object_new_array();
	for (size_t i = 0; i < plan->nentries; i++) {
		const struct gk_entry *e = &plan->entries[i];
		json_object *one = json_object_new_object();
		json_object_object_add(one, "kind", json_object_new_string(gk_entry_name(e->kind)));
		json_object_object_add(one, "path", gk_report_string(e->path, arena));
		json_object_object_add(one, "mode", mode(e->mode));
		json_object_object_add(one, "uid", json_object_new_int64(e->uid));
		json_object_object_add(one, "gid", json_object_new_int64(e->gid));
		json_object_object_add(one, "content", gk_report_string(e->content, arena));
		json_object_array_add(array, one);
	}
	return array;
}

static json_object *nodes(const struct gk_plan *plan, struct gk_arena *arena)
{
	json_object *array = json_object_new_array();
	for (size_t i = 0; i < plan->nnodes; i++) {
		const struct gk_node *node = &plan->nodes[i];
		json_object *one = json_object_new_object();
		json_object_object_add(one, "name", gk_report_string(node->name, arena));
		json_object_object_add(
			one, "kind", json_object_new_string(node->block ? "block" : "char"));
		json_object_object_add(one, "major", json_object_new_int64(node->major));
		json_object_object_add(one, "minor", json_object_new_int64(node->minor));
		json_object_object_add(one, "mode", mode(node->mode));
		json_object_object_add(one, "uid", json_object_new_int64(node->uid));
		json_object_object_add(one, "gid", json_object_new_int64(node->gid));
		json_object_object_add(
			one, "by", node->by_policy ? key_name(GK_KEY_DEVICES) : NULL);
		json_object_array_add(array, one);
	}
	return array;
}

static json_object *published(const struct gk_plan *plan, struct gk_arena *arena)
{
	json_object *array = json_object_new_array();
	for (size_t i = 0; i < plan->npublish; i++) {
		const struct gk_publish *p = &plan->publish[i];
		json_object *one = json_object_new_object();
		json_object_object_add(one, "address", gk_report_string(p->address, arena));
		json_object_object_add(one, "first", json_object_new_int(p->first));
		json_object_object_add(one, "last", json_object_new_int(p->last));
		json_object_array_add(array, one);
	}
	return array;
}

/* The directory of a tmpfs or of the host that a mount shows; null for one that has none. */
static json_object *source(
	const struct gk_plan *plan, const struct gk_mount *m, struct gk_arena *arena)
{
	json_object *from = NULL;
	if (m->kind == GK_MOUNT_SCRATCH || m->kind == GK_MOUNT_SKELETON) {
		from = json_object_new_object();
		json_object_object_add(from, "tmpfs",
			json_object_new_string(gk_scratch_name((enum gk_scratch)m->index)));
		json_object_object_add(from, "path", gk_report_string(m->source, arena));
	} else if (m->kind == GK_MOUNT_HOST) {
		from = json_object_new_object();
		json_object_object_add(from, "host", gk_report_string(m->source, arena));
	} else if (m->kind == GK_MOUNT_BIND || m->kind == GK_MOUNT_EDIT) {
		const struct gk_bind *tree = &plan->binds[m->index];
		from = json_object_new_object();
		json_object_object_add(from, "host", gk_report_string(tree->source, arena));
		json_object_object_add(from, "as_user", json_object_new_boolean(tree->as_user));
		json_object_object_add(from, "socket", json_object_new_boolean(tree->socket));
		json_object_object_add(from, "file", json_object_new_boolean(tree->file));
	}
	return from;
}

/* The key that made a mount; null for those that every session has. */
static json_object *mount_by(const struct gk_plan *plan, const struct gk_mount *m)
{
	if (m->kind == GK_MOUNT_OVERLAY || m->kind == GK_MOUNT_SKELETON)
		return key_name(GK_KEY_ROOT);
	if (m->kind == GK_MOUNT_HOST)
		return key_name(GK_KEY_IMAGE);
	if (m->kind == GK_MOUNT_SCRATCH && plan->policy->home == GK_HOME_TMPFS &&
		strcmp(m->source, "home") == 0)
		return key_name(GK_KEY_HOME);
	if (m->kind != GK_MOUNT_BIND)
		return NULL;
	const struct gk_bind *tree = &plan->binds[m->index];
	return key_name(tree->socket  ? GK_KEY_AGENT :
			tree->as_user ? GK_KEY_HOME :
			tree->file    ? GK_KEY_FILES :
					GK_KEY_VOLUMES);
}

static json_object *mounts(const struct gk_plan *plan, struct gk_arena *arena)
{
	json_object *array = json_object_new_array();
	for (size_t i = 0; i < plan->nmounts; i++) {
		const struct gk_mount *m = &plan->mounts[i];
		json_object *one = json_object_new_object();
		json_object_object_add(one, "kind", json_object_new_string(gk_mount_name(m->kind)));
		json_object_object_add(one, "target", gk_report_string(m->target, arena));
		json_object_object_add(one, "flags", bits(GK_BITS_MOUNT, m->flags));
		json_object_object_add(one, "from", source(plan, m, arena));
		json_object_object_add(one, "by", mount_by(plan, m));
		json_object_array_add(array, one);
	}
	return array;
}

static json_object *credentials(const struct gk_credentials *cred)
{
	json_object *object = json_object_new_object(), *groups = json_object_new_array();
	for (size_t i = 0; i < cred->ngroups; i++)
		json_object_array_add(groups, json_object_new_int64(cred->groups[i]));
	json_object_object_add(object, "uid", json_object_new_int64(cred->uid));
	json_object_object_add(object, "gid", json_object_new_int64(cred->gid));
	json_object_object_add(object, "groups", groups);
	json_object_object_add(object, "capabilities", bits(GK_BITS_CAPS, cred->caps));
	json_object_object_add(object, "no_new_privs", json_object_new_boolean(cred->no_new_privs));
	json_object_object_add(object, "scoped", bits(GK_BITS_SCOPE, cred->scope));
	json_object_object_add(
		object, "filter", json_object_new_string(gk_filter_name(cred->filter)));
	return object;
}

json_object *gk_json_plan(const struct gk_plan *plan, struct gk_arena *arena)
{
	json_object *o = json_object_new_object();
	json_object_object_add(o, "door", json_object_new_string(gk_door_name(plan->door)));
	json_object_object_add(o, "session", gk_report_string(plan->session_id, arena));
	json_object_object_add(o, "user", gk_report_string(plan->who->name, arena));
	json_object_object_add(o, "hostname", gk_report_string(plan->hostname, arena));
	json_object_object_add(o, "namespaces", bits(GK_BITS_NAMESPACES, plan->namespaces));
	json_object_object_add(o, "publish", published(plan, arena));
	json_object_object_add(o, "userns_base", number(plan->userns_base, plan->userns_base == 0));
	json_object_object_add(o, "limits", limits(plan));
	json_object_object_add(o, "io_max", io_max(plan->policy, arena));
	json_object_object_add(o, "image",
		gk_report_string(plan->image_path ? plan->image_path : GK_IMAGE_HOST, arena));
	json_object_object_add(o, "tmpfs", tmpfs(plan));
	json_object_object_add(o, "entries", entries(plan, arena));
	json_object_object_add(o, "nodes", nodes(plan, arena));
	json_object_object_add(o, "mounts", mounts(plan, arena));
	json_object_object_add(o, "tty", json_object_new_string(gk_tty_name(plan->tty)));
	json_object_object_add(o, "credentials", credentials(&plan->cred));
	json_object_object_add(o, "tcp_connect", ports(&plan->policy->tcp_connect));
	json_object_object_add(o, "tcp_bind", ports(&plan->policy->tcp_bind));
	json_object_object_add(o, "umask", plan->umask == (mode_t)-1 ? NULL : mode(plan->umask));
	json_object_object_add(o, "cwd", gk_report_string(plan->cwd, arena));
	json_object_object_add(o, "cwd_else", gk_report_string(plan->cwd_else, arena));
	json_object_object_add(o, "exec", gk_report_string(plan->exec_path, arena));
	json_object_object_add(o, "banner", gk_report_string(plan->banner, arena));
	json_object_object_add(o, "argv", strings(plan->argv, arena));
	json_object_object_add(o, "env", strings(plan->env, arena));
	return o;
}
