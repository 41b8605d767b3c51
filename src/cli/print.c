#include "cli/print.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"

int gk_terminal_size(int *ret_rows)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
		size.ws_col == 0)
		return 0;
	if (ret_rows)
		*ret_rows = size.ws_row;
	return size.ws_col;
}

const char *gk_colour(enum gk_colour colour)
{
	static const char *const sequences[] = { [GK_PLAIN] = "\033[0m",
		[GK_RED] = "\033[1;31m",
		[GK_YELLOW] = "\033[1;33m",
		[GK_GREEN] = "\033[1;32m",
		[GK_GREY] = "\033[2m" };
	static int shown = -1;
	if (shown < 0) {
		const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
		shown = isatty(STDOUT_FILENO) && !(no && *no) && term && *term &&
			strcmp(term, "dumb") != 0;
	}
	return shown ? sequences[colour] : "";
}

/* The next character of *s: its columns, with *s moved behind it. What this locale can't read
 * counts as one column a byte. */
static int next_width(const char **s)
{
	wchar_t c;
	mbstate_t state = { 0 };
	size_t n = mbrtowc(&c, *s, strlen(*s), &state);
	if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
		(*s)++;
		return 1;
	}
	*s += n;
	int width = wcwidth(c);
	return width < 0 ? 1 : width;
}

int gk_display_width(const char *s)
{
	int width = 0;
	while (*s)
		width += next_width(&s);
	return width;
}

const char *gk_display_cut(char *buf, size_t size, const char *s, int width)
{
	size_t len = strlen(s);
	if (gk_display_width(s) <= width && len < size) {
		memcpy(buf, s, len + 1);
		return buf;
	}
	size_t at = 0;
	int left = width - 1;
	for (const char *p = s; *p && left > 0;) {
		const char *from = p;
		left -= next_width(&p);
		size_t n = (size_t)(p - from);
		if (left < 0 || at + n + 2 > size)
			break;
		memcpy(buf + at, from, n);
		at += n;
	}
	if (width > 0)
		buf[at++] = '+';
	buf[at] = '\0';
	return buf;
}

/* Which columns are shown, and how wide. */
struct layout {
	int width[GK_COLUMNS_MOST];
	bool hidden[GK_COLUMNS_MOST];
};

static int needed(const struct gk_column *columns, size_t n, const struct layout *l, bool cut)
{
	int sum = 0;
	for (size_t i = 0; i < n; i++) {
		if (l->hidden[i])
			continue;
		int w = l->width[i];
		if (cut && columns[i].least && columns[i].least < w)
			w = columns[i].least;
		sum += w + 1;
	}
	return sum - 1;
}

/* The shown column of the highest drop, or n. */
static size_t next_to_drop(const struct gk_column *columns, size_t n, const struct layout *l)
{
	size_t found = n;
	for (size_t i = 0; i < n; i++)
		if (!l->hidden[i] && columns[i].drop &&
			(found == n || columns[i].drop > columns[found].drop))
			found = i;
	return found;
}

static void fit(const struct gk_column *columns, size_t n, struct layout *l, int width)
{
	size_t drop;
	while (needed(columns, n, l, true) > width && (drop = next_to_drop(columns, n, l)) < n)
		l->hidden[drop] = true;
	/* The widest of those that can be cut gives way first. */
	while (needed(columns, n, l, false) > width) {
		size_t widest = n;
		for (size_t i = 0; i < n; i++)
			if (!l->hidden[i] && columns[i].least && l->width[i] > columns[i].least &&
				(widest == n || l->width[i] > l->width[widest]))
				widest = i;
		if (widest == n)
			break;
		l->width[widest]--;
	}
}

/* What a very narrow terminal has room for: columns from the right go, the last one is cut. */
static void fit_anyway(const struct gk_column *columns, size_t n, struct layout *l, int width)
{
	enum { CUT_LEAST = 4 };
	size_t first = 0;
	while (first < n && l->hidden[first])
		first++;
	for (size_t i = n; i-- > 0;) {
		int over = needed(columns, n, l, false) - width;
		if (over <= 0)
			return;
		if (l->hidden[i])
			continue;
		if (i == first)
			l->width[i] = width;
		else if (columns[i].least && l->width[i] - over >= CUT_LEAST)
			l->width[i] -= over;
		else
			l->hidden[i] = true;
	}
}

/* Takes a line of at most `width` display columns from *rest into buf: up to the last
 * blank, behind the last comma or before the last slash, else as many characters as have room.
 * Blanks at the break are left out. */
static const char *next_piece(char *buf, size_t size, const char **rest, int width)
{
	const char *from = *rest, *end = from, *at_break = NULL;
	for (const char *p = from; *p; end = p) {
		width -= next_width(&p);
		if (width < 0 && end > from)
			break;
		if (p[-1] == ' ' || p[-1] == ',' || strchr(" /", *p)) /* also at the end */
			at_break = p;
	}
	end = at_break ? at_break : end;
	size_t len = (size_t)(end - from) < size - 1 ? (size_t)(end - from) : size - 1;
	*rest = from + len + strspn(from + len, " ");
	while (len > 0 && from[len - 1] == ' ')
		len--;
	memcpy(buf, from, len);
	buf[len] = '\0';
	return buf;
}

