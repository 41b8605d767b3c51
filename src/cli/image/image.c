/* gocker image: the table of its subcommands and their options. */
#include "cli/image/image.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "image/extract.h"
#include "plan/policy.h"
#include "run/store/load.h"

enum {
	IMAGE_DIR = 256,
	FORMAT,
	MAX_SIZE,
	MAX_ENTRIES,
	MIRROR,
	RELEASE,
	FALLBACK,
	IF_MISSING,
	WITH,
	HELP
};

static const struct option options[] = {
	{ "image-dir", required_argument, NULL, IMAGE_DIR },
	{ "format", required_argument, NULL, FORMAT },
	{ "max-size", required_argument, NULL, MAX_SIZE },
	{ "max-entries", required_argument, NULL, MAX_ENTRIES },
	{ "mirror", required_argument, NULL, MIRROR },
	{ "release", required_argument, NULL, RELEASE },
	{ "fallback", no_argument, NULL, FALLBACK },
	{ "if-missing", no_argument, NULL, IF_MISSING },
	{ "with", required_argument, NULL, WITH },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static const struct command {
	const char *name;
	int (*run)(struct gk_image_cli *cli);
	const int *options; /* those it takes besides the common ones; 0-ended */
	int least, most;    /* arguments; most -1: no bound */
	const char *usage, *help;
} commands[] = {
	{ "fetch", gk_image_cmd_fetch,
		(const int[]){ MIRROR, RELEASE, FALLBACK, IF_MISSING, WITH, 0 }, 0, 1,
		"[OPTION...] [NAME]",
		"Fetches Alpine's minirootfs as image NAME (default: alpine). What comes from the\n"
		"mirror is used only if it has the SHA-512 that this build of gocker knows.\n"
		"\n"
		"      --mirror URL       https or file, laid out as Alpine's own mirrors are\n"
		"                         (default: $ALPINE_MIRROR, else Alpine's)\n"
		"      --release VERSION  this release (default: the newest known that is there)\n"
		"      --fallback         without a mirror, make one of this host's static busybox\n"
		"      --with PROGRAM     bring this program of the host in, if there is one (see `gocker\n"
		"                         image tools`); can be repeated\n"
		"      --if-missing       do nothing when there is an image of that name\n" },
	{ "import", gk_image_cmd_import, (const int[]){ MAX_SIZE, MAX_ENTRIES, 0 }, 2, 2,
		"[OPTION...] NAME FILE|-",
		"Makes image NAME of a tar archive (plain, gzip, xz or zstd) of a root file system, such\n"
		"as `docker export` writes. Set-uid and set-gid bits, file capabilities and all other\n"
		"extended attributes are dropped, devices left out; what would lead out of the image is\n"
		"refused.\n"
		"\n"
		"      --max-size SIZE    at most this much, such as 500M (default: 8G)\n"
		"      --max-entries N    at most so many files and directories (default: 1000000)\n" },
	{ "list", gk_image_cmd_list, (const int[]){ FORMAT, 0 }, 0, 1, "[OPTION...] [NAME]",
		"Lists the images and their versions.\n"
		"\n"
		"      --format FORMAT    text or json\n" },
	{ "show", gk_image_cmd_show, (const int[]){ FORMAT, 0 }, 1, 1, "[OPTION...] NAME",
		"Tells what an image is and where it came from.\n"
		"\n"
		"      --format FORMAT    text or json\n" },
	{ "verify", gk_image_cmd_verify, (const int[]){ FORMAT, 0 }, 1, 1, "[OPTION...] NAME",
		"Compares an image with the manifest written when it was made. Exit status 1 when\n"
		"anything differs.\n"
		"\n"
		"      --format FORMAT    text or json\n" },
	{ "edit", gk_image_cmd_edit, (const int[]){ 0 }, 1, -1, "[OPTION...] NAME [CMD [ARG...]]",
		"Runs a command (default: /bin/sh) as root in a container whose root is a copy of the\n"
		"image, with the host's network. If it ends with 0 the copy becomes the image; else it is\n"
		"dropped, and gocker ends as the command did.\n" },
	{ "tools", gk_image_cmd_tools, (const int[]){ 0 }, 2, -1, "[OPTION...] NAME PROGRAM...",
		"Brings programs of this host into an image, with their loader and libraries, so that\n"
		"they run there at the path that they have here. PROGRAM is a path, a name, or one of\n"
		"sftp-server, scp, rsync, git, each with the helpers that it needs. Programs brought in\n"
		"before are brought up to date. What the image has of its own is left alone.\n" },
	{ "remove", gk_image_cmd_remove, (const int[]){ 0 }, 1, -1, "[OPTION...] NAME...",
		"Removes images with all their versions. Refused while a session uses one.\n" },
	{ "prune", gk_image_cmd_prune, (const int[]){ 0 }, 0, -1, "[OPTION...] [NAME...]",
		"Removes the versions that were replaced and that no session uses any more.\n" },
};
enum { NCOMMANDS = sizeof commands / sizeof *commands };

static const char common_help[] =
	"      --image-dir DIR    where images are (default: as gocker.ini says)\n"
	"  -q, --quiet            say nothing but errors\n"
	"      --help             this text\n";

static int help_all(FILE *out)
{
	fputs("Usage: gocker image COMMAND [OPTION...] [ARG...]\n\n"
	      "Root file systems for containers.\n\n",
		out);
	for (int i = 0; i < NCOMMANDS; i++)
		fprintf(out, "  %s %s\n", commands[i].name, commands[i].usage);
	fputs("\n`gocker image COMMAND --help` tells more.\n"
	      "Exit status: 0 done; 1 verify found a difference; 2 wrong use; 3 no mirror could be\n"
	      "reached; 125 anything else failed, and nothing has changed.\n",
		out);
	return ferror(out) ? GK_EXIT_GOCKER : 0;
}

static int help_one(const struct command *command)
{
	printf("Usage: gocker image %s %s\n\n%s%s%s", command->name, command->usage, command->help,
		strstr(command->help, "\n\n") ? "" : "\n", common_help);
	return ferror(stdout) ? GK_EXIT_GOCKER : 0;
}

int gk_image_failed(const struct gk_image_cli *cli)
{
	gk_image_progress_clear();
	fprintf(stderr, "gocker image %s: %s\n", cli->command, cli->err.msg);
	return GK_EXIT_GOCKER;
}

void gk_image_say(const struct gk_image_cli *cli, const char *fmt, ...)
{
	va_list ap;
	gk_image_progress_clear();
	if (cli->quiet)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int gk_image_open_store(struct gk_image_cli *cli, bool create, struct gk_store *ret)
{
	int r = gk_store_open(cli->image_dir, create, ret, &cli->err);
	if (r == 0)
		ret->tick = &cli->tick;
	return r;
}

static void on_say(void *arg, const char *line)
{
	gk_image_say(arg, "  %s", line);
}

/* As gocker.ini writes sizes: a number, and K, M, G or T. */
static bool parse_number(const char *s, bool units, uint64_t *ret)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(s, &end, 10);
	if (errno || end == s || *s < '0' || *s > '9' || n == 0)
		return false;
	static const char letters[] = "KMGT";
	const char *unit = units && *end ? strchr(letters, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - letters + 1) : 0;
	if ((unit ? end[1] : *end) || n > UINT64_MAX >> (shift + 1))
		return false;
	*ret = n << shift;
	return true;
}

static bool takes(const struct command *command, int option)
{
	if (option == IMAGE_DIR || option == 'q' || option == HELP)
		return true;
	for (const int *o = command->options; *o; o++)
		if (*o == option)
			return true;
	return false;
}

/* -1: go on; otherwise the exit status. */
static int read_options(
	struct gk_image_cli *cli, const struct command *command, int argc, char **argv)
{
	char name[32];
	snprintf(name, sizeof name, "image %s", command->name);
	optind = 1;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "+q", options, NULL)) != -1;) {
		if (c == '?' || !takes(command, c))
			return gk_cli_usage(
				name, "unknown option or missing value: %s", argv[optind - 1]);
		switch (c) {
		case IMAGE_DIR: cli->image_dir = optarg; break;
		case MIRROR: cli->mirror = optarg; break;
		case RELEASE: cli->release = optarg; break;
		case FALLBACK: cli->fallback = true; break;
		case WITH:
			if (cli->nwith + 1 >= sizeof cli->with / sizeof *cli->with)
				return gk_cli_usage(name, "too many programs");
			cli->with[cli->nwith++] = optarg;
			break;
		case IF_MISSING: cli->if_missing = true; break;
		case 'q': cli->quiet = true; break;
		case FORMAT:
			if (strcmp(optarg, "json") != 0 && strcmp(optarg, "text") != 0)
				return gk_cli_usage(name, "the format is text or json");
			cli->json = strcmp(optarg, "json") == 0;
			break;
		case MAX_SIZE:
			if (!parse_number(optarg, true, &cli->max_size))
				return gk_cli_usage(name, "not a size: %s", optarg);
			break;
		case MAX_ENTRIES:
			if (!parse_number(optarg, false, &cli->max_entries))
				return gk_cli_usage(name, "not a number: %s", optarg);
			break;
		default: return help_one(command);
		}
	}
	cli->argc = argc - optind;
	cli->argv = argv + optind;
	if (cli->argc < command->least || (command->most >= 0 && cli->argc > command->most))
		return gk_cli_usage(name,
			cli->argc < command->least ? "something is missing" : "too many arguments");
	return -1;
}

