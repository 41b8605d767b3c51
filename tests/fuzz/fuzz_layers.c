/* Layers that nobody trusts → a root. Whatever the bytes: nothing outside is made, changed or
 * removed; merging changes no layer below or beside; nothing in the root is a device, has a set-uid
 * bit or is a whiteout.
 *
 * The input: how many blocks of 512 bytes the first layer has and how many the second, a byte each;
 * the two; and what is left as a third. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archives.h"
#include "image/extract.h"
#include "image/merge.h"
#include "image/tree.h"

enum { LAYERS = 3, BLOCK = 512, MAX_ENTRIES = 200, MAX_BYTES = 1 << 20 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max_size);
	if (seed % 4 && size > 2)
		fix_sums(data + 2, size - 2);
	return size;
}

struct layer {
	int tree, notes;
	char name[16], manifest[16];
};

static size_t cut(const uint8_t **data, size_t *size, size_t most)
{
	size_t n = most < *size ? most : *size;
	*data += n;
	*size -= n;
	return n;
}

/* Returns whether it is a layer. */
static bool unpack(struct layer *l, const uint8_t *data, size_t size)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_extract_stats stats;
	struct gk_manifest_totals totals;
	struct seen seen = { 0 };
	l->tree = make_dir(l->name);
	l->notes = memfd_create("notes", MFD_CLOEXEC);
	MUST(l->notes >= 0);
	const struct gk_extract_options options = {
		.limits = { MAX_BYTES, MAX_ENTRIES }, .layer = true, .notes_fd = l->notes
	};
	int archive = make_archive(data, size);
	int r = gk_extract(archive, "layer.tar", l->tree, &options, &stats, &err);
	(void)close(archive);
	MUST(r == 0 ? err.code == 0 : r < 0 && err.code == r && err.msg[0]);
	MUST(gk_tree_walk(l->tree, check_one, &seen, &err) == 0);
	if (r == 0)
		MUST(gk_manifest_write(l->tree, base_dir(), l->manifest, NULL, &totals, &err) == 0);
	return r == 0;
}

static int check_merged(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	(void)arg;
	(void)path;
	(void)parent_fd;
	(void)err;
	MUST(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode));
	MUST(S_ISLNK(st->st_mode) || !(st->st_mode & (S_ISUID | S_ISGID)));
	MUST(strncmp(name, ".wh.", 4) != 0);
	return 0;
}

static int is_left(void *arg, const char *path, int parent_fd, const char *name,
	const struct stat *st, struct gk_err *err)
{
	(void)path;
	(void)parent_fd;
	(void)name;
	(void)st;
	(void)err;
	*(bool *)arg = true;
	return 0;
}

/* As far as they go on top of each other. */
static void merge_all(const struct layer *layers, unsigned n)
{
	struct gk_err err = GK_ERR_INIT;
	int root = make_dir("root"), work = make_dir("work"), r = 0;
	for (unsigned i = 0; r == 0 && i < n; i++) {
		bool left = false;
		MUST(lseek(layers[i].notes, 0, SEEK_SET) == 0);
		r = gk_layer_merge(
			layers[i].tree, layers[i].notes, root, work, "layer.tar", NULL, &err);
		MUST(r == 0 ? err.code == 0 : r < 0 && err.code == r && err.msg[0]);
		if (r == 0)
			MUST(gk_tree_walk(work, is_left, &left, &err) == 0 && !left);
	}
	/* A root that is too deep to be walked is refused when its manifest is written. */
	(void)gk_tree_walk(root, check_merged, NULL, &err);
	(void)close(root);
	(void)close(work);
}

static void drop(const char *name)
{
	struct gk_err err = GK_ERR_INIT;
	MUST(gk_tree_remove(base_dir(), name, NULL, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct layer layers[LAYERS] = { { -1, -1, "layer.0", "sums.0" },
		{ -1, -1, "layer.1", "sums.1" }, { -1, -1, "layer.2", "sums.2" } };
	unsigned n = 0;
	bool good = size >= 2;
	const size_t blocks[LAYERS] = { good ? data[0] : 0, good ? data[1] : 0, SIZE_MAX / BLOCK };
	if (!good)
		return 0;
	data += 2;
	size -= 2;
	while (good && n < LAYERS) {
		const uint8_t *layer = data;
		size_t length = cut(&data, &size, blocks[n] * BLOCK);
		good = unpack(&layers[n], layer, length);
		n += good;
	}
	merge_all(layers, n);
	for (unsigned i = 0; i < n; i++) {
		struct gk_err err = GK_ERR_INIT;
		MUST(gk_manifest_verify(layers[i].tree, base_dir(), layers[i].manifest, NULL,
			     differs, NULL, &err) == 0);
		MUST(unlinkat(base_dir(), layers[i].manifest, 0) == 0);
	}
	check_outside(2 + LAYERS);
	for (unsigned i = 0; i < LAYERS && layers[i].tree >= 0; i++) {
		(void)close(layers[i].tree);
		(void)close(layers[i].notes);
		drop(layers[i].name);
	}
	drop("root");
	drop("work");
	check_outside(0);
	return 0;
}
