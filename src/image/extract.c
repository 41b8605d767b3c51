#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
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

/* A layer is read through an archive of its own, so that the tar in it is summed up, too. */
static la_ssize_t read_plain(struct archive *a, void *arg, const void **ret_block)
{
	struct gk_unpack *x = arg;
	const struct gk_extract_limits *limits = &x->options->limits;
	la_ssize_t n = archive_read_data(x->packed, x->plain, sizeof x->plain);
	if (n < 0) {
		const char *said = archive_error_string(x->packed);
		archive_set_error(
			a, archive_errno(x->packed), "%s", said ? said : "damaged compression");
		return ARCHIVE_FATAL;
	}
	gk_hash_add(x->plain_hash, x->plain, (size_t)n);
	x->plain_bytes += (uint64_t)n;
	/* umoci insert (0.4) leaves out the end mark and the last file's padding. That the layer is
	 * whole is told by its sum, to which the padding does not count. */
	if (n == 0 && x->plain_bytes % 512 && !x->padded) {
		x->padded = true;
		memset(x->plain, 0, 512);
		*ret_block = x->plain;
		return (la_ssize_t)(512 - x->plain_bytes % 512);
	}
	/* Headers and padding of each entry, and long names, besides the data. */
	if (x->plain_bytes / 2 > limits->size_bytes / 2 + limits->entries * 4096 + (1 << 20)) {
		x->stopped = -EFBIG;
		archive_set_error(a, EFBIG, "too large");
		return ARCHIVE_FATAL;
	}
	*ret_block = x->plain;
	return n;
}

/* What libarchive says when it can't go on. */
int gk_unpack_archive_failed(struct gk_unpack *x)
{
	if (x->stopped == -EFBIG)
		return gk_fail(x->err, x->stopped,
			"%s goes over the limit on the size (--max-size)", x->label);
	if (x->stopped < 0)
		return gk_fail_errno(x->err, x->stopped, "%s", x->label);
	char text[256];
	const char *said = archive_error_string(x->archive);
	return gk_fail(x->err, -EINVAL,
		"%s is not an intact tar archive (plain, gzip, xz or zstd): %s", x->label,
		gk_escape(text, sizeof text, said ? said : "damaged"));
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
	/* A layer may be empty, and its sum tells whether it is whole; but what was padded must not
	 * be the data of its last file. */
	if (x->options->layer && x->padded && x->last_bytes % 512 != x->plain_bytes % 512)
		return gk_fail(
			x->err, -EINVAL, "%s was cut short: its last file is not whole", x->label);
	if (x->options->layer)
		return 0;
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
		x->last_bytes = (uint64_t)archive_entry_size(e);
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
	do
		n = x->packed ? read_plain(x->archive, x, &block) : 0;
	while (n > 0);
	if (n < 0)
		return gk_unpack_archive_failed(x);
	while ((n = read_block(x->archive, x, &block)) > 0)
		if (x->read_bytes > stop_at)
			return gk_fail(x->err, -EFBIG, "%s has data after its end", x->label);
	return n < 0 ? gk_unpack_archive_failed(x) : 0;
}

/* What `docker save` and OCI tools write holds layers, not a root file system. */
static bool holds_layers(const struct gk_unpack *x)
{
	static const char *const marks[] = { "oci-layout", "manifest.json", "repositories" };
	static const char *const roots[] = { "bin", "usr", "etc", "sbin" };
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
		if (faccessat(x->root_fd, roots[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return false;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (faccessat(x->root_fd, marks[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

/* ARCHIVE_WARN would mean that the filter is an external program, run as root. */
static bool add_filters(struct archive *a)
{
	return archive_read_support_filter_gzip(a) == ARCHIVE_OK &&
		archive_read_support_filter_xz(a) == ARCHIVE_OK &&
		archive_read_support_filter_zstd(a) == ARCHIVE_OK;
}

static int open_packed(struct gk_unpack *x)
{
	struct archive_entry *e;
	x->packed = archive_read_new();
	if (!x->packed)
		return gk_fail_errno(x->err, -ENOMEM, "%s", x->label);
	if (archive_read_support_format_raw(x->packed) != ARCHIVE_OK || !add_filters(x->packed))
		return gk_fail(x->err, -ENOTSUP, "this libarchive lacks gzip, xz or zstd");
	if (archive_read_open(x->packed, x, NULL, read_block, NULL) != ARCHIVE_OK ||
		archive_read_next_header(x->packed, &e) != ARCHIVE_OK) {
		const char *said = archive_error_string(x->packed);
		char text[256];
		return gk_fail(x->err, x->stopped < 0 ? x->stopped : -EINVAL,
			"%s is not an intact tar archive (plain, gzip, xz or zstd): %s", x->label,
			gk_escape(text, sizeof text, said ? said : "empty"));
	}
	return 0;
}

static int open_archive(struct gk_unpack *x)
{
	x->archive = archive_read_new();
	if (!x->archive)
		return gk_fail_errno(x->err, -ENOMEM, "%s", x->label);
	if (archive_read_support_format_tar(x->archive) != ARCHIVE_OK ||
		(!x->options->layer && !add_filters(x->archive)))
		return gk_fail(x->err, -ENOTSUP, "this libarchive lacks tar, gzip, xz or zstd");
	int r = x->options->layer ? open_packed(x) : 0;
	if (r < 0)
		return r;
	if (archive_read_open(x->archive, x, NULL, x->packed ? read_plain : read_block, NULL) !=
		ARCHIVE_OK)
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
	if (x->packed)
		(void)archive_read_free(x->packed);
	if (x->notes)
		(void)fclose(x->notes);
	for (size_t i = 0; i < x->ndirs; i++)
		free(x->dirs[i].path);
	free(x->dirs);
	gk_close_fd(&x->parent_fd);
	gk_hash_free(&x->hash);
	gk_hash_free(&x->plain_hash);
	free(x);
}

static int begin_layer(struct gk_unpack *x)
{
	gk_autoclose int fd = fcntl(x->options->notes_fd, F_DUPFD_CLOEXEC, 3);
	x->plain_hash = gk_hash_new(256);
	x->notes = fd < 0 ? NULL : fdopen(fd, "w");
	if (!x->notes || !x->plain_hash)
		return gk_fail_errno(x->err, -ENOMEM, "%s", x->label);
	(void)gk_steal_fd(&fd);
	return 0;
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
	int r = x->hash ? 0 : gk_fail_errno(err, -ENOMEM, "%s", label);
	if (r == 0 && options->layer)
		r = begin_layer(x);
	if (r == 0)
		r = open_archive(x);
	if (r == 0)
		r = unpack_all(x);
	if (r == 0)
		r = drain(x);
	if (r == 0)
		r = gk_unpack_finish(x);
	if (r == 0 &&
		(gk_hash_end(x->hash, x->stats.sum) < 0 ||
			(options->layer && gk_hash_end(x->plain_hash, x->stats.plain_sum) < 0)))
		r = gk_fail(err, -EIO, "%s: no SHA-256", label);
	if (r == 0 && x->notes && (fflush(x->notes) != 0 || ferror(x->notes)))
		r = gk_fail_errno(err, errno ? -errno : -EIO, "%s: cannot write the notes", label);
	x->stats.is_layers = r == 0 && !options->layer && holds_layers(x);
	if (r == 0)
		*ret = x->stats;
	extract_free(x);
	if (mine) {
		(void)uselocale(before);
		freelocale(mine);
	}
	return r;
}
