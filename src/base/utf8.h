/* SPDX-License-Identifier: ISC */
/* UTF-8 (RFC 3629): validity and code points.  Pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"

/* True when s is well-formed: no overlong forms, no surrogates, at most U+10FFFF. */
bool utf8_is_valid(struct str s);
/* True when every byte is below 0x80. */
bool utf8_is_ascii(struct str s);
/* Takes one code point off *s (n > 0).  A malformed byte gives U+FFFD and takes one byte. */
uint32_t utf8_next(struct str *s);
/* Appends a code point; U+FFFD for what is none. */
void utf8_add(struct buf *out, uint32_t cp);

#endif
