/* gocker image: the table of its subcommands and their options. */
#include "cli/image/image.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ini.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "image/alpine.h"
#include "image/edit.h"
#include "image/extract.h"
#include "plan/policy.h"
#include "run/store/load.h"

enum {
	IMAGE_DIR = GK_OPTION_LONG,
	FORMAT,
	MAX_SIZE,
	MAX_ENTRIES,
	MIRROR,
	RELEASE,
	FALLBACK,
	IF_MISSING,
	WITH,
	INCLUDE,
	SUITE,
	KEYRING,
	REF,
	PIN,
	UNPIN,
	AUTHFILE,
	POLICY,
	KEEP,
	KEEP_ON_ERROR,
	EDITS
};

#define COMMON_OPTIONS \
	{ IMAGE_DIR, "image-dir", "DIR", "dir", \
		"where images are (default: as gocker.ini says)" }, \
		{ 'q', "quiet", NULL, NULL, "print errors only" }, \
	{ \
		0 \
	}
#define FORMAT_OPTION \
	{ \
		FORMAT, "format", "FORMAT", "text json", "text (default) or json" \
	}

static const struct gk_option fetch_options[] = {
	{ MIRROR, "mirror", "URL", NULL,
		"https or file, laid out as Alpine's own mirrors are (default: $ALPINE_MIRROR, else "
		"Alpine's)" },
	{ RELEASE, "release", "VERSION", NULL,
		"this release (default: the newest that the mirror has and that can be verified)" },
	{ FALLBACK, "fallback", NULL, NULL,
		"without a mirror, make an image of this host's static busybox" },
	{ WITH, "with", "PROGRAM", "command",
		"bring this program of the host in, if there is one that runs there (see `gocker "
		"image tools`); can be repeated" },
	{ IF_MISSING, "if-missing", NULL, NULL, "do nothing when there is an image of that name" },
	COMMON_OPTIONS,
};
static const struct gk_option new_options[] = {
	{ INCLUDE, "include", "PACKAGE[,PACKAGE...]", NULL,
		"also these packages; can be repeated" },
	{ SUITE, "suite", "NAME", NULL,
		"this release, by its code name (default: this host's, if it is of that distribution; "
		"else, for debian, stable)" },
	{ MIRROR, "mirror", "URL", NULL, "https, http or file (default: the distribution's own)" },
	{ KEYRING, "keyring", "FILE", "file",
		"for OTHER: by a key of this file the mirror must be signed" },
	{ WITH, "with", "PROGRAM", "command",
		"bring this program of the host in, if there is one that runs there (see `gocker "
		"image tools`); can be repeated" },
	{ MAX_SIZE, "max-size", "SIZE", NULL, "at most this much, such as 500M (default: 8G)" },
	COMMON_OPTIONS,
};
static const struct gk_option import_options[] = {
	{ REF, "ref", "NAME", NULL,
		"of a layout with several images the one called NAME (as in busybox:latest)" },
	{ MAX_SIZE, "max-size", "SIZE", NULL, "at most this much, such as 500M (default: 8G)" },
	{ MAX_ENTRIES, "max-entries", "N", NULL,
		"at most so many files and directories (default: 1000000)" },
	COMMON_OPTIONS,
};
#define REGISTRY_OPTIONS \
	{ AUTHFILE, "authfile", "FILE", "file", \
		"log in to the registry as this file says (containers-auth.json)" }, \
		{ POLICY, "policy", "FILE", "file", \
			"which signatures are wanted (default: /etc/containers/policy.json)" }, \
		{ MAX_SIZE, "max-size", "SIZE", NULL, \
			"at most this much, such as 500M (default: 8G)" }, \
	{ \
		MAX_ENTRIES, "max-entries", "N", NULL, \
			"at most so many files and directories (default: 1000000)" \
	}
static const struct gk_option pull_options[] = {
	{ PIN, "pin", NULL, NULL, "keep the image at this digest: a later pull refuses another" },
	{ UNPIN, "unpin", NULL, NULL, "no longer keep it at its digest" },
	REGISTRY_OPTIONS,
	COMMON_OPTIONS,
};
static const struct gk_option update_options[] = { REGISTRY_OPTIONS, COMMON_OPTIONS };
static const struct gk_option prune_options[] = {
	{ KEEP, "keep", "N", NULL, "keep the newest N of each image" },
	{ EDITS, "edits", NULL, NULL, "also what `image edit` has kept beside the images" },
	COMMON_OPTIONS,
};
static const struct gk_option edit_options[] = {
	{ KEEP_ON_ERROR, "keep-on-error", NULL, NULL,
		"where the command fails, keep the copy beside the image" },
	COMMON_OPTIONS,
};
static const struct gk_option report_options[] = { FORMAT_OPTION, COMMON_OPTIONS };
static const struct gk_option common_options[] = { COMMON_OPTIONS };

