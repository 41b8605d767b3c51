/* What the fuzzers of archives share: a directory to unpack into, and what must hold of all around
 * it. */
#ifndef GKT_FUZZ_ARCHIVES_H
#define GKT_FUZZ_ARCHIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "image/manifest.h"

#define MUST(condition) must((condition), __FILE__, __LINE__, #condition)
void must(bool holds, const char *file, int line, const char *what);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* A sum that is right gets a mutation past the first check of libarchive. data begins with a
 * header. */
void fix_sums(uint8_t *data, size_t size);

/* The directory of all that a fuzzer makes; made with the first call, removed at the end. Beside
 * what is unpacked there is a file that must stay as it is. */
int base_dir(void);

/* That file is as it was, and there are at most so many others beside it. */
void check_outside(int others);

/* A directory of that name in the base; a file with these bytes, at its start. */
int make_dir(const char *name);
int make_archive(const uint8_t *data, size_t size);

/* What every file, directory and symlink must be: a callback for gk_tree_walk. */
struct seen {
	uint64_t entries, bytes;
};
int check_one(void *seen, const char *path, int parent_fd, const char *name, const struct stat *st,
	struct gk_err *err);

/* Says what differs, for gk_manifest_verify. */
void differs(void *arg, enum gk_difference kind, const char *path, const char *what);

#endif
