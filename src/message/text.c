/* SPDX-License-Identifier: ISC */
#include "message/text.h"

static bool is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029;
}

static bool is_shown(char c)
{
	return c >= 0x20 && c < 0x7f;
}

void message_text_add_clean(struct str s, struct buf *out)
{
	while (s.n && !out->overflow) {
		size_t run = 0;
		struct str before;
		uint32_t cp;

		while (run < s.n && is_shown(s.p[run]))
			run++;
		buf_add(out, str_sub(s, 0, run));
		s = before = str_from(s, run);
		if (s.n == 0)
			return;
		cp = utf8_next(&s);
		if (is_control(cp))
			buf_addc(out, ' ');
		else
			buf_add(out, str_sub(before, 0, before.n - s.n));
	}
}

struct str message_text_cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((uint8_t)s.p[max] & 0xc0) == 0x80)
		max--;
	return str_sub(s, 0, max);
}

void message_text_add_collapsed(struct str s, struct buf *out)
{
	bool blank = false;

	s = str_trim(s);
	for (size_t i = 0; i < s.n; i++) {
		bool is_blank = s.p[i] == ' ' || s.p[i] == '\t';

		if (!is_blank)
			buf_addc(out, s.p[i]);
		else if (!blank)
			buf_addc(out, ' ');
		blank = is_blank;
	}
}

int message_text_hex_digit(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool message_text_is_space(uint32_t cp)
{
	return cp <= 0x20 || (cp >= 0x7f && cp <= 0xa0) || cp == 0x1680 ||
	       (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
	       cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

bool message_text_is_invisible(uint32_t cp)
{
	return cp == 0xad || cp == 0x34f || cp == 0x61c || cp == 0x180e ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
}
