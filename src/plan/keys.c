#include "plan/keys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "plan/build.h"
#include "plan/iomax.h"
#include "plan/list.h"
#include "plan/profile.h"
#include "plan/text.h"
#include "plan/value.h"

enum kind {
	PATH,
	IMAGE,
	HOSTNAME,
	BANNER,
	TEXT,
	COUNT,   /* uint64_t */
	SIZE,    /* uint64_t, bytes */
	SECONDS, /* uint64_t */
	CPUS,    /* uint32_t, thousandths */
	BOOL,
	CHOICE, /* an enum */
	UMASK,
	ENV_PASS,
	ENV_SET,
	VOLUMES,
	FILES,
	PORTS,
	DEVICES,
	IO_MAX,
	NETS,
	PUBLISH,
};

/* What "none" means for a key, when it may be written. With NONE_OR_FOREVER it is 0, and "forever"
 * is GK_UNLIMITED. */
enum none { NO_NONE, NONE_IS_ZERO, NONE_IS_UNLIMITED, NONE_OR_FOREVER };

struct rule {
	const char *name;
	enum kind kind;
	size_t offset; /* of the member in struct gk_policy */
	uint64_t min, max;
	enum none none;
	const char *const *choices;
	const char *text; /* the default */
	const char *hint;
};

#define KIB    (1ull << 10)
#define MIB    (1ull << 20)
#define TIB    (1ull << 40)
#define YEAR_S (366ull * 86400)
enum { CONTACT_MAX = 120 }; /* bytes: with it a notice is two lines of a terminal */

#define PIDS_LIMIT (4ull << 20) /* the most that kernel.pid_max can be, proc(5) */
#define NETS_HINT \
	"write private, all, or networks with ports where wanted, separated by blanks, such as " \
	"10.0.0.0/8 192.0.2.1:443 [2001:db8::/32]:80-90"
#define PUBLISH_HINT \
	"write ports from 1024 on, with an address of the host where wanted, and for a slice of " \
	"a range to each user its size, such as 8000-8099 192.0.2.1:8443 20000-29999/10"
#define AT(member) offsetof(struct gk_policy, member)

/* In the order of the enums in policy.h. */
static const char *const root_modes[] = { "overlay", "readonly", NULL };
static const char *const home_modes[] = { "bind", "tmpfs", "none", NULL };
static const char *const network_modes[] = { "host", "none", "private", NULL };
static const char *const private_networks[] = { "pasta", "bridge", NULL };
static const char *const abstract_modes[] = { "session", "host", NULL };
static const char *const share_modes[] = { "login", "user", NULL };

