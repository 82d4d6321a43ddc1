/* SPDX-License-Identifier: ISC */
/* Finding encoded words (RFC 2047 2) in linear time over one text.  Internal to message. */
#ifndef MESSAGE_WORD_H
#define MESSAGE_WORD_H

#include "base/buf.h"

struct message_word {
	struct str charset; /* without an RFC 2231 language */
	char encoding;      /* 'b' or 'q' */
	struct str text;
	size_t size; /* of the whole word */
};

/* One scan over s, from left to right. */
struct message_words {
	struct str s;
	size_t end;   /* first "?=" at or behind the last place asked for */
	size_t blank; /* first white space likewise */
};

void message_words_begin(struct str s, struct message_words *ret_words);
/* The encoded word that begins at `at`, which never decreases.  Without `spaced` it holds no
 * white space. */
bool message_words_at(
	struct message_words *words, size_t at, bool spaced, struct message_word *ret_word);
/* Appends the bytes of the word, still in its charset. */
void message_word_decode(const struct message_word *word, struct buf *out);

#endif
