/* As much of ELF as it takes to bring a program into an image, and to say why one does not start.
 */
#ifndef GK_BASE_ELF_H
#define GK_BASE_ELF_H

#include <stdbool.h>
#include <stddef.h>

/* The loader that an ELF program asks for. Returns 1 with its path in ret; 0 for a program without
 * one (static); -ENOEXEC when fd is no ELF program of this machine's kind, or another -errno. */
int gk_elf_loader(int fd, char *ret, size_t size);

/* The machine that a program is for, where that is another than this program's own; NULL when it is
 * this one's, or fd is no ELF file. A 32-bit program counts as another machine's on a 64-bit host:
 * the kernel may start it, but the session's filter refuses all of its system calls. */
const char *gk_elf_other_machine(int fd);

/* Why execve(2) of path failed with error, as far as the file itself tells, to follow the path in a
 * message: a program for another machine; one whose loader (ELF) or interpreter (#!) is missing;
 * one of no known format. With error 0: why it could not run although execve(2) would succeed,
 * which is so for a program of the 32-bit machine beside this one. Opens the file with the caller's
 * rights. Returns false, and leaves ret alone, when it tells nothing. */
bool gk_exec_reason(const char *path, int error, char *ret, size_t size);

#endif
