/* SPDX-License-Identifier: ISC */
/*
 * struct str: a slice of bytes that somebody else owns.  May hold NUL bytes and is not NUL-terminated
 * unless said.  Case folding is ASCII only.  Pure, any thread.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* A slice of a string literal; of any C string. */
#define S(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* For printf("%.*s"). */
#define STR_FMT(s) (int)(s).n, (s).p ? (s).p : ""

struct str str_of(const char *cstr);
struct str str_make(const void *p, size_t n);
bool str_equal(struct str a, struct str b);
bool str_iequal(struct str a, struct str b);
/* <0, 0, >0 in byte order. */
int str_compare(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_iends(struct str s, struct str suffix);
/* Index of the first (last) c, or -1. */
ptrdiff_t str_index(struct str s, char c);
ptrdiff_t str_rindex(struct str s, char c);
/* Index of the first needle, or -1; the i form ignores ASCII case.  O(n*m), m is short. */
ptrdiff_t str_find(struct str s, struct str needle);
ptrdiff_t str_ifind(struct str s, struct str needle);
/* From offset to the end; from offset for n bytes.  Clipped to s. */
struct str str_from(struct str s, size_t offset);
struct str str_sub(struct str s, size_t offset, size_t n);
/* Without leading and trailing SP, TAB, CR, LF. */
struct str str_trim(struct str s);
/* Takes everything before the first sep off *rest (and drops sep); false at the end. */
bool str_next(struct str *rest, char sep, struct str *ret_part);
/* Decimal digits only, whole slice, no sign.  ERR_SYNTAX on anything else or overflow. */
MUST_CHECK enum err str_to_u64(struct str s, uint64_t *ret_value);
MUST_CHECK enum err str_to_u32(struct str s, uint32_t *ret_value);

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}
static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif
