/* SPDX-License-Identifier: ISC */
/* HTML to one line of text, for previews.  Not a sanitiser.  Internal to message. */
#ifndef MESSAGE_HTML_H
#define MESSAGE_HTML_H

#include "base/buf.h"

/*
 * Appends what a reader would see of the UTF-8 text, block elements as line feeds: no tags,
 * comments, scripts, style sheets, quoted originals; character references resolved.  White
 * space is not collapsed.
 */
void message_html_text(struct str html, struct buf *out);

#endif
