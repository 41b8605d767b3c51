/* An archive that nobody trusts → a directory. Whatever the bytes: nothing outside the directory is
 * made, changed or removed; nothing inside has a set-uid bit, is a device or lies too deep; and
 * what the manifest says of it is what is there. */
#include <string.h>
#include <unistd.h>

#include "archives.h"
#include "image/extract.h"
#include "image/tree.h"

enum { MAX_ENTRIES = 200, MAX_BYTES = 1 << 20 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max_size);
	if (seed % 4)
		fix_sums(data, size);
	return size;
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
	MUST(gk_manifest_write(root, base_dir(), "manifest", NULL, &totals, &err) == 0);
	MUST(totals.entries == seen.entries);
	MUST(gk_manifest_verify(root, base_dir(), "manifest", NULL, differs, NULL, &err) == 0);
	MUST(unlinkat(base_dir(), "manifest", 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_extract_stats stats, untouched;
	const struct gk_extract_options options = { .limits = { MAX_BYTES, MAX_ENTRIES } };
	int root = make_dir("root"), archive = make_archive(data, size);
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
	MUST(gk_tree_remove(base_dir(), "root", NULL, &err) == 0);
	check_outside(2); /* root and the manifest */
	return 0;
}
