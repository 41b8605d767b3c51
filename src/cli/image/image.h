/* What the subcommands of `gocker image` share. */
#ifndef GK_CLI_IMAGE_IMAGE_H
#define GK_CLI_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "image/extract.h"
#include "image/store.h"
#include "image/tick.h"
#include "image/trial.h"

struct json_object;

enum {
	GK_IMAGE_DIFFERS = 1,   /* verify: something is not as it was */
	GK_IMAGE_NO_MIRROR = 3, /* fetch: no mirror could be reached */
};

struct gk_image_cli {
	const char *command;
	const char *image_dir; /* as the option, gocker.ini or the built-in default say */
	bool json, quiet, fallback, if_missing, pin, unpin, keep_on_error, edits;
	uint64_t max_size, max_entries, keep;
	uint64_t userns_base; /* 0 before gk_image_userns_base */
	const char *mirror, *release, *ref, *authfile, *policy, *keyring;
	const char *with[32]; /* programs of the host to bring in; NULL-ended */
	unsigned nwith;
	const char *packages[256]; /* of image new; NULL-ended */
	unsigned npackages;
	const char *suite;
	int argc;
	char **argv; /* what follows the options */
	struct gk_arena arena;
	struct gk_tick tick;
	struct gk_say said;
	struct gk_try try;
	struct gk_err err;
};

/* One subcommand: returns the exit status. */
int gk_image_cmd_new(struct gk_image_cli *cli);
int gk_image_cmd_import(struct gk_image_cli *cli);
int gk_image_cmd_pull(struct gk_image_cli *cli);
int gk_image_cmd_update(struct gk_image_cli *cli);
int gk_image_cmd_rollback(struct gk_image_cli *cli);
int gk_image_cmd_fetch(struct gk_image_cli *cli);
int gk_image_cmd_list(struct gk_image_cli *cli);
int gk_image_cmd_show(struct gk_image_cli *cli);
int gk_image_cmd_verify(struct gk_image_cli *cli);
int gk_image_cmd_remove(struct gk_image_cli *cli);
int gk_image_cmd_prune(struct gk_image_cli *cli);
int gk_image_cmd_tools(struct gk_image_cli *cli);
int gk_image_cmd_edit(struct gk_image_cli *cli);

/* `image show host`: the parts of this host that sessions with `image = host` see. Returns the exit
 * status. */
int gk_image_show_host(struct gk_image_cli *cli);
/* What `image list` tells of it, with the names of `image show`; NULL: no memory. */
struct json_object *gk_image_describe_host(struct gk_image_cli *cli);

/* What is known of a version: its info.json, or an empty record, with name, version and use. */
struct json_object *gk_image_describe(
	const struct gk_store *store, const struct gk_image_version *version);

/* Prints JSON on stdout; returns 0 or -errno. */
int gk_image_print_json(struct json_object *value);

/* Prints "gocker image COMMAND: message"; returns GK_EXIT_GOCKER. */
int gk_image_failed(const struct gk_image_cli *cli);

/* Opens the store that the command works on. */
int gk_image_open_store(struct gk_image_cli *cli, bool create, struct gk_store *ret);

/* Fills in userns_base, as gocker.ini says. Returns 0 or -errno. */
int gk_image_userns_base(struct gk_image_cli *cli);

/* What unpacking has made harmless, a line each. */
void gk_image_say_harmless(const struct gk_image_cli *cli, const struct gk_extract_stats *stats);

/* As struct gk_try has it (image/trial.h), with a struct gk_image_cli. */
int gk_image_try(void *arg, const char *dir, const char *const *argv, char *text, size_t size);

/* Says something on stderr, one line, unless --quiet. */
void gk_image_say(const struct gk_image_cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A number of bytes for people: "3.3 MiB". */
const char *gk_image_size(char buf[32], uint64_t bytes);

/* Progress on stderr, where that is a terminal, for what takes longer than a second. The tick also
 * ends the work after SIGINT, SIGTERM or SIGHUP. */
void gk_image_progress_start(struct gk_image_cli *cli);
/* Takes the progress line away. */
void gk_image_progress_clear(void);
/* The same, and the second before it is shown begins anew: something else had the terminal. */
void gk_image_progress_restart(void);
/* The signal that came, or 0. */
int gk_image_interrupted(void);

#endif
