/* gocker.ini as read: sections and keys in file order, each value checked, each with its line. */
#ifndef GK_PLAN_CONFIG_H
#define GK_PLAN_CONFIG_H

#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/ini.h"

/* The largest configuration file accepted, and the longest line (iniparser 4.1 keeps lines in a
 * fixed buffer of 1024 bytes). */
#define GK_CONFIG_MAX_BYTES ((size_t)1 << 20)
#define GK_CONFIG_MAX_LINE  1000

/* The most sections and the most settings in a file (iniparser's time grows with their square),
 * and the most faults that are listed. */
#define GK_CONFIG_MAX_SECTIONS 4096
#define GK_CONFIG_MAX_SETTINGS 4096
#define GK_FAULTS_MAX          100

enum gk_section_kind { GK_SECTION_HOST, GK_SECTION_DEFAULT, GK_SECTION_GROUP, GK_SECTION_USER };

struct gk_setting {
	int key; /* enum gk_key */
	const char *value;
	unsigned line;
};

struct gk_section {
	enum gk_section_kind kind;
	const char *title; /* as written: "group:students" */
	const char *name;  /* the group's or user's name; NULL for the other kinds */
	unsigned line;
	const struct gk_setting *settings;
	size_t nsettings;
};

struct gk_config {
	const char *path; /* as messages name it */
	const struct gk_section *sections;
	size_t nsections;
};

/* One fault of a configuration file, for `gocker check`. */
struct gk_fault {
	unsigned line;      /* 0: the file as a whole */
	const char *reason; /* what is wrong */
	const char *hint;   /* what to write instead */
};
struct gk_faults {
	struct gk_fault *list;
	size_t n;
};

/* Parses text (size bytes, not necessarily NUL-ended) that was read from `path`; path is used in
 * messages only. tokenize turns `key = value` lines into values: gk_ini_read (iniparser) everywhere
 * but in tests; it is handed in because it needs system calls. What it reads must be what this
 * room's own, stricter reading of the line gives, or the line is a fault.
 * Every fault (at most GK_FAULTS_MAX) is listed in faults, in the order of lines, when it is not
 * NULL. Returns 0, or -EINVAL with err "PATH:LINE: reason; hint" of the first fault, or -ENOMEM,
 * or what tokenize returned. A file with any fault never yields a configuration: ret_config is
 * untouched. */
int gk_config_parse(const char *text, size_t size, const char *path, gk_tokenizer *tokenize,
	struct gk_arena *arena, struct gk_config *ret_config, struct gk_faults *faults,
	struct gk_err *err);

#endif
