/* Which files of the host make up a program. */
#ifndef GK_IMAGE_HOSTFILES_H
#define GK_IMAGE_HOSTFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct gk_host_file {
	const char *path;
	const char *target; /* a symlink to another of these files; NULL: a file to be copied */
	bool main;          /* the program itself, not one of its helpers */
	bool library;       /* read by the program, not started */
};
struct gk_host_files {
	struct gk_host_file *list;
	size_t n;
	struct gk_arena names;
};

/* Finds the files of a program: an absolute path; a name that is looked up in the usual
 * directories; or a name that is known to be more than one file (sftp-server, git). The program
 * comes first, then its helpers, and for python3 and perl their standard library with the modules
 * of the host's packages, for vim its runtime. Directories are not listed, only what is in them.
 * -ENOENT when the host lacks it. */
int gk_host_files_of(const char *program, struct gk_host_files *ret, struct gk_err *err);

/* What programs that draw on a terminal read: descriptions of terminals (terminfo(5)) and the
 * locale C.UTF-8. */
int gk_host_files_for_terminals(struct gk_host_files *ret, struct gk_err *err);

void gk_host_files_free(struct gk_host_files *files);
#define gk_autohostfiles __attribute__((cleanup(gk_host_files_free)))

/* The package that a file came with and its version, where the host has dpkg or rpm. */
bool gk_host_version(const char *path, char *ret, size_t size);

#endif
