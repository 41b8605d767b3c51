#include "image/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258 /* elf.h of musl before 1.2.5 has none */
#endif

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

/* Of the header only what both classes have at the same place. */
static bool read_kind(int fd, unsigned char ident[EI_NIDENT], uint16_t *ret_machine)
{
	Elf32_Ehdr header;
	if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header ||
		memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	memcpy(ident, header.e_ident, EI_NIDENT);
	const bool big = header.e_ident[EI_DATA] == ELFDATA2MSB;
	unsigned char bytes[2];
	memcpy(bytes, &header.e_machine, sizeof bytes);
	*ret_machine = (uint16_t)(bytes[big ? 0 : 1] << 8 | bytes[big ? 1 : 0]);
	return true;
}

const char *gk_elf_other_machine(int fd)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = { { EM_X86_64, "x86_64" }, { EM_386, "i386" }, { EM_AARCH64, "aarch64" },
		{ EM_ARM, "arm" }, { EM_PPC64, "ppc64" }, { EM_S390, "s390" },
		{ EM_RISCV, "riscv" }, { EM_MIPS, "mips" }, { EM_LOONGARCH, "loongarch" } };
	unsigned char mine[EI_NIDENT], theirs[EI_NIDENT];
	uint16_t my_machine, machine;
	gk_autoclose int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0 || !read_kind(self, mine, &my_machine) || !read_kind(fd, theirs, &machine) ||
		(machine == my_machine && mine[EI_CLASS] == theirs[EI_CLASS] &&
			mine[EI_DATA] == theirs[EI_DATA]))
		return NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "another architecture";
}
