/* As much of ELF as it takes to bring a host's program into an image. */
#ifndef GK_IMAGE_ELF_H
#define GK_IMAGE_ELF_H

#include <stddef.h>

/* The loader that an ELF program asks for. Returns 1 with its path in ret; 0 for a program without
 * one (static); -ENOEXEC when fd is no ELF program of this machine's kind, or another -errno. */
int gk_elf_loader(int fd, char *ret, size_t size);

/* The machine that a program is for, where that is another than this program's own; NULL when it is
 * this one's, or fd is no ELF file. */
const char *gk_elf_other_machine(int fd);

#endif
