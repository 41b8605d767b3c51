/* An archive that nobody trusts → a directory. Whatever the bytes: nothing outside the directory is
 * made, changed or removed; nothing inside has a set-uid bit, is a device or lies too deep; and
 * what the manifest says of it is what is there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/extract.h"
#include "image/manifest.h"
#include "image/tree.h"

#define MUST(condition) must((condition), __LINE__, #condition)
static void must(bool holds, int line, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_import.c:%d: violated: %s\n", line, what);
	abort();
}

enum { MAX_ENTRIES = 200, MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* A sum that is right gets a mutation past the first check of libarchive. */
static void fix_sums(uint8_t *data, size_t size)
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

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max_size);
	if (seed % 4)
		fix_sums(data, size);
	return size;
}

/* base/root is what archives are unpacked into; the rest of base, and /, are outside. */
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

static void check_outside(void)
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
	MUST(n <= 3); /* flag, root and the manifest */
}

struct seen {
	uint64_t entries, bytes;
};

static int check_one(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
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

static void differs(void *arg, enum gk_difference kind, const char *path, const char *what)
{
	(void)arg;
	fprintf(stderr, "difference %d: %s (%s)\n", (int)kind, path, what ? what : "-");
}

static void check_inside(int root, bool whole)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_manifest_totals totals;
	struct seen seen = { 0 };
	MUST(gk_tree_walk(root, check_one, &seen, &err) == 0);
	MUST(seen.entries <= MAX_ENTRIES && seen.bytes <= MAX_BYTES);
	if (!whole)
		return;
	MUST(gk_manifest_write(root, base_fd, "manifest", NULL, &totals, &err) == 0);
	MUST(totals.entries == seen.entries);
	MUST(gk_manifest_verify(root, base_fd, "manifest", NULL, differs, NULL, &err) == 0);
	MUST(unlinkat(base_fd, "manifest", 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_extract_stats stats, untouched;
	const struct gk_extract_options options = { .limits = { MAX_BYTES, MAX_ENTRIES } };
	if (!base[0])
		set_up();
	MUST(mkdirat(base_fd, "root", 0755) == 0);
	int root = openat(base_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int archive = memfd_create("archive", MFD_CLOEXEC);
	MUST(root >= 0 && archive >= 0 && write(archive, data, size) == (ssize_t)size &&
		lseek(archive, 0, SEEK_SET) == 0);
	memset(&stats, 0x5a, sizeof stats);
	untouched = stats;
	int r = gk_extract(archive, "fuzz.tar", root, &options, &stats, &err);
	if (r == 0)
		MUST(err.code == 0 && stats.entries > 0 && strlen(stats.sum) == 64);
	else
		MUST(r < 0 && err.code == r && err.msg[0] &&
			memcmp(&stats, &untouched, sizeof stats) == 0);
	check_inside(root, r == 0);
	(void)close(root);
	(void)close(archive);
	MUST(gk_tree_remove(base_fd, "root", NULL, &err) == 0);
	check_outside();
	return 0;
}