static const struct rule rules[GK_KEY_COUNT] = {
	[GK_KEY_IMAGE_DIR] = { "image_dir", PATH, AT(image_dir), 0, 0, NO_NONE, NULL,
		GK_STATEDIR "/images",
		"write the absolute path of the directory that holds the images" },
	[GK_KEY_SESSIONS_MAX] = { "sessions_max", COUNT, AT(sessions_max), 0, 1u << 20,
		NONE_IS_ZERO, NULL, "0",
		"write a number of sessions from 0 (no limit) to 1048576" },
	[GK_KEY_USERNS_BASE] = { "userns_base", COUNT, AT(userns_base), 65536,
		UINT32_MAX - 1 - (uint64_t)GK_USERNS_RANGES *GK_USERNS_IDS, NO_NONE, NULL,
		"2000224256",
		"write the first of 67108864 uids that nobody else uses, from 65536 to "
		"4227858430, such as 2000224256" },
	[GK_KEY_MIN_UID] = { "min_uid", COUNT, AT(min_uid), 0, UINT32_MAX - 1, NO_NONE, NULL,
		"1000", "write a uid, such as 1000" },
	[GK_KEY_CONTAIN] = { "contain", BOOL, AT(contain), 0, 0, NO_NONE, NULL, "yes",
		"write yes or no" },
	[GK_KEY_PROFILE] = { "profile", CHOICE, AT(profile), 0, 0, NO_NONE, gk_profile_names,
		"none", "write none, work, web, ctf or ide" },
	[GK_KEY_IMAGE] = { "image", IMAGE, AT(image), 0, 0, NO_NONE, NULL, "alpine",
		"write the name of a directory in image_dir, such as alpine" },
	[GK_KEY_HOSTNAME] = { "hostname", HOSTNAME, AT(hostname), 0, 0, NO_NONE, NULL,
		"gocker-container",
		"write letters, digits and hyphens, with {user} or {id} where wanted, "
		"such as lab-{user}" },
	[GK_KEY_SHELL] = { "shell", PATH, AT(shell), 0, 0, NO_NONE, NULL, "/bin/sh",
		"write the absolute path of a shell in the image, such as /bin/sh" },
	[GK_KEY_PIDS_MAX] = { "pids_max", COUNT, AT(pids_max), 1, PIDS_LIMIT, NO_NONE, NULL, "20",
		"write a number of tasks from 1 to 4194304, such as 20" },
	[GK_KEY_USER_PIDS_MAX] = { "user_pids_max", COUNT, AT(user_pids_max), 1, PIDS_LIMIT,
		NONE_IS_UNLIMITED, NULL, "200",
		"write a number of tasks from 1 to 4194304, such as 200, or none" },
	[GK_KEY_USER_SESSIONS_MAX] = { "user_sessions_max", COUNT, AT(user_sessions_max), 0,
		1u << 20, NONE_IS_ZERO, NULL, "16",
		"write a number of sessions from 0 (no limit) to 1048576, such as 16" },
	[GK_KEY_GROUP_SESSIONS_MAX] = { "group_sessions_max", COUNT, AT(group_sessions_max), 0,
		1u << 20, NONE_IS_ZERO, NULL, "0",
		"write a number of sessions from 0 (no limit) to 1048576, such as 60" },
	[GK_KEY_MEMORY_MAX] = { "memory_max", SIZE, AT(memory_max), 4 * MIB, 1024 * TIB,
		NONE_IS_UNLIMITED, NULL, "none",
		"write a size of at least 4M, such as 512M, or none" },
	[GK_KEY_MEMORY_HIGH] = { "memory_high", SIZE, AT(memory_high), 4 * MIB, 1024 * TIB,
		NONE_IS_UNLIMITED, NULL, "none",
		"write a size of at least 4M, such as 400M, or none" },
	[GK_KEY_MEMORY_LOW] = { "memory_low", SIZE, AT(memory_low), MIB, 1024 * TIB,
		NONE_IS_UNLIMITED, NULL, "none",
		"write a size of at least 1M, such as 256M, or none" },
	[GK_KEY_MEMORY_SWAP_MAX] = { "memory_swap_max", SIZE, AT(memory_swap_max), 0, 1024 * TIB,
		NONE_IS_UNLIMITED, NULL, "none", "write a size, such as 0 or 256M, or none" },
	[GK_KEY_USER_MEMORY_MAX] = { "user_memory_max", SIZE, AT(user_memory_max), 4 * MIB,
		1024 * TIB, NONE_IS_UNLIMITED, NULL, "none",
		"write a size of at least 4M, such as 2G, or none" },
	[GK_KEY_CPUS] = { "cpus", CPUS, AT(cpus_milli), 10, 1024000, NONE_IS_ZERO, NULL, "none",
		"write a number of CPUs from 0.01 to 1024, such as 1.5, or none" },
	[GK_KEY_USER_CPUS] = { "user_cpus", CPUS, AT(user_cpus_milli), 10, 1024000, NONE_IS_ZERO,
		NULL, "none", "write a number of CPUs from 0.01 to 1024, such as 2, or none" },
	[GK_KEY_CPU_WEIGHT] = { "cpu_weight", COUNT, AT(cpu_weight), 1, 10000, NONE_IS_UNLIMITED,
		NULL, "none", "write a number from 1 to 10000, such as 50, or none" },
	[GK_KEY_IO_WEIGHT] = { "io_weight", COUNT, AT(io_weight), 1, 1000, NONE_IS_UNLIMITED, NULL,
		"none", "write a number from 1 to 1000, such as 50, or none" },
	[GK_KEY_IO_MAX] = { "io_max", IO_MAX, AT(io_max), 0, 0, NO_NONE, NULL, "",
		"write home, root or a device, and limits, separated by blanks, such as "
		"home:rbps=20M,wbps=10M,riops=500,wiops=200" },
	[GK_KEY_NOFILE] = { "nofile", COUNT, AT(nofile), 64, 1u << 30, NONE_IS_UNLIMITED, NULL,
		"16384",
		"write a number of descriptors from 64 to 1073741824, such as 16384, or none" },
	[GK_KEY_ROOT] = { "root", CHOICE, AT(root), 0, 0, NO_NONE, root_modes, "overlay",
		"write overlay or readonly" },
	[GK_KEY_ROOT_SIZE] = { "root_size", SIZE, AT(root_size), MIB, 1024 * TIB, NO_NONE, NULL,
		"64M", "write a size of at least 1M, such as 64M" },
	[GK_KEY_TMP_SIZE] = { "tmp_size", SIZE, AT(tmp_size), MIB, 1024 * TIB, NO_NONE, NULL, "64M",
		"write a size of at least 1M, such as 64M" },
	[GK_KEY_ROOT_INODES] = { "root_inodes", COUNT, AT(root_inodes), 256, 1u << 30, NO_NONE,
		NULL, "16384", "write a number of files from 256 to 1073741824, such as 16384" },
	[GK_KEY_HOME] = { "home", CHOICE, AT(home), 0, 0, NO_NONE, home_modes, "bind",
		"write bind, tmpfs or none" },
	[GK_KEY_HOME_QUOTA] = { "home_quota", SIZE, AT(home_quota), MIB, 1024 * TIB,
		NONE_IS_UNLIMITED, NULL, "none",
		"write a size of at least 1M, such as 5G, or none" },
	[GK_KEY_VOLUMES] = { "volumes", VOLUMES, AT(volumes), 0, 0, NO_NONE, NULL, "",
		"write SOURCE:TARGET or SOURCE:TARGET:ro, both absolute, separated by blanks, "
		"such as /srv/courses:/courses:ro" },
	[GK_KEY_FILES] = { "files", FILES, AT(files), 0, 0, NO_NONE, NULL, "",
		"write SOURCE, SOURCE:TARGET or SOURCE:TARGET:rw, absolute, separated by blanks, "
		"such as /run/mysqld/mysqld.sock" },
	[GK_KEY_DEVICES] = { "devices", DEVICES, AT(devices), 0, 0, NO_NONE, NULL, "",
		"write paths below /dev, separated by blanks, with * ? and [] as a shell has "
		"them, such as /dev/dri/renderD128 /dev/nvidia*" },
	[GK_KEY_NETWORK] = { "network", CHOICE, AT(network), 0, 0, NO_NONE, network_modes, "host",
		"write host, private or none" },
	[GK_KEY_PRIVATE_NETWORK] = { "private_network", CHOICE, AT(private_network), 0, 0, NO_NONE,
		private_networks, "pasta", "write pasta or bridge" },
	[GK_KEY_NET_DENY] = { "net_deny", NETS, AT(net_deny), 0, 0, NO_NONE, NULL, "", NETS_HINT },
	[GK_KEY_NET_ALLOW] = { "net_allow", NETS, AT(net_allow), 0, 0, NO_NONE, NULL, "",
		NETS_HINT },
	[GK_KEY_NET_RATE] = { "net_rate", SIZE, AT(net_rate), 16 * KIB, 1024 * TIB,
		NONE_IS_UNLIMITED, NULL, "none",
		"write the bytes a second, at least 16K, such as 2M, or none" },
	[GK_KEY_PUBLISH] = { "publish", PUBLISH, AT(publish), 0, 0, NO_NONE, NULL, "",
		PUBLISH_HINT },
	[GK_KEY_TCP_CONNECT] = { "tcp_connect", PORTS, AT(tcp_connect), 1, UINT16_MAX, NO_NONE,
		NULL, "any",
		"write any, none, or ports and ranges separated by blanks, such as 22 80 443" },
	[GK_KEY_TCP_BIND] = { "tcp_bind", PORTS, AT(tcp_bind), 0, UINT16_MAX, NO_NONE, NULL, "any",
		"write any, none, or ports and ranges separated by blanks, such as 1024-65535" },
	[GK_KEY_ABSTRACT_SOCKETS] = { "abstract_sockets", CHOICE, AT(abstract_sockets), 0, 0,
		NO_NONE, abstract_modes, "session", "write session or host" },
	[GK_KEY_AGENT] = { "agent", BOOL, AT(agent), 0, 0, NO_NONE, NULL, "yes",
		"write yes or no" },
	[GK_KEY_ENV_PASS] = { "env_pass", ENV_PASS, AT(env_pass), 0, 0, NO_NONE, NULL, "",
		"write names separated by blanks, with * at the end of a name for all that begin "
		"so, such as TZ GIT_*" },
	[GK_KEY_ENV_SET] = { "env_set", ENV_SET, AT(env_set), 0, 0, NO_NONE, NULL, "",
		"write NAME=value, separated by blanks, with quotes around a value that has "
		"blanks, such as EDITOR=vi 'LESS=-R -i'" },
	[GK_KEY_IMAGE_ENV] = { "image_env", ENV_PASS, AT(image_env), 0, 0, NO_NONE, NULL,
		"PATH LANG LANGUAGE LC_*",
		"write names separated by blanks, with * at the end of a name for all that begin "
		"so, such as PATH LANG JAVA_HOME" },
	[GK_KEY_UMASK] = { "umask", UMASK, AT(umask), 0, 0, NO_NONE, NULL, "inherit",
		"write three octal digits, such as 022, or inherit" },
	[GK_KEY_IDLE_TIMEOUT] = { "idle_timeout", SECONDS, AT(idle_timeout_s), 1, YEAR_S,
		NONE_IS_ZERO, NULL, "none", "write a time with its unit, such as 30m, or none" },
	[GK_KEY_MAX_DURATION] = { "max_duration", SECONDS, AT(max_duration_s), 1, YEAR_S,
		NONE_IS_ZERO, NULL, "none", "write a time with its unit, such as 8h, or none" },
	[GK_KEY_SHARE] = { "share", CHOICE, AT(share), 0, 0, NO_NONE, share_modes, "login",
		"write login or user" },
	[GK_KEY_LINGER] = { "linger", SECONDS, AT(linger_s), 1, YEAR_S, NONE_OR_FOREVER, NULL,
		"none", "write a time with its unit, such as 8h, or none, or forever" },
	[GK_KEY_CONTAINER_MAX_DURATION] = { "container_max_duration", SECONDS,
		AT(container_max_duration_s), 1, YEAR_S, NONE_IS_ZERO, NULL, "none",
		"write a time with its unit, such as 7d, or none" },
	[GK_KEY_BANNER] = { "banner", BANNER, AT(banner), 0, 0, NO_NONE, NULL, "default",
		"write default, none, a line of text with {user}, {image}, {pids_max} or {limits} "
		"where wanted, or the absolute path of a file" },
	[GK_KEY_CONTACT] = { "contact", TEXT, AT(contact), 0, CONTACT_MAX, NO_NONE, NULL, "none",
		"write whom to ask in at most 120 bytes, such as \"the desk, room 12\", or none" },
};

