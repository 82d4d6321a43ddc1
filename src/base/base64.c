/* SPDX-License-Identifier: ISC */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct str s, struct buf *out)
{
	char *p = buf_reserve(out, (s.n + 2) / 3 * 4);
	size_t n = 0;

	if (!p)
		return;
	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t w = (uint32_t)(uint8_t)s.p[i] << 16;

		w |= i + 1 < s.n ? (uint32_t)(uint8_t)s.p[i + 1] << 8 : 0;
		w |= i + 2 < s.n ? (uint32_t)(uint8_t)s.p[i + 2] : 0;
		p[n++] = alphabet[w >> 18];
		p[n++] = alphabet[(w >> 12) & 63];
		p[n++] = i + 1 < s.n ? alphabet[(w >> 6) & 63] : '=';
		p[n++] = i + 2 < s.n ? alphabet[w & 63] : '=';
	}
	buf_added(out, n);
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four; the number of bytes it stands for, or -1. */
static int decode_group(const char *p, bool last, char *out)
{
	int d[4], pad = 0;

	if (last && p[3] == '=')
		pad = p[2] == '=' ? 2 : 1;
	for (int i = 0; i < 4; i++) {
		d[i] = i >= 4 - pad ? 0 : digit(p[i]);
		if (d[i] < 0)
			return -1;
	}
	if ((pad == 2 && (d[1] & 15)) || (pad == 1 && (d[2] & 3)))
		return -1;
	out[0] = (char)(d[0] << 2 | d[1] >> 4);
	out[1] = (char)(d[1] << 4 | d[2] >> 2);
	out[2] = (char)(d[2] << 6 | d[3]);
	return 3 - pad;
}

enum err base64_decode(struct str s, struct buf *out)
{
	size_t start = out->n;

	if (s.n % 4)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i += 4) {
		char bytes[3];
		int n = decode_group(s.p + i, i + 4 == s.n, bytes);

		if (n < 0) {
			buf_truncate(out, start);
			return ERR_SYNTAX;
		}
		buf_add(out, str_make(bytes, (size_t)n));
	}
	if (out->overflow) {
		buf_truncate(out, start);
		return ERR_LIMIT;
	}
	return OK;
}

void hex_encode(struct str s, struct buf *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		buf_addc(out, digits[(uint8_t)s.p[i] >> 4]);
		buf_addc(out, digits[(uint8_t)s.p[i] & 15]);
	}
}

static int hex_digit(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err hex_decode(struct str s, void *ret_bytes, size_t n)
{
	uint8_t *out = ret_bytes;

	if (s.n != 2 * n)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++)
		if (hex_digit(s.p[i]) < 0)
			return ERR_SYNTAX;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
	return OK;
}
