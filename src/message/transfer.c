/* SPDX-License-Identifier: ISC */
#include "message/transfer.h"

#include "message/text.h"

enum { CHUNK = 48 << 10 };

static const struct {
	struct str name;
	enum message_encoding encoding;
} encodings[] = {
	{{"7bit", 4}, MESSAGE_7BIT},
	{{"8bit", 4}, MESSAGE_8BIT},
	{{"binary", 6}, MESSAGE_BINARY},
	{{"quoted-printable", 16}, MESSAGE_QUOTED_PRINTABLE},
	{{"base64", 6}, MESSAGE_BASE64},
};

enum { ENCODINGS = sizeof(encodings) / sizeof(encodings[0]) };

static bool ends_token(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '(' ||
	       c == '"';
}

struct str message_encoding_token(struct str value)
{
	size_t n = 0;

	value = str_trim(value);
	if (value.n && value.p[0] == '"')
		value = str_from(value, 1);
	while (n < value.n && !ends_token(value.p[n]))
		n++;
	return str_sub(value, 0, n);
}

enum message_encoding message_encoding_of(struct str value)
{
	struct str token = message_encoding_token(value);

	if (token.n == 0)
		return MESSAGE_7BIT;
	for (size_t i = 0; i < ENCODINGS; i++)
		if (str_iequal(token, encodings[i].name))
			return encodings[i].encoding;
	return MESSAGE_ENCODING_UNKNOWN;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

struct base64_state {
	uint32_t bits;
	unsigned have; /* digits in bits, 0 to 3 */
	bool ended;
};

/* Decodes one chunk into room for n/4*3+3 bytes. */
static size_t decode_base64_chunk(struct base64_state *st, struct str s, char *room)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && !st->ended; i++) {
		int d = base64_digit(s.p[i]);

		st->ended = s.p[i] == '=';
		if (d < 0)
			continue;
		st->bits = st->bits << 6 | (uint32_t)d;
		if (++st->have == 4) {
			room[n++] = (char)(st->bits >> 16);
			room[n++] = (char)(st->bits >> 8);
			room[n++] = (char)st->bits;
			st->have = 0;
		}
	}
	return n;
}

static void decode_base64(struct str raw, struct buf *out)
{
	struct base64_state st = {0};

	while (raw.n && !st.ended) {
		struct str s = str_sub(raw, 0, CHUNK);
		char *room = buf_reserve(out, s.n / 4 * 3 + 3);

		if (!room)
			return;
		buf_added(out, decode_base64_chunk(&st, s, room));
		raw = str_from(raw, s.n);
	}
	if (st.have >= 2)
		buf_addc(out, (char)(st.have == 2 ? st.bits >> 4 : st.bits >> 10));
	if (st.have == 3)
		buf_addc(out, (char)(st.bits >> 2));
}

/* Length of white space and line ending at `at`, or SIZE_MAX when text follows. */
static size_t blank_to_line_end(struct str s, size_t at, size_t *ret_newline)
{
	size_t i = at;

	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	*ret_newline = i;
	if (i == s.n)
		return i - at;
	if (s.p[i] == '\n')
		return i + 1 - at;
	if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
		return i + 2 - at;
	return SIZE_MAX;
}

/* After an "=" at `at`: bytes taken with it. */
static size_t decode_equals(struct str s, size_t at, struct buf *out)
{
	int high = at + 2 < s.n ? message_text_hex_digit(s.p[at + 1]) : -1;
	int low = at + 2 < s.n ? message_text_hex_digit(s.p[at + 2]) : -1;
	size_t newline, soft;

	if (high >= 0 && low >= 0) {
		buf_addc(out, (char)(high << 4 | low));
		return 3;
	}
	soft = blank_to_line_end(s, at + 1, &newline);
	if (soft != SIZE_MAX)
		return 1 + soft;
	buf_addc(out, '=');
	return 1;
}

/* White space at `at`: dropped before a line ending (RFC 2045 6.7 rule 3), else kept. */
static size_t decode_blank(struct str s, size_t at, struct buf *out)
{
	size_t text;

	if (blank_to_line_end(s, at, &text) == SIZE_MAX)
		buf_add(out, str_sub(s, at, text - at));
	return text - at;
}

static bool is_literal(char c)
{
	return c != '=' && c != ' ' && c != '\t';
}

static void decode_quoted_printable(struct str s, struct buf *out)
{
	size_t at = 0;

	while (at < s.n && !out->overflow) {
		size_t run = at;

		while (run < s.n && is_literal(s.p[run]))
			run++;
		buf_add(out, str_sub(s, at, run - at));
		at = run;
		if (at < s.n)
			at += s.p[at] == '=' ? decode_equals(s, at, out)
					     : decode_blank(s, at, out);
	}
}

void message_decode(enum message_encoding encoding, struct str raw, struct buf *out)
{
	if (encoding == MESSAGE_BASE64)
		decode_base64(raw, out);
	else if (encoding == MESSAGE_QUOTED_PRINTABLE)
		decode_quoted_printable(raw, out);
	else
		buf_add(out, raw);
}

enum err message_decode_strict(enum message_encoding encoding, struct str raw, struct buf *out)
{
	if (encoding == MESSAGE_ENCODING_UNKNOWN)
		return ERR_UNKNOWN_CTE;
	message_decode(encoding, raw, out);
	return OK;
}