static const struct command {
	int (*run)(struct gk_image_cli *cli);
	int least, most; /* arguments; most -1: no bound */
	struct gk_page page;
} commands[] = {
	{ gk_image_cmd_fetch, 0, 1,
		{ "image fetch", NULL, "[OPTION...] [NAME]",
			"Fetches Alpine's minirootfs as image NAME (default: alpine). What comes from the "
			"mirror is used only if it has a SHA-512 that this build of gocker knows, or a "
			"signature by a key in " GK_ALPINE_KEY
			". Programs that were brought into the "
			"image before are brought in again; what `image edit` changed is not.",
			fetch_options, NULL, "image" } },
	{ gk_image_cmd_new, 2, 2,
		{ "image new", NULL, "[OPTION...] debian|ubuntu|OTHER NAME",
			"Makes image NAME of packages of Debian, Ubuntu, or, with --suite, --mirror and "
			"--keyring, another that is like them: the least that the release needs, with apt, "
			"and those named. mmdebstrap does the work, as root of a user namespace that is "
			"nobody on the host; what it fetches must be signed by the distribution.",
			new_options, NULL, NULL } },
	{ gk_image_cmd_import, 2, 2,
		{ "image import", NULL, "[OPTION...] NAME FILE|DIRECTORY|-",
			"Makes image NAME of a tar archive (plain, gzip, xz or zstd) of a root file system, "
			"such as `docker export` writes; of an archive that `docker save` writes; or of an "
			"OCI image layout, an archive or a directory. Layers are checked against their "
			"digests and stored once for all images that have them. Set-uid and set-gid bits, file capabilities and "
			"all other extended attributes are dropped, devices left out; an archive whose "
			"names lead out of the image is refused.",
			import_options, NULL, "image file" } },
	{ gk_image_cmd_pull, 1, 2,
		{ "image pull", NULL, "[OPTION...] REF [NAME]",
			"Fetches image REF (registry.example/path/name:tag, or …@sha256:DIGEST) from a registry "
			"as image NAME (default: the last part of REF's path), or updates it. skopeo does "
			"the fetching, as a user of its own that can write nothing else; registries.conf, "
			"policy.json and certs.d in /etc/containers apply. Layers are checked and unpacked "
			"as by import.",
			pull_options, NULL, NULL } },
	{ gk_image_cmd_update, 0, -1,
		{ "image update", NULL, "[OPTION...] [NAME...]",
			"Pulls images again that came from a registry (default: all of them). Pinned ones "
			"stay, and so do, unless they are named, those that were changed since by edit or "
			"tools. Sessions that run keep the version that they began with.",
			update_options, NULL, "image" } },
	{ gk_image_cmd_rollback, 1, 2,
		{ "image rollback", NULL, "[OPTION...] NAME [VERSION]",
			"Makes an older version the current one again: the one made before it, or VERSION, as "
			"`image show` prints it. No version is removed.",
			common_options, NULL, "image" } },
	{ gk_image_cmd_list, 0, 1,
		{ "image list", NULL, "[OPTION...] [NAME]",
			"Lists the images and their versions: where each is from, its digest (`changed` after edit or "
			"tools), its age and size, and the users of the sessions that run on it.",
			report_options, NULL, "image" } },
	{ gk_image_cmd_show, 1, 1,
		{ "image show", NULL, "[OPTION...] NAME",
			"Shows what an image is and where it came from. For `host`: what sessions with "
			"`image = host` see of this host, which of its programs have no effect in "
			"them, and what everyone may read though it looks like a secret.",
			report_options, NULL, "image" } },
	{ gk_image_cmd_verify, 1, 1,
		{ "image verify", NULL, "[OPTION...] NAME",
			"Compares an image, and the layers that it was made of, with the manifests written "
			"when they were made. Exit status 1 when anything differs.",
			report_options, NULL, "image" } },
	{ gk_image_cmd_edit, 1, -1,
		{ "image edit", NULL, "[OPTION...] NAME [CMD [ARG...]]",
			"Runs a command (default: /bin/sh) as root in a container whose root is a copy of "
			"the image, with the host's network. If it ends with 0 the copy becomes the image; "
			"otherwise gocker asks on a terminal what to do with it, and without one drops it. "
			"It ends as the command did.",
			edit_options, NULL, "image command" } },
	{ gk_image_cmd_tools, 2, -1,
		{ "image tools", NULL, "[OPTION...] NAME PROGRAM...",
			"Brings programs of this host into an image, with their loader and libraries, so "
			"that they run there at the path that they have here. PROGRAM is a path or a name; "
			"sftp-server and git come with their helpers, python3 and perl with their standard "
			"library and the modules of this host's packages, vim with its runtime, what draws "
			"on a terminal with terminfo and a locale. Each is tried in a "
			"container; if one does not run, the image stays as it was. Programs brought in "
			"before are updated. What the image has of its own is left alone.",
			common_options, NULL, "image command" } },
	{ gk_image_cmd_remove, 1, -1,
		{ "image remove", NULL, "[OPTION...] NAME...",
			"Removes images with all their versions. Refused while a session uses one.",
			common_options, NULL, "image" } },
	{ gk_image_cmd_prune, 0, -1,
		{ "image prune", NULL, "[OPTION...] [NAME...]",
			"Removes the versions that were replaced and that no session uses any more. What "
			"`image edit` has kept beside an image stays without --edits.",
			prune_options, NULL, "image" } },
};
enum { NCOMMANDS = sizeof commands / sizeof *commands };

