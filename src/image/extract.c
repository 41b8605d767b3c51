#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/cleanup.h"
#include "base/log.h"

static la_ssize_t read_block(struct archive *a, void *arg, const void **ret_block)
{
	struct gk_unpack *x = arg;
	int stop;
	ssize_t n;
	do {
		stop = gk_tick(
			x->options->tick, "unpacking", GK_UNIT_BYTES, x->read_bytes, x->total);
		n = stop < 0 ? 0 : read(x->fd, x->buf, sizeof x->buf);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		stop = -errno;
	if (stop < 0) {
		x->stopped = stop;
		archive_set_error(a, -stop, "cannot read");
		return ARCHIVE_FATAL;
	}
	gk_hash_add(x->hash, x->buf, (size_t)n);
	x->read_bytes += (uint64_t)n;
	*ret_block = x->buf;
	return n;
}

/* What libarchive says when it can't go on. */
int gk_unpack_archive_failed(struct gk_unpack *x)
{
	if (x->stopped < 0)
		return gk_fail_errno(x->err, x->stopped, "%s", x->label);
	char text[256];
	const char *said = archive_error_string(x->archive);
	return gk_fail(x->err, -EINVAL, "%s is no intact tar archive (plain, gzip, xz or zstd): %s",
		x->label, gk_escape(text, sizeof text, said ? said : "damaged"));
}

int gk_unpack_count(struct gk_unpack *x)
{
	if (++x->stats.entries > x->options->limits.entries)
		return gk_fail(x->err, -EFBIG, "%s holds more than %llu entries (--max-entries)",
			x->label, (unsigned long long)x->options->limits.entries);
	return 0;
}

/* libarchive takes a tar that stops right after an entry for a whole one; the two zero blocks that
 * end each archive tell them apart. */
static int check_end(struct gk_unpack *x)
{
	if (x->stats.entries == 0)
		return gk_fail(x->err, -EINVAL, "%s is empty", x->label);
	if (archive_filter_bytes(x->archive, 0) < archive_read_header_position(x->archive) + 512)
		return gk_fail(x->err, -EINVAL, "%s was cut short: it has no end mark", x->label);
	return 0;
}

static int unpack_all(struct gk_unpack *x)
{
	for (;;) {
		struct archive_entry *e;
		int r = archive_read_next_header(x->archive, &e);
		if (r == ARCHIVE_EOF)
			return check_end(x);
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return gk_unpack_archive_failed(x);
		r = gk_unpack_count(x);
		if (r == 0)
			r = gk_unpack_entry(x, e);
		if (r < 0)
			return r;
	}
}

/* Reads what follows the end mark, so that the sum is the whole file's and a writer at the other
 * end of a pipe does not die of it. */
static int drain(struct gk_unpack *x)
{
	const void *block;
	la_ssize_t n;
	const uint64_t stop_at = x->read_bytes + x->options->limits.size_bytes;
	while ((n = read_block(x->archive, x, &block)) > 0)
		if (x->read_bytes > stop_at)
			return gk_fail(x->err, -EFBIG, "%s goes on after its end", x->label);
	return n < 0 ? gk_unpack_archive_failed(x) : 0;
}

/* What `docker save` and OCI tools write holds layers, not a root file system. */
static int check_layout(struct gk_unpack *x)
{
	static const char *const marks[] = { "oci-layout", "manifest.json", "repositories" };
	static const char *const roots[] = { "bin", "usr", "etc", "sbin" };
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
		if (faccessat(x->root_fd, roots[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return 0;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (faccessat(x->root_fd, marks[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return gk_fail(x->err, -EINVAL,
				"%s holds layers (docker save, OCI), not a root file system; make one "
				"with: docker create IMAGE; docker export CONTAINER",
				x->label);
	return 0;
}

static int open_archive(struct gk_unpack *x)
{
	x->archive = archive_read_new();
	if (!x->archive)
		return gk_fail_errno(x->err, -ENOMEM, "%s", x->label);
	/* ARCHIVE_WARN would mean that the filter is an external program, run as root. */
	if (archive_read_support_format_tar(x->archive) != ARCHIVE_OK ||
		archive_read_support_filter_gzip(x->archive) != ARCHIVE_OK ||
		archive_read_support_filter_xz(x->archive) != ARCHIVE_OK ||
		archive_read_support_filter_zstd(x->archive) != ARCHIVE_OK)
		return gk_fail(x->err, -ENOTSUP, "this libarchive lacks tar, gzip, xz or zstd");
	if (archive_read_open(x->archive, x, NULL, read_block, NULL) != ARCHIVE_OK)
		return gk_unpack_archive_failed(x);
	return 0;
}

/* Names are bytes to us. In a UTF-8 locale libarchive would hand on the names of pax archives in
 * another normal form than they have; in the C locale it can't convert what is not ASCII, says so
 * with ARCHIVE_WARN, and hands on the bytes. */
static locale_t enter_c_locale(locale_t *ret_mine)
{
	*ret_mine = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return *ret_mine ? uselocale(*ret_mine) : (locale_t)0;
}

static void extract_free(struct gk_unpack *x)
{
	if (x->archive)
		(void)archive_read_free(x->archive);
	for (size_t i = 0; i < x->ndirs; i++)
		free(x->dirs[i].path);
	free(x->dirs);
	gk_close_fd(&x->parent_fd);
	gk_hash_free(&x->hash);
	free(x);
}

int gk_extract(int fd, const char *label, int root_fd, const struct gk_extract_options *options,
	struct gk_extract_stats *ret, struct gk_err *err)
{
	struct gk_unpack *x = calloc(1, sizeof *x);
	if (!x)
		return gk_fail_errno(err, -ENOMEM, "%s", label);
	x->options = options;
	x->label = label;
	x->fd = fd;
	x->root_fd = root_fd;
	x->parent_fd = -1;
	x->err = err;
	x->hash = gk_hash_new(256);
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		x->total = (uint64_t)st.st_size;
	locale_t mine, before = enter_c_locale(&mine);
	int r = x->hash ? open_archive(x) : gk_fail_errno(err, -ENOMEM, "%s", label);
	if (r == 0)
		r = unpack_all(x);
	if (r == 0)
		r = drain(x);
	if (r == 0)
		r = check_layout(x);
	if (r == 0)
		r = gk_unpack_finish(x);
	if (r == 0 && gk_hash_end(x->hash, x->stats.sum) < 0)
		r = gk_fail(err, -EIO, "%s: no SHA-256", label);
	if (r == 0)
		*ret = x->stats;
	extract_free(x);
	if (mine) {
		(void)uselocale(before);
		freelocale(mine);
	}
	return r;
}
