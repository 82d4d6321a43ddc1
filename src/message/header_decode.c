/* SPDX-License-Identifier: ISC */
#include "message/charset.h"
#include "message/header.h"
#include "message/text.h"
#include "message/word.h"

/* Neighbouring words of one charset are joined before conversion: senders cut inside
 * characters. */
struct decoder {
	struct buf *out;
	struct str charset; /* of the bytes collected; empty: none */
	struct buf bytes, text;
};

static void flush_words(struct decoder *d)
{
	struct str bytes = buf_str(&d->bytes);

	if (d->charset.n == 0)
		return;
	buf_clear(&d->text);
	if (message_charset_to_utf8(d->charset, bytes, &d->text) != OK)
		message_charset_guess_to_utf8(bytes, &d->text);
	message_text_add_clean(buf_str(&d->text), d->out);
	d->charset = STR_NONE;
	buf_clear(&d->bytes);
}

static void add_word(struct decoder *d, const struct message_word *word)
{
	if (!str_iequal(d->charset, word->charset))
		flush_words(d);
	d->charset = word->charset;
	message_word_decode(word, &d->bytes);
}

/* Text between words, which `word_follows` or not. */
static void add_text(struct decoder *d, struct str s, bool word_follows)
{
	if (d->charset.n && word_follows && str_trim(s).n == 0)
		return; /* RFC 2047 6.2 */
	flush_words(d);
	if (utf8_is_ascii(s)) {
		message_text_add_clean(s, d->out);
		return;
	}
	buf_clear(&d->text);
	message_charset_guess_to_utf8(s, &d->text);
	message_text_add_clean(buf_str(&d->text), d->out);
}

static void decode_words(struct decoder *d, struct str s)
{
	struct message_words words;
	size_t at = 0, text = 0;

	message_words_begin(s, &words);
	while (at < s.n) {
		const char *p = memchr(s.p + at, '=', s.n - at);
		struct message_word word;

		if (!p)
			break;
		at = (size_t)(p - s.p);
		if (!message_words_at(&words, at, true, &word)) {
			at++;
			continue;
		}
		add_text(d, str_sub(s, text, at - text), true);
		add_word(d, &word);
		text = at += word.size;
	}
	add_text(d, str_from(s, text), false);
}

void message_header_decode(struct str value, struct buf *out)
{
	struct decoder d = {.out = out};
	struct buf flat = {0};

	value = str_trim(value);
	if (memchr(value.p ? value.p : "", '\n', value.n)) {
		message_header_unfold(value, &flat);
		value = buf_str(&flat);
	}
	decode_words(&d, value);
	buf_done(&d.bytes);
	buf_done(&d.text);
	buf_done(&flat);
}