static const struct gk_option no_options[] = { { 0 } };

/* The list of its commands is printed by help_all. */
const struct gk_page gk_page_image = {
	.name = "image",
	.what = GK_WHAT_IMAGE,
	.usage = "COMMAND [OPTION...] [ARG...]",
	.options = no_options,
};

static const char *short_name(const struct command *command)
{
	return strchr(command->page.name, ' ') + 1;
}

static int help_all(FILE *out)
{
	fputs("Usage: gocker image COMMAND [OPTION...] [ARG...]\n\n"
	      "Manages root file systems for containers.\n\n",
		out);
	for (int i = 0; i < NCOMMANDS; i++)
		fprintf(out, "  %s %s\n", short_name(&commands[i]), commands[i].page.usage);
	fputs("\n      --help  print this help\n\nls and rm are short for list and remove. `gocker image COMMAND --help` prints the\n"
	      "options of a command.\n\n"
	      "Exit status: 0 done; 1 verify found a difference; 2 usage error; 3 no mirror could\n"
	      "be reached; 125 anything else failed, and nothing has changed.\n",
		out);
	return out == stdout ? gk_print_end("image") : 0;
}

void gk_image_print_tables(FILE *out)
{
	for (int i = 0; i < NCOMMANDS; i++)
		gk_options_print_table(out, &commands[i].page);
}

static const struct command *find_command(const char *name)
{
	if (strcmp(name, "ls") == 0)
		name = "list";
	if (strcmp(name, "rm") == 0)
		name = "remove";
	for (int i = 0; i < NCOMMANDS; i++)
		if (strcmp(name, short_name(&commands[i])) == 0)
			return &commands[i];
	return NULL;
}

