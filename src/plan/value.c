#include "plan/value.h"

#include <string.h>

/* Takes the digits at the start of s. Returns how many there were, 0 when there are none, the
 * first of several is a zero, or the number overflows, with *ret_why set. */
static size_t take_digits(const char *s, uint64_t *ret, const char **ret_why)
{
	size_t n = 0;
	uint64_t value = 0;
	for (; gk_is_digit(s[n]); n++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(s[n] - '0'), &value)) {
			*ret_why = "is too large";
			return 0;
		}
	}
	if (n == 0) {
		*ret_why = "is not a number";
		return 0;
	}
	if (n > 1 && s[0] == '0') {
		*ret_why = "begins with a zero";
		return 0;
	}
	*ret = value;
	return n;
}

static bool in_range(uint64_t value, uint64_t min, uint64_t max, const char **ret_why)
{
	if (value < min) {
		*ret_why = "is too small";
		return false;
	}
	if (value > max) {
		*ret_why = "is too large";
		return false;
	}
	return true;
}

bool gk_value_count(const char *s, uint64_t min, uint64_t max, uint64_t *ret, const char **ret_why)
{
	uint64_t value = 0;
	size_t n = take_digits(s, &value, ret_why);
	if (!n)
		return false;
	if (s[n]) {
		*ret_why = "is not a whole number";
		return false;
	}
	if (!in_range(value, min, max, ret_why))
		return false;
	*ret = value;
	return true;
}

bool gk_value_small(const char *s, unsigned min, unsigned max, unsigned *ret)
{
	const char *why;
	uint64_t n = 0;
	bool good = gk_value_count(s, min, max, &n, &why);
	*ret = (unsigned)n;
	return good;
}

/* Multiplies by what the unit at s (one letter, or the end of the text) stands for. */
static bool apply_unit(const char *s, const char *letters, const uint64_t *factors, uint64_t *value,
	const char **ret_why)
{
	const char *hit = *s ? strchr(letters, *s) : NULL;
	if (!hit || s[1]) {
		*ret_why = *s ? "has a unit that is not known" : "has no unit";
		return false;
	}
	if (__builtin_mul_overflow(*value, factors[hit - letters], value)) {
		*ret_why = "is too large";
		return false;
	}
	return true;
}

bool gk_value_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret, const char **ret_why)
{
	static const uint64_t factors[] = { 1ull << 10, 1ull << 20, 1ull << 30, 1ull << 40 };
	uint64_t value = 0;
	size_t n = take_digits(s, &value, ret_why);
	if (!n || (s[n] && !apply_unit(s + n, "KMGT", factors, &value, ret_why)))
		return false;
	if (!in_range(value, min, max, ret_why))
		return false;
	*ret = value;
	return true;
}

bool gk_value_duration(
	const char *s, uint64_t min, uint64_t max, uint64_t *ret, const char **ret_why)
{
	static const uint64_t factors[] = { 1, 60, 3600, 86400 };
	uint64_t value = 0;
	size_t n = take_digits(s, &value, ret_why);
	if (!n || !apply_unit(s + n, "smhd", factors, &value, ret_why))
		return false;
	if (!in_range(value, min, max, ret_why))
		return false;
	*ret = value;
	return true;
}

bool gk_value_cpus(const char *s, uint32_t min, uint32_t max, uint32_t *ret, const char **ret_why)
{
	uint64_t value = 0;
	size_t n = take_digits(s, &value, ret_why);
	if (!n)
		return false;
	if (__builtin_mul_overflow(value, 1000u, &value)) {
		*ret_why = "is too large";
		return false;
	}
	if (s[n] == '.') {
		uint64_t place = 100;
		size_t digits = 0;
		for (n++; gk_is_digit(s[n]) && digits < 3; n++, digits++, place /= 10)
			value += place * (uint64_t)(s[n] - '0');
		if (!digits)
			n--; /* the dot is left over: refused below */
	}
	if (s[n]) {
		*ret_why = "is not a number with at most three decimals";
		return false;
	}
	if (!in_range(value, min, max, ret_why))
		return false;
	*ret = (uint32_t)value;
	return true;
}

bool gk_value_bool(const char *s, bool *ret, const char **ret_why)
{
	bool yes = strcmp(s, "yes") == 0;
	if (!yes && strcmp(s, "no") != 0) {
		*ret_why = "is neither yes nor no";
		return false;
	}
	*ret = yes;
	return true;
}

bool gk_value_umask(const char *s, mode_t *ret, const char **ret_why)
{
	size_t n = strspn(s, "01234567");
	if (s[n] || n < 3 || n > 4 || (n == 4 && s[0] != '0')) {
		*ret_why = "is not three octal digits";
		return false;
	}
	mode_t mask = 0;
	for (; *s; s++)
		mask = mask << 3 | (mode_t)(*s - '0');
	*ret = mask;
	return true;
}

bool gk_value_choice(const char *s, const char *const *choices, unsigned *ret, const char **ret_why)
{
	for (unsigned i = 0; choices[i]; i++) {
		if (strcmp(s, choices[i]) == 0) {
			*ret = i;
			return true;
		}
	}
	*ret_why = "is not known";
	return false;
}

bool gk_value_image_ok(const char *s, const char **ret_why)
{
	if (!gk_is_alnum(s[0])) {
		*ret_why = "does not begin with a letter or digit";
		return false;
	}
	size_t n = 0;
	while (gk_is_alnum(s[n]) || (s[n] && strchr("._-", s[n])))
		n++;
	if (s[n]) {
		*ret_why = "contains something other than letters, digits, '.', '_' and '-'";
		return false;
	}
	if (n > 64) {
		*ret_why = "is longer than 64 bytes";
		return false;
	}
	return true;
}

bool gk_value_hostname_ok(const char *s, const char **ret_why)
{
	if (!*s || strlen(s) > 63) {
		*ret_why = *s ? "is longer than 63 bytes" : "is empty";
		return false;
	}
	for (;;) {
		size_t n = 0;
		while (gk_is_alnum(s[n]) || s[n] == '-')
			n++;
		if (n == 0 || s[0] == '-' || s[n - 1] == '-' || (s[n] && s[n] != '.')) {
			*ret_why = "is not a host name (RFC 1123)";
			return false;
		}
		if (!s[n])
			return true;
		s += n + 1;
	}
}

bool gk_value_env_name_ok(const char *s, size_t n)
{
	if (n == 0 || n > 255 || gk_is_digit(s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!gk_is_alnum(s[i]) && s[i] != '_')
			return false;
	return true;
}
