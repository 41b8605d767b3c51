#include "image/elf.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

/* ElfW: the class of this very program, which is the host's. */
int gk_elf_loader(int fd, char *ret, size_t size)
{
	ElfW(Ehdr) header;
	ssize_t n = pread(fd, &header, sizeof header, 0);
	if (n < 0)
		return -errno;
	const unsigned char class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	if (n != (ssize_t)sizeof header || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
		header.e_ident[EI_CLASS] != class || header.e_phentsize != sizeof(ElfW(Phdr)))
		return -ENOEXEC;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		ElfW(Phdr) segment;
		off_t at = (off_t)(header.e_phoff + (size_t)i * sizeof segment);
		if (pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
			return -ENOEXEC;
		if (segment.p_type != PT_INTERP)
			continue;
		if (segment.p_filesz == 0 || segment.p_filesz > size ||
			pread(fd, ret, segment.p_filesz, (off_t)segment.p_offset) !=
				(ssize_t)segment.p_filesz ||
			ret[segment.p_filesz - 1] != '\0')
			return -ENOEXEC;
		return 1;
	}
	return 0;
}
