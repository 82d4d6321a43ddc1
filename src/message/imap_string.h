/* SPDX-License-Identifier: ISC */
/* Strings of an IMAP response (RFC 3501 4.3): quoted, or a literal for 8-bit text.  Internal.
 */
#ifndef MESSAGE_IMAP_STRING_H
#define MESSAGE_IMAP_STRING_H

#include "base/buf.h"

/* Bytes of one string that are kept; the rest of a longer one is not shown. */
enum { MESSAGE_IMAP_STRING_MAX = 16 << 10 };

/* Appends a raw value, unfolded. */
void message_imap_string(struct str value, struct buf *out);
/* The same; NIL when empty. */
void message_imap_nstring(struct str value, struct buf *out);

#endif
