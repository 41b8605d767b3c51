/* Progress and interruption of `gocker image`. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/image/image.h"

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

struct progress {
	bool terminal, shown, begins;
	struct timespec begun, last;
};
static struct progress progress;

static int64_t ms_since(const struct timespec *then, const struct timespec *now)
{
	return (int64_t)(now->tv_sec - then->tv_sec) * 1000 +
		(now->tv_nsec - then->tv_nsec) / 1000000;
}

const char *gk_image_size(char buf[32], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes;
	unsigned unit = 0;
	while (size >= 1024 && unit + 1 < sizeof units / sizeof *units) {
		size /= 1024;
		unit++;
	}
	snprintf(buf, 32, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
	return buf;
}

void gk_image_progress_clear(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.shown = false;
}

void gk_image_progress_restart(void)
{
	gk_image_progress_clear();
	progress.begins = true;
}

static void show(const char *what, enum gk_unit unit, uint64_t done, uint64_t total)
{
	char size[32];
	fprintf(stderr, "\r\033[K%s", what);
	if (done == 0 && total == 0)
		fputs(" …", stderr); /* a step that counts nothing */
	else if (unit == GK_UNIT_BYTES)
		fprintf(stderr, ": %s", gk_image_size(size, done));
	else
		fprintf(stderr, ": %" PRIu64 " files", done);
	if (total)
		fprintf(stderr, " (%.0f%%)", 100.0 * (double)done / (double)total);
	progress.shown = true;
}

static int on_tick(void *arg, const char *what, enum gk_unit unit, uint64_t done, uint64_t total)
{
	struct timespec now;
	(void)arg;
	if (caught)
		return -EINTR;
	if (!progress.terminal || clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		return 0;
	if (progress.begins)
		progress.begun = now;
	progress.begins = false;
	/* All steps together count: several short ones may take long. */
	if (ms_since(&progress.begun, &now) >= 1000 && ms_since(&progress.last, &now) >= 200) {
		progress.last = now;
		show(what, unit, done, total);
	}
	return 0;
}

int gk_image_interrupted(void)
{
	return caught;
}

void gk_image_progress_start(struct gk_image_cli *cli)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	/* No SA_RESTART: a read from a pipe that says nothing must come back. */
	struct sigaction action = { .sa_handler = on_signal };
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct sigaction old;
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &action, NULL);
	}
	progress.begins = true;
	progress.terminal = !cli->quiet && isatty(STDERR_FILENO);
	cli->tick.fn = on_tick;
}
