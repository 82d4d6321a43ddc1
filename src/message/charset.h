/* SPDX-License-Identifier: ISC */
/*
 * Character sets to UTF-8.  US-ASCII, UTF-8 and Latin-1 (read as windows-1252, WHATWG
 * Encoding 4.2) are built in; the rest of the allow-list goes through iconv, whose converters
 * are opened once and kept, as a sandboxed role cannot load them later.  One thread.
 */
#ifndef MESSAGE_CHARSET_H
#define MESSAGE_CHARSET_H

#include "base/buf.h"

/* Opens every converter of the allow-list: a role calls it before it locks itself in. */
void message_charset_open(void);
/* Gives them back (tests). */
void message_charset_close(void);
/* True when the name (ASCII case ignored) is on the allow-list. */
bool message_charset_is_known(struct str name);
/*
 * Appends s as valid UTF-8; what cannot be converted becomes U+FFFD.  ERR_BAD_CHARSET,
 * appending nothing, when the charset is not on the list or its converter is missing.
 */
MUST_CHECK enum err message_charset_to_utf8(struct str charset, struct str s, struct buf *out);
/* The same for text whose charset is unknown or not declared: UTF-8 when s is valid UTF-8,
 * else windows-1252. */
void message_charset_guess_to_utf8(struct str s, struct buf *out);

#endif
