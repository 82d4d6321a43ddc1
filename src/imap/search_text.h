/* SPDX-License-Identifier: ISC */
/*
 * Looking for words in a message: case-insensitive for ASCII, on text decoded to UTF-8 (RFC 3501 6.4.4).  A message
 * is searched up to IMAP_SCAN_MAX bytes.
 */
#ifndef IMAP_SEARCH_TEXT_H
#define IMAP_SEARCH_TEXT_H

#include "imap/message_reader.h"

/* A header field holds the text; an empty text: the field is there. */
MUST_CHECK enum err imap_search_field(
	struct imap_message_reader *reader, struct str field, struct str text, bool *ret_found);
/* Any header field holds the text. */
MUST_CHECK enum err imap_search_header(struct imap_message_reader *reader, struct str text, bool *ret_found);
/* The text of the parts, headers of attached messages included. */
MUST_CHECK enum err imap_search_body(struct imap_message_reader *reader, struct str text, bool *ret_found);

#endif