const char *gk_key_name(enum gk_key key)
{
	return rules[key].name;
}

const char *gk_key_default(enum gk_key key)
{
	return rules[key].text;
}

const char *gk_key_hint(enum gk_key key)
{
	return rules[key].hint;
}

bool gk_key_is_host(enum gk_key key)
{
	return key < GK_KEY_CONTAIN;
}

/* The word that was meant, of a key whose value is one of a few. */
static const char *nearest_choice(const struct rule *rule, const char *text)
{
	size_t n = strlen(text), least = 3;
	const char *near = NULL;
	for (const char *const *c = rule->kind == CHOICE ? rule->choices : NULL; c && *c; c++) {
		size_t d = gk_key_distance(text, n, *c, strlen(*c));
		if (d < least && d < n) {
			least = d;
			near = *c;
		}
	}
	return near;
}

/* Reads the kinds that a "none" may stand in for. */
static bool set_number(const struct rule *rule, const char *s, void *member, const char **ret_why)
{
	bool none = rule->none != NO_NONE && strcmp(s, "none") == 0;
	uint64_t *number = member;
	if (rule->kind == CPUS) {
		if (!none)
			return gk_value_cpus(
				s, (uint32_t)rule->min, (uint32_t)rule->max, member, ret_why);
		*(uint32_t *)member = 0;
		return true;
	}
	if (none) {
		*number = rule->none == NONE_IS_UNLIMITED ? GK_UNLIMITED : 0;
		return true;
	}
	if (rule->none == NONE_OR_FOREVER && strcmp(s, "forever") == 0) {
		*number = GK_UNLIMITED;
		return true;
	}
	if (rule->kind == SIZE)
		return gk_value_size(s, rule->min, rule->max, number, ret_why);
	if (rule->kind == SECONDS)
		return gk_value_duration(s, rule->min, rule->max, number, ret_why);
	return gk_value_count(s, rule->min, rule->max, number, ret_why);
}

