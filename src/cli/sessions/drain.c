/* gocker drain: no new sessions on this host, and who asks for one reads why. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/sessions/act.h"
#include "cli/sessions/sessions.h"
#include "run/store/drain.h"

enum { OFF = GK_OPTION_LONG, STATUS, MAINT, UNTIL_REBOOT, WAIT, POLL_S = 1 };

static const struct gk_option options[] = {
	{ OFF, "off", NULL, NULL, "take new sessions again" },
	{ STATUS, "status", NULL, NULL,
		"print the state; the exit status is 0 when the host is drained and 1 when it is not" },
	{ MAINT, "maint", NULL, NULL,
		"tell load balancers that the host is in maintenance: `gocker agent` answers maint "
		"in place of drain down" },
	{ UNTIL_REBOOT, "until-reboot", NULL, NULL,
		"the state ends when the host boots; without this it lasts until --off" },
	{ WAIT, "wait", "[=SEC]", NULL,
		"wait until no session is left, SEC seconds at most; the exit status is 1 when some "
		"are left then" },
	{ 0 },
};

const struct gk_page gk_page_drain = {
	.name = "drain",
	.what = "take no new sessions on this host, or take them again",
	.usage = "[OPTION...] [REASON...]\n--off\n--status",
	.about =
		"Refuses all new logins through either door; users who are turned away read REASON. "
		"Sessions that live go on, and so do `gocker run` and `gocker exec`. Accounts that "
		"the policy does not contain log in as before. Called again, it replaces the reason.\n\n"
		"`gocker agent` tells load balancers.",
	.options = options,
};

struct drain {
	bool off, status, maint, until_reboot, wait;
	unsigned wait_s; /* 0: for ever */
	char reason[GK_DRAIN_REASON_BYTES + 1];
};

/* The words of the command line as one line of printable text. */
static int join_reason(struct drain *d, char *const *words)
{
	size_t used = 0;
	for (; *words; words++) {
		int n = snprintf(
			d->reason + used, sizeof d->reason - used, "%s%s", used ? " " : "", *words);
		if (n < 0 || (size_t)n >= sizeof d->reason - used)
			return gk_cli_usage(
				"drain", "a reason has at most %d bytes", GK_DRAIN_REASON_BYTES);
		used += (size_t)n;
	}
	for (const char *c = d->reason; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return gk_cli_usage("drain", "a reason is one line of text");
	return 0;
}

static int write_state(const struct drain *d, struct gk_err *err)
{
	char text[512], boot[GK_BOOT_ID_BYTES] = "";
	int r = d->until_reboot ? gk_boot_id(boot) : 0;
	if (r < 0)
		return gk_fail_errno(err, r, "cannot read the id of this boot");
	if (mkdir(GK_STATEDIR, 0755) < 0 && errno != EEXIST)
		return gk_fail_errno(err, -errno, GK_STATEDIR);
	int n = snprintf(
		text, sizeof text, "maint=%d\nsince=%lld\n", d->maint, (long long)time(NULL));
	if (*boot)
		n += snprintf(text + n, sizeof text - (size_t)n, "boot=%s\n", boot);
	if (*d->reason)
		(void)snprintf(text + n, sizeof text - (size_t)n, "reason=%s\n", d->reason);
	return gk_print_file(GK_DRAIN_PATH, text, err);
}

static int remove_state(struct gk_err *err)
{
	if (unlink(GK_DRAIN_PATH) < 0 && errno != ENOENT)
		return gk_fail_errno(err, -errno, "cannot remove " GK_DRAIN_PATH);
	return 0;
}

static int print_status(void)
{
	struct gk_drain drain;
	char since[32] = "";
	gk_drain_read(&drain);
	time_t at = (time_t)drain.since;
	struct tm tm;
	if (!drain.on) {
		puts("not drained");
		return gk_print_end("drain") ? GK_EXIT_GOCKER : 1;
	}
	if (at && gmtime_r(&at, &tm))
		(void)strftime(since, sizeof since, " since %Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%s%s%s%s%s\n", drain.maint ? "in maintenance" : "drained", since,
		*drain.boot ? " until the next boot" : "", *drain.reason ? ": " : "", drain.reason);
	return gk_print_end("drain") ? GK_EXIT_GOCKER : 0;
}

/* Sessions of both doors: what an administrator runs here is the administrator's own business. */
static int count_logins(struct gk_err *err)
{
	struct gk_arena arena = { 0 };
	const struct gk_seen_filter filter = { 0 };
	struct gk_seen_list all;
	int r = gk_seen_read(&filter, &arena, &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++)
		r += strcmp(all.list[i].door, "run") != 0;
	gk_arena_free(&arena);
	return r;
}

static int wait_for_end(const struct drain *d, struct gk_err *err)
{
	int left = 0;
	for (unsigned s = 0; (left = count_logins(err)) > 0 && (!d->wait_s || s < d->wait_s); s++)
		sleep(POLL_S);
	if (left > 0)
		fprintf(stderr, "gocker drain: %d session%s left\n", left,
			left == 1 ? " is" : "s are");
	return left;
}

static int act(const struct drain *d, struct gk_err *err)
{
	char reason[GK_DRAIN_REASON_BYTES * 4 + 1];
	int r = d->off ? remove_state(err) : write_state(d, err);
	if (r < 0)
		return r;
	if (d->off)
		gk_log(LOG_NOTICE, "event=undrain by=%s", gk_act_by());
	else
		gk_log(LOG_NOTICE, "event=drain maint=%s until_reboot=%s reason=\"%s\" by=%s",
			d->maint ? "yes" : "no", d->until_reboot ? "yes" : "no",
			gk_escape(reason, sizeof reason, d->reason), gk_act_by());
	return d->wait ? wait_for_end(d, err) : 0;
}

static int read_options(struct drain *d, int argc, char **argv)
{
	const char *value;
	for (int c; (c = gk_options_next(&gk_page_drain, argc, argv, 0, &value)) != -1;) {
		switch (c) {
		case OFF: d->off = true; break;
		case STATUS: d->status = true; break;
		case MAINT: d->maint = true; break;
		case UNTIL_REBOOT: d->until_reboot = true; break;
		case WAIT:
			d->wait = true;
			if (value && gk_cli_seconds(value, &d->wait_s) < 0)
				return gk_cli_usage("drain",
					"--wait: '%s' is not a number of seconds from 1 to 3600",
					value);
			break;
		default: return 2;
		}
	}
	bool more = d->maint || d->until_reboot || d->wait || optind < argc;
	if ((d->off || d->status) && (more || (d->off && d->status)))
		return gk_cli_usage("drain", "--off and --status stand alone");
	return join_reason(d, argv + optind);
}

int gk_cmd_drain(int argc, char **argv)
{
	struct gk_err err = GK_ERR_INIT;
	struct drain d = { 0 };
	int r = read_options(&d, argc, argv);
	if (r == 0)
		r = gk_cli_need_root("drain");
	if (r != 0)
		return r;
	if (d.status)
		return print_status();
	gk_log_open("gocker");
	r = act(&d, &err);
	return r < 0 ? gk_cli_fail("drain", &err) : r > 0;
}
