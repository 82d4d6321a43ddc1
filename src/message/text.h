/* SPDX-License-Identifier: ISC */
/* Small works on UTF-8 text.  Internal to message. */
#ifndef MESSAGE_TEXT_H
#define MESSAGE_TEXT_H

#include "base/buf.h"
#include "base/utf8.h"

/* Appends valid UTF-8 with every control character (C0, DEL, C1, line and paragraph
 * separators) made a space. */
void message_text_add_clean(struct str s, struct buf *out);
/* Cut to at most max bytes, never inside a character. */
struct str message_text_cut(struct str s, size_t max);
/* Appends trimmed text with every run of spaces and tabs made one space. */
void message_text_add_collapsed(struct str s, struct buf *out);
/* Value of a hexadecimal digit of either case, or -1. */
int message_text_hex_digit(char c);
/* White space of any kind; characters that show nothing at all. */
bool message_text_is_space(uint32_t cp);
bool message_text_is_invisible(uint32_t cp);

#endif