static bool set_word(const struct rule *rule, const char *s, void *member, const char **ret_why)
{
	unsigned choice;
	switch (rule->kind) {
	case BOOL: return gk_value_bool(s, member, ret_why);
	case UMASK:
		if (strcmp(s, "inherit") != 0)
			return gk_value_umask(s, member, ret_why);
		*(mode_t *)member = (mode_t)-1;
		return true;
	default:
		if (!gk_value_choice(s, rule->choices, &choice, ret_why))
			return false;
		/* The enums of policy.h; each has the size of an unsigned. */
		_Static_assert(sizeof(enum gk_root_mode) == sizeof choice &&
				sizeof(enum gk_home_mode) == sizeof choice &&
				sizeof(enum gk_network_mode) == sizeof choice &&
				sizeof(enum gk_profile) == sizeof choice &&
				sizeof(enum gk_abstract_mode) == sizeof choice &&
				sizeof(enum gk_share_mode) == sizeof choice,
			"enums");
		memcpy(member, &choice, sizeof choice);
		return true;
	}
}

/* A host name with its placeholders filled in by something short must be one. */
static bool hostname_template_ok(const char *s, struct gk_arena *arena, const char **ret_why)
{
	const char *user = gk_replace(arena, s, "{user}", "u");
	const char *sample = user ? gk_replace(arena, user, "{id}", "0") : NULL;
	*ret_why = "does not fit into memory";
	return sample && gk_value_hostname_ok(sample, ret_why);
}

