/* gocker and gocker-admin: two programs that execute each other. gocker has what containers need
 * and links the C library alone; what links more (images: curl, archive, crypto; top: curses;
 * enable: PAM) is in gocker-admin, in LIBEXECDIR. */
#ifndef GK_CLI_PROGRAM_H
#define GK_CLI_PROGRAM_H

#define GK_PROGRAM       GK_BINDIR "/gocker"
#define GK_PROGRAM_ADMIN GK_LIBEXECDIR "/gocker-admin"

/* Executes gocker or gocker-admin, whose path is one of the two above. PATH is never searched. A
 * program that was not started from its installed path, as in a build tree, takes the other one
 * from its own directory if it is there. argv is the whole argument vector. The environment passes
 * only what terminals, languages, mirrors and proxies need; none of what the loader or OpenSSL
 * takes code from. Returns -errno if that failed. */
int gk_program_exec(const char *path, char **argv);

#endif
