/* SPDX-License-Identifier: ISC */
/* Content transfer encodings (RFC 2045 6): leniently read.  Pure. */
#ifndef MESSAGE_TRANSFER_H
#define MESSAGE_TRANSFER_H

#include "base/buf.h"

enum message_encoding {
	MESSAGE_7BIT,
	MESSAGE_8BIT,
	MESSAGE_BINARY,
	MESSAGE_QUOTED_PRINTABLE,
	MESSAGE_BASE64,
	MESSAGE_ENCODING_UNKNOWN,
};

/* The word of a Content-Transfer-Encoding value: no white space, comment or quotes. */
struct str message_encoding_token(struct str value);
/* From a Content-Transfer-Encoding value, comments and case ignored; empty is 7bit. */
enum message_encoding message_encoding_of(struct str value);
/*
 * Appends the decoded bytes; stops at out's ceiling.  Base64 passes over foreign bytes (RFC
 * 2045 6.8) and ends at its padding; damaged quoted-printable is kept as it stands.  Identity
 * encodings and unknown ones are copied.
 */
void message_decode(enum message_encoding encoding, struct str raw, struct buf *out);
/*
 * The same for RFC 3516 BINARY, which must not guess: ERR_UNKNOWN_CTE, appending nothing, for
 * an unknown encoding.
 */
MUST_CHECK enum err message_decode_strict(
	enum message_encoding encoding, struct str raw, struct buf *out);

#endif
