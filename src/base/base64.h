/* SPDX-License-Identifier: ISC */
/* Base 64 (RFC 4648 section 4) and hexadecimal.  Pure. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

/* Appends the encoding, padded, no line breaks. */
void base64_encode(struct str s, struct buf *out);
/*
 * Strict: padding required, no other byte allowed, unused bits zero (RFC 4648 3.5).  ERR_SYNTAX appends nothing;
 * an output past out->max is ERR_LIMIT.
 */
MUST_CHECK enum err base64_decode(struct str s, struct buf *out);
/* Lower case. */
void hex_encode(struct str s, struct buf *out);
/* Either case, even length; exactly n bytes. */
MUST_CHECK enum err hex_decode(struct str s, void *ret_bytes, size_t n);

#endif
