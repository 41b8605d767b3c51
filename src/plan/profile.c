#include "plan/profile.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

const char *const gk_profile_names[] = { "none", "work", "web", "ctf", "ide", NULL };

/* People who work in a shell: editors, tmux, builds. */
static const struct gk_profile_value work[] = {
	{ GK_KEY_PIDS_MAX, "512" },
	{ GK_KEY_USER_PIDS_MAX, "2048" },
	{ GK_KEY_USER_SESSIONS_MAX, "32" },
	{ GK_KEY_ROOT_SIZE, "1G" },
	{ GK_KEY_TMP_SIZE, "1G" },
	{ GK_KEY_ROOT_INODES, "200000" },
	{ GK_KEY_HOME, "bind" },
	{ GK_KEY_NETWORK, "host" },
	{ GK_KEY_AGENT, "yes" },
	{ GK_KEY_UMASK, "inherit" },
	{ GK_KEY_IDLE_TIMEOUT, "none" },
	{ GK_KEY_MAX_DURATION, "none" },
	{ GK_KEY_SHARE, "login" },
	{ GK_KEY_LINGER, "none" },
};

/* Customers of a web host: git, php, composer, rsync; databases by the host's network. */
static const struct gk_profile_value web[] = {
	{ GK_KEY_PIDS_MAX, "64" },
	{ GK_KEY_USER_PIDS_MAX, "128" },
	{ GK_KEY_USER_SESSIONS_MAX, "8" },
	{ GK_KEY_ROOT_SIZE, "128M" },
	{ GK_KEY_TMP_SIZE, "256M" },
	{ GK_KEY_ROOT_INODES, "32768" },
	{ GK_KEY_HOME, "bind" },
	{ GK_KEY_NETWORK, "host" },
	{ GK_KEY_AGENT, "yes" },
	{ GK_KEY_UMASK, "inherit" },
	{ GK_KEY_IDLE_TIMEOUT, "2h" },
	{ GK_KEY_MAX_DURATION, "1d" },
	{ GK_KEY_SHARE, "login" },
	{ GK_KEY_LINGER, "none" },
};

/* Strangers on a throwaway system without a network. */
static const struct gk_profile_value ctf[] = {
	{ GK_KEY_PIDS_MAX, "64" },
	{ GK_KEY_USER_PIDS_MAX, "64" },
	{ GK_KEY_USER_SESSIONS_MAX, "4" },
	{ GK_KEY_ROOT_SIZE, "64M" },
	{ GK_KEY_TMP_SIZE, "64M" },
	{ GK_KEY_ROOT_INODES, "16384" },
	{ GK_KEY_HOME, "tmpfs" },
	{ GK_KEY_NETWORK, "none" },
	{ GK_KEY_AGENT, "no" },
	{ GK_KEY_UMASK, "0077" },
	{ GK_KEY_IDLE_TIMEOUT, "15m" },
	{ GK_KEY_MAX_DURATION, "4h" },
	{ GK_KEY_SHARE, "login" },
	{ GK_KEY_LINGER, "none" },
};

/* Editors that run half of themselves here, with language servers of many threads, over several
 * connections, and look for what they left when a connection was cut. */
static const struct gk_profile_value ide[] = {
	{ GK_KEY_PIDS_MAX, "4096" },
	{ GK_KEY_USER_PIDS_MAX, "8192" },
	{ GK_KEY_USER_SESSIONS_MAX, "64" },
	{ GK_KEY_ROOT_SIZE, "4G" },
	{ GK_KEY_TMP_SIZE, "4G" },
	{ GK_KEY_ROOT_INODES, "1000000" },
	{ GK_KEY_HOME, "bind" },
	{ GK_KEY_NETWORK, "host" },
	{ GK_KEY_AGENT, "yes" },
	{ GK_KEY_UMASK, "inherit" },
	{ GK_KEY_IDLE_TIMEOUT, "none" },
	{ GK_KEY_MAX_DURATION, "none" },
	{ GK_KEY_SHARE, "user" },
	{ GK_KEY_LINGER, "8h" },
};

const struct gk_profile_value *gk_profile_values(enum gk_profile profile, size_t *ret_n)
{
	static const struct gk_profile_value *const all[] = { [GK_PROFILE_WORK] = work,
		[GK_PROFILE_WEB] = web,
		[GK_PROFILE_CTF] = ctf,
		[GK_PROFILE_IDE] = ide };
	_Static_assert(
		COUNT(work) == COUNT(web) && COUNT(work) == COUNT(ctf) && COUNT(work) == COUNT(ide),
		"the same keys");
	*ret_n = profile == GK_PROFILE_NONE ? 0 : COUNT(work);
	return all[profile];
}

enum gk_profile gk_profile_by_name(const char *name)
{
	for (unsigned i = 0; gk_profile_names[i]; i++)
		if (strcmp(gk_profile_names[i], name) == 0)
			return (enum gk_profile)i;
	return GK_PROFILE_NONE;
}
