#include "archives.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/extract.h"
#include "image/tree.h"

void must(bool holds, const char *file, int line, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: violated: %s\n", file, line, what);
	abort();
}

void fix_sums(uint8_t *data, size_t size)
{
	for (size_t at = 0; at + 512 <= size; at += 512) {
		uint8_t *header = data + at;
		unsigned sum = 8 * ' ';
		char text[9];
		if (memcmp(header + 257, "ustar", 5) != 0)
			continue;
		for (size_t i = 0; i < 512; i++)
			sum += i >= 148 && i < 156 ? 0 : header[i];
		snprintf(text, sizeof text, "%06o", sum);
		memcpy(header + 148, text, 7);
		header[155] = ' ';
	}
}

static char base[64];
static int base_fd = -1;

static void remove_base(void)
{
	char *slash = strrchr(base, '/');
	*slash = '\0';
	int above = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)gk_tree_remove(above, slash + 1, NULL, NULL);
	(void)close(above);
}

static void set_up(void)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(base, sizeof base, "%s/gocker-fuzz.XXXXXX", tmp);
	MUST(mkdtemp(base));
	(void)atexit(remove_base);
	base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(base_fd, "flag", O_WRONLY | O_CREAT | O_EXCL, 0600);
	MUST(fd >= 0 && write(fd, "untouched", 9) == 9 && close(fd) == 0);
}

void check_outside(int others)
{
	char text[16] = "";
	int n = 0, fd = openat(base_fd, "flag", O_RDONLY | O_NOFOLLOW);
	struct stat st;
	MUST(fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 1 && (st.st_mode & 07777) == 0600);
	MUST(read(fd, text, sizeof text) == 9 && memcmp(text, "untouched", 9) == 0);
	(void)close(fd);
	DIR *dir = fdopendir(openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	MUST(dir != NULL);
	for (struct dirent *e; (e = readdir(dir));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(dir);
	MUST(n <= 1 + others);
}

int check_one(void *arg, const char *path, int parent_fd, const char *name, const struct stat *st,
	struct gk_err *err)
{
	struct seen *seen = arg;
	unsigned depth = 1;
	(void)parent_fd;
	(void)name;
	(void)err;
	for (const char *p = path; *p; p++)
		depth += *p == '/';
	MUST(depth <= GK_EXTRACT_DEPTH);
	MUST(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode));
	MUST(S_ISLNK(st->st_mode) || !(st->st_mode & (S_ISUID | S_ISGID)));
	seen->entries++;
	seen->bytes += S_ISREG(st->st_mode) && st->st_nlink == 1 ? (uint64_t)st->st_size : 0;
	return 0;
}

void differs(void *arg, enum gk_difference kind, const char *path, const char *what)
{
	(void)arg;
	fprintf(stderr, "difference %d: %s (%s)\n", (int)kind, path, what ? what : "-");
}

int base_dir(void)
{
	if (!base[0])
		set_up();
	return base_fd;
}

int make_dir(const char *name)
{
	MUST(mkdirat(base_dir(), name, 0755) == 0);
	int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(fd >= 0);
	return fd;
}

int make_archive(const uint8_t *data, size_t size)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);
	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}
