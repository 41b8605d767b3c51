/* What stands behind /proc/self/exe when root goes inside. */
#ifndef GK_RUN_PRIVILEGE_EXE_H
#define GK_RUN_PRIVILEGE_EXE_H

#include "base/err.h"

/* Executes this program again, from a read-only mount of its own file, unless it came from a
 * read-only mount already. For every run whose payload may have uid 0: what the session executes
 * first may be a script that names /proc/self/exe as its interpreter, and then the host's program
 * runs with the container's loader, and opens and changes its own file, which belongs to uid 0
 * (CVE-2019-5736). A process keeps the mount that it was executed from; nobody inside can make it
 * writable again.
 *
 * Needs CAP_SYS_ADMIN in the host's user namespace. argv is the whole program's, name what ps is to
 * show. Returns 0 in the program that is protected, -errno with err where it can't be; does not
 * return otherwise. */
int gk_exe_protect(const char *name, char **argv, struct gk_err *err);

#endif
