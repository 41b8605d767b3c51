/* gocker agent: what a load balancer asks. One line in the words of HAProxy's agent checks
 * (agent-check in HAProxy's configuration manual), on stdout: the program is started for each
 * connection by systemd or an inetd. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "plan/policy.h"
#include "run/store/drain.h"
#include "run/store/load.h"
#include "run/store/record.h"

static const struct gk_option options[] = { { 0 } };

const struct gk_page gk_page_agent = {
	.name = "agent",
	.what = "tell a load balancer how free this host is",
	.usage = "",
	.about =
		"Prints one line in the words of HAProxy's agent checks: `ready up N%` with a weight, "
		"`drain down` or `maint` after `gocker drain`, `ready fail` when every login would "
		"fail because gocker.ini cannot be used. gocker-agent.socket of systemd, or an inetd, starts "
		"it for each connection.\n\n"
		"N is the least of three shares: the slots of sessions_max that are free, the "
		"processors' time that one more process would get (1 / (1 + load / processors)), and "
		"the memory that is available. It is 0 when all slots are taken, else at least 1.",
	.options = options,
};

enum { PERCENT = 100 };

static int count_living(const struct gk_record *record, void *arg)
{
	uint64_t *n = arg;
	*n += record->alive;
	return 0;
}

/* The numbers of files in /proc that begin with one. */
static double read_load(void)
{
	double load = 0;
	FILE *f = fopen("/proc/loadavg", "re");
	if (f) {
		char line[128], *end = NULL;
		if (fgets(line, sizeof line, f))
			load = strtod(line, &end);
		(void)fclose(f);
	}
	return load > 0 ? load : 0;
}

/* Available memory in percent; PERCENT when the kernel does not tell. */
static uint64_t memory_share(void)
{
	uint64_t total = 0, available = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	while (f && fgets(line, sizeof line, f)) {
		const char *value = strchr(line, ':');
		if (value && strncmp(line, "MemTotal:", 9) == 0)
			total = strtoull(value + 1, NULL, 10);
		if (value && strncmp(line, "MemAvailable:", 13) == 0)
			available = strtoull(value + 1, NULL, 10);
	}
	if (f)
		(void)fclose(f);
	return total ? available * PERCENT / total : PERCENT;
}

static uint64_t processor_share(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return (uint64_t)(PERCENT / (1 + read_load() / (double)(n > 0 ? n : 1)));
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What every login asks of gocker.ini, asked for an account that no section names. */
static int read_policy(struct gk_arena *arena, struct gk_policy *ret, struct gk_err *err)
{
	static const struct gk_group group = { .gid = 65534, .name = "nogroup" };
	static const struct gk_identity nobody = { .uid = 65534,
		.gid = 65534,
		.name = "nobody",
		.gecos = "",
		.home = "/nonexistent",
		.shell = "/bin/sh",
		.groups = &group,
		.ngroups = 1 };
	struct gk_config config;
	int r = gk_load_config(GK_CONFIG_PATH, arena, &config, err);
	return r < 0 ? r : gk_policy_for(&config, &nobody, arena, ret, err);
}

static int weigh(struct gk_arena *arena, uint64_t *ret, struct gk_err *err)
{
	struct gk_policy policy = { 0 };
	uint64_t living = 0, weight = least(processor_share(), memory_share());
	int r = read_policy(arena, &policy, err);
	if (r == 0)
		r = gk_record_each((uid_t)-1, count_living, &living, err);
	if (r < 0)
		return r;
	if (weight == 0)
		weight = 1;
	uint64_t most = policy.sessions_max;
	if (most && living >= most) {
		weight = 0;
	} else if (most) {
		uint64_t share = (most - living) * PERCENT / most;
		weight = least(weight, share ? share : 1);
	}
	*ret = weight;
	return 0;
}

int gk_cmd_agent(int argc, char **argv)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_arena arena = { 0 };
	struct gk_drain drain;
	uint64_t weight = 0;
	const char *value;
	char why[sizeof err.msg * 4];
	if (gk_options_next(&gk_page_agent, argc, argv, 0, &value) != -1)
		return 2;
	if (optind < argc)
		return gk_cli_usage("agent", "unexpected argument %s", argv[optind]);
	int r = gk_cli_need_root("agent");
	if (r != 0)
		return r;
	gk_drain_read(&drain);
	r = weigh(&arena, &weight, &err);
	gk_arena_free(&arena);
	/* `ready` takes back an earlier drain or maint, which HAProxy keeps until it is told. A
	 * host that is in drain but not down gets the users that a stick table remembers, who would
	 * be refused. */
	if (drain.on)
		puts(drain.maint ? "maint" : "drain down #takes no new sessions");
	else if (r < 0)
		puts("ready fail #gocker.ini can't be used: see gocker check");
	else
		printf("ready up %" PRIu64 "%%\n", weight);
	/* An inetd has the connection as stderr, too: what is wrong is for the log. */
	if (r < 0) {
		gk_log_open("gocker");
		gk_log(LOG_ERR, "event=agent msg=\"%s\"", gk_escape(why, sizeof why, err.msg));
	}
	return gk_print_end("agent");
}
