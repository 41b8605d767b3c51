/* gocker gc: sweep what crashed sessions left. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "run/store/record.h"

static const struct gk_option options[] = { { 0 } };

const struct gk_page gk_page_gc = {
	.name = "gc",
	.what = "remove what crashed sessions left behind",
	.usage = "",
	.about =
		"Removes what is left of sessions whose supervisor was killed: kills what still runs "
		"in their cgroups, removes the cgroups, empties or removes the records. Live sessions "
		"are never touched.\n\n"
		"Each login also cleans the slot that it takes, the lowest free one. A user who may have "
		"more than 64 sessions (user_sessions_max), and root with `gocker run`, takes any free "
		"slot: what crashed there can stay for a long time, with a record and an empty cgroup, "
		"until gc runs. Once a day from cron is enough; it disturbs nobody.",
	.options = options,
};

int gk_cmd_gc(int argc, char **argv)
{
	struct gk_err err = GK_ERR_INIT;
	const char *value;
	if (gk_options_next(&gk_page_gc, argc, argv, 0, &value) != -1)
		return 2;
	if (optind < argc)
		return gk_cli_usage("gc", "unexpected argument %s", argv[optind]);
	int r = gk_cli_need_root("gc");
	if (r != 0)
		return r;
	int swept = gk_sweep((uid_t)-1, &err);
	if (swept < 0)
		return gk_cli_fail("gc", &err);
	printf("%d stale session%s removed\n", swept, swept == 1 ? "" : "s");
	return 0;
}
