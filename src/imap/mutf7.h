/* SPDX-License-Identifier: ISC */
/* Modified UTF-7, the form of mailbox names on the wire (RFC 3501 5.1.3).  Pure. */
#ifndef IMAP_MUTF7_H
#define IMAP_MUTF7_H

#include "base/buf.h"

/*
 * Appends UTF-8.  Strict: shifts must be needed, padded with zero bits, in order and end in "-"; so each name
 * has one form.  Controls are refused.  ERR_SYNTAX appends nothing.
 */
MUST_CHECK enum err imap_mutf7_decode(struct str s, struct buf *out);
/* Appends the one form of s; s is valid UTF-8 (else U+FFFD stands for what is not). */
void imap_mutf7_encode(struct str s, struct buf *out);

#endif