/* image_dir stands in [gocker], which is the same for everybody. A configuration with a fault is no
 * reason to guess. */
static int find_image_dir(struct gk_image_cli *cli)
{
	struct gk_config config;
	struct gk_policy policy;
	struct stat st;
	static const struct gk_group group = { .gid = 0, .name = "root" };
	static const struct gk_identity root = { .name = "root",
		.gecos = "",
		.home = "/",
		.shell = "/bin/sh",
		.groups = &group,
		.ngroups = 1 };
	if (cli->image_dir)
		return 0;
	cli->image_dir = GK_STATEDIR "/images";
	if (lstat(GK_CONFIG_PATH, &st) < 0)
		return 0;
	int r = gk_load_config(GK_CONFIG_PATH, &cli->arena, &config, &cli->err);
	if (r == 0)
		r = gk_policy_for(&config, &root, &cli->arena, &policy, &cli->err);
	if (r == 0)
		cli->image_dir = policy.image_dir;
	return r;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct gk_image_cli cli = {
		.command = command->name,
		.max_size = GK_EXTRACT_SIZE_BYTES,
		.max_entries = GK_EXTRACT_ENTRIES,
	};
	cli.said = (struct gk_say){ on_say, &cli };
	int status = read_options(&cli, command, argc, argv);
	if (status < 0)
		status = gk_cli_need_root("image");
	else
		return status;
	if (status == 0 && find_image_dir(&cli) < 0)
		status = gk_image_failed(&cli);
	if (status == 0) {
		gk_image_progress_start(&cli);
		status = command->run(&cli);
		gk_image_progress_clear();
	}
	gk_arena_free(&cli.arena);
	int sig = gk_image_interrupted();
	if (sig && status != 0) {
		(void)signal(sig, SIG_DFL);
		(void)raise(sig);
	}
	if (fflush(stdout) != 0 && status == 0)
		status = GK_EXIT_GOCKER;
	return status;
}

int gk_cmd_image(int argc, char **argv)
{
	if (argc < 2) {
		(void)help_all(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return help_all(stdout);
	for (int i = 0; i < NCOMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run_command(&commands[i], argc - 1, argv + 1);
	return gk_cli_usage("image", "no command '%s'", argv[1]);
}
