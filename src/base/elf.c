#include "base/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

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

/* This very program's header, which the linker places (ld(1)): no file needs to be opened for it.
 */
extern const ElfW(Ehdr) __ehdr_start; /* NOLINT(bugprone-reserved-identifier) */

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
	const unsigned char *mine = __ehdr_start.e_ident;
	unsigned char theirs[EI_NIDENT];
	uint16_t machine;
	if (!read_kind(fd, theirs, &machine) ||
		(machine == __ehdr_start.e_machine && mine[EI_CLASS] == theirs[EI_CLASS] &&
			mine[EI_DATA] == theirs[EI_DATA]))
		return NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "another architecture";
}

/* Of "#!INTERPRETER ARGUMENT" the first word; false for any other file. */
static bool read_interpreter(int fd, char *ret, size_t size)
{
	char line[PATH_MAX];
	ssize_t n = pread(fd, line, sizeof line - 1, 0);
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	const char *word = line + 2 + strspn(line + 2, " \t");
	size_t len = strcspn(word, " \t\n");
	return len > 0 && (size_t)snprintf(ret, size, "%.*s", (int)len, word) < size;
}

/* What the file needs besides itself, and is not there. */
static bool lacks(int fd, char *ret, size_t size)
{
	char needs[PATH_MAX], shown[256];
	const char *what = gk_elf_loader(fd, needs, sizeof needs) == 1 ? "loader" :
		read_interpreter(fd, needs, sizeof needs)              ? "interpreter" :
									 NULL;
	if (!what || access(needs, F_OK) == 0)
		return false;
	snprintf(ret, size, "needs the %s %s, which is not in the image", what,
		gk_escape(shown, sizeof shown, needs));
	return true;
}

bool gk_exec_reason(const char *path, int error, char *ret, size_t size)
{
	struct stat st;
	gk_autoclose int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (error == ENOENT)
		return lacks(fd, ret, size);
	const char *machine = error == 0 || error == ENOEXEC ? gk_elf_other_machine(fd) : NULL;
	/* execve(2) tells of all others: a binfmt_misc(5) handler may run them. */
	const char *beside = __ehdr_start.e_machine == EM_AARCH64 ? "arm" : "i386";
	if (machine && error == 0 && strcmp(machine, beside) != 0)
		machine = NULL;
	if (machine)
		snprintf(ret, size, "is a program for another machine (%s)", machine);
	else if (error == ENOEXEC)
		snprintf(ret, size, "has no format that the kernel can execute");
	return machine || error == ENOEXEC;
}