/* A line for a terminal. */
static const char *text_value(
	const char *s, size_t most, struct gk_arena *arena, const char **ret_why)
{
	if (*s && strlen(s) <= most && !gk_has_control(s) && gk_is_utf8(s, strlen(s)))
		return gk_arena_strdup(arena, s);
	*ret_why = "is not a line of text, or too long a one";
	return NULL;
}

/* A path, or a line of text. */
static const char *banner_value(const char *s, struct gk_arena *arena, const char **ret_why)
{
	if (*s == '/')
		return gk_path_clean(arena, s, ret_why);
	return text_value(s, GK_BANNER_MAX, arena, ret_why);
}

static bool set_string(const struct rule *rule, const char *s, struct gk_arena *arena,
	const char **member, const char **ret_why)
{
	const char *value = NULL;
	*ret_why = "does not fit into memory";
	if (rule->kind == PATH)
		value = gk_path_clean(arena, s, ret_why);
	else if (rule->kind == BANNER)
		value = banner_value(s, arena, ret_why);
	else if (rule->kind == TEXT)
		value = text_value(s, (size_t)rule->max, arena, ret_why);
	else if (rule->kind == IMAGE ? gk_value_image_ok(s, ret_why) :
				       hostname_template_ok(s, arena, ret_why))
		value = gk_arena_strdup(arena, s);
	if (value && rule->kind == PATH && value[1] == '\0') {
		*ret_why = "is the root directory";
		return false;
	}
	if (value)
		*member = value;
	return value != NULL;
}

static bool set_list(const struct rule *rule, const char *s, struct gk_arena *arena,
	struct gk_policy *policy, const char **ret_why)
{
	void *member = (char *)policy + rule->offset;
	if (rule->kind == PORTS)
		return gk_list_ports(s, rule->min, arena, member, ret_why);
	if (rule->kind == VOLUMES)
		return gk_list_volumes(s, arena, &policy->volumes, &policy->nvolumes, ret_why);
	if (rule->kind == FILES)
		return gk_list_files(s, arena, &policy->files, &policy->nfiles, ret_why);
	if (rule->kind == IO_MAX)
		return gk_io_max_read(s, arena, &policy->io_max, &policy->nio_max, ret_why);
	if (rule->kind == DEVICES)
		return gk_list_devices(s, arena, &policy->devices, ret_why);
	if (rule->kind == PUBLISH)
		return gk_list_publish(s, arena, &policy->publish, ret_why);
	if (rule->kind == NETS)
		return gk_list_nets(s, arena, (const char *const **)member, ret_why);
	if (rule->kind == ENV_PASS)
		return gk_list_env_pass(s, arena, (const char *const **)member, ret_why);
	return gk_list_env_set(s, arena, &policy->env_set, ret_why);
}

