/* SPDX-License-Identifier: ISC */
#include "base/str.h"

struct str str_of(const char *cstr)
{
	return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}

struct str str_make(const void *p, size_t n)
{
	return (struct str){ p, n };
}

bool str_equal(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_iequal(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

struct str str_sub(struct str s, size_t offset, size_t n)
{
	if (offset > s.n)
		offset = s.n;
	if (n > s.n - offset)
		n = s.n - offset;
	return (struct str){ s.p ? s.p + offset : NULL, n };
}

struct str str_from(struct str s, size_t offset)
{
	return str_sub(s, offset, SIZE_MAX);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_equal(str_sub(s, 0, prefix.n), prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_iequal(str_sub(s, 0, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_equal(str_from(s, s.n - suffix.n), suffix);
}

bool str_iends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_iequal(str_from(s, s.n - suffix.n), suffix);
}

ptrdiff_t str_index(struct str s, char c)
{
	const char *p = s.n ? memchr(s.p, c, s.n) : NULL;

	return p ? p - s.p : -1;
}

ptrdiff_t str_rindex(struct str s, char c)
{
	const char *p = s.n ? memrchr(s.p, c, s.n) : NULL;

	return p ? p - s.p : -1;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
	const char *p;

	if (needle.n == 0)
		return 0;
	p = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return p ? p - s.p : -1;
}

ptrdiff_t str_ifind(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (str_iequal(str_sub(s, i, needle.n), needle))
			return (ptrdiff_t)i;
	return -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0]))
		s = str_from(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_next(struct str *rest, char sep, struct str *ret_part)
{
	ptrdiff_t i;

	if (!rest->p)
		return false;
	i = str_index(*rest, sep);
	if (i < 0) {
		*ret_part = *rest;
		*rest = STR_NONE;
	} else {
		*ret_part = str_sub(*rest, 0, (size_t)i);
		*rest = str_from(*rest, (size_t)i + 1);
	}
	return true;
}

enum err str_to_u64(struct str s, uint64_t *ret_value)
{
	uint64_t v = 0;

	if (s.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]) || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return ERR_SYNTAX;
	}
	*ret_value = v;
	return OK;
}

enum err str_to_u32(struct str s, uint32_t *ret_value)
{
	uint64_t v;

	if (str_to_u64(s, &v) != OK || v > UINT32_MAX)
		return ERR_SYNTAX;
	*ret_value = (uint32_t)v;
	return OK;
}
