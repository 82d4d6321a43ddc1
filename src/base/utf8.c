/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

static const uint32_t REPLACEMENT = 0xfffd;

/* Length of the well-formed sequence at the head of s, its code point; 0 when malformed. */
static size_t decode(struct str s, uint32_t *ret_cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t b = (uint8_t)s.p[0];
	size_t n = b < 0x80 ? 1 : b >= 0xc2 && b < 0xe0 ? 2 : (b & 0xf0) == 0xe0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 0;
	uint32_t cp = n == 1 ? b : n ? b & (0x7fu >> n) : 0;

	if (n == 0 || s.n < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((uint8_t)s.p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | ((uint8_t)s.p[i] & 0x3f);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return 0;
	*ret_cp = cp;
	return n;
}

/* Bytes below 0x80 at the head of s, looked at eight at a time. */
static size_t ascii_run(struct str s)
{
	size_t n = 0;
	uint64_t word;

	for (; s.n - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, s.p + n, sizeof(word));
		if (word & 0x8080808080808080u)
			break;
	}
	while (n < s.n && (uint8_t)s.p[n] < 0x80)
		n++;
	return n;
}

bool utf8_is_valid(struct str s)
{
	while (s.n) {
		uint32_t cp;
		size_t n = ascii_run(s);

		if (n == 0)
			n = decode(s, &cp);
		if (n == 0)
			return false;
		s = str_from(s, n);
	}
	return true;
}

bool utf8_is_ascii(struct str s)
{
	return ascii_run(s) == s.n;
}

uint32_t utf8_next(struct str *s)
{
	uint32_t cp = REPLACEMENT;
	size_t n = decode(*s, &cp);

	*s = str_from(*s, n ? n : 1);
	return n ? cp : REPLACEMENT;
}

void utf8_add(struct buf *out, uint32_t cp)
{
	if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		cp = REPLACEMENT;
	if (cp < 0x80) {
		buf_addc(out, (char)cp);
		return;
	}
	if (cp < 0x800) {
		buf_addc(out, (char)(0xc0 | cp >> 6));
	} else if (cp < 0x10000) {
		buf_addc(out, (char)(0xe0 | cp >> 12));
		buf_addc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | cp >> 18));
		buf_addc(out, (char)(0x80 | (cp >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
	}
	buf_addc(out, (char)(0x80 | (cp & 0x3f)));
}
