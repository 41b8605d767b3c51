/* pamlap ROUNDS USER SERVICE...: times pam_open_session and pam_close_session of services, side by
 * side: in each round every service opens and closes once. Prints a line a service: name, runs,
 * failures, then p50, p95 and p99 in us of opening, of closing, and of both together. */
#include <err.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SERVICES_MOST = 8, KINDS = 3, WARM_UP = 2 };

struct service {
	const char *name;
	pam_handle_t *pamh;
	double *us[KINDS];
	int runs, failures;
};

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
	(void)msg;
	(void)data;
	*resp = calloc((size_t)n, sizeof(**resp));
	return *resp ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void run_once(struct service *s, int count)
{
	double began = now_us();
	int r = pam_open_session(s->pamh, 0);
	double opened = now_us();
	if (r == PAM_SUCCESS)
		r = pam_close_session(s->pamh, 0);
	double closed = now_us();
	if (r != PAM_SUCCESS)
		s->failures++;
	if (r != PAM_SUCCESS || !count)
		return;
	s->us[0][s->runs] = opened - began;
	s->us[1][s->runs] = closed - opened;
	s->us[2][s->runs++] = closed - began;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct service list[SERVICES_MOST];
	static const int part[] = { 50, 95, 99 };
	const struct pam_conv conv = { converse, NULL };
	int rounds, n = argc - 3;

	if (n < 1 || n > SERVICES_MOST || (rounds = atoi(argv[1])) < 1)
		errx(2, "usage: pamlap ROUNDS USER SERVICE...");
	for (int i = 0; i < n; i++) {
		list[i].name = argv[3 + i];
		if (pam_start(argv[3 + i], argv[2], &conv, &list[i].pamh) != PAM_SUCCESS)
			errx(1, "pam_start %s", argv[3 + i]);
		for (int k = 0; k < KINDS; k++)
			if (!(list[i].us[k] = calloc((size_t)rounds + 1, sizeof(double))))
				err(1, "calloc");
	}
	for (int round = -WARM_UP; round < rounds; round++)
		for (int i = 0; i < n; i++)
			run_once(&list[(i + round + WARM_UP) % n], round >= 0);
	for (int i = 0; i < n; i++) {
		struct service *s = &list[i];
		printf("%s\t%d\t%d", s->name, s->runs, s->failures);
		for (int k = 0; k < KINDS; k++) {
			qsort(s->us[k], (size_t)s->runs, sizeof(double), by_size);
			for (int p = 0; p < 3; p++)
				printf("\t%.1f",
					s->runs ? s->us[k][(s->runs - 1) * part[p] / 100] : 0.0);
		}
		printf("\n");
		pam_end(s->pamh, PAM_SUCCESS);
	}
	return 0;
}
