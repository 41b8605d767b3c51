/* gocker gc: sweep what crashed sessions left. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "run/store/record.h"

static const char help[] =
	"Usage: gocker gc\n"
	"\n"
	"Sweeps what sessions left whose supervisor was killed: kills what still lives in their\n"
	"cgroups, removes the cgroups, empties or removes the records. Sessions that live are never\n"
	"touched.\n"
	"\n"
	"Each login sweeps the place that it takes, the lowest free one, so that what crashed is soon\n"
	"met again. A user who may have more than 64 sessions (user_sessions_max), and root with\n"
	"`gocker run`, takes any free place: what crashed there can lie long, holding a record and\n"
	"an empty cgroup, until this is run. From cron once a day is enough; it disturbs nobody.\n"
	"\n"
	"  --help  this text\n";

int gk_cmd_gc(int argc, char **argv)
{
	struct gk_err err = GK_ERR_INIT;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout) < 0;
	if (argc > 1)
		return gk_cli_usage("gc",
			argv[1][0] == '-' ? "unknown option %s" :
					    "it takes no argument, such as %s",
			argv[1]);
	int r = gk_cli_need_root("gc");
	if (r != 0)
		return r;
	int swept = gk_sweep((uid_t)-1, &err);
	if (swept < 0)
		return gk_cli_fail("gc", &err);
	printf("%d stale session%s swept\n", swept, swept == 1 ? "" : "s");
	return 0;
}
