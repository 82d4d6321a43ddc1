/* SPDX-License-Identifier: ISC */
/*
 * Header blocks (RFC 5322 2.2): fields in order, folding, encoded words (RFC 2047), selections
 * for IMAP. Lines end in CRLF or LF.  The block ends with an empty line or with the input.
 * Lines that are no field (a mbox "From " line, garbage, a fold before any field) come out as
 * fields with an empty name, so nothing is lost.
 */
#ifndef MESSAGE_HEADER_H
#define MESSAGE_HEADER_H

#include "base/buf.h"

struct message_field {
	struct str name;  /* as written, without white space before the colon; empty: this line
			     is no field */
	struct str value; /* raw: everything after the colon, folds included, without the last
			     line ending */
	struct str whole; /* from the name to the last line ending, which is included */
};

/* Bytes of the header at the head of raw, its empty line included; raw.n when there is no
 * empty line. */
size_t message_header_length(struct str raw);
/* Takes the next field off *rest; false, with nothing taken, at the empty line or the end. */
bool message_header_next(struct str *rest, struct message_field *ret_field);
/* The same, skipping to the next field of this name (ASCII case ignored); false: *rest is at
 * the end. */
bool message_header_next_named(
	struct str *rest, struct str name, struct message_field *ret_field);
/* Raw value of the first field of this name. */
bool message_header_find(struct str header, struct str name, struct str *ret_value);
/* Appends a raw value without line endings (RFC 5322 2.2.3), trimmed; NUL and stray CR, LF
 * become spaces. */
void message_header_unfold(struct str value, struct buf *out);
/*
 * Appends a raw value as UTF-8 text for people and for search: unfolded, encoded words decoded
 * (RFC 2047 5; leniently: also without white space around and inside quotes), white space
 * between two of them dropped. Bytes above 127 outside encoded words are taken as UTF-8, else
 * as windows-1252.  Controls become spaces. The output is valid UTF-8 and holds no control
 * characters.
 */
void message_header_decode(struct str value, struct buf *out);
/*
 * HEADER.FIELDS and, with `except`, HEADER.FIELDS.NOT (RFC 3501 6.4.5): the fields of these
 * names in the order and form of the header, then its empty line where it has one.  Linear in
 * header and names.
 */
void message_header_fields(struct str header, const struct str *names, size_t count,
	bool except, struct buf *out);

#endif
