/* SPDX-License-Identifier: ISC */
/* The tokens of IMAP replies.  Pure: appends to a buffer. */
#ifndef IMAP_WRITE_H
#define IMAP_WRITE_H

#include "base/buf.h"

/* Quoted, or a literal when it holds what quotes may not; NUL bytes become 0x80 as no string may hold them. */
void imap_write_string(struct str s, struct buf *out);
/* An atom where possible, else as imap_write_string(). */
void imap_write_astring(struct str s, struct buf *out);
/* A mailbox name: modified UTF-7 in an astring (RFC 3501 5.1.3). */
void imap_write_mailbox(struct str name, struct buf *out);
/* "{N}" CRLF; the bytes follow. */
void imap_write_literal_head(uint64_t size, struct buf *out);

#endif
