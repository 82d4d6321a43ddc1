/* SPDX-License-Identifier: ISC */
#include "imap/mutf7.h"

#include "base/utf8.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

static bool is_direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* UTF-16 units arrive one by one; a high surrogate waits for its other half. */
static enum err add_unit(uint32_t unit, uint32_t *high, struct buf *out)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return ERR_SYNTAX;
		utf8_add(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return OK;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return OK;
	}
	/* What can be written directly must be (RFC 3501 5.1.3); controls are not welcome in names. */
	if ((unit >= 0xdc00 && unit <= 0xdfff) || unit < 0xa0)
		return ERR_SYNTAX;
	utf8_add(out, unit);
	return OK;
}

/* *i stands behind the "&"; moves it behind the "-". */
static enum err decode_shift(struct str s, size_t *i, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned have = 0;
	size_t start = *i;
	enum err e = OK;

	for (; e == OK && *i < s.n && s.p[*i] != '-'; (*i)++) {
		int v = value_of(s.p[*i]);

		if (v < 0)
			return ERR_SYNTAX;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 16) {
			have -= 16;
			e = add_unit(bits >> have & 0xffff, &high, out);
			bits &= (1u << have) - 1;
		}
	}
	if (e != OK || *i == s.n || *i == start || high || have >= 6 || bits)
		return ERR_SYNTAX;
	(*i)++;
	/* Two shifts in a row could have been one. */
	if (*i + 1 < s.n && s.p[*i] == '&' && s.p[*i + 1] != '-')
		return ERR_SYNTAX;
	return OK;
}

enum err imap_mutf7_decode(struct str s, struct buf *out)
{
	size_t before = out->n;
	enum err e = OK;

	for (size_t i = 0; e == OK && i < s.n;) {
		char c = s.p[i++];

		if (!is_direct((unsigned char)c)) {
			e = ERR_SYNTAX;
		} else if (c != '&') {
			buf_addc(out, c);
		} else if (i < s.n && s.p[i] == '-') {
			buf_addc(out, '&');
			i++;
		} else {
			e = decode_shift(s, &i, out);
		}
	}
	if (e != OK)
		buf_truncate(out, before);
	return e;
}

struct shift {
	uint32_t bits;
	unsigned have;
	bool open;
};

static void add_bits(struct shift *shift, uint32_t unit, struct buf *out)
{
	shift->bits = shift->bits << 16 | unit;
	shift->have += 16;
	while (shift->have >= 6) {
		shift->have -= 6;
		buf_addc(out, alphabet[shift->bits >> shift->have & 63]);
	}
	shift->bits &= (1u << shift->have) - 1;
}

static void close_shift(struct shift *shift, struct buf *out)
{
	if (!shift->open)
		return;
	if (shift->have)
		buf_addc(out, alphabet[shift->bits << (6 - shift->have) & 63]);
	buf_addc(out, '-');
	*shift = (struct shift){ 0 };
}

static void add_shifted(struct shift *shift, uint32_t c, struct buf *out)
{
	if (!shift->open)
		buf_addc(out, '&');
	shift->open = true;
	if (c < 0x10000) {
		add_bits(shift, c, out);
		return;
	}
	add_bits(shift, 0xd800 + ((c - 0x10000) >> 10), out);
	add_bits(shift, 0xdc00 + ((c - 0x10000) & 0x3ff), out);
}

void imap_mutf7_encode(struct str s, struct buf *out)
{
	struct shift shift = { 0 };

	while (s.n) {
		uint32_t c = utf8_next(&s);

		if (!is_direct(c)) {
			add_shifted(&shift, c, out);
			continue;
		}
		close_shift(&shift, out);
		buf_addc(out, (char)c);
		if (c == '&')
			buf_addc(out, '-');
	}
	close_shift(&shift, out);
}
