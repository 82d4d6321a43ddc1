/* SPDX-License-Identifier: ISC */
/* Address lists one entry at a time (RFC 5322 3.4 and 4.4, leniently).  Internal to message.
 */
#ifndef MESSAGE_ADDRESS_READER_H
#define MESSAGE_ADDRESS_READER_H

#include "message/address.h"
#include "message/word.h"

/*
 * All text of one sort comes from distinct bytes of the value, so an area of its size for each
 * sort is enough for the whole list and nothing grows.
 */
struct message_address_reader {
	struct str s;
	size_t at;
	struct message_words words;
	char *text, *tight; /* words with and without the spaces between them */
	char *notes;        /* comments; NULL before the first */
	size_t text_n, tight_n, notes_n;
	struct arena *arena;
	bool in_group, malformed;
};

void message_address_reader_begin(
	struct str value, struct arena *arena, struct message_address_reader *ret_reader);
/* False at the end.  The slices stay valid with the arena. */
bool message_address_reader_next(
	struct message_address_reader *r, struct message_address *ret_address);

#endif
