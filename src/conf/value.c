/* SPDX-License-Identifier: ISC */
#include "conf/value.h"

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };
static const struct unit sizes[] = { { "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 } };

static enum err parse(struct str s, const struct unit *units, size_t count, int64_t *ret_value)
{
	size_t digits = 0;
	uint64_t n;
	int64_t v;

	while (digits < s.n && ascii_is_digit(s.p[digits]))
		digits++;
	if (str_to_u64(str_sub(s, 0, digits), &n) != OK || n > INT64_MAX)
		return ERR_SYNTAX;
	for (size_t i = 0; i < count; i++) {
		if (!str_equal(str_from(s, digits), str_of(units[i].name)))
			continue;
		if (__builtin_mul_overflow((int64_t)n, units[i].factor, &v))
			return ERR_SYNTAX;
		*ret_value = v;
		return OK;
	}
	return ERR_SYNTAX;
}

static void add(struct buf *out, int64_t v, const struct unit *units, size_t count)
{
	size_t i = 0;

	while (i + 1 < count && (v == 0 || v % units[i].factor))
		i++;
	buf_addf(out, "%lld%s", (long long)(v / units[i].factor), units[i].name);
}

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum err value_duration(struct str s, int64_t *ret_ms)
{
	return parse(s, durations, COUNT_OF(durations), ret_ms);
}

enum err value_size(struct str s, int64_t *ret_bytes)
{
	return parse(s, sizes, COUNT_OF(sizes), ret_bytes);
}

void value_add_duration(struct buf *out, int64_t ms)
{
	add(out, ms, durations, COUNT_OF(durations));
}

void value_add_size(struct buf *out, int64_t bytes)
{
	add(out, bytes, sizes, COUNT_OF(sizes));
}