/* Prints a line of the row; cells are moved behind what it shows. Returns whether some is left. */
static bool print_line(FILE *out, const struct gk_column *columns, size_t n, const struct layout *l,
	const char **cells)
{
	char buf[4096];
	int owed = 0;
	bool left = false;
	for (size_t i = 0; i < n; i++) {
		if (l->hidden[i])
			continue;
		const char *cell;
		if (columns[i].wrap) {
			cell = next_piece(buf, sizeof buf, &cells[i], l->width[i]);
			left = left || *cells[i];
		} else {
			cell = gk_display_cut(buf, sizeof buf, cells[i], l->width[i]);
			cells[i] = "";
		}
		int pad = l->width[i] - gk_display_width(cell);
		if (columns[i].right)
			owed += pad;
		if (*cell) {
			fprintf(out, "%*s%s", owed, "", cell);
			owed = 0;
		}
		owed += 1 + (columns[i].right ? 0 : pad);
	}
	fputc('\n', out);
	return left;
}

void gk_table_print(FILE *out, const struct gk_column *columns, size_t ncolumns,
	const char *const *cells, size_t nrows, int width, unsigned hide)
{
	struct layout l = { 0 };
	for (size_t i = 0; i < ncolumns; i++) {
		l.hidden[i] = hide >> i & 1;
		l.width[i] = gk_display_width(columns[i].title);
		for (size_t row = 0; row < nrows; row++) {
			int w = gk_display_width(cells[row * ncolumns + i]);
			l.width[i] = w > l.width[i] ? w : l.width[i];
		}
	}
	if (width > 0) {
		fit(columns, ncolumns, &l, width);
		fit_anyway(columns, ncolumns, &l, width);
	}
	const char *line[GK_COLUMNS_MOST];
	for (size_t row = 0; row <= nrows; row++) {
		for (size_t i = 0; i < ncolumns; i++)
			line[i] = row == 0 ? columns[i].title : cells[(row - 1) * ncolumns + i];
		while (print_line(out, columns, ncolumns, &l, line))
			;
	}
}

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	if (sig == SIGINT)
		interrupted = 1;
}

void gk_watch_start(bool resize)
{
	const struct sigaction action = { .sa_handler = on_signal };
	if (resize)
		(void)sigaction(SIGWINCH, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
}

bool gk_watch_pause(unsigned seconds)
{
	if (!interrupted)
		(void)sleep(seconds);
	return !interrupted;
}

const char *gk_human_bytes(char *buf, size_t size, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	if (bytes == UINT64_MAX)
		return strcpy(buf, "-");
	double v = (double)bytes;
	size_t unit = 0;
	for (; v >= 999.5 && unit + 2 < sizeof units; unit++)
		v /= 1024;
	if (unit == 0)
		snprintf(buf, size, "%" PRIu64, bytes);
	else
		snprintf(buf, size, v < 9.95 ? "%.1f%c" : "%.0f%c", v, units[unit]);
	return buf;
}

const char *gk_human_time(char *buf, size_t size, int64_t s)
{
	if (s < 0)
		return strcpy(buf, "-");
	if (s < 60)
		snprintf(buf, size, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(buf, size, "%" PRId64 "m", s / 60);
	else if (s < 48 * 3600)
		snprintf(buf, size, "%" PRId64 "h", s / 3600);
	else
		snprintf(buf, size, "%" PRId64 "d", s / 86400);
	return buf;
}

const char *gk_human_count(char *buf, size_t size, uint64_t n)
{
	if (n == UINT64_MAX)
		return strcpy(buf, "-");
	snprintf(buf, size, "%" PRIu64, n);
	return buf;
}

struct json_object *gk_json_time(int64_t seconds)
{
	char buf[32];
	struct tm tm;
	time_t t = (time_t)seconds;
	if (seconds <= 0 || !gmtime_r(&t, &tm) ||
		!strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return json_object_new_string(buf);
}

/* The code point of a sequence that is well-formed up to its length, of at most three bytes; 0 for
 * every other byte. Those that are escaped and not replaced are all among them. */
static unsigned short_code_point(const unsigned char *s)
{
	unsigned c;
	if ((s[0] & 0xe0) == 0xc0 && (s[1] & 0xc0) == 0x80)
		return (c = (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU)) >= 0x80 ? c : 0;
	if ((s[0] & 0xf0) == 0xe0 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80) {
		c = (s[0] & 0xfU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
		return c >= 0x800 && (c < 0xd800 || c > 0xdfff) ? c : 0;
	}
	return 0;
}

int gk_json_print(struct json_object *value, int flags)
{
	const unsigned char *s =
		(const unsigned char *)(value ? json_object_to_json_string_ext(value, flags) :
						NULL);
	if (!s)
		return -ENOMEM;
	while (*s) {
		size_t n = *s < 0x7f ? 1 : gk_utf8_sequence(s);
		if (n) {
			(void)fwrite(s, 1, n, stdout);
			s += n;
			continue;
		}
		/* Such bytes stand in strings only: all else in JSON is ASCII (RFC 8259). */
		unsigned c = *s == 0x7f ? 0x7f : short_code_point(s);
		printf("\\u%04x", c ? c : 0xfffd);
		s += c >= 0x800 ? 3 : c >= 0x80 ? 2 : 1;
	}
	return putchar('\n') == EOF || ferror(stdout) ? -EIO : 0;
}

int gk_print_file(const char *path, const char *text, struct gk_err *err)
{
	char fresh[PATH_MAX];
	int n = snprintf(fresh, sizeof fresh, "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof fresh)
		return gk_fail_errno(err, -ENAMETOOLONG, "%s", path);
	gk_autoclose int fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return gk_fail_errno(err, -errno, "cannot write beside %s", path);
	int r = gk_write_all(fd, text, strlen(text));
	if (r == 0 && (fchmod(fd, 0644) < 0 || rename(fresh, path) < 0))
		r = -errno;
	if (r < 0)
		(void)unlink(fresh);
	return r < 0 ? gk_fail_errno(err, r, "cannot write %s", path) : 0;
}

int gk_print_end(const char *name)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "gocker %s: cannot write: %s\n", name, strerror(errno));
	return 1;
}