int gk_key_set(enum gk_key key, const char *text, struct gk_arena *arena, struct gk_policy *policy,
	struct gk_complaint *ret_complaint)
{
	const struct rule *rule = &rules[key];
	void *member = (char *)policy + rule->offset;
	const char *why = NULL;
	bool ok;
	switch (rule->kind) {
	case PATH:
	case IMAGE:
	case HOSTNAME:
	case TEXT:
	case BANNER: ok = set_string(rule, text, arena, member, &why); break;
	case COUNT:
	case SIZE:
	case SECONDS:
	case CPUS: ok = set_number(rule, text, member, &why); break;
	case ENV_PASS:
	case ENV_SET:
	case VOLUMES:
	case FILES:
	case PORTS:
	case DEVICES:
	case IO_MAX:
	case PUBLISH:
	case NETS: ok = set_list(rule, text, arena, policy, &why); break;
	default: ok = set_word(rule, text, member, &why);
	}
	if (ok)
		return 0;
	const char *shown = gk_shown(arena, text, strlen(text));
	const char *reason =
		shown ? gk_arena_printf(arena, "%s: %s %s", rule->name, shown, why) : NULL;
	if (!reason)
		return -ENOMEM;
	const char *near = nearest_choice(rule, text);
	const char *hint =
		near ? gk_arena_printf(arena, "did you mean %s? %s", near, rule->hint) : rule->hint;
	if (!hint)
		return -ENOMEM;
	*ret_complaint = (struct gk_complaint){ reason, hint };
	return -EINVAL;
}

/* The text of a number with the largest unit that divides it. */
static const char *number_text(struct gk_arena *arena, uint64_t value, const char *letters,
	const uint64_t *factors, size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (value && value % factors[i] == 0)
			return gk_arena_printf(arena, "%llu%c",
				(unsigned long long)(value / factors[i]), letters[i]);
	return gk_arena_printf(arena, "%llu", (unsigned long long)value);
}

static const char *quantity_text(
	const struct rule *rule, const void *member, struct gk_arena *arena)
{
	static const uint64_t sizes[] = { KIB, MIB, 1ull << 30, TIB };
	static const uint64_t times[] = { 1, 60, 3600, 86400 };
	uint64_t value = rule->kind == CPUS ? *(const uint32_t *)member : *(const uint64_t *)member;
	if (rule->none == NONE_OR_FOREVER && value == GK_UNLIMITED)
		return "forever";
	if ((rule->none == NONE_IS_UNLIMITED && value == GK_UNLIMITED) ||
		((rule->none == NONE_IS_ZERO || rule->none == NONE_OR_FOREVER) && value == 0 &&
			rule->kind != COUNT))
		return "none";
	if (rule->kind == CPUS)
		return gk_arena_printf(
			arena, "%u.%03u", (unsigned)value / 1000, (unsigned)value % 1000);
	if (rule->kind == SIZE)
		return number_text(arena, value, "KMGT", sizes, 4);
	if (rule->kind == SECONDS)
		return number_text(arena, value, "smhd", times, 4);
	return gk_arena_printf(arena, "%llu", (unsigned long long)value);
}

const char *gk_key_text(enum gk_key key, const struct gk_policy *policy, struct gk_arena *arena)
{
	const struct rule *rule = &rules[key];
	const void *member = (const char *)policy + rule->offset;
	switch (rule->kind) {
	case PATH:
	case IMAGE:
	case HOSTNAME:
	case TEXT:
	case BANNER: return *(const char *const *)member;
	case BOOL: return *(const bool *)member ? "yes" : "no";
	case UMASK:
		if (policy->umask == (mode_t)-1)
			return "inherit";
		return gk_arena_printf(arena, "%04o", (unsigned)policy->umask);
	case CHOICE: return rule->choices[*(const unsigned *)member];
	case IO_MAX: return gk_io_max_text(policy->io_max, policy->nio_max, arena);
	case DEVICES:
	case NETS:
	case PUBLISH:
	case ENV_PASS: return gk_list_words_text(*(const char *const *const *)member, arena);
	case ENV_SET: return gk_list_words_text(policy->env_set, arena);
	case VOLUMES: return gk_list_volumes_text(policy->volumes, policy->nvolumes, arena);
	case FILES: return gk_list_volumes_text(policy->files, policy->nfiles, arena);
	case PORTS: return gk_list_ports_text(member, arena);
	default: return quantity_text(rule, member, arena);
	}
}
