/* Which key a name is, and which one was meant. */
#include <string.h>

#include "plan/keys.h"

int gk_key_find(const char *name, size_t n)
{
	for (int i = 0; i < GK_KEY_COUNT; i++) {
		const char *key = gk_key_name((enum gk_key)i);
		if (strlen(key) == n && memcmp(key, name, n) == 0)
			return i;
	}
	return -1;
}

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	return c == '-' ? (char)'_' : c;
}

size_t gk_key_distance(const char *a, size_t na, const char *b, size_t nb)
{
	enum { MOST = 32 };
	if (na > MOST || nb > MOST)
		return MOST;
	size_t row[MOST + 1];
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = diagonal + (fold(a[i - 1]) != fold(b[j - 1]));
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[nb];
}

int gk_key_nearest(const char *name, size_t n)
{
	int nearest = -1;
	size_t least = n / 3 + 1 < 3 ? n / 3 + 1 : 3; /* two slips of the finger at most */
	for (int i = 0; i < GK_KEY_COUNT; i++) {
		const char *key = gk_key_name((enum gk_key)i);
		size_t d = gk_key_distance(name, n, key, strlen(key));
		if (d < least) {
			least = d;
			nearest = i;
		}
	}
	return nearest;
}
