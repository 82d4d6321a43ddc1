/* SPDX-License-Identifier: ISC */
#include "message/word.h"

#include "message/text.h"
#include "message/transfer.h"

enum { CHARSET_MAX = 64 };

void message_words_begin(struct str s, struct message_words *ret_words)
{
	*ret_words = (struct message_words){.s = s};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Moves the remembered "?=" to `at` or behind; each byte is looked at once. */
static size_t find_end(struct message_words *words, size_t at)
{
	struct str s = words->s;

	if (words->end < at)
		words->end = at;
	while (words->end + 1 < s.n && (s.p[words->end] != '?' || s.p[words->end + 1] != '='))
		words->end++;
	return words->end + 1 < s.n ? words->end : s.n;
}

static size_t find_blank(struct message_words *words, size_t at)
{
	if (words->blank < at)
		words->blank = at;
	while (words->blank < words->s.n && !is_space(words->s.p[words->blank]))
		words->blank++;
	return words->blank;
}

static bool is_charset_char(char c)
{
	return c > 32 && c < 127 && c != '?' && c != '=' && c != '"' && c != '<' && c != '>' &&
	       c != ',' && c != '@';
}

/* "=?charset?": offset behind it, or 0. */
static size_t parse_charset(struct str s, size_t at, struct str *ret_charset)
{
	size_t i = at + 2;
	ptrdiff_t star;

	if (at + 2 > s.n || s.p[at] != '=' || s.p[at + 1] != '?')
		return 0;
	while (i < s.n && i - at < CHARSET_MAX && is_charset_char(s.p[i]))
		i++;
	if (i == s.n || s.p[i] != '?' || i == at + 2)
		return 0;
	*ret_charset = str_sub(s, at + 2, i - at - 2);
	star = str_index(*ret_charset, '*');
	if (star > 0)
		ret_charset->n = (size_t)star; /* RFC 2231 5 */
	return i + 1;
}

bool message_words_at(
	struct message_words *words, size_t at, bool spaced, struct message_word *ret_word)
{
	struct str s = words->s;
	size_t text = parse_charset(s, at, &ret_word->charset), end;

	if (text == 0 || text + 1 >= s.n || s.p[text + 1] != '?')
		return false;
	ret_word->encoding = ascii_lower(s.p[text]);
	if (ret_word->encoding != 'b' && ret_word->encoding != 'q')
		return false;
	text += 2;
	end = find_end(words, text);
	if (end == s.n || (!spaced && find_blank(words, text) < end))
		return false;
	ret_word->text = str_sub(s, text, end - text);
	ret_word->size = end + 2 - at;
	return true;
}

/* RFC 2047 4.2. */
static void decode_q(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int high =
			s.p[i] == '=' && i + 2 < s.n ? message_text_hex_digit(s.p[i + 1]) : -1;
		int low = high >= 0 ? message_text_hex_digit(s.p[i + 2]) : -1;

		if (low >= 0) {
			buf_addc(out, (char)(high << 4 | low));
			i += 2;
		} else {
			buf_addc(out, s.p[i] == '_' ? ' ' : s.p[i]);
		}
	}
}

void message_word_decode(const struct message_word *word, struct buf *out)
{
	if (word->encoding == 'b')
		message_decode(MESSAGE_BASE64, word->text, out);
	else
		decode_q(word->text, out);
}