int gk_image_failed(const struct gk_image_cli *cli)
{
	static const char *const steps[] = { "update", "remove", "prune" };
	bool several = false, full = strcasestr(cli->err.msg, "no space left on device") != NULL;
	gk_image_progress_clear();
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		several = several || strcmp(cli->command, steps[i]) == 0;
	if (gk_image_interrupted())
		fprintf(stderr, "gocker image %s: interrupted, %s\n", cli->command,
			several ? "what was done before stays" : "nothing changed");
	else
		fprintf(stderr, "gocker image %s: %s%s%s%s\n", cli->command, cli->err.msg,
			full ? " (" : "", full ? cli->image_dir : "", full ? " is full)" : "");
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

static void on_recovered(void *arg, const char *line)
{
	(void)arg;
	gk_image_progress_clear();
	fprintf(stderr, "gocker image: %s\n", line);
}

int gk_image_open_store(struct gk_image_cli *cli, bool create, struct gk_store *ret)
{
	static const char *const readers[] = { "list", "show", "verify" };
	int r = gk_store_open(cli->image_dir, create, ret, &cli->err);
	if (r < 0)
		return r;
	ret->tick = &cli->tick;
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
		if (strcmp(cli->command, readers[i]) == 0)
			return 0;
	/* With --quiet, too: work must not be lost without a word. */
	gk_image_recover(ret, &cli->tick, &(struct gk_say){ on_recovered, NULL });
	return 0;
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

/* Names with commas between them. */
static bool add_packages(struct gk_image_cli *cli, const char *names)
{
	char *save = NULL, *copy = gk_arena_strdup(&cli->arena, names);
	for (char *one = copy ? strtok_r(copy, ",", &save) : NULL; one;
		one = strtok_r(NULL, ",", &save)) {
		if (cli->npackages + 1 >= sizeof cli->packages / sizeof *cli->packages)
			return false;
		cli->packages[cli->npackages++] = one;
	}
	return copy != NULL;
}

/* -1: go on; otherwise the exit status. */
static int read_options(
	struct gk_image_cli *cli, const struct command *command, int argc, char **argv)
{
	const char *name = command->page.name, *value;
	for (int c; (c = gk_options_next(&command->page, argc, argv, 1, &value)) != -1;) {
		switch (c) {
		case IMAGE_DIR: cli->image_dir = value; break;
		case MIRROR: cli->mirror = value; break;
		case RELEASE: cli->release = value; break;
		case FALLBACK: cli->fallback = true; break;
		case WITH:
			if (cli->nwith + 1 >= sizeof cli->with / sizeof *cli->with)
				return gk_cli_usage(name, "too many programs");
			cli->with[cli->nwith++] = value;
			break;
		case INCLUDE:
			if (!add_packages(cli, value))
				return gk_cli_usage(name, "too many packages");
			break;
		case SUITE: cli->suite = value; break;
		case KEYRING: cli->keyring = value; break;
		case REF: cli->ref = value; break;
		case PIN: cli->pin = true; break;
		case UNPIN: cli->unpin = true; break;
		case AUTHFILE: cli->authfile = value; break;
		case POLICY: cli->policy = value; break;
		case KEEP:
			if (!parse_number(value, false, &cli->keep))
				return gk_cli_usage(name, "not a number: %s", value);
			break;
		case KEEP_ON_ERROR: cli->keep_on_error = true; break;
		case EDITS: cli->edits = true; break;
		case IF_MISSING: cli->if_missing = true; break;
		case 'q': cli->quiet = true; break;
		case FORMAT:
			if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
				return gk_cli_usage(name, "the format is text or json");
			cli->json = strcmp(value, "json") == 0;
			break;
		case MAX_SIZE:
			if (!parse_number(value, true, &cli->max_size))
				return gk_cli_usage(name, "not a size: %s", value);
			break;
		case MAX_ENTRIES:
			if (!parse_number(value, false, &cli->max_entries))
				return gk_cli_usage(name, "not a number: %s", value);
			break;
		default: return 2;
		}
	}
	cli->argc = argc - optind;
	cli->argv = argv + optind;
	if (cli->argc < command->least || (command->most >= 0 && cli->argc > command->most))
		return gk_cli_usage(name,
			cli->argc < command->least ? "too few arguments" : "too many arguments");
	return -1;
}

/* image_dir and userns_base stand in [gocker], which is the same for everybody. A configuration
 * with a fault is no reason to guess; with --image-dir it matters to those only who need the
 * second. */
static int read_policy(struct gk_image_cli *cli)
{
	struct gk_config config;
	struct gk_policy policy = { 0 };
	struct stat st;
	static const struct gk_group group = { .gid = 0, .name = "root" };
	static const struct gk_identity root = { .name = "root",
		.gecos = "",
		.home = "/",
		.shell = "/bin/sh",
		.groups = &group,
		.ngroups = 1 };
	bool file = lstat(GK_CONFIG_PATH, &st) == 0;
	static const char none[] = "[gocker]\n";
	int r = file ? gk_load_config(GK_CONFIG_PATH, &cli->arena, &config, &cli->err) :
		       gk_config_parse(none, sizeof none - 1, "built-in configuration", gk_ini_read,
			       &cli->arena, &config, NULL, &cli->err);
	if (r == 0)
		r = gk_policy_for(&config, &root, &cli->arena, &policy, &cli->err);
	if (r < 0)
		return r;
	cli->userns_base = policy.userns_base;
	if (!cli->image_dir)
		cli->image_dir = policy.image_dir;
	return 0;
}

static int find_image_dir(struct gk_image_cli *cli)
{
	return cli->image_dir ? 0 : read_policy(cli);
}

int gk_image_userns_base(struct gk_image_cli *cli)
{
	return cli->userns_base ? 0 : read_policy(cli);
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct gk_image_cli cli = {
		.command = short_name(command),
		.max_size = GK_EXTRACT_SIZE_BYTES,
		.max_entries = GK_EXTRACT_ENTRIES,
	};
	cli.said = (struct gk_say){ on_say, &cli };
	cli.try = (struct gk_try){ gk_image_try, &cli };
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
	int end = gk_print_end(command->page.name);
	return status ? status : end ? GK_EXIT_GOCKER : 0;
}

int gk_cmd_image(int argc, char **argv)
{
	if (argc < 2) {
		(void)help_all(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return help_all(stdout);
	const struct command *command = find_command(argv[1]);
	if (command)
		return run_command(command, argc - 1, argv + 1);
	const char *names[NCOMMANDS + 1] = { NULL };
	for (int i = 0; i < NCOMMANDS; i++)
		names[i] = short_name(&commands[i]);
	const char *like = gk_closest(argv[1], names);
	return like ? gk_cli_usage("image", "no command '%s'; did you mean '%s'?", argv[1], like) :
		      gk_cli_usage("image", "no command '%s'", argv[1]);
}
